//! Text from outside lands in raw structs here, with errors that name file, field and line.

mod table;

pub(crate) use table::Table;

use crate::error::{Error, Result};
use serde::de::DeserializeOwned;
use std::fs;
use std::path::Path;

/// Parses JSON, which errors call `origin`.
///
/// The fast parser runs first; only a text that it refuses is read again by the one that knows paths.
pub(crate) fn json<T: DeserializeOwned>(text: &[u8], origin: &str) -> Result<T> {
    // Looked at as a whole first, so that the parser need not look at each of its strings.
    let parsed = match std::str::from_utf8(text) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(text),
    };
    parsed.map_err(|first| {
        let reader = &mut serde_json::Deserializer::from_slice(text);
        let message = match serde_path_to_error::deserialize::<_, T>(reader) {
            Err(error) if error.path().iter().len() > 0 => format!("{}: {}", error.path(), error.inner()),
            _ => first.to_string(),
        };
        Error::Malformed { origin: origin.to_owned(), message }
    })
}

/// Parses TOML, which errors call `origin`.
pub(crate) fn toml<T: DeserializeOwned>(text: &str, origin: &str) -> Result<T> {
    let malformed = |message: String| Error::Malformed { origin: origin.to_owned(), message };
    let at_line = |error: &toml::de::Error| {
        let line = error.span().map(|s| 1 + text[..s.start.min(text.len())].matches('\n').count());
        line.map_or_else(String::new, |l| format!(" (line {l})"))
    };
    let reader = toml::Deserializer::parse(text)
        .map_err(|e| malformed(format!("{}{}", e.message().replace('\n', ", "), at_line(&e))))?;
    serde_path_to_error::deserialize(reader).map_err(|error| {
        let place = if error.path().iter().len() > 0 { format!("{}: ", error.path()) } else { String::new() };
        let inner = error.inner();
        malformed(format!("{place}{}{}", inner.message().replace('\n', ", "), at_line(inner)))
    })
}

/// The bytes of the file at `path`.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(Error::io("read", path))
}

/// The text of the file at `path`.
pub(crate) fn text(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(Error::io("read", path))
}

/// Ends the list of known names where [`is_path`] gives a file its chance.
pub(crate) const OR_A_FILE: &str = "or the path of a .toml file";

/// Whether a name on the command line or in a file means a file: it ends in `.toml` or has a '/'.
pub(crate) fn is_path(name: &str) -> bool {
    name.contains('/') || Path::new(name).extension().is_some_and(|e| e == "toml")
}
