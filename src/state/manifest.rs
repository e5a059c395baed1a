//! `<log>.manifest.json`: the segments of a log that are retained, and how far states and index have got.
//!
//! A log is written to `<log>.jsonl`. When that is large it is sealed: the manifest that lists it is put in
//! place, which decides it, then the file gets its number. Whoever comes between the two finishes it.

use super::dir::Dir;
use super::frame;
use crate::base::error::{Error, Fault, Result};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Larger manifests are refused: a hundred thousand segments.
const MAX_BYTES: u64 = 64 << 20;
/// The format that is written.
const FORMAT_VERSION: u32 = 1;

/// One log: `rewards` or `decisions`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LogName(pub(super) &'static str);

impl LogName {
    /// The file that is appended to.
    pub(super) fn active(self) -> String {
        format!("{}.jsonl", self.0)
    }

    /// The file of a sealed segment.
    pub(super) fn sealed(self, number: u32) -> String {
        format!("{}.{number:06}.jsonl", self.0)
    }

    /// Number of the latest sealed segment that is there, 0 if there is none.
    fn latest_number(self, dir: &Dir) -> Result<u32> {
        let number = |name: &String| {
            let number: u32 =
                name.strip_prefix(self.0)?.strip_prefix('.')?.strip_suffix(".jsonl")?.parse().ok()?;
            (self.sealed(number) == *name).then_some(number)
        };
        Ok(dir.names()?.iter().filter_map(number).max().unwrap_or(0))
    }

    /// The file of its manifest.
    pub(super) fn manifest(self) -> String {
        format!("{}.manifest.json", self.0)
    }
}

/// What is wrong with a segment that [`Manifest::missing`] names.
pub(super) const GONE: &str = "listed in the manifest, and not there";

/// What is known of a log beside its lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    format_version: u32,
    /// Oldest first, numbered from 1.
    pub(super) sealed: Vec<Sealed>,
    /// All states, and the index, are on disk up to here.
    pub(super) checkpoint: Checkpoint,
    #[serde(default, rename = "crc", skip_serializing)]
    _crc: IgnoredAny,
}

/// What stands in any format, to say what is newer than this program.
#[derive(Deserialize)]
struct Version {
    format_version: u32,
}

/// A segment that is appended to no more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sealed {
    pub(super) file: String,
    pub(super) bytes: u64,
    /// Number of its latest record.
    pub(super) last_seq: u64,
    /// Checksum of its latest line.
    pub(super) last_crc: String,
    /// Digest of what is wrong with it and a rebuild has made up for; "" if nothing is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) damaged: String,
}

/// A place between two records.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Checkpoint {
    /// Byte offset in the segment that is written to.
    pub(super) offset: u64,
    /// Number of the record before it, 0 if there is none.
    pub(super) seq: u64,
    /// Checksum of the line before it in the same segment, "" if there is none.
    pub(super) crc: String,
}

impl Default for Manifest {
    fn default() -> Self {
        Self {
            format_version: FORMAT_VERSION,
            sealed: Vec::new(),
            checkpoint: Checkpoint::default(),
            _crc: IgnoredAny,
        }
    }
}

impl Manifest {
    /// The manifest of a log; that of an empty log if there is none.
    ///
    /// # Errors
    /// [`Error::Damaged`] also when it is gone, or an old one, and the segment after those that it lists is there: with
    /// it would go what that holds.
    pub(super) fn read(dir: &Dir, log: LogName) -> Result<Self> {
        let damaged = |what: String| Error::Damaged { path: dir.join(&log.manifest()), what };
        let mut latest = None;
        loop {
            let manifest = Self::listed(dir, log)?;
            // A segment is listed before it gets its number. The next one is looked for, not all: readers come by
            // here, and a directory may be large.
            let next = log.sealed(manifest.as_ref().map_or(1, Self::segment));
            if !dir.has(&next) {
                return Ok(manifest.unwrap_or_default());
            }
            // It may have been sealed since the manifest was read, also for the first time.
            if latest.as_ref() == Some(&manifest) {
                return Err(damaged(match manifest {
                    Some(_) => format!("it does not list {next}, which is there"),
                    None => format!("it is gone, but {next} is there"),
                }));
            }
            latest = Some(manifest);
        }
    }

    /// What the manifest says; `None` if it is not there.
    fn listed(dir: &Dir, log: LogName) -> Result<Option<Self>> {
        let name = log.manifest();
        let damaged = |what: String| Error::Damaged { path: dir.join(&name), what };
        let Some(bytes) = dir.read(&name, MAX_BYTES)? else { return Ok(None) };
        frame::check(&bytes).map_err(damaged)?;
        if let Ok(Version { format_version }) = serde_json::from_slice(&bytes)
            && format_version != FORMAT_VERSION
        {
            let known = format!("{FORMAT_VERSION}, which this program knows");
            return Err(Fault::new("format_version", format_version, known).at(dir.join(&name).display()));
        }
        serde_json::from_slice(&bytes).map(Some).map_err(|e| damaged(e.to_string()))
    }

    /// Whether a log may be begun where none is listed.
    ///
    /// # Errors
    /// [`Error::Damaged`] when segments of one are there.
    pub(super) fn check_new(dir: &Dir, log: LogName) -> Result<()> {
        match log.latest_number(dir)? {
            0 => Ok(()),
            n => {
                let what = format!("it is gone, but {} is there", log.sealed(n));
                Err(Error::Damaged { path: dir.join(&log.manifest()), what })
            }
        }
    }

