//! Opening logs: compressed or not, in whatever format they turn out to be.

use super::columns::{COMMENT, Columns};
use super::compressed::decompressed;
use super::dsjson::is_mark;
use super::format::{FormatInput, LogSource, ReadOptions};
use super::formats::LogFormat;
use super::lines::LogLines;
use super::place::{malformed, place, unreadable};
use super::reader::LogReader;
use super::refusal::LogFileRefusal;
use super::so_far::SoFar;
use super::vocabulary::LogVocabulary;
use crate::base::error::{Error, Result};
use crate::base::read::without_mark;
use crate::domain::Domain;
use crate::evaluation::row::Row;
use crate::service::log_files::{
    Segments, canonical, is_whole, of_store, rewards_beside, rewards_of, together,
};
use serde_json::{Map, Value};
use std::collections::{HashSet, VecDeque};
use std::io::{BufRead, Cursor, Read};
use std::path::{Path, PathBuf};

/// Bytes that tell the format of a log, whatever its lines are like.
const ENOUGH: usize = 1 << 16;

/// Several files, read one after the other as one log.
pub struct Logs {
    sources: VecDeque<LogSource>,
    format: Option<LogFormat>,
    /// The format of the files so far.
    format_so_far: Option<LogFormat>,
    options: ReadOptions,
    current: Option<Box<dyn LogReader>>,
    origin: String,
    remarks: Vec<String>,
    notes: Vec<String>,
    /// Keys of the decisions of our own logs so far, sorted, while others are yet to come.
    before: Vec<[u64; 2]>,
    so_far: SoFar,
}

impl Logs {
    /// The files at `paths`, gzip and zstd by their first bytes, of the format that they look like if none is
    /// given. A folder is that of a store, or another one with `decisions.jsonl`: all segments of its log.
    /// `columns` are those of plain CSV files. The rewards of `decisions.jsonl` are read from `rewards.jsonl`
    /// beside it and all its segments, whether or not those are named too.
    ///
    /// # Errors
    /// A folder without such a log.
    pub fn new(paths: &[PathBuf], format: Option<LogFormat>, columns: Columns) -> Result<Self> {
        let origin = paths.first().map_or_else(String::new, |p| p.display().to_string());
        let sources = sources(paths)?.into();
        Ok(Self {
            sources,
            format,
            format_so_far: None,
            options: ReadOptions { columns, without_features: false, same_tags: false, domain: None },
            current: None,
            origin,
            remarks: Vec::new(),
            notes: Vec::new(),
            before: Vec::new(),
            so_far: SoFar::default(),
        })
    }

    /// The same, of whose dsjson and Vowpal Wabbit's text no features are read: names of actions alone.
    #[must_use]
    pub fn without_features(mut self) -> Self {
        self.options.without_features = true;
        self
    }

    /// The same, with the inputs of a domain as this one names them in logs.
    #[must_use]
    pub fn with_domain(mut self, domain: &'static Domain) -> Self {
        self.options.domain = Some(domain);
        self
    }

    /// The same, in whose dsjson and Vowpal Wabbit's text candidates of one decision may have the same tag: they are told
    /// apart by their places.
    #[must_use]
    pub fn with_same_tags(mut self) -> Self {
        self.options.same_tags = true;
        self
    }

