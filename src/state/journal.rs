//! `rewards.jsonl`: reading what is committed, repairing a torn end, appending.
//!
//! A record is committed when its line is on disk. Readers take what is there without a lock and leave
//! out a last line that is not whole: its writer is at it, or is dead and never acknowledged it.

use super::dir::Dir;
use super::frame;
use super::record::Record;
use crate::error::{Error, Result};
use memchr::memmem;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

/// Its file name.
pub(super) const REWARDS: &str = "rewards.jsonl";

/// The committed records that state files may not show yet.
#[derive(Debug, Default)]
pub(super) struct Tail {
    /// Whole lines.
    bytes: Vec<u8>,
    /// Where they begin in the file.
    start: u64,
    path: PathBuf,
}

impl Tail {
    /// The tail as it is now, for a reader.
    pub(super) fn read(dir: &Dir) -> Result<Self> {
        let path = dir.join(REWARDS);
        let mut bytes = Vec::new();
        if let Some(mut file) = dir.open(REWARDS)? {
            file.read_to_end(&mut bytes).map_err(Error::io("read", &path))?;
        }
        let whole = memchr::memrchr(b'\n', &bytes).map_or(0, |i| i + 1);
        bytes.truncate(whole);
        Ok(Self { bytes, start: 0, path })
    }

    /// The records about a user, in order.
    pub(super) fn of_user(&self, user: &str) -> Result<Vec<Record>> {
        let needle = format!("\"user\":{}", serde_json::to_string(user).expect("a text"));
        let mut records = Vec::new();
        let mut from = 0;
        while let Some(hit) = memmem::find(&self.bytes[from..], needle.as_bytes()) {
            let begin = memchr::memrchr(b'\n', &self.bytes[..from + hit]).map_or(0, |i| i + 1);
            let end = from + hit + memchr::memchr(b'\n', &self.bytes[from + hit..]).expect("lines are whole");
            let record = Record::parse(&self.bytes[begin..end]).map_err(|what| self.damaged(begin, &what))?;
            if record.user == user {
                records.push(record);
            }
            from = end;
        }
        Ok(records)
    }

    /// All lines, without their newlines, with their places in the file.
    pub(super) fn lines(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let mut place = self.start;
        self.bytes.split_inclusive(|b| *b == b'\n').map(move |line| {
            let at = place;
            place += line.len() as u64;
            (at, line.strip_suffix(b"\n").unwrap_or(line))
        })
    }

    /// The record in the line that begins at `place` in the file.
    pub(super) fn record_at(&self, place: u64) -> Result<Record> {
        let begin = (place - self.start) as usize;
        let rest = &self.bytes[begin..];
        let line = &rest[..memchr::memchr(b'\n', rest).expect("lines are whole")];
        Record::parse(line).map_err(|what| self.damaged(begin, &what))
    }

    /// What is wrong with the line that begins at `begin` of the bytes.
    fn damaged(&self, begin: usize, what: &str) -> Error {
        let place = self.start + begin as u64;
        Error::Damaged { path: self.path.clone(), what: format!("the line at byte {place}: {what}") }
    }

    /// Where the file ends.
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

/// The log in the hands of the one process that holds its lock.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    tail: Tail,
    last_seq: u64,
}

impl Journal {
    /// Opens the log, creates it if it is not there, and cuts off a line that was never finished.
    ///
    /// # Errors
    /// [`Error::Damaged`] when a whole line is not what was written: nothing is appended to such a log.
    pub(super) fn open(dir: &Dir) -> Result<Self> {
        let mut file = dir.open_log(REWARDS)?;
        let path = dir.join(REWARDS);
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(0))
            .and_then(|_| file.read_to_end(&mut bytes))
            .map_err(Error::io("read", &path))?;
        let whole = memchr::memrchr(b'\n', &bytes).map_or(0, |i| i + 1);
        if whole < bytes.len() {
            bytes.truncate(whole);
            file.set_len(whole as u64).map_err(Error::io("repair", &path))?;
        }
        let tail = Tail { bytes, start: 0, path };
        let mut last = None;
        for (place, line) in tail.lines() {
            frame::check(line).map_err(|what| tail.damaged((place - tail.start) as usize, &what))?;
            last = Some(place);
        }
        let last_seq = last.map_or(Ok(0), |place| tail.record_at(place).map(|r| r.seq))?;
        Ok(Self { file, tail, last_seq })
    }

    pub(super) fn tail(&self) -> &Tail {
        &self.tail
    }

    /// Number of the latest record.
    pub(super) fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// Makes durable what is there: a record that another process wrote and did not live to sync.
    pub(super) fn sync(&self) -> Result<()> {
        self.file.sync_data().map_err(Error::io("sync", &self.tail.path))
    }

    /// Appends whole lines, the latest of which is record `last_seq`, and syncs: after this they are
    /// committed. On failure the log is as it was; a failed sync is not tried again.
    pub(super) fn append(&mut self, lines: &[u8], last_seq: u64) -> Result<()> {
        let written = self
            .file
            .write_all(lines)
            .map_err(Error::io("write", &self.tail.path))
            .and_then(|()| self.sync());
        if let Err(error) = written {
            // The system may refuse this too; then the lines stay, unacknowledged, whole or torn.
            let _ = self.file.set_len(self.tail.end());
            return Err(error);
        }
        self.tail.bytes.extend_from_slice(lines);
        self.last_seq = last_seq;
        Ok(())
    }
}
