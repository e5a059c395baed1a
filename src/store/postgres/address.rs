//! Where the database is: `postgres://user@host:port/database?...`, and who we are there.

use crate::base::error::{Fault, Result};
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

/// How long a server may take to let us in, unless the address has `connect_timeout`.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long sent bytes may go unacknowledged before the connection counts as broken, unless the address says.
const UNACKNOWLEDGED: Duration = Duration::from_secs(10);
/// The port that servers listen on.
const PORT: u16 = 5432;
/// The password, where the address has none: as every client of Postgres has it.
const PASSWORD: &str = "PGPASSWORD";
/// Words of `sslmode` that ask for more than an unencrypted connection.
const ENCRYPTED: [&str; 3] = ["require", "verify-ca", "verify-full"];

/// A checked address.
pub(super) struct Address {
    pub(super) config: Config,
    /// The address without its password and options.
    pub(super) shown: String,
}

impl Address {
    /// What the text says, with what it leaves open.
    ///
    /// # Errors
    /// A text that is no address, and one that asks for encryption.
    pub(super) fn parse(text: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let options = text.split_once('?').map_or("", |(_, options)| options).split('&');
        let mode = options.filter_map(|option| option.strip_prefix("sslmode=")).next_back();
        if let Some(mode) = mode.filter(|mode| ENCRYPTED.contains(mode)) {
            let allowed =
                "disable or prefer: this program speaks no TLS; use a socket, a private network or a tunnel";
            return Err(Fault::new("sslmode", mode, allowed).at(shown(text)));
        }
        let mut config: Config = text.parse().map_err(|error| refused(text, &error))?;
        config.ssl_mode(SslMode::Disable);
        if config.get_password().is_none()
            && let Some(password) = variable(PASSWORD)
        {
            config.password(password);
        }
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            let allowed = "postgres://USER@HOST:PORT/DATABASE, or postgres:///DATABASE?host=FOLDER for the socket there";
            return Err(Fault::new("the address", format!("{:?}", shown(text)), allowed).at("--store"));
        }
        if config.get_application_name().is_none() {
            config.application_name(env!("CARGO_PKG_NAME"));
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(PATIENCE);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(UNACKNOWLEDGED);
        }
        let shown = shown_config(&config);
        Ok(Self { config, shown })
    }

    /// How long it may take to connect.
    pub(super) fn patience(&self) -> Duration {
        self.config.get_connect_timeout().copied().unwrap_or(PATIENCE)
    }
}

/// An address as others may read it: without password and options.
pub fn shown(address: &str) -> String {
    address.parse().map_or_else(|_| "postgres://...".to_owned(), |config| shown_config(&config))
}

/// Whether an address has a password, or is none and may have one.
pub fn is_secret(address: &str) -> bool {
    address.parse().map_or(true, |config: Config| config.get_password().is_some())
}

fn shown_config(config: &Config) -> String {
    let ports = config.get_ports();
    let place = |(i, host): (usize, &Host)| {
        let port = ports.get(i).or(ports.first()).copied().unwrap_or(PORT);
        match host {
            Host::Tcp(name) if port == PORT => name.clone(),
            Host::Tcp(name) => format!("{name}:{port}"),
            #[cfg(unix)]
            Host::Unix(folder) => format!("{}:{port}", folder.display()),
        }
    };
    let hosts: Vec<String> = config.get_hosts().iter().enumerate().map(place).collect();
    let user = config.get_user().map_or_else(String::new, |user| format!("{user}@"));
    format!("postgres://{user}{}/{}", hosts.join(","), config.get_dbname().unwrap_or_default())
}

fn refused(text: &str, error: &tokio_postgres::Error) -> crate::base::error::Error {
    // Its words name options and no values.
    let why = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    let allowed = format!("postgres://USER@HOST:PORT/DATABASE?OPTION=VALUE ({why})");
    Fault::new("the address", format!("{:?}", shown(text)), allowed).at("--store")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn what_is_shown_has_no_password() {
        for (text, expected) in [
            ("postgres://ann:hush@db.example:6432/store", "postgres://ann@db.example:6432/store"),
            ("postgres://ann:hu%40sh@db/store?application_name=x", "postgres://ann@db/store"),
            ("postgresql://ann@db/store?password=hush&connect_timeout=2", "postgres://ann@db/store"),
            (
                "postgres://%2Frun%2Fpostgresql/store?user=ann&password=hush",
                "postgres://ann@/run/postgresql:5432/store",
            ),
            ("postgres:///store?host=/run/postgresql&port=6000", "postgres:///run/postgresql:6000/store"),
            ("postgres://ann:hush@a:1,b:2/store", "postgres://ann@a:1,b:2/store"),
            ("postgres://ann:hush@db/store?nonsense=hush", "postgres://..."),
            ("postgres://ann:hu/sh@db:x/store", "postgres://..."),
        ] {
            assert_eq!(shown(text), expected, "{text}");
            let told =
                Address::parse(text, none).map_or_else(|error| error.to_string(), |address| address.shown);
            assert!(!told.contains("hush") && !told.contains("hu/sh"), "{told}");
        }
    }

    #[test]
    fn the_password_may_stand_in_the_environment() {
        let variable = |name: &str| (name == "PGPASSWORD").then(|| "hush".to_owned());
        let of = |text: &str| Address::parse(text, variable).unwrap().config;
        assert_eq!(of("postgres://ann@db/store").get_password(), Some(&b"hush"[..]));
        assert_eq!(of("postgres://ann:own@db/store").get_password(), Some(&b"own"[..]));
    }

    #[test]
    fn what_asks_for_encryption_is_refused_with_the_reason() {
        for mode in ["require", "verify-ca", "verify-full"] {
            let error = Address::parse(&format!("postgres://ann:hush@db/store?sslmode={mode}"), none);
            let error = error.err().expect("it cannot be had").to_string();
            assert!(error.contains(&format!("sslmode is {mode}")) && error.contains("no TLS"), "{error}");
            assert!(!error.contains("hush"), "{error}");
        }
        for mode in ["disable", "prefer"] {
            assert!(Address::parse(&format!("postgres://ann@db/store?sslmode={mode}"), none).is_ok());
        }
    }

    #[test]
    fn an_address_names_a_host() {
        let error = Address::parse("postgres:///store", none).err().expect("it has none").to_string();
        assert!(error.contains("postgres://USER@HOST"), "{error}");
    }
}
