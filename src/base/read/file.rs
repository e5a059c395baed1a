//! Files as bytes or text, and which names mean a file.

use crate::base::error::{Error, Result};
use std::fs;
use std::path::Path;

/// The bytes of the file at `path`.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(Error::io("read", path))
}

/// The text of the file at `path`.
pub(crate) fn text(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(Error::io("read", path))
}

/// What some programs put before the first line of UTF-8.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Ends the list of known names where [`is_path`] gives a file its chance.
pub(crate) const OR_A_FILE: &str = "or the path of a .toml file";

/// Whether a name on the command line or in a file means a file: it ends in `.toml` or has a '/'.
pub(crate) fn is_path(name: &str) -> bool {
    name.contains('/') || Path::new(name).extension().is_some_and(|e| e == "toml")
}
