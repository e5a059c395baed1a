//! `rewards.jsonl`: reading what is committed, repairing a torn end, appending.
//!
//! A record is committed when its line is on disk. Readers take what is there without a lock and leave
//! out a last line that is not whole: its writer is at it, or is dead and never acknowledged it.
//!
//! Only the tail is ever read: the lines after the checkpoint, which the manifest names.

use super::dir::{Dir, is_still_at, line_at};
use super::frame;
use super::lock::Lock;
use super::manifest::{Checkpoint, LogName, Manifest, ends_with};
use super::record::Record;
use crate::base::error::{Error, Result};
use crate::base::threads::both;
use memchr::memmem;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The log of rewards and resets.
pub(super) const REWARDS: LogName = LogName("rewards");

/// The tail of a run of large groups is checkpointed when it has grown to this. Readers read it, and every checkpoint
/// writes the states that it changed: this many people's are then a small part of the work.
pub(super) const BATCH_TAIL_BYTES: u64 = 256 << 20;

/// More than this after the checkpoint is not what was written: the largest group that `reward --jsonl` makes, 70,000
/// records of at most 4 or 5 KiB, and [`BATCH_TAIL_BYTES`] before it are less.
const MAX_TAIL_BYTES: u64 = 1 << 30;

/// A reader that finds the log sealed under its hands looks again this many times.
const ATTEMPTS: usize = 5;

/// The committed records that state files may not show yet.
#[derive(Debug, Default)]
pub(super) struct Tail {
    /// Whole lines: all that there are, but for those that a [`Journal`] need not hold.
    bytes: Vec<u8>,
    /// So many bytes come after them.
    pub(super) unread: u64,
    /// What stands before them.
    checkpoint: Checkpoint,
    path: PathBuf,
    /// Which file they are from: its inode.
    file: u64,
}

impl Tail {
    /// The tail as it is now, for a reader.
    pub(super) fn read(dir: &Dir) -> Result<Self> {
        let path = dir.join(&REWARDS.active());
        for attempt in 1.. {
            let checkpoint = Manifest::read(dir, REWARDS)?.checkpoint;
            let Some(file) = dir.open(&REWARDS.active())? else {
                return Ok(Self { checkpoint, path, ..Self::default() });
            };
            match Self::of(&file, checkpoint, path.clone()) {
                Err(Error::Damaged { .. }) if attempt < ATTEMPTS => {}
                Ok((mut tail, _)) => {
                    tail.cut();
                    return Ok(tail);
                }
                Err(error) => return Err(error),
            }
        }
        unreachable!("the last attempt returns")
    }

    /// Whether nothing was committed since it was read.
    pub(super) fn is_current(&self) -> bool {
        let now =
            std::fs::symlink_metadata(&self.path).map_or((0, self.checkpoint.offset), |m| (m.ino(), m.len()));
        now == self.version()
    }

    /// What comes after the checkpoint, and the length of the file.
    fn of(file: &File, checkpoint: Checkpoint, path: PathBuf) -> Result<(Self, u64)> {
        let metadata = file.metadata().map_err(Error::io("read", &path))?;
        let Checkpoint { offset, ref crc, .. } = checkpoint;
        if metadata.len() < offset || (offset > 0 && !ends_with(file, offset, crc)) {
            let what = format!("its first {offset} bytes are not those that its manifest knows");
            return Err(Error::Damaged { path, what });
        }
        let length = metadata.len() - offset;
        if length > MAX_TAIL_BYTES {
            let what = format!(
                "{length} bytes since its checkpoint, more than the {MAX_TAIL_BYTES} that there ever are"
            );
            return Err(Error::Damaged { path, what });
        }
        let mut tail = Self { bytes: Vec::new(), unread: length, checkpoint, path, file: metadata.ino() };
        tail.read_rest(file)?;
        Ok((tail, metadata.len()))
    }

    /// Reads what is only in the file.
    fn read_rest(&mut self, file: &File) -> Result<()> {
        let mut rest = vec![0; self.unread as usize];
        let place = self.end() - self.unread;
        file.read_exact_at(&mut rest, place).map_err(Error::io("read", &self.path))?;
        if self.bytes.is_empty() {
            self.bytes = rest;
        } else {
            self.bytes.extend_from_slice(&rest);
        }
        self.unread = 0;
        Ok(())
    }

    /// Leaves out a last line that is not whole; how many bytes that was.
    fn cut(&mut self) -> usize {
        let whole = memchr::memrchr(b'\n', &self.bytes).map_or(0, |i| i + 1);
        let torn = self.bytes.len() - whole;
        self.bytes.truncate(whole);
        torn
    }

    /// The records about a user, in order.
    pub(super) fn of_user(&self, user: &str) -> Result<Vec<Record>> {
        let mut records = self.records_with("user", user)?;
        records.retain(|record| record.user == user);
        Ok(records)
    }

