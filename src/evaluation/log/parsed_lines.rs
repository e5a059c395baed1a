//! Lines that other threads read and parse ahead, handed on in their order.
//!
//! One thread decompresses and cuts a log into batches of whole lines, all threads parse the lines of a batch, and who
//! takes them works meanwhile. What comes out is the same whatever the number of threads.

use super::lines::{LogLine, LogLines};
use crate::base::error::{Error, Result};
use crate::base::threads;
use rayon::prelude::*;
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

/// About so many bytes are parsed together: enough for several threads, little for the caches.
const BATCH_BYTES: usize = 1 << 18;
/// Batches that wait to be taken, at most.
const AHEAD: usize = 2;

/// What a line is parsed by; `None` for one that is passed over without a word.
type Parse<T> = fn(LogLine) -> Result<Option<T>>;

/// Lines, each of which is a `T` or an error.
pub(super) struct ParsedLines<T> {
    origin: Arc<str>,
    source: BatchSource<T>,
    batch: Batch<T>,
    /// The current line in the batch, once one was taken.
    current: Option<usize>,
}

/// Where batches come from.
enum BatchSource<T> {
    /// A thread of their own.
    Thread(Receiver<Result<Batch<T>>>),
    /// This thread, where the system starts no other.
    Here(Box<LogLines>, Parse<T>),
    /// Nowhere: the log is at its end.
    Ended,
}

/// Some lines, one after the other.
struct Batch<T> {
    bytes: Vec<u8>,
    /// The number of each line, and where it stands.
    lines: Vec<(u64, Range<usize>)>,
    parsed: Vec<Option<Result<Option<T>>>>,
    /// What was taken and is done with.
    spent: Vec<T>,
    /// Whether the last line is one that could not be read.
    failed: bool,
}

impl<T> Default for Batch<T> {
    fn default() -> Self {
        Self { bytes: Vec::new(), lines: Vec::new(), parsed: Vec::new(), spent: Vec::new(), failed: false }
    }
}

impl<T: Send + 'static> ParsedLines<T> {
    /// The lines with anything on them.
    pub(super) fn new(lines: LogLines, parse: Parse<T>) -> Self {
        let origin = lines.shared_origin();
        let (sender, receiver) = sync_channel(AHEAD);
        let builder = thread::Builder::new().name("log".to_owned());
        let (hand_over, take_over) = sync_channel(1);
        let started = builder.spawn(move || {
            let Ok(mut lines) = take_over.recv() else { return };
            loop {
                let batch = Batch::read(&mut lines, parse);
                let last = batch.as_ref().map_or(true, |batch| batch.lines.is_empty() || batch.failed);
                if sender.send(batch).is_err() || last {
                    return;
                }
            }
        });
        let source = match started {
            Ok(_) => {
                // The thread waits for it, and ends with it or with whoever takes its batches.
                let _ = hand_over.send(lines);
                BatchSource::Thread(receiver)
            }
            Err(_) => BatchSource::Here(Box::new(lines), parse),
        };
        Self { origin, source, batch: Batch::default(), current: None }
    }

    /// Goes to the next line and takes what it is; `None` at the end.
    ///
    /// # Errors
    /// A line that is none, or a log that cannot be read on; the lines before it come first.
    pub(super) fn next(&mut self) -> Result<Option<T>> {
        loop {
            let next = self.current.map_or(0, |current| current + 1);
            if next < self.batch.lines.len() {
                self.current = Some(next);
                let parsed = self.batch.parsed[next].take().expect("each line is taken once");
                match parsed? {
                    Some(parsed) => return Ok(Some(parsed)),
                    None => continue,
                }
            }
            let batch = match &mut self.source {
                // A thread that is gone has handed on an empty batch or an error before.
                BatchSource::Thread(batches) => batches.recv().unwrap_or_else(|_| Ok(Batch::default())),
                BatchSource::Here(lines, parse) => Batch::read(lines, *parse),
                BatchSource::Ended => return Ok(None),
            };
            let batch = match batch {
                Ok(batch) if !batch.lines.is_empty() => batch,
                ended => {
                    self.source = BatchSource::Ended;
                    return ended.map(|_| None);
                }
            };
            let done = std::mem::replace(&mut self.batch, batch);
            self.current = None;
            // What was parsed by other threads is theirs to give back.
            if !done.spent.is_empty() && threads::ready().is_ok() && rayon::current_num_threads() > 1 {
                rayon::spawn(move || drop(done));
            }
        }
    }

    /// Takes back what was taken last, once it is done with: to free it is work that other threads can do.
    pub(super) fn give_back(&mut self, parsed: T) {
        self.batch.spent.push(parsed);
    }

    /// What errors call the log.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// The line that was taken last.
    pub(super) fn line(&self) -> LogLine<'_> {
        let at = self.current.and_then(|current| self.batch.lines.get(current));
        match at {
            Some((number, range)) => LogLine::new(&self.origin, *number, &self.batch.bytes[range.clone()]),
            None => LogLine::new(&self.origin, 1, &[]),
        }
    }
}

