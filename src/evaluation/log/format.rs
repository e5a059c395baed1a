//! What a log format has to state of itself.

use super::columns::Columns;
use super::lines::LogLines;
use super::reader::LogReader;
use super::so_far::SoFar;
use crate::base::error::Result;
use crate::domain::Domain;
use std::collections::VecDeque;
use std::path::PathBuf;

/// Files that are read with the same rewards: a file, or all files of one of our own logs.
pub(super) struct LogSource {
    /// What errors call it.
    pub(super) origin: String,
    /// The files that are yet to be opened.
    pub(super) files: VecDeque<PathBuf>,
    /// The files of rewards, known of folders; else they are beside the first file, if it turns out to be ours.
    pub(super) rewards: Option<Vec<PathBuf>>,
}

/// How logs are read.
#[derive(Debug, Clone, Default)]
pub(super) struct ReadOptions {
    /// The columns of plain CSV files.
    pub(super) columns: Columns,
    /// Whether features are left unread where they could be read.
    pub(super) without_features: bool,
    /// Whether candidates of one decision may have the same tag, and are told apart by their places.
    pub(super) same_tags: bool,
    /// The domain whose inputs are to be read, if any are.
    pub(super) domain: Option<&'static Domain>,
}

/// What a format opens.
pub(super) struct FormatInput<'a> {
    /// The first file.
    pub(super) path: PathBuf,
    /// Its lines.
    pub(super) lines: LogLines,
    /// The files after the first one. A format that reads them together takes them; those left are opened by themselves.
    pub(super) source: &'a mut LogSource,
    /// How it is to be read.
    pub(super) options: &'a ReadOptions,
    /// The keys of the decisions of our own logs before, sorted. A format whose decisions have ids takes them.
    pub(super) before: &'a mut Vec<[u64; 2]>,
    /// What the files before have shown.
    pub(super) so_far: &'a SoFar,
}

/// A log format.
pub(super) trait FormatRule {
    /// Its name on the command line and in gates.
    const NAME: &'static str;
    /// Whether the columns that the user names are those of this format.
    const TAKES_COLUMNS: bool = false;
    /// Whether its decisions list actions by tags, with features of any name.
    const HAS_ACTIONS: bool = false;

    /// Whether a log is of this format whose first line with anything on it is this one, and which none of the formats
    /// listed before takes for its own.
    fn detects(first_line: &str) -> bool;

    /// Opens a log of this format.
    ///
    /// # Errors
    /// A beginning that is not as the format wants it.
    fn open(input: FormatInput) -> Result<Box<dyn LogReader>>;
}
