//! What lines are read from, and where the whole ones end in what is there of them.

use super::patience::{Patient, arrives};
use crate::base::error::{Error, Fault, Result};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

/// Longest request, or line, that is read.
pub(super) const MAX_BYTES: usize = 64 << 20;
/// How much is read at once.
pub(super) const READ_BYTES: usize = 256 << 10;
/// What errors call stdin.
const STDIN: &str = "stdin";

/// What is read, and waited for.
pub(super) trait Readable: Read + AsFd + Send {}

impl<T: Read + AsFd + Send> Readable for T {}

pub(super) fn open(file: Option<&Path>) -> Result<(Box<dyn Readable>, String)> {
    match file {
        None => Ok((Box::new(Patient(io::stdin())), STDIN.to_owned())),
        Some(path) if path == Path::new("-") => open(None),
        Some(path) => {
            let file = File::open(path).map_err(Error::io("read", path))?;
            Ok((Box::new(file), path.display().to_string()))
        }
    }
}

pub(super) fn too_long() -> Fault {
    Fault::new(
        "the text",
        format!("over {MAX_BYTES} bytes"),
        format!("at most {MAX_BYTES} bytes in one piece"),
    )
}

/// What stands in the place of a line that is longer than is read. No text has such a byte, so that it is no line that
/// anybody could be answered.
pub(super) const TOO_LONG: &[u8] = b"\xff too long";

/// Reads, and tells whole lines from what is there of the next one.
pub(super) struct LineReader {
    source: Box<dyn Readable>,
    /// What errors call it.
    origin: String,
    buffer: Vec<u8>,
    /// A line that is not ended yet.
    rest: Vec<u8>,
    /// Whether that is too long, so that what follows of it is passed over.
    passes_over: bool,
}

impl LineReader {
    /// Of FILE, or of stdin.
    pub(super) fn open(file: Option<&Path>) -> Result<Self> {
        let (source, origin) = open(file)?;
        Ok(Self { source, origin, buffer: vec![0; READ_BYTES], rest: Vec::new(), passes_over: false })
    }

    /// Whether there is something to read, or the end; it is waited for so long.
    pub(super) fn arrives(&self, most: Duration) -> Result<bool> {
        arrives(&self.source, most).map_err(Error::io("read", &self.origin))
    }

    /// How many bytes were read: all that is there, at most as many as there is room for; 0 at the end.
    pub(super) fn read(&mut self) -> Result<usize> {
        loop {
            match self.source.read(&mut self.buffer) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                read => return read.map_err(Error::io("read", &self.origin)),
            }
        }
    }

    /// What `take` makes of the whole lines that are there, once so many bytes were read; at the end, of what is left.
    /// `None` if no line is whole. Of one that is too long nothing is kept but [`TOO_LONG`].
    pub(super) fn hand_on<T>(&mut self, read: usize, take: impl FnOnce(&[u8]) -> T) -> Option<T> {
        let Self { buffer, rest, passes_over, .. } = self;
        let mut read = &buffer[..read];
        if *passes_over && !read.is_empty() {
            read = &read[memchr::memchr(b'\n', read)?..];
            *passes_over = false;
        }
        let taken = match memchr::memrchr(b'\n', read) {
            _ if read.is_empty() => Some(take(rest)),
            Some(i) => {
                let whole = if rest.is_empty() {
                    &read[..=i]
                } else {
                    rest.extend_from_slice(&read[..=i]);
                    &rest[..]
                };
                let taken = take(whole);
                rest.clear();
                rest.extend_from_slice(&read[i + 1..]);
                Some(taken)
            }
            None => {
                rest.extend_from_slice(read);
                None
            }
        };
        if rest.len() > MAX_BYTES {
            *rest = TOO_LONG.to_vec();
            *passes_over = true;
        }
        taken
    }
}
