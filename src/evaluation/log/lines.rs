//! LogLines of a log, one buffer for all of them.

use super::compressed::decompressed;
use super::json_members;
use super::place::{malformed, place, unreadable};
use crate::base::error::{Error, Fault, Result};
use crate::base::read::{complaint, without_mark};
use serde::Deserialize;
use std::io::BufRead;
use std::path::PathBuf;
use std::sync::Arc;

/// Longest line that is read: what is longer is no log.
const MAX_LINE_BYTES: usize = 64 << 20;

/// Bytes that tell how the lines of a log end.
const ENOUGH: usize = 1 << 16;

/// A file whose lines are read when it is its turn.
pub(super) type LazyLogLines = Box<dyn FnOnce() -> Result<LogLines> + Send>;

/// A log line by line.
pub(super) struct LogLines {
    source: Box<dyn BufRead + Send>,
    origin: Arc<str>,
    /// Of the current line; the first is 1.
    number: u64,
    /// LogLines that were read onto its end.
    extra: u64,
    buffer: Vec<u8>,
    /// Whether the current line has blanks and nothing else.
    blanks: bool,
    /// Whether a line feed ends the current line.
    is_ended: bool,
}

/// One line of a log, for whoever has to say where something in it stands.
#[derive(Clone, Copy)]
pub(super) struct LogLine<'a> {
    origin: &'a str,
    /// From 1.
    number: u64,
    text: &'a [u8],
}

impl LogLines {
    pub(super) fn new(source: Box<dyn BufRead + Send>, origin: &str) -> Self {
        Self {
            source,
            origin: origin.into(),
            number: 0,
            extra: 0,
            buffer: Vec::new(),
            blanks: false,
            is_ended: false,
        }
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
        let mark = self.buffer.len() - without_mark(&self.buffer).len();
        self.buffer.drain(..mark);
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
            self.is_ended = end.is_some();
            if self.is_ended || taken == 0 {
                break;
            }
        }
        let end = self.buffer.trim_ascii_end().len();
        self.blanks = end == 0 && self.buffer.iter().any(|byte| !matches!(byte, b'\r' | b'\n'));
        self.buffer.truncate(end);
        Ok(true)
    }

    /// Whether the current line has blanks and nothing else, which other programs do not take for an empty one.
    pub(super) fn is_blanks(&self) -> bool {
        self.blanks
    }

    /// Whether a line feed ends the current line, and is not the only one in a file of other line ends.
    pub(super) fn is_ended(&self) -> bool {
        self.is_ended && self.buffer.len() < ENOUGH
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

    /// What errors call the log, for those who keep it.
    pub(super) fn shared_origin(&self) -> Arc<str> {
        Arc::clone(&self.origin)
    }

    /// The current line with its place.
    pub(super) fn line(&self) -> LogLine<'_> {
        LogLine { origin: &self.origin, number: self.number, text: &self.buffer }
    }

    /// The place of the current line.
    pub(super) fn place(&self) -> String {
        self.line().place()
    }

    /// The place of a column, from 1, in the current line.
    pub(super) fn at(&self, column: usize) -> String {
        self.line().at(column)
    }
}

impl<'a> LogLine<'a> {
    pub(super) fn new(origin: &'a str, number: u64, text: &'a [u8]) -> Self {
        Self { origin, number, text }
    }

    pub(super) fn text(&self) -> &'a [u8] {
        self.text
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Its place.
    pub(super) fn place(&self) -> String {
        format!("{}, line {}", self.origin, self.number)
    }

    /// The place of a column of it, from 1.
    pub(super) fn at(&self, column: usize) -> String {
        place(self.origin, self.number, column)
    }

    /// It as a JSON object; a list is none, though its elements could be taken for fields in their order.
    pub(super) fn json<T: Deserialize<'a>>(&self) -> Result<T> {
        let start = self.text.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(0);
        if self.text.get(start) == Some(&b'[') {
            return Err(malformed(self.at(start + 1), "a list, where an object should be"));
        }
        serde_json::from_slice(self.text).map_err(|error| {
            // The parser saw one line and calls it line 1: its place is said in ours.
            let message = complaint(&error);
            let message = message.rsplit_once(" at line ").map_or(&*message, |(what, _)| what);
            let message = self.field::<T>().map_or_else(|| message.to_owned(), |f| format!("{f}: {message}"));
            // So end the lines of an object that goes over several.
            let goes_on = error.is_eof() && matches!(self.text.last(), Some(b'{' | b'[' | b','));
            let mend = if goes_on {
                "; each line is to be an object of its own, as `jq -c .` writes them"
            } else {
                ""
            };
            malformed(self.at(error.column().max(1)), message + mend)
        })
    }

    /// The field of it at which it stops being a `T`, found by the slower parser that knows.
    fn field<T: Deserialize<'a>>(&self) -> Option<String> {
        let parser = &mut serde_json::Deserializer::from_slice(self.text);
        let error = serde_path_to_error::deserialize::<_, T>(parser).err()?;
        let field = error.path().to_string();
        // Where the line ends too early it does not know the place either.
        (error.path().iter().len() > 0 && !field.contains('?')).then_some(field)
    }

    /// A fault of its field `key`, of JSON: the place is that of the key among its own
    /// fields, else where it first stands.
    pub(super) fn fault(&self, key: &str, fault: Fault) -> Error {
        let own = json_members::field(self.text, 0, key).map(|field| field.start());
        let found = own.or_else(|| json_members::first(self.text, 0..self.text.len(), key));
        fault.at(self.at(found.map_or(1, |i| i + 1)))
    }
}
