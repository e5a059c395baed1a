//! The file of passwords that every client of Postgres knows: what PGPASSFILE names, or ~/.pgpass. Each of its lines is
//! `host:port:database:user:password`, where `*` is anything and `\` takes the next character as it is; the first that fits
//! counts (<https://www.postgresql.org/docs/current/libpq-pgpass.html>).

use crate::base::error::{Fault, Result};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tokio_postgres::Config;
use tokio_postgres::config::Host;

/// The file's name, if it is another than the usual one.
const FILE: &str = "PGPASSFILE";
/// The usual one, in the folder of whoever runs the program.
const USUAL: &str = ".pgpass";
/// Where servers have their sockets: there a host is called `localhost`.
const SOCKETS: [&str; 3] = ["/var/run/postgresql", "/run/postgresql", "/tmp"];

/// The password for the first host of an address; `None` where there is no file, or none in it.
///
/// # Errors
/// A file that has it, and that others may read.
pub(super) fn password(
    config: &Config,
    port: u16,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<String>> {
    let named = variable(FILE).filter(|name| !name.is_empty()).map(PathBuf::from);
    let usual = || variable("HOME").map(|home| Path::new(&home).join(USUAL));
    let Some(path) = named.or_else(usual) else { return Ok(None) };
    let Ok(about) = fs::metadata(&path) else { return Ok(None) };
    if !about.is_file() {
        return Ok(None);
    }
    let Ok(text) = fs::read_to_string(&path) else { return Ok(None) };
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(name)) => name.clone(),
        Some(Host::Unix(folder)) if SOCKETS.iter().all(|usual| folder != Path::new(usual)) => {
            folder.to_string_lossy().into_owned()
        }
        _ => "localhost".to_owned(),
    };
    let port = config.get_ports().first().copied().unwrap_or(port).to_string();
    let user = config.get_user().unwrap_or_default();
    let wanted = [&host, &port, config.get_dbname().unwrap_or(user), user];
    let Some(password) = text.lines().find_map(|line| of_line(line, wanted)) else { return Ok(None) };
    let mode = about.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let allowed = "0600: nobody else may read passwords";
        return Err(Fault::new("its mode", format!("{mode:04o}"), allowed).at(path.display()));
    }
    Ok(Some(password))
}

/// The password of a line, if it is for this host, port, database and user.
fn of_line(line: &str, wanted: [&str; 4]) -> Option<String> {
    let mut rest = line;
    for own in wanted {
        let (field, after) = field(rest)?;
        if field != own && !rest.starts_with("*:") {
            return None;
        }
        rest = after;
    }
    (!line.starts_with('#')).then(|| unescaped(rest))
}

/// What stands before the first ':' that is none of the field's own, and after it.
fn field(text: &str) -> Option<(String, &str)> {
    let mut is_escaped = false;
    let end = text.bytes().position(|byte| {
        let ends = byte == b':' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    })?;
    Some((unescaped(&text[..end]), &text[end + 1..]))
}

/// A text with each `\` gone, and what follows it as it is.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        out.extend(if character == '\\' { characters.next() } else { Some(character) });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a file of this text and mode says of an address.
    fn told(text: &str, mode: u32, address: &str) -> Result<Option<String>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(USUAL);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let config: Config = address.parse().unwrap();
        let in_home = |name: &str| (name == "HOME").then(|| folder.path().to_str().unwrap().to_owned());
        let by_name = |name: &str| (name == FILE).then(|| path.to_str().unwrap().to_owned());
        let found = password(&config, 5432, in_home);
        assert_eq!(found.as_ref().ok(), password(&config, 5432, by_name).as_ref().ok());
        found
    }

    #[test]
    fn the_first_line_that_fits_counts() {
        let text = "# db:5432:store:ann:commented\nshort:line\ndb:5432:store:bob:of bob\ndb:6000:*:ann:other port\n\
                    db:*:store:ann:hu\\:s\\\\h:\n*:*:*:*:anything\n";
        for (address, password) in [
            ("postgres://ann@db/store", "hu:s\\h:"),
            ("postgres://bob@db/store", "of bob"),
            ("postgres://ann@db:6000/x", "other port"),
            ("postgres://ann@elsewhere/store", "anything"),
        ] {
            assert_eq!(told(text, 0o600, address).unwrap().as_deref(), Some(password), "{address}");
        }
        assert_eq!(told("db:5432:x:ann:hush\n", 0o600, "postgres://ann@db/store").unwrap(), None);
        // A star is anything only where it stands alone; one that is escaped is itself.
        assert_eq!(told("d*:5432:store:ann:hush\n", 0o600, "postgres://ann@db/store").unwrap(), None);
        assert_eq!(told("\\*:5432:store:ann:hush\n", 0o600, "postgres://ann@db/store").unwrap(), None);
    }

    #[test]
    fn a_socket_is_localhost_where_servers_usually_have_it() {
        let text = "localhost:5432:store:ann:usual\n/elsewhere:5432:store:ann:own\n";
        for (folder, password) in [("/run/postgresql", "usual"), ("/tmp", "usual"), ("/elsewhere", "own")] {
            let address = format!("postgres:///store?user=ann&host={folder}");
            assert_eq!(told(text, 0o600, &address).unwrap().as_deref(), Some(password));
        }
    }

    #[test]
    fn a_file_that_others_may_read_is_refused_where_it_has_the_password() {
        let text = "db:5432:store:ann:hush\n";
        let error = told(text, 0o640, "postgres://ann@db/store").unwrap_err().to_string();
        assert!(
            error.contains("its mode is 0640") && error.contains("0600") && !error.contains("hush"),
            "{error}"
        );
        assert_eq!(told(text, 0o640, "postgres://bob@db/store").unwrap(), None);
        let nowhere = |name: &str| (name == FILE).then(|| "/no/where".to_owned());
        assert_eq!(password(&"postgres://ann@db/store".parse().unwrap(), 5432, nowhere).unwrap(), None);
    }
}
