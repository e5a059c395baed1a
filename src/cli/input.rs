//! Reading: one request, or many lines of them.

use crate::error::{Error, Fault, Result};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// Longest request, or line, that is read.
const MAX_BYTES: usize = 64 << 20;
/// How much is read at once, and about how much is worked on at once.
const READ_BYTES: usize = 1 << 20;
const CHUNK_BYTES: usize = 4 << 20;

/// How often a wait for lines looks whether it should stop.
const LOOK: Duration = Duration::from_millis(50);

/// What errors call stdin.
const STDIN: &str = "stdin";

/// The whole of FILE, or of stdin, and what errors call it.
pub(super) fn whole(file: Option<&Path>) -> Result<(Vec<u8>, String)> {
    let (source, origin) = open(file)?;
    let mut bytes = Vec::new();
    source.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(Error::io("read", &origin))?;
    if bytes.len() > MAX_BYTES {
        return Err(too_long().at(&origin));
    }
    Ok((bytes, origin))
}

fn open(file: Option<&Path>) -> Result<(Box<dyn Read + Send>, String)> {
    match file {
        None => Ok((Box::new(io::stdin()), STDIN.to_owned())),
        Some(path) if path == Path::new("-") => open(None),
        Some(path) => {
            let file = File::open(path).map_err(Error::io("read", path))?;
            Ok((Box::new(file), path.display().to_string()))
        }
    }
}

fn too_long() -> Fault {
    Fault::new(
        "the text",
        format!("over {MAX_BYTES} bytes"),
        format!("at most {MAX_BYTES} bytes in one piece"),
    )
}

/// Lines that arrived together.
pub(super) struct Chunk {
    /// Number of the first one, from 1.
    first: u64,
    bytes: Vec<u8>,
}

impl Chunk {
    /// Every line with its number, those without content left out.
    pub(super) fn lines(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let mut begin = 0;
        let ends = memchr::memchr_iter(b'\n', &self.bytes).chain([self.bytes.len()]);
        let lines = ends.map(move |end| &self.bytes[std::mem::replace(&mut begin, end + 1)..end]);
        (self.first..).zip(lines).filter(|(_, line)| !line.iter().all(u8::is_ascii_whitespace))
    }
}

/// Lines as they arrive: whatever is there is handed on together, at once, so that one line is answered
/// before the next is written, and many lines are worked on together.
pub(super) struct Lines {
    pieces: Receiver<Result<Vec<u8>>>,
    next: u64,
}

impl Lines {
    /// The lines of FILE, or of stdin.
    pub(super) fn open(file: Option<&Path>) -> Result<Self> {
        let (source, origin) = open(file)?;
        let (sender, pieces) = mpsc::sync_channel(2 * CHUNK_BYTES / READ_BYTES);
        thread::spawn(move || {
            let mut splitter = Splitter { source, origin: origin.into(), rest: Vec::new() };
            while let Some(piece) = splitter.next_piece().transpose() {
                let failed = piece.is_err();
                if sender.send(piece).is_err() || failed {
                    break;
                }
            }
        });
        Ok(Self { pieces, next: 1 })
    }

    /// Works on all lines in order, in two steps: while some are finished, the next ones are prepared, if they are
    /// there. Ends with the lines, and when `stop` becomes true: whatever was handed on is finished then.
    ///
    /// # Errors
    /// Of a step, or of reading; what was read before that is finished.
    pub(super) fn in_two_steps<P: Send>(
        &mut self,
        stop: &AtomicBool,
        mut prepare: impl FnMut(&Chunk) -> Result<P> + Send,
        mut finish: impl FnMut(P) -> Result<()> + Send,
    ) -> Result<()> {
        let mut prepared = None;
        loop {
            let chunk = self.next_chunk(stop, prepared.is_none());
            prepared = match (prepared, chunk) {
                (None, Ok(None)) => return Ok(()),
                (None, chunk) => chunk?.map(|chunk| prepare(&chunk)).transpose()?,
                (Some(waiting), Ok(Some(chunk))) => {
                    let (finished, next) = rayon::join(|| finish(waiting), || prepare(&chunk));
                    finished?;
                    Some(next?)
                }
                (Some(waiting), chunk) => {
                    finish(waiting)?;
                    chunk?;
                    None
                }
            };
        }
    }

    /// The lines that are there, if it is so waiting for at least one; `None` at the end, and when `stop` becomes
    /// true.
    fn next_chunk(&mut self, stop: &AtomicBool, wait: bool) -> Result<Option<Chunk>> {
        let mut bytes = loop {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            match self.pieces.recv_timeout(if wait { LOOK } else { Duration::ZERO }) {
                Ok(piece) => break piece?,
                Err(RecvTimeoutError::Timeout) if wait => {}
                Err(_) => return Ok(None),
            }
        };
        while bytes.len() < CHUNK_BYTES {
            match self.pieces.try_recv() {
                Ok(Ok(piece)) => bytes.extend_from_slice(&piece),
                // What arrived before the failure is answered first; the failure then ends the run.
                Ok(Err(error)) => {
                    let (sender, pieces) = mpsc::sync_channel(1);
                    let _ = sender.send(Err(error));
                    self.pieces = pieces;
                    break;
                }
                Err(_) => break,
            }
        }
        let chunk = Chunk { first: self.next, bytes };
        let unended = chunk.bytes.last().is_some_and(|last| *last != b'\n');
        self.next += memchr::memchr_iter(b'\n', &chunk.bytes).count() as u64 + u64::from(unended);
        Ok(Some(chunk))
    }
}

impl Lines {
    /// Number of lines that were handed on.
    pub(super) fn handed_on(&self) -> u64 {
        self.next - 1
    }
}

/// Cuts what arrives after its last newline.
struct Splitter {
    source: Box<dyn Read + Send>,
    origin: PathBuf,
    rest: Vec<u8>,
}

impl Splitter {
    fn next_piece(&mut self) -> Result<Option<Vec<u8>>> {
        loop {
            let seen = self.rest.len();
            if seen > MAX_BYTES {
                return Err(too_long().at(self.origin.display()));
            }
            self.rest.resize(seen + READ_BYTES, 0);
            let read = match self.source.read(&mut self.rest[seen..]) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => 0,
                Err(e) => return Err(Error::io("read", &self.origin)(e)),
                Ok(0) => {
                    self.rest.truncate(seen);
                    return Ok((seen > 0).then(|| std::mem::take(&mut self.rest)));
                }
                Ok(read) => read,
            };
            self.rest.truncate(seen + read);
            if let Some(i) = memchr::memrchr(b'\n', &self.rest[seen..]) {
                let after = self.rest.split_off(seen + i + 1);
                return Ok(Some(std::mem::replace(&mut self.rest, after)));
            }
        }
    }
}
