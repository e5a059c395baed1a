//! Opening a log: compressed or not, in whatever format it turns out to be.

use super::compressed::decompressed;
use super::csv::CsvLog;
use super::described::Described;
use super::dsjson::DsjsonLog;
use super::lines::Lines;
use super::rehearsal::{RehearsalLog, Segment};
use super::vw::VwLog;
use super::{Columns, LogReader, LogVocabulary, malformed, place, unreadable};
use crate::base::error::{Error, Result};
use crate::base::read::BYTE_ORDER_MARK;
use crate::evaluation::row::Row;
use crate::store::log_files::{Segments, of_store, rewards_beside, rewards_of, together};
use std::collections::{HashSet, VecDeque};
use std::io::{BufRead, Cursor, Read};
use std::path::{Path, PathBuf};

/// Bytes that tell the format of a log, whatever its lines are like.
const ENOUGH: usize = 1 << 16;

/// The format of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// This program's `decisions.jsonl` and `rewards.jsonl`.
    Rehearsal,
    /// The Open Bandit Dataset.
    Obd,
    /// Vowpal Wabbit's `dsjson`.
    Dsjson,
    /// Vowpal Wabbit's contextual-bandit text with multi-line actions.
    Vw,
    /// Comma-separated, with named columns.
    Csv,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Rehearsal, Self::Obd, Self::Dsjson, Self::Vw, Self::Csv];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rehearsal => "rehearsal",
            Self::Obd => "obd",
            Self::Dsjson => "dsjson",
            Self::Vw => "vw",
            Self::Csv => "csv",
        }
    }

    /// The format of this name.
    ///
    /// # Errors
    /// [`Error::Unknown`] for any other name.
    pub fn from_name(name: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|f| f.name() == name)
            .ok_or_else(|| Error::unknown("format", name, Self::ALL.map(Self::name)))
    }

    /// The format of a log whose first line with anything on it is this one.
    fn detect(first_line: &str) -> Option<Self> {
        let has = |name: &str| first_line.split(',').any(|f| f.trim().trim_matches('"') == name);
        if first_line.starts_with('{') {
            Some(if first_line.contains("\"decision_id\"") { Self::Rehearsal } else { Self::Dsjson })
        } else if first_line.starts_with('[') {
            // JSON, but of no format that is known.
            None
        } else if first_line.contains('|') {
            Some(Self::Vw)
        } else if has("item_id") && has("click") && has("propensity_score") {
            Some(Self::Obd)
        } else if first_line.contains(',') {
            Some(Self::Csv)
        } else {
            None
        }
    }
}

/// Several files, read one after the other as one log.
pub struct Logs {
    parts: VecDeque<Part>,
    format: Option<Format>,
    /// The format of the files so far.
    seen: Option<Format>,
    columns: Columns,
    without_features: bool,
    current: Option<Box<dyn LogReader>>,
    origin: String,
    remarks: Vec<String>,
    notes: Vec<String>,
    /// Keys of the decisions of our own logs so far, sorted, while others are yet to come.
    before: Vec<[u64; 2]>,
}

/// What is read with the same rewards: a file, or all files of one of our own logs.
struct Part {
    origin: String,
    files: VecDeque<PathBuf>,
    /// Known of folders; else beside the first file, if it turns out to be ours.
    rewards: Option<Vec<PathBuf>>,
}

impl Logs {
    /// The files at `paths`, gzip and zstd by their first bytes, of the format that they look like if none is
    /// given. A folder is that of a store, or another one with `decisions.jsonl`: all segments of its log.
    /// `columns` are those of plain CSV files. The rewards of `decisions.jsonl` are read from `rewards.jsonl`
    /// beside it and all its segments, whether or not those are named too.
    ///
    /// # Errors
    /// A folder without such a log.
    pub fn new(paths: &[PathBuf], format: Option<Format>, columns: Columns) -> Result<Self> {
        let origin = paths.first().map_or_else(String::new, |p| p.display().to_string());
        let parts = parts(paths)?.into();
        Ok(Self {
            parts,
            format,
            seen: None,
            columns,
            without_features: false,
            current: None,
            origin,
            remarks: Vec::new(),
            notes: Vec::new(),
            before: Vec::new(),
        })
    }

