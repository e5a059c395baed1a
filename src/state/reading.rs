//! The whole retained log, read once: every record in order, and everything that is wrong with the log itself.

use super::dir::Lines;
use super::index::Place;
use super::journal::REWARDS;
use super::manifest::{Checkpoint, GONE, Manifest, Sealed, ends_with, last_crc};
use super::record::Record;
use super::store::Store;
use crate::base::error::{Error, Result};
use sha2::{Digest, Sha256};

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file's name in the state directory.
    pub file: String,
    /// What is wrong with it, and where.
    pub problem: String,
}

/// A digest of problems, by which a rebuild remembers those that it made up for; "" for none.
pub(super) fn digest(problems: &[Problem]) -> String {
    if problems.is_empty() {
        return String::new();
    }
    let mut hasher = Sha256::new();
    for Problem { file, problem } in problems {
        hasher.update(format!("{file}: {problem}\n"));
    }
    let digest = hasher.finalize();
    format!("{:016x}", u64::from_be_bytes(digest[..8].try_into().expect("a digest has 32 bytes")))
}

/// How far the log was read, and what was wrong with it until there.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// Number of the latest record.
    pub(super) last_seq: u64,
    /// Number of the first record after the latest that are missing, 0 if none are: what was learned since then is
    /// told whole.
    pub(super) whole_from: u64,
    /// What is wrong with each segment, the one that is written to last.
    pub(super) segments: Vec<Vec<Problem>>,
    /// Number of the latest record of each segment.
    pub(super) ends: Vec<u64>,
    /// Where the latest whole line ends in the file that is written to.
    pub(super) end: u64,
    /// Whole records whose number another one has already, by segment: two processes wrote at once.
    pub(super) beside: Vec<(usize, Record)>,
    /// The file that is being read.
    file: String,
}

impl Reading {
    /// Reads every segment that the manifest lists, and the one that is written to; `follow` takes each record.
    pub(super) fn of(
        store: &Store,
        manifest: &Manifest,
        mut follow: impl FnMut(&mut Self, Record, Place),
    ) -> Result<Self> {
        let mut reading = Self::default();
        for (segment, file) in (1..).zip(manifest.files(&store.dir, REWARDS)?) {
            reading.segments.push(Vec::new());
            reading.end = 0;
            let sealed = manifest.sealed.get(segment as usize - 1);
            let mut unread = 0;
            if let Some(file) = file {
                reading.file = file;
                if let Some(sealed) = sealed {
                    reading.check_sealed(store, sealed)?;
                }
                let mut lines = Lines::of(&store.dir, &reading.file, u64::MAX)?;
                while let Some((offset, line)) = lines.next()? {
                    reading.end = offset + line.as_ref().map_or(0, |line| line.len() as u64 + 1);
                    let at = |what: String| format!("the line at byte {offset}: {what}");
                    match line.and_then(Record::parse) {
                        Err(what) => {
                            unread += 1;
                            reading.note(at(what));
                        }
                        Ok(record) if record.seq <= reading.last_seq => {
                            let (seq, last) = (record.seq, reading.last_seq);
                            reading.whole_from = last + 1;
                            reading.note(at(format!("record {seq} comes after record {last}")));
                            reading.beside.push((segment as usize - 1, record));
                        }
                        Ok(record) => {
                            let missing = record.seq - reading.last_seq - 1;
                            if missing != unread {
                                reading.note(at(format!("{missing} records are missing before it")));
                            }
                            if missing > 0 {
                                reading.whole_from = record.seq;
                            }
                            unread = 0;
                            reading.last_seq = record.seq;
                            follow(&mut reading, record, Place { segment, offset });
                        }
                    }
                }
            }
            // What the manifest knows of the file that is written to, it may have lost.
            let mut known = sealed.map_or(manifest.checkpoint.seq, |s| s.last_seq);
            if sealed.is_none() && reading.last_seq + unread < known {
                reading.note(format!(
                    "it ends with record {}; the manifest knows record {known}",
                    reading.last_seq
                ));
            } else if sealed.is_none() && !reading.is_as_checkpointed(store, manifest)? {
                let offset = manifest.checkpoint.offset;
                reading.note(format!("its first {offset} bytes are not those that the manifest knows"));
                known = known.max(reading.last_seq + 1);
            }
            // Where the manifest knows the end, what cannot be read after it is no record.
            let unread = if sealed.is_some() && known > 0 { 0 } else { unread };
            let end = (reading.last_seq + unread).max(known);
            if end > reading.last_seq {
                (reading.last_seq, reading.whole_from) = (end, end + 1);
            }
            reading.ends.push(end);
        }
        Ok(reading)
    }

    /// Adds what is wrong with the segment that is being read.
    pub(super) fn note(&mut self, problem: String) {
        let problems = self.segments.last_mut().expect("a segment is being read");
        problems.push(Problem { file: self.file.clone(), problem });
    }

    /// Whether the file that is written to has at its place the line that the checkpoint has got to.
    fn is_as_checkpointed(&self, store: &Store, manifest: &Manifest) -> Result<bool> {
        let Checkpoint { offset, crc, .. } = &manifest.checkpoint;
        if *offset == 0 {
            return Ok(true);
        }
        Ok(store.dir.open(&self.file)?.is_some_and(|file| ends_with(&file, *offset, crc)))
    }

    fn check_sealed(&mut self, store: &Store, sealed: &Sealed) -> Result<()> {
        let Some(file) = store.dir.open(&self.file)? else {
            self.note(GONE.to_owned());
            return Ok(());
        };
        let length = file.metadata().map_err(Error::io("read", store.dir.join(&self.file)))?.len();
        let Sealed { bytes, last_crc: crc, .. } = sealed;
        if length != *bytes {
            self.note(format!("{length} bytes; the manifest knows {bytes}"));
        } else if last_crc(&file, length).map_err(Error::io("read", store.dir.join(&self.file)))? != *crc {
            self.note(format!("its last line does not carry checksum {crc}, which the manifest knows"));
        }
        Ok(())
    }
}