    /// The records in which a field has this text, and some that have it elsewhere.
    pub(super) fn records_with(&self, field: &str, text: &str) -> Result<Vec<Record>> {
        debug_assert_eq!(self.unread, 0);
        let needle = format!("\"{field}\":{}", serde_json::to_string(text).expect("a text"));
        let mut records = Vec::new();
        let mut from = 0;
        while let Some(hit) = memmem::find(&self.bytes[from..], needle.as_bytes()) {
            let begin = memchr::memrchr(b'\n', &self.bytes[..from + hit]).map_or(0, |i| i + 1);
            let place = self.checkpoint.offset + begin as u64;
            records.push(self.record_at(place)?);
            from = begin + self.line_from(begin).len();
        }
        Ok(records)
    }

    /// All lines, without their newlines, with their places in the file.
    pub(super) fn lines(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.lines_from(self.checkpoint.offset)
    }

    fn lines_from(&self, mut place: u64) -> impl Iterator<Item = (u64, &[u8])> {
        debug_assert_eq!(self.unread, 0);
        self.bytes[(place - self.checkpoint.offset) as usize..].split_inclusive(|b| *b == b'\n').map(
            move |line| {
                let at = place;
                place += line.len() as u64;
                (at, line.strip_suffix(b"\n").unwrap_or(line))
            },
        )
    }

    /// The record in the line that begins at `place` in the file.
    pub(super) fn record_at(&self, place: u64) -> Result<Record> {
        let begin = (place - self.checkpoint.offset) as usize;
        Record::parse(self.line_from(begin)).map_err(|what| self.damaged(place, &what))
    }

    /// Whether there is nothing after the checkpoint.
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of bytes after the checkpoint.
    pub(super) fn len(&self) -> u64 {
        self.bytes.len() as u64 + self.unread
    }

    /// Which file it is from, and where it ends there.
    fn version(&self) -> (u64, u64) {
        (self.file, self.end())
    }

    fn line_from(&self, begin: usize) -> &[u8] {
        let rest = &self.bytes[begin..];
        &rest[..memchr::memchr(b'\n', rest).unwrap_or(rest.len())]
    }

    /// The error of a line that is not what was written.
    pub(super) fn damaged(&self, place: u64, what: &str) -> Error {
        damaged_line(&self.path, place, what)
    }

    fn end(&self) -> u64 {
        self.checkpoint.offset + self.len()
    }

    /// Checks every line from `from` on, which record `before` precedes; the number of the last record.
    fn check(&self, from: u64, before: u64) -> Result<u64> {
        let mut seq = before;
        for (place, line) in self.lines_from(from) {
            frame::check(line).map_err(|what| self.damaged(place, &what))?;
            let found = seq_of(line).ok_or_else(|| self.damaged(place, "no sequence number first"))?;
            if found != seq + 1 {
                return Err(self.damaged(place, &format!("record {found} comes after record {seq}")));
            }
            seq = found;
        }
        Ok(seq)
    }
}

/// The record in the line that begins at `place` in the file at `path`.
pub(super) fn record_in(file: &File, path: &Path, place: u64) -> Result<Record> {
    let line = line_at(file, place).map_err(Error::io("read", path))?;
    let record = line.ok_or_else(|| "it is not whole".to_owned()).and_then(|line| Record::parse(&line));
    record.map_err(|what| damaged_line(path, place, &what))
}

fn damaged_line(path: &Path, place: u64, what: &str) -> Error {
    Error::Damaged { path: path.to_path_buf(), what: format!("the line at byte {place}: {what}") }
}

/// The sequence number with which a line begins.
fn seq_of(line: &[u8]) -> Option<u64> {
    let digits = line.strip_prefix(b"{\"seq\":")?;
    let end = memchr::memchr(b',', &digits[..digits.len().min(21)])?;
    std::str::from_utf8(&digits[..end]).ok()?.parse().ok()
}

/// The log in the hands of the one process that holds its lock.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    manifest: Manifest,
    tail: Tail,
    last_seq: u64,
    /// The checksum of the latest record.
    last_crc: String,
}

impl Journal {
    /// Opens the log, creates it if it is not there, and cuts off a line that was never finished.
    ///
    /// # Errors
    /// [`Error::Damaged`] when a whole line is not what was written: nothing is appended to such a log.
    pub(super) fn open(dir: &Dir) -> Result<Self> {
        let manifest = Manifest::read(dir, REWARDS)?;
        manifest.finish_sealing(dir, REWARDS)?;
        if manifest.sealed.is_empty() && !dir.has(&REWARDS.active()) {
            // A new log, unless one was here: then its events and numbers would begin anew.
            Manifest::check_new(dir, REWARDS)?;
        }
        let file = dir.open_log(&REWARDS.active(), manifest.latest_sealed())?;
        let path = dir.join(&REWARDS.active());
        let (mut tail, length) = Tail::of(&file, manifest.checkpoint.clone(), path)?;
        if length == 0 {
            // Whoever created it may not have lived to do this.
            dir.sync_with_own()?;
        }
        let torn = tail.cut();
        if torn > 0 {
            file.set_len(length - torn as u64).map_err(Error::io("repair", &tail.path))?;
        }
        let last_seq = tail.check(manifest.checkpoint.offset, manifest.checkpoint.seq)?;
        let last_crc = if tail.is_empty() {
            manifest.checkpoint.crc.clone()
        } else {
            frame::stated(&tail.bytes).to_owned()
        };
        Ok(Self { file, manifest, tail, last_seq, last_crc })
    }

