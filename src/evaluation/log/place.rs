//! Places in a log, and errors that name them.

use crate::base::error::Error;
use std::fmt::Display;
use std::io;

/// A place in a log: file, line and column, both from 1.
pub(super) fn place(origin: &str, line: u64, column: usize) -> String {
    format!("{origin}, line {line}, column {column}")
}

/// A line that the format does not allow.
pub(super) fn malformed(place: String, message: impl Display) -> Error {
    Error::Malformed { origin: place, message: message.to_string() }
}

/// A log that ends amid a line because what comes next cannot be read.
pub(super) fn unreadable(origin: &str, line: u64, column: usize, error: io::Error) -> Error {
    if error.raw_os_error().is_some() {
        return Error::io("read", origin)(error);
    }
    malformed(place(origin, line, column), format!("the compressed data cannot be read on: {error}"))
}