    /// The same, of whose dsjson and Vowpal Wabbit's text no features are read: names of actions alone.
    #[must_use]
    pub fn without_features(self) -> Self {
        Self { without_features: true, ..self }
    }

    /// The files that reading `paths` reads: those, those of folders, and the rewards beside decisions.
    ///
    /// # Errors
    /// A folder without a log of ours.
    pub fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
        let mut files: Vec<PathBuf> = Vec::new();
        for Part { files: decisions, rewards, .. } in parts(paths)? {
            let ours = rewards_beside(&decisions[0]) != decisions[0];
            let beside = if ours { rewards_of(&decisions[0])? } else { Vec::new() };
            let rewards = rewards
                .unwrap_or(beside)
                .into_iter()
                .filter(|file| file.exists() || of_store(file).is_some());
            for file in decisions.into_iter().chain(rewards) {
                if !files.contains(&file) {
                    files.push(file);
                }
            }
        }
        Ok(files)
    }

    /// Opens what comes first in `part`: all of it if it is ours, else its first file; the others wait.
    fn open(&mut self, mut part: Part) -> Result<Box<dyn LogReader>> {
        let path = part.files.pop_front().expect("a part has a file");
        let format = self.format.or(part.rewards.is_some().then_some(Format::Rehearsal));
        let (format, source) = open(&path, format)?;
        let expected = *self.seen.get_or_insert(format);
        if format != expected {
            let message = format!(
                "it is {}, the files before it are {}; evaluate them one by one",
                format.name(),
                expected.name()
            );
            return Err(malformed(path.display().to_string(), message));
        }
        if format != Format::Csv && self.columns != Columns::plain() {
            let message = format!(
                "it is {}, and --columns (in a gate `columns`) names those of csv alone; read it with --format csv, or \
                 leave them out",
                format.name()
            );
            return Err(malformed(path.display().to_string(), message));
        }
        let lines = Lines::new(source, &path.display().to_string());
        if format == Format::Rehearsal {
            let rewards = part.rewards.map_or_else(|| rewards_of(&path), Ok)?;
            let first: Segment = Box::new(|| Ok(lines));
            let decisions = [first].into_iter().chain(part.files.into_iter().map(segment)).collect();
            let rewards = rewards.into_iter().map(segment).collect();
            let log = RehearsalLog::new(part.origin, decisions, rewards)?;
            return Ok(Box::new(log.after(std::mem::take(&mut self.before))));
        }
        if !part.files.is_empty() {
            self.parts.push_front(part);
        }
        Ok(match format {
            Format::Rehearsal => unreachable!("read with its rewards"),
            Format::Dsjson => Box::new(DsjsonLog::new(lines, Described::new(self.without_features))),
            Format::Vw => Box::new(VwLog::new(lines, Described::new(self.without_features))),
            Format::Obd => Box::new(CsvLog::open_bandit(lines)?),
            Format::Csv => Box::new(CsvLog::new(lines, self.columns.clone())?),
        })
    }
}

/// What `paths` name, in order: files of one of our own logs together, without the rewards that come along.
///
/// # Errors
/// A folder without a log of ours; a file that is named twice, whose decisions would count twice.
fn parts(paths: &[PathBuf]) -> Result<Vec<Part>> {
    let parts = named(paths)?;
    let mut seen = HashSet::new();
    for file in parts.iter().flat_map(|part| &part.files) {
        if !seen.insert(file.canonicalize().unwrap_or_else(|_| file.clone())) {
            let what = "it is named twice, and its decisions would count twice; name it once";
            return Err(Error::Refused(format!("{}: {what}", file.display())));
        }
    }
    Ok(parts)
}