impl<T: Send> Batch<T> {
    /// The next lines with anything on them, parsed; none at the end. Where the log cannot be read on, what came before
    /// is a batch of its own.
    fn read(lines: &mut LogLines, parse: Parse<T>) -> Result<Self> {
        let mut batch = Self::default();
        while batch.bytes.len() < BATCH_BYTES {
            match lines.advance() {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) if batch.lines.is_empty() => return Err(error),
                Err(error) => {
                    batch.lines.push((lines.number(), batch.bytes.len()..batch.bytes.len()));
                    batch.failed = true;
                    batch.parse(lines.origin(), parse, Some(error));
                    return Ok(batch);
                }
            }
            if lines.text().is_empty() {
                continue;
            }
            let start = batch.bytes.len();
            batch.bytes.extend_from_slice(lines.text());
            batch.lines.push((lines.number(), start..batch.bytes.len()));
        }
        batch.parse(lines.origin(), parse, None);
        Ok(batch)
    }

    /// Parses all lines; the last one is this error, if there is one.
    fn parse(&mut self, origin: &str, parse: Parse<T>, error: Option<Error>) {
        let whole = self.lines.len() - usize::from(error.is_some());
        let (bytes, lines) = (&self.bytes, &self.lines[..whole]);
        let parsed = lines
            .par_iter()
            .map(|(number, range)| Some(parse(LogLine::new(origin, *number, &bytes[range.clone()]))));
        self.parsed = parsed.with_min_len(16).collect();
        self.parsed.extend(error.map(|error| Some(Err(error))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn numbers(text: String) -> ParsedLines<u64> {
        let parse: Parse<u64> = |line| {
            line.json::<Vec<u64>>().map(|_| Some(0)).or_else(|_| {
                let text = std::str::from_utf8(line.text()).unwrap();
                if text == "skip" { Ok(None) } else { text.parse().map(Some).map_err(|_| line_error(line)) }
            })
        };
        ParsedLines::new(LogLines::new(Box::new(Cursor::new(text)), "log"), parse)
    }

    fn line_error(line: LogLine) -> Error {
        super::super::place::malformed(line.place(), "no number")
    }

    /// One core works on what another one has parsed.
    #[test]
    fn lines_are_parsed_by_other_threads_than_the_one_that_takes_them() {
        let parse: Parse<thread::ThreadId> = |_| Ok(Some(thread::current().id()));
        let text = "line\n".repeat(1_000);
        let mut lines = ParsedLines::new(LogLines::new(Box::new(Cursor::new(text)), "log"), parse);
        let by: Vec<_> = std::iter::from_fn(|| lines.next().unwrap()).collect();
        assert!(by.len() == 1_000 && !by.contains(&thread::current().id()));
    }

    #[test]
    fn lines_come_in_their_order_and_an_error_after_those_before_it() {
        let three = |i| format!("{i}\n\nskip\n");
        let text: String = (0..100_000).map(three).collect();
        let mut lines = numbers(format!("{text}what\n1\n"));
        for i in 0..100_000 {
            assert_eq!(lines.next().unwrap(), Some(i));
            assert_eq!(lines.line().number(), 3 * i + 1);
        }
        assert_eq!(lines.next().unwrap_err().to_string(), "log, line 300001: no number");
        let mut none = numbers("\n\n".to_owned());
        assert!(none.next().unwrap().is_none() && none.next().unwrap().is_none());
        // Who has seen enough takes no more; the thread ends by itself.
        let mut few = numbers(text);
        assert_eq!(few.next().unwrap(), Some(0));
    }
}