    /// A manifest of the segments that are there, in the place of one that is lost. Those that are gone before
    /// the latest are in it too, empty: a segment's number is its place.
    pub(super) fn guess(dir: &Dir, log: LogName) -> Result<Self> {
        let mut manifest = Self::default();
        for number in 1..=log.latest_number(dir)? {
            let name = log.sealed(number);
            let (bytes, last_crc) = match dir.open(&name)? {
                Some(file) => {
                    let bytes = file.metadata().map_err(Error::io("read", dir.join(&name)))?.len();
                    (bytes, last_crc(&file, bytes).map_err(Error::io("read", dir.join(&name)))?)
                }
                None => (0, String::new()),
            };
            manifest.sealed.push(Sealed { file: name, bytes, last_seq: 0, last_crc, damaged: String::new() });
        }
        Ok(manifest)
    }

    /// Puts it in place, durably.
    pub(super) fn write(&self, dir: &Dir, log: LogName) -> Result<()> {
        let line = frame::seal(serde_json::to_vec(self).expect("plain values always serialize"));
        dir.prepare(&log.manifest(), log.0, &line)?.publish()?;
        dir.sync()
    }

    /// The file that was sealed last.
    pub(super) fn latest_sealed(&self) -> Option<&str> {
        self.sealed.last().map(|sealed| sealed.file.as_str())
    }

    /// Number of the segment that is written to.
    pub(super) fn segment(&self) -> u32 {
        self.sealed.len() as u32 + 1
    }

    /// The file of a segment.
    pub(super) fn file(&self, log: LogName, segment: u32) -> String {
        if segment < self.segment() { log.sealed(segment) } else { log.active() }
    }

    /// Seals the file that is written to, of `bytes` bytes up to record `seq`, all of it checkpointed.
    pub(super) fn seal(&mut self, dir: &Dir, log: LogName, bytes: u64, seq: u64, crc: String) -> Result<()> {
        let file = log.sealed(self.segment());
        self.sealed.push(Sealed { file, bytes, last_seq: seq, last_crc: crc, damaged: String::new() });
        self.checkpoint = Checkpoint { offset: 0, seq, crc: String::new() };
        self.write(dir, log)?;
        self.finish_sealing(dir, log)
    }

    /// Gives the latest sealed segment its number, if a process died before it did.
    pub(super) fn finish_sealing(&self, dir: &Dir, log: LogName) -> Result<()> {
        if let Some(latest) = self.unfinished(dir, log)? {
            dir.rename(&log.active(), &latest.file)?;
            dir.sync()?;
        }
        Ok(())
    }

    /// The latest sealed segment, if it does not have its number yet.
    fn unfinished(&self, dir: &Dir, log: LogName) -> Result<Option<&Sealed>> {
        let Some(latest) = self.sealed.last().filter(|latest| !dir.has(&latest.file)) else {
            return Ok(None);
        };
        let Some(active) = dir.open(&log.active())? else { return Ok(None) };
        let failed = || Error::io("read", dir.join(&log.active()));
        let length = active.metadata().map_err(failed())?.len();
        let same = length == latest.bytes && last_crc(&active, length).map_err(failed())? == latest.last_crc;
        Ok(same.then_some(latest))
    }

    /// The file of every segment, as they stand now, the one that is written to last: `None` where a process died
    /// between sealing it and beginning the next.
    pub(super) fn files(&self, dir: &Dir, log: LogName) -> Result<Vec<Option<String>>> {
        let mut files: Vec<_> = self.sealed.iter().map(|sealed| Some(sealed.file.clone())).collect();
        files.push(Some(log.active()));
        if self.unfinished(dir, log)?.is_some() {
            let active = files.pop();
            files.pop();
            files.extend([active.flatten(), None]);
        }
        Ok(files)
    }

    /// Files of sealed segments that are not there under any name.
    pub(super) fn missing(&self, dir: &Dir, log: LogName) -> Result<Vec<String>> {
        let unfinished = self.unfinished(dir, log)?.map(|latest| &latest.file);
        let gone = self.sealed.iter().map(|sealed| &sealed.file).filter(|file| !dir.has(file));
        Ok(gone.filter(|file| Some(*file) != unfinished).cloned().collect())
    }
}

/// The checksum that the line that ends at `offset` of the file states, "" if none does.
pub(super) fn last_crc(file: &File, offset: u64) -> io::Result<String> {
    // Eight digits, a quote, a brace, the newline.
    let mut seal = [0; 11];
    let Some(from) = offset.checked_sub(11) else { return Ok(String::new()) };
    file.read_exact_at(&mut seal, from)?;
    Ok(frame::stated(&seal).to_owned())
}

/// Whether the line that ends at `offset` of the file carries this checksum.
pub(super) fn ends_with(file: &File, offset: u64, crc: &str) -> bool {
    let expected = format!("{crc}\"}}\n");
    let mut found = vec![0; expected.len()];
    offset >= found.len() as u64
        && file.read_exact_at(&mut found, offset - expected.len() as u64).is_ok()
        && found == expected.as_bytes()
}
