//! Files as bytes or text, and which names mean a file.

use super::foreign::foreign;
use crate::base::error::{Error, Fault, Result};
use std::fmt::Display;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

/// Longest text that is read at once, in bytes.
const MAX_TEXT_BYTES: u64 = 64 << 20;
/// Largest table that is read at once, in bytes.
const MAX_TABLE_BYTES: u64 = 2 << 30;

/// The bytes of the file at `path`, a table of any sort.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>> {
    whole(path, MAX_TABLE_BYTES)
}

/// The text of the file at `path`.
pub(crate) fn text(path: &Path) -> Result<String> {
    utf8(whole(path, MAX_TEXT_BYTES)?, path.display())
}

/// These bytes as text, which errors call `origin`.
pub(crate) fn utf8(bytes: Vec<u8>, origin: impl Display) -> Result<String> {
    String::from_utf8(bytes).map_err(|error| {
        let line =
            1 + memchr::memchr_iter(b'\n', &error.as_bytes()[..error.utf8_error().valid_up_to()]).count();
        let message = foreign(error.as_bytes())
            .map_or_else(|| format!("line {line} is not UTF-8"), |what| format!("it is {what}"));
        Error::Malformed { origin: origin.to_string(), message }
    })
}

/// A file for reading, which is one that ends: no device, and nothing that waits for somebody to write.
pub(crate) fn regular(path: &Path) -> Result<File> {
    let metadata = fs::metadata(path).map_err(Error::io("read", path))?;
    if metadata.is_dir() {
        return Err(Fault::new("the file", "a folder", "a regular file").at(path.display()));
    }
    if !metadata.is_file() {
        return Err(Fault::new("the file", "something else", "a regular file").at(path.display()));
    }
    File::open(path).map_err(Error::io("read", path))
}

/// All of a file that has at most so many bytes.
fn whole(path: &Path, most: u64) -> Result<Vec<u8>> {
    let file = regular(path)?;
    let size = file.metadata().map_err(Error::io("read", path))?.len();
    let too_long = |bytes: u64| {
        let fault = Fault::new("the file", format!("{bytes} bytes"), format!("at most {most} bytes"));
        Err(fault.at(path.display()))
    };
    if size > most {
        return too_long(size);
    }
    let mut bytes = Vec::with_capacity(size as usize);
    file.take(most + 1).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    if bytes.len() as u64 > most { too_long(bytes.len() as u64) } else { Ok(bytes) }
}

/// What some programs put before the first line of UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The text without the mark that some programs put before it. Each line may have one: files that were put together have
/// those of all of them, at the beginnings of lines.
pub(crate) fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)
}

/// Ends the list of known names where [`is_path`] gives a file its chance.
pub(crate) const OR_A_FILE: &str = "or the path of a .toml file";

/// Whether a name on the command line or in a file means a file: it ends in `.toml` or has a '/'.
pub(crate) fn is_path(name: &str) -> bool {
    name.contains('/') || Path::new(name).extension().is_some_and(|e| e == "toml")
}