fn named(paths: &[PathBuf]) -> Result<Vec<Part>> {
    let mut parts: Vec<Part> = Vec::new();
    let ours = |path: &Path| rewards_beside(path) != path;
    for path in paths {
        let origin = path.display().to_string();
        if path.is_dir() {
            let Segments { decisions, rewards } = Segments::of(path)?;
            parts.push(Part { origin, files: decisions.into(), rewards: Some(rewards) });
            continue;
        }
        if paths.iter().any(|other| ours(other) && together(&rewards_beside(other), path)) {
            continue;
        }
        let same = |part: &&mut Part| part.rewards.is_none() && ours(path) && together(&part.files[0], path);
        match parts.iter_mut().find(same) {
            Some(part) => part.files.push_back(path.clone()),
            None => parts.push(Part { origin, files: [path.clone()].into(), rewards: None }),
        }
    }
    Ok(parts)
}

fn segment(path: PathBuf) -> Segment {
    Box::new(move || Ok(Lines::new(decompressed(&path)?, &path.display().to_string())))
}

impl LogReader for Logs {
    fn next(&mut self, row: &mut Row, names: &mut LogVocabulary) -> Result<bool> {
        loop {
            if let Some(current) = &mut self.current {
                if current.next(row, names)? {
                    return Ok(true);
                }
                self.remarks.extend(current.remarks());
                self.notes.extend(current.notes());
                if !self.parts.is_empty() {
                    self.before = current.take_keys();
                }
            }
            let Some(part) = self.parts.pop_front() else { return Ok(false) };
            let current = self.open(part)?;
            current.origin().clone_into(&mut self.origin);
            self.current = Some(current);
        }
    }

    fn origin(&self) -> &str {
        &self.origin
    }

    fn place(&self) -> String {
        self.current.as_ref().map_or_else(|| self.origin.clone(), |current| current.place())
    }

    fn remarks(&self) -> Vec<String> {
        self.remarks.clone()
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }
}

/// Opens the file at `path`, gzip and zstd by their first bytes, and finds out its format if none is given.
fn open(path: &Path, format: Option<Format>) -> Result<(Format, Box<dyn BufRead>)> {
    let mut source = decompressed(path)?;
    if let Some(format) = format {
        return Ok((format, source));
    }
    let origin = path.display().to_string();
    let start = beginning(&mut *source, &origin)?;
    let text = start.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&start);
    let mut lines = text.split(|b| *b == b'\n').map(<[u8]>::trim_ascii).enumerate();
    let (number, line) = lines.find(|(_, line)| !line.is_empty()).unwrap_or_default();
    let format = Format::detect(&String::from_utf8_lossy(line)).ok_or_else(|| {
        let known = Format::ALL.map(Format::name).join(", ");
        let message = format!("a log of no known format; say which with --format ({known})");
        malformed(place(&origin, number as u64 + 1, 1), message)
    })?;
    Ok((format, Box::new(Cursor::new(start).chain(source))))
}

/// The bytes up to the end of the first line that is not blank, wherever one read ends, or as many as tell a format.
fn beginning(source: &mut dyn BufRead, origin: &str) -> Result<Vec<u8>> {
    let mut start = Vec::new();
    loop {
        let chunk = source.fill_buf().map_err(|error| {
            let line = 1 + memchr::memchr_iter(b'\n', &start).count() as u64;
            let column = 1 + start.len() - memchr::memrchr(b'\n', &start).map_or(0, |end| end + 1);
            unreadable(origin, line, column, error)
        })?;
        let read = chunk.len();
        start.extend_from_slice(chunk);
        source.consume(read);
        let text = start.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&start).trim_ascii_start();
        if read == 0 || start.len() >= ENOUGH || memchr::memchr(b'\n', text).is_some() {
            return Ok(start);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    /// As from a pipe, or from a compressor that was flushed amid a line.
    #[test]
    fn the_first_line_may_come_in_parts() {
        let text = "\u{feff}\n  \naction,reward,propensity\na,1,0.5\n";
        for size in 1..40 {
            let mut source = BufReader::with_capacity(size, text.as_bytes());
            let start = beginning(&mut source, "log.csv").unwrap();
            assert!(String::from_utf8_lossy(&start).contains("propensity\n"), "{size}");
            let mut all = String::new();
            Cursor::new(start).chain(source).read_to_string(&mut all).unwrap();
            assert_eq!(all, text);
        }
    }
}
