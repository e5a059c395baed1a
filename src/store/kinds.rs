//! The kinds of stores there are, by how `--store` names them: an address with a scheme, or else a directory.

use super::access::{Access, Pace};
use super::contract::Store;
use super::postgres;
use super::sqlite;
use crate::base::error::{Fault, Result};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A kind of store that is named by addresses.
struct Kind {
    /// What stands before `://`.
    scheme: &'static str,
    open: fn(&str, Access) -> Result<Arc<dyn Store>>,
    /// Whether a text is such an address.
    check: fn(&str) -> Result<(), Fault>,
    /// The address without its password.
    shown: fn(&str) -> String,
    /// Whether the address has a password.
    is_secret: fn(&str) -> bool,
}

/// Every kind that has addresses. A new one is a line here and a file beside `postgres/`.
const KINDS: [Kind; 2] = [Kind { scheme: "postgres", ..POSTGRES }, Kind { scheme: "postgresql", ..POSTGRES }];

const POSTGRES: Kind = Kind {
    scheme: "postgres",
    open: open_postgres,
    check: postgres::check,
    shown: postgres::shown,
    is_secret: postgres::is_secret,
};

fn open_postgres(address: &str, access: Access) -> Result<Arc<dyn Store>> {
    Ok(Arc::new(postgres::open(address, access)?))
}

/// The store at a place: a directory, or an address such as `postgres://user@host/database`.
///
/// # Errors
/// A store that is not there and is to be read, one that cannot be reached, made or opened; an address of no known kind.
pub fn open(place: &Path, access: Access, pace: Pace) -> Result<Arc<dyn Store>> {
    check_place(place).map_err(|fault| fault.at("store"))?;
    match address(place).and_then(|(scheme, address)| Some((kind(scheme)?, address))) {
        Some((kind, address)) => (kind.open)(address, access),
        None => Ok(Arc::new(sqlite::open(place, access, pace)?)),
    }
}

/// Whether a place can be a store's, as far as its name tells.
///
/// # Errors
/// An address of no known kind, or one that is none; the name of a directory that looks like one, or that a shell would have
/// expanded.
pub fn check_place(place: &Path) -> Result<(), Fault> {
    let Some((scheme, address)) = address(place) else { return check_directory(place) };
    if let Some(kind) = kind(scheme) {
        return (kind.check)(address);
    }
    let known = KINDS.map(|kind| format!("{}://", kind.scheme)).join(", ");
    let allowed = format!("a directory, or an address that begins with {known}");
    Err(Fault::new("the store", format!("{scheme}://..."), allowed))
}

/// Refuses the name of a directory that is a misspelt address, or has in it what a shell would have expanded.
fn check_directory(place: &Path) -> Result<(), Fault> {
    let text = place.as_os_str().to_string_lossy();
    let (value, allowed) = match text.split_once(':') {
        // What stands behind may have a password in it.
        Some((scheme @ ("postgres" | "postgresql"), _)) => {
            (format!("{scheme}:..."), "postgres://USER@HOST:PORT/DATABASE, or a directory, as ./NAME")
        }
        Some(("sqlite", _)) => {
            (text.to_string(), "a directory without `sqlite:` before it; SQLite's database is made in it")
        }
        _ if text.starts_with(['~', '$']) => {
            let allowed = "a path that is written out, as nothing but a shell expands `~` and `$`; or ./NAME";
            (format!("{text:?}"), allowed)
        }
        _ => return Ok(()),
    };
    Err(Fault::new("the store", value, allowed))
}

/// What a place may be called where others read it: an address loses its password.
pub fn shown(place: &Path) -> PathBuf {
    match address(place) {
        None => place.to_owned(),
        Some((scheme, address)) => match kind(scheme) {
            Some(kind) => (kind.shown)(address).into(),
            None => format!("{scheme}://...").into(),
        },
    }
}

/// Whether a place has in it what others must not read: a password, or what may be one.
pub fn is_secret(place: &Path) -> bool {
    address(place).is_some_and(|(scheme, address)| kind(scheme).is_none_or(|kind| (kind.is_secret)(address)))
}

fn kind(scheme: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.scheme == scheme)
}

/// Whether a place is an address rather than a directory.
pub fn is_address(place: &Path) -> bool {
    address(place).is_some()
}

/// The scheme of an address, and the address; `None` for a directory.
fn address(place: &Path) -> Option<(&str, &str)> {
    let text = OsStr::to_str(place.as_os_str())?;
    let (scheme, _) = text.split_once("://")?;
    let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    (!scheme.is_empty() && scheme.chars().all(is_scheme)).then_some((scheme, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_no_address() {
        for place in ["state", "./postgres://u@h/d", "a b://c", "://x", "postgres:/u", ""] {
            assert!(!is_address(Path::new(place)), "{place}");
        }
        assert!(is_address(Path::new("postgres://")) && is_address(Path::new("mysql://h/d")));
    }

    #[test]
    fn a_kind_that_there_is_not_is_told_which_there_are_and_shows_no_password() {
        let place = Path::new("mysql://u:hush@h/d");
        let error = open(place, Access::Read, Pace::Single).err().expect("there is no such kind").to_string();
        assert!(error.contains("postgres://") && !error.contains("hush"), "{error}");
        assert_eq!(shown(place), Path::new("mysql://..."));
    }
}