    /// Whether it still is what is there: nobody else wrote since the lock was last held.
    pub(super) fn is_current(&self, dir: &Dir) -> Result<bool> {
        let path = &self.tail.path;
        let read = Error::io("read", path);
        let there = is_still_at(&self.file, path).and_then(|same| Ok((same, self.file.metadata()?.len())));
        let (same, length) = there.map_err(read)?;
        Ok(same && length == self.tail.end() && Manifest::read(dir, REWARDS)? == self.manifest)
    }

    /// The tail: all of it, unless some need not be held, see [`Self::append_and`].
    pub(super) fn tail(&self) -> &Tail {
        &self.tail
    }

    /// Reads what of the tail was not held.
    pub(super) fn read_rest(&mut self) -> Result<()> {
        self.tail.read_rest(&self.file)
    }

    /// The record in the line of the tail that begins at `place`.
    pub(super) fn record_at(&self, place: u64) -> Result<Record> {
        if place < self.tail.end() - self.tail.unread {
            return self.tail.record_at(place);
        }
        record_in(&self.file, &self.tail.path, place)
    }

    pub(super) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Number of the latest record.
    pub(super) fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// Where the next record will begin.
    pub(super) fn end(&self) -> u64 {
        self.tail.end()
    }

    /// Makes durable what is there: a record that another process wrote and did not live to sync.
    pub(super) fn sync(&self) -> Result<()> {
        self.file.sync_data().map_err(Error::io("sync", &self.tail.path))
    }

    /// Appends whole lines, some in each text, the latest of which is record `last_seq`, and syncs: after this they
    /// are committed. On failure the log is as it was; a failed sync is not tried again.
    pub(super) fn append(&mut self, lock: &Lock, texts: &[Vec<u8>], last_seq: u64) -> Result<()> {
        self.append_and(lock, texts, last_seq, false, || ())
    }

    /// As [`Self::append`], and does something else meanwhile if there are many texts. They need not be held in memory
    /// if their places are `in_table`, as those of all that comes after them are then.
    pub(super) fn append_and<T: Send>(
        &mut self,
        lock: &Lock,
        texts: &[Vec<u8>],
        last_seq: u64,
        in_table: bool,
        meanwhile: impl FnOnce() -> T + Send,
    ) -> Result<T> {
        lock.check()?;
        let Self { file, tail, .. } = self;
        let path = &tail.path;
        let write = || {
            let written = texts.iter().try_for_each(|lines| file.write_all(lines));
            written.map_err(Error::io("write", path))?;
            file.sync_data().map_err(Error::io("sync", path))
        };
        let (written, done) = both(texts.len() > 1, write, meanwhile);
        if let Err(error) = written {
            // The system may refuse this too; then the lines stay, unacknowledged, whole or torn.
            let _ = self.file.set_len(self.tail.end());
            return Err(error);
        }
        debug_assert!(in_table || self.tail.unread == 0);
        if in_table {
            self.tail.unread += texts.iter().map(|lines| lines.len() as u64).sum::<u64>();
        } else {
            texts.iter().for_each(|lines| self.tail.bytes.extend_from_slice(lines));
        }
        if let Some(lines) = texts.last() {
            frame::stated(lines).clone_into(&mut self.last_crc);
        }
        self.last_seq = last_seq;
        Ok(done)
    }

    /// Notes that all states and the index are on disk up to here, and seals the log if it has grown to
    /// `limit` bytes.
    pub(super) fn checkpoint(&mut self, dir: &Dir, limit: u64) -> Result<()> {
        let offset = self.tail.end();
        let crc = self.last_crc.clone();
        let mut manifest = self.manifest.clone();
        if offset >= limit {
            manifest.seal(dir, REWARDS, offset, self.last_seq, crc)?;
            *self = Self::open(dir)?;
        } else {
            manifest.checkpoint = Checkpoint { offset, seq: self.last_seq, crc };
            manifest.write(dir, REWARDS)?;
            self.tail.checkpoint = manifest.checkpoint.clone();
            self.tail.bytes.clear();
            self.tail.unread = 0;
            self.manifest = manifest;
        }
        Ok(())
    }
}
