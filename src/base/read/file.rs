//! Files as bytes or text, and which names mean a file.

use crate::base::error::{Error, Fault, Result};
use std::fs;
use std::path::Path;

/// The bytes of the file at `path`.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(Error::io("read", path))
}

/// Longest text that is read at once, in bytes.
const MAX_TEXT_BYTES: u64 = 64 << 20;

/// The text of the file at `path`, which is one that ends.
pub(crate) fn text(path: &Path) -> Result<String> {
    let metadata = fs::metadata(path).map_err(Error::io("read", path))?;
    if !metadata.is_file() {
        return Err(Fault::new("the file", "something else", "a regular file").at(path.display()));
    }
    if metadata.len() > MAX_TEXT_BYTES {
        let allowed = format!("at most {MAX_TEXT_BYTES} bytes");
        return Err(Fault::new("the file", format!("{} bytes", metadata.len()), allowed).at(path.display()));
    }
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