    /// The files that reading `paths` reads: those, those of folders, and the rewards beside decisions.
    ///
    /// # Errors
    /// A folder without a log of ours.
    pub fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
        let mut files: Vec<PathBuf> = Vec::new();
        for LogSource { files: decisions, rewards, .. } in sources(paths)? {
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

    /// Opens what comes first in `source`; files of it that are not read together wait.
    fn open(&mut self, mut source: LogSource) -> Result<Box<dyn LogReader>> {
        let path = source.files.pop_front().expect("a source has a file");
        let format = self.format.or(source.rewards.is_some().then_some(LogFormat::Rehearsal));
        let (format, bytes) = open(&path, format, &self.options.columns)?;
        let expected = *self.format_so_far.get_or_insert(format);
        if format != expected {
            let message = format!(
                "it is {}, the files before it are {}; evaluate them one by one",
                format.name(),
                expected.name()
            );
            return Err(malformed(path.display().to_string(), message));
        }
        if !format.takes_columns() && self.options.columns != Columns::plain() {
            let message = format!(
                "it is {}, and --columns (in a gate `columns`) names those of csv and parquet alone; read it with --format csv, or \
                 leave them out",
                format.name()
            );
            return Err(malformed(path.display().to_string(), message));
        }
        for (is_asked, option) in [
            (self.options.without_features, "--no-features (in a gate `features = false`)"),
            (self.options.same_tags, "--same-tags (in a gate `same_tags`)"),
        ] {
            if is_asked && !format.has_actions() {
                let (origin, name) = (path.display().to_string(), format.name());
                let message = format!("it is {name}, and {option} is of dsjson and vw alone; leave it out");
                return Err(malformed(origin, message));
            }
        }
        let lines = LogLines::new(bytes, &path.display().to_string());
        let (options, before, so_far) = (&self.options, &mut self.before, &self.so_far);
        let log = format.open(FormatInput { path, lines, source: &mut source, options, before, so_far })?;
        if !source.files.is_empty() {
            self.sources.push_front(source);
        }
        Ok(log)
    }
}

/// What `paths` name, in order: files of one of our own logs together, without the rewards that come along.
///
/// # Errors
/// A folder without a log of ours; a file that is named twice, whose decisions would count twice.
fn sources(paths: &[PathBuf]) -> Result<Vec<LogSource>> {
    let sources = named(paths)?;
    let mut seen = HashSet::new();
    for file in sources.iter().flat_map(|source| &source.files) {
        if !seen.insert(canonical(file)) {
            return Err(Error::because(LogFileRefusal::NamedTwice { file: file.clone() }));
        }
    }
    Ok(sources)
}

fn named(paths: &[PathBuf]) -> Result<Vec<LogSource>> {
    let mut sources: Vec<LogSource> = Vec::new();
    let ours = |path: &Path| rewards_beside(path) != path;
    for path in paths {
        let origin = path.display().to_string();
        if is_whole(path) {
            let Segments { decisions, rewards } = Segments::of(path)?;
            sources.push(LogSource { origin, files: decisions.into(), rewards: Some(rewards) });
            continue;
        }
        if paths.iter().any(|other| ours(other) && together(&rewards_beside(other), path)) {
            continue;
        }
        let same = |source: &&mut LogSource| {
            source.rewards.is_none() && ours(path) && together(&source.files[0], path)
        };
        match sources.iter_mut().find(same) {
            Some(source) => source.files.push_back(path.clone()),
            None => sources.push(LogSource { origin, files: [path.clone()].into(), rewards: None }),
        }
    }
    Ok(sources)
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
                if !self.sources.is_empty() {
                    self.before = current.take_keys();
                }
            }
            let Some(source) = self.sources.pop_front() else { return Ok(false) };
            let current = self.open(source)?;
            current.origin().clone_into(&mut self.origin);
            self.current = Some(current);
        }
    }

    fn origin(&self) -> &str {
        &self.origin
    }

    fn want_inputs(&mut self, domain: &'static Domain) {
        self.options.domain.get_or_insert(domain);
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
///
/// # Errors
/// What cannot be read, or is of no format; JSON that has the `columns` of a table.
fn open(
    path: &Path,
    format: Option<LogFormat>,
    columns: &Columns,
) -> Result<(LogFormat, Box<dyn BufRead + Send>)> {
    let mut bytes = decompressed(path)?;
    if let Some(format) = format {
        return Ok((format, bytes));
    }
    let origin = path.display().to_string();
    let start = beginning(&mut *bytes, &origin)?;
    let mut lines = start.split(|b| *b == b'\n').map(|line| without_mark(line).trim_ascii()).enumerate();
    let (number, line) = lines.find(|(_, line)| !line.is_empty() && !is_mark(line)).unwrap_or_default();
    let format = LogFormat::detect(&String::from_utf8_lossy(line));
    let at = || place(&origin, number as u64 + 1, 1);
    if let Some(what) = no_log(line, format, columns) {
        return Err(malformed(at(), what));
    }
    let format = format.ok_or_else(|| {
        let known = LogFormat::ALL.map(LogFormat::name).join(", ");
        malformed(at(), format!("a log of no known format; say which with --format ({known})"))
    })?;
    Ok((format, Box::new(Cursor::new(start).chain(bytes))))
}

/// What makes no log of a file whose first line is this one, and looks like that of `format`.
fn no_log(line: &[u8], format: Option<LogFormat>, columns: &Columns) -> Option<&'static str> {
    match (line.first()?, format) {
        (b'{', Some(LogFormat::Dsjson)) => {
            let members: Map<String, Value> = serde_json::from_slice(line).ok()?;
            let names = [&columns.item, &columns.reward, &columns.propensity];
            let known = names.into_iter().filter(|name| members.contains_key(*name)).count();
            let is_decision = ["_label_cost", "c", "EventId"].iter().any(|name| members.contains_key(*name));
            (known > 1 && !is_decision)
                .then_some("JSON with columns, which is not read: write them as CSV or Parquet")
        }
        (b'[', None) => Some("a list of JSON, which is not read: write its columns as CSV or Parquet"),
        (b'#', None) => Some(COMMENT),
        _ => None,
    }
}

/// The bytes up to the end of the first line that says something of the log, wherever one read ends, or as many as tell a format.
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
        let mut whole = memchr::memchr_iter(b'\n', &start).scan(0, |begin, end| {
            Some(without_mark(&start[std::mem::replace(begin, end + 1)..end]).trim_ascii())
        });
        let told = whole.any(|line| !line.is_empty() && !is_mark(line));
        if read == 0 || start.len() >= ENOUGH || told {
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
