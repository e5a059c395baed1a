//! Lines of a log, one buffer for all of them.

use super::{malformed, place};
use crate::error::{Error, Fault, Result};
use serde::Deserialize;
use std::io::BufRead;

/// Longest line that is read: what is longer is no log.
const MAX_LINE_BYTES: usize = 64 << 20;

/// A log line by line.
pub(super) struct Lines {
    source: Box<dyn BufRead>,
    origin: String,
    number: u64,
    buffer: Vec<u8>,
}

impl Lines {
    pub(super) fn new(source: Box<dyn BufRead>, origin: &str) -> Self {
        Self { source, origin: origin.to_owned(), number: 0, buffer: Vec::new() }
    }

    /// Reads the next line, without its end; false at the end of the log.
    pub(super) fn advance(&mut self) -> Result<bool> {
        self.buffer.clear();
        let mut limited = std::io::Read::take(&mut self.source, MAX_LINE_BYTES as u64);
        let read = limited.read_until(b'\n', &mut self.buffer).map_err(Error::io("read", &self.origin))?;
        if read == 0 {
            return Ok(false);
        }
        self.number += 1;
        if self.buffer.len() == MAX_LINE_BYTES {
            return Err(malformed(self.at(1), format!("a line of more than {MAX_LINE_BYTES} bytes")));
        }
        while self.buffer.last().is_some_and(u8::is_ascii_whitespace) {
            self.buffer.pop();
        }
        Ok(true)
    }

    /// The current line.
    pub(super) fn text(&self) -> &[u8] {
        &self.buffer
    }

    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// The place of a column, from 1, in the current line.
    pub(super) fn at(&self, column: usize) -> String {
        place(&self.origin, self.number, column)
    }

    /// The current line as JSON.
    pub(super) fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T> {
        serde_json::from_slice(&self.buffer).map_err(|error| {
            // The parser saw one line and calls it line 1: its place is said in ours.
            let message = error.to_string();
            let message = message.rsplit_once(" at line ").map_or(&*message, |(what, _)| what);
            malformed(self.at(error.column().max(1)), message)
        })
    }

    /// A fault of the field `key` of the current line of JSON: the place is where the key first stands.
    pub(super) fn fault(&self, key: &str, fault: Fault) -> Error {
        let quoted = format!("\"{key}\"");
        let found = self.buffer.windows(quoted.len()).position(|w| w == quoted.as_bytes());
        fault.at(self.at(found.map_or(1, |i| i + 1)))
    }
}
