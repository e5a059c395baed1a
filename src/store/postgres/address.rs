//! Where the database is: `postgres://user@host:port/database?...`, and who we are there.

use super::password_file;
use crate::base::error::{Fault, Result};
use crate::base::tls;
use percent_encoding::percent_decode_str;
use std::path::Path;
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long a server may take to let us in, unless the address has `connect_timeout`.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long sent bytes may go unacknowledged before the connection counts as broken, unless the address says.
const UNACKNOWLEDGED: Duration = Duration::from_secs(10);
/// The port that servers listen on.
const PORT: u16 = 5432;
/// The password, where the address has none: as every client of Postgres has it.
const PASSWORD: &str = "PGPASSWORD";
/// Whether the connection is encrypted, and whom it trusts then: as every client of Postgres has them.
const MODE: &str = "PGSSLMODE";
const ROOTS: &str = "PGSSLROOTCERT";
/// Words of `sslmode` for a connection that is encrypted to a server whose certificate is sound.
const ENCRYPTED: [&str; 3] = ["require", "verify-ca", "verify-full"];
/// Words of `sslmode` for one that is not. `prefer` would only be one that anybody in between may turn off.
const PLAIN: [&str; 3] = ["disable", "allow", "prefer"];

/// A checked address.
pub(super) struct Address {
    pub(super) config: Config,
    /// What an encrypted connection needs; `None` for one that is not.
    pub(super) encryption: Option<MakeRustlsConnect>,
    /// The address without its password and options.
    pub(super) shown: String,
}

impl Address {
    /// What the text says, with what it leaves open.
    ///
    /// # Errors
    /// A text that is no address; certificates to trust that cannot be read.
    pub(super) fn parse(text: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let (address, own) = without(text, ["sslmode", "sslrootcert"]);
        let [mode, roots] = own;
        let mode = mode.or_else(|| variable(MODE)).unwrap_or_else(|| PLAIN[0].to_owned());
        let mut config = config_of(&address, text).map_err(|fault| fault.at("store"))?;
        let is_encrypted = ENCRYPTED.contains(&mode.as_str());
        if !is_encrypted && !PLAIN.contains(&mode.as_str()) {
            let allowed = [&PLAIN[..], &ENCRYPTED[..]].concat().join(", ");
            return Err(Fault::new("sslmode", format!("{mode:?}"), allowed).at(shown(text)));
        }
        // What goes through a socket of this machine meets nobody on its way.
        let goes_out = config.get_hosts().iter().any(|host| matches!(host, Host::Tcp(_)));
        let encryption = if is_encrypted && goes_out {
            let roots = roots.or_else(|| variable(ROOTS)).filter(|roots| roots != "system");
            Some(MakeRustlsConnect::new(tls::client(roots.as_deref().map(Path::new))?))
        } else {
            None
        };
        config.ssl_mode(if encryption.is_some() { SslMode::Require } else { SslMode::Disable });
        if config.get_password().is_none() {
            let given = variable(PASSWORD);
            let password = match given {
                Some(password) => Some(password),
                None => password_file::password(&config, PORT, &variable)?,
            };
            if let Some(password) = password {
                config.password(password);
            }
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
        Ok(Self { config, encryption, shown })
    }

    /// How long it may take to connect.
    pub(super) fn patience(&self) -> Duration {
        self.config.get_connect_timeout().copied().unwrap_or(PATIENCE)
    }
}

/// An address without these options, whose words the library below does not know, and what they are; of an option that
/// is there twice the last.
fn without<const N: usize>(text: &str, names: [&str; N]) -> (String, [Option<String>; N]) {
    let mut values = [const { None }; N];
    let Some((place, options)) = text.split_once('?') else { return (text.to_owned(), values) };
    let mut others = Vec::new();
    for option in options.split('&') {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        match names.iter().position(|own| *own == name) {
            Some(i) => values[i] = Some(percent_decode_str(value).decode_utf8_lossy().into_owned()),
            None => others.push(option),
        }
    }
    (if others.is_empty() { place.to_owned() } else { format!("{place}?{}", others.join("&")) }, values)
}

/// An address as others may read it: without password and options.
pub fn shown(address: &str) -> String {
    let (address, _) = without(address, ["sslmode", "sslrootcert"]);
    address.parse().map_or_else(|_| "postgres://...".to_owned(), |config| shown_config(&config))
}

/// Whether an address has a password, or is none and may have one.
pub fn is_secret(address: &str) -> bool {
    let (address, _) = without(address, ["sslmode", "sslrootcert"]);
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

/// Whether a text is an address, whatever a connection to it then needs.
///
/// # Errors
/// What is none, or names no host.
pub fn check(text: &str) -> Result<(), Fault> {
    let (address, _) = without(text, ["sslmode", "sslrootcert"]);
    config_of(&address, text).map(drop)
}

/// What an address says, which is what stands in `text` without the options that are ours.
fn config_of(address: &str, text: &str) -> Result<Config, Fault> {
    let fault = |allowed: String| Fault::new("the address", format!("{:?}", shown(text)), allowed);
    let config: Config = address.parse().map_err(|error: tokio_postgres::Error| {
        // Its words name options and no values.
        let why = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
        fault(format!("postgres://USER@HOST:PORT/DATABASE?OPTION=VALUE ({why})"))
    })?;
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        let allowed =
            "postgres://USER@HOST:PORT/DATABASE, or postgres:///DATABASE?host=FOLDER for the socket there";
        return Err(fault(allowed.to_owned()));
    }
    Ok(config)
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
    fn what_asks_for_encryption_gets_it_or_is_refused() {
        let encrypted = |text: &str| Address::parse(text, none).map(|address| address.encryption.is_some());
        for mode in PLAIN {
            assert!(!encrypted(&format!("postgres://ann@db/store?sslmode={mode}&port=6000")).unwrap());
        }
        let nowhere = "postgres://ann:hush@db/store?sslrootcert=%2Fno%2Fwhere.pem&connect_timeout=2&sslmode=";
        for mode in ENCRYPTED {
            let error = encrypted(&format!("{nowhere}{mode}")).unwrap_err().to_string();
            assert!(error.contains("/no/where.pem") && !error.contains("hush"), "{error}");
            // A socket needs none.
            assert!(!encrypted(&format!("postgres:///store?host=/run/postgresql&sslmode={mode}")).unwrap());
        }
        let variable = |name: &str| (name == "PGSSLMODE").then(|| "verify-full".to_owned());
        assert!(Address::parse("postgres://ann@db/store?sslrootcert=/no/where.pem", variable).is_err());
        let error = encrypted("postgres://ann:hush@db/store?sslmode=required").unwrap_err().to_string();
        assert!(
            error.contains("sslmode is \"required\"; allowed: disable,") && !error.contains("hush"),
            "{error}"
        );
    }

    #[test]
    fn an_address_names_a_host() {
        let error = Address::parse("postgres:///store", none).err().expect("it has none").to_string();
        assert!(error.contains("postgres://USER@HOST"), "{error}");
    }
}
