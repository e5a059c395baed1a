//! Opening a log: compressed or not, in whatever format it turns out to be.

use super::compressed::decompressed;
use super::csv::CsvLog;
use super::dsjson::DsjsonLog;
use super::lines::Lines;
use super::rehearsal::{RehearsalLog, Segment};
use super::vw::VwLog;
use super::{Columns, LogReader, Names, malformed, place, unreadable};
use crate::error::{Error, Result};
use crate::evaluate::row::Row;
use std::path::{Path, PathBuf};

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

    /// The format of a log that starts with this line.
    fn detect(first_line: &str) -> Option<Self> {
        let has = |name: &str| first_line.split(',').any(|f| f.trim().trim_matches('"') == name);
        if first_line.starts_with('{') {
            Some(if first_line.contains("\"decision_id\"") { Self::Rehearsal } else { Self::Dsjson })
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
    paths: std::vec::IntoIter<PathBuf>,
    format: Option<Format>,
    /// The format of the files so far.
    seen: Option<Format>,
    columns: Columns,
    current: Option<Box<dyn LogReader>>,
    origin: String,
    remarks: Vec<String>,
}

impl Logs {
    /// The files at `paths`, gzip and zstd by their first bytes, of the format that they look like if none is
    /// given.
    /// `columns` are those of plain CSV files. The rewards of `decisions.jsonl` are read from `rewards.jsonl`
    /// beside it, whether or not that is named too.
    pub fn new(paths: &[PathBuf], format: Option<Format>, columns: Columns) -> Self {
        let origin = paths.first().map_or_else(String::new, |p| p.display().to_string());
        let logs: Vec<PathBuf> = paths.iter().filter(|p| !comes_along(p, paths)).cloned().collect();
        let paths = logs.into_iter();
        Self { paths, format, seen: None, columns, current: None, origin, remarks: Vec::new() }
    }
}

impl Logs {
    /// The files that reading `paths` reads: those, and the rewards beside decisions.
    pub fn files(paths: &[PathBuf]) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = Vec::new();
        for path in paths {
            let rewards = rewards_beside(path);
            let beside = (rewards != *path && rewards.exists()).then_some(rewards);
            for file in [Some(path.clone()), beside].into_iter().flatten() {
                if !files.contains(&file) {
                    files.push(file);
                }
            }
        }
        files
    }
}

impl LogReader for Logs {
    fn next(&mut self, row: &mut Row, names: &mut Names) -> Result<bool> {
        loop {
            if let Some(current) = &mut self.current {
                if current.next(row, names)? {
                    return Ok(true);
                }
                self.remarks.extend(current.remarks());
            }
            let Some(path) = self.paths.next() else { return Ok(false) };
            let (format, current) = open(&path, self.format, &self.columns)?;
            let expected = *self.seen.get_or_insert(format);
            if format != expected {
                let message = format!(
                    "it is {}, the files before it are {}; evaluate them one by one",
                    format.name(),
                    expected.name()
                );
                return Err(malformed(path.display().to_string(), message));
            }
            current.origin().clone_into(&mut self.origin);
            self.current = Some(current);
        }
    }

    fn origin(&self) -> &str {
        &self.origin
    }

    fn remarks(&self) -> Vec<String> {
        self.remarks.clone()
    }
}

/// Opens the log at `path`, gzip and zstd by their first bytes, and finds out its format if none is given.
fn open(path: &Path, format: Option<Format>, columns: &Columns) -> Result<(Format, Box<dyn LogReader>)> {
    let origin = path.display().to_string();
    let mut source = decompressed(path)?;
    let format = if let Some(format) = format {
        format
    } else {
        let start = source.fill_buf().map_err(|e| unreadable(&origin, 1, 1, e))?;
        let line = start.split(|b| *b == b'\n').next().unwrap_or_default();
        Format::detect(&String::from_utf8_lossy(line)).ok_or_else(|| {
            let known = Format::ALL.map(Format::name).join(", ");
            malformed(
                place(&origin, 1, 1),
                format!("a log of no known format; say which with --format ({known})"),
            )
        })?
    };
    let lines = |source| Lines::new(source, &origin);
    let reader: Box<dyn LogReader> = match format {
        Format::Rehearsal => {
            let rewards = rewards_beside(path);
            let rewards: Segment =
                Box::new(move || Ok(Lines::new(decompressed(&rewards)?, &rewards.display().to_string())));
            let decisions = lines(source);
            Box::new(RehearsalLog::new(origin, vec![Box::new(|| Ok(decisions))], vec![rewards])?)
        }
        Format::Dsjson => Box::new(DsjsonLog::new(lines(source))),
        Format::Vw => Box::new(VwLog::new(lines(source))),
        Format::Obd => Box::new(CsvLog::new(lines(source), Columns::open_bandit())?),
        Format::Csv => Box::new(CsvLog::new(lines(source), columns.clone())?),
    };
    Ok((format, reader))
}

/// Where the rewards of this file of decisions are: beside it, `decisions` in its name made `rewards`.
pub(super) fn rewards_beside(path: &Path) -> PathBuf {
    let name = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    path.with_file_name(name.replacen("decisions", "rewards", 1))
}

/// Whether this is a file of rewards that a file of decisions among `paths` brings along anyway.
fn comes_along(path: &Path, paths: &[PathBuf]) -> bool {
    paths.iter().any(|other| other != path && rewards_beside(other) == path)
}
