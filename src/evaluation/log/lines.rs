//! LogLines of a log, one buffer for all of them.

use super::compressed::decompressed;
use super::json_members;
use super::place::{malformed, place, unreadable};
use crate::base::error::{Error, Fault, Result};
use crate::base::read::BYTE_ORDER_MARK;
use serde::Deserialize;
use std::io::BufRead;
use std::path::PathBuf;

/// Longest line that is read: what is longer is no log.
const MAX_LINE_BYTES: usize = 64 << 20;

/// A file whose lines are read when it is its turn.
pub(super) type LazyLogLines = Box<dyn FnOnce() -> Result<LogLines>>;

/// A log line by line.
pub(super) struct LogLines {
    source: Box<dyn BufRead>,
    origin: String,
    /// Of the current line; the first is 1.
    number: u64,
    /// LogLines that were read onto its end.
    extra: u64,
    buffer: Vec<u8>,
}

impl LogLines {
    pub(super) fn new(source: Box<dyn BufRead>, origin: &str) -> Self {
        Self { source, origin: origin.to_owned(), number: 0, extra: 0, buffer: Vec::new() }
    }

    /// The lines of the file at `path`, which is opened when it is its turn.
    pub(super) fn lazily(path: PathBuf) -> LazyLogLines {
        Box::new(move || Ok(Self::new(decompressed(&path)?, &path.display().to_string())))
    }

    /// Reads the next line, without its end; false at the end of the log.
    pub(super) fn advance(&mut self) -> Result<bool> {
        self.number += self.extra + 1;
        self.extra = 0;
        self.buffer.clear();
        let read = self.append()?;
        if self.number == 1 && self.buffer.starts_with(BYTE_ORDER_MARK) {
            self.buffer.drain(..BYTE_ORDER_MARK.len());
        }
        Ok(read)
    }

    /// Reads the line after the current one onto its end.
    pub(super) fn extend(&mut self) -> Result<bool> {
        self.extra += 1;
        self.buffer.push(b'\n');
        self.append()
    }

    fn append(&mut self) -> Result<bool> {
        let before = self.buffer.len();
        loop {
            let column = self.buffer.len() + 1;
            let chunk = self.source.fill_buf();
            let chunk = chunk.map_err(|e| unreadable(&self.origin, self.number, column, e))?;
            if chunk.is_empty() && self.buffer.len() == before {
                return Ok(false);
            }
            let end = memchr::memchr(b'\n', chunk);
            let taken = end.map_or(chunk.len(), |end| end + 1);
            self.buffer.extend_from_slice(&chunk[..taken]);
            self.source.consume(taken);
            if self.buffer.len() > MAX_LINE_BYTES {
                return Err(malformed(self.at(1), format!("a line of more than {MAX_LINE_BYTES} bytes")));
            }
            if end.is_some() || taken == 0 {
                break;
            }
        }
        let end = self.buffer.trim_ascii_end().len();
        self.buffer.truncate(end);
        Ok(true)
    }

    /// The current line.
    pub(super) fn text(&self) -> &[u8] {
        &self.buffer
    }

    /// Number of the current line, from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// The place of the current line.
    pub(super) fn place(&self) -> String {
        format!("{}, line {}", self.origin, self.number)
    }

    /// The place of a column, from 1, in the current line.
    pub(super) fn at(&self, column: usize) -> String {
        place(&self.origin, self.number, column)
    }

    /// The current line as a JSON object; a list is none, though its elements could be taken for fields in their order.
    pub(super) fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T> {
        let start = self.buffer.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(0);
        if self.buffer.get(start) == Some(&b'[') {
            return Err(malformed(self.at(start + 1), "a list, where an object should be"));
        }
        serde_json::from_slice(&self.buffer).map_err(|error| {
            // The parser saw one line and calls it line 1: its place is said in ours.
            let message = error.to_string();
            let message = message.rsplit_once(" at line ").map_or(&*message, |(what, _)| what);
            let message = self.field::<T>().map_or_else(|| message.to_owned(), |f| format!("{f}: {message}"));
            malformed(self.at(error.column().max(1)), message)
        })
    }

    /// The field of the current line at which it stops being a `T`, found by the slower parser that knows.
    fn field<'a, T: Deserialize<'a>>(&'a self) -> Option<String> {
        let parser = &mut serde_json::Deserializer::from_slice(&self.buffer);
        let error = serde_path_to_error::deserialize::<_, T>(parser).err()?;
        let field = error.path().to_string();
        // Where the line ends too early it does not know the place either.
        (error.path().iter().len() > 0 && !field.contains('?')).then_some(field)
    }

    /// A fault of the field `key` of the current line of JSON: the place is that of the key among the line's own
    /// fields, else where it first stands.
    pub(super) fn fault(&self, key: &str, fault: Fault) -> Error {
        let own = json_members::field(&self.buffer, 0, key).map(|field| field.start());
        let found = own.or_else(|| json_members::first(&self.buffer, 0..self.buffer.len(), key));
        fault.at(self.at(found.map_or(1, |i| i + 1)))
    }
}
