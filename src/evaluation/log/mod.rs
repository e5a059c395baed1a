//! Logs of decisions, those of this program and those that others wrote.
//!
//! Files come in by their paths ([`Logs`]), compressed or not; rows ([`super::Row`]) go out of a [`LogReader`], one
//! after the other, with what the log names as numbers ([`LogVocabulary`]). A line that is not as its format wants it is
//! an error with file, line and column; nothing is made up, and what is passed over is counted and said.
//!
//! A new format: a file with a [`LogReader`], over `lines` if it reads line by line, and a unit struct that implements
//! `FormatRule` (`format.rs`): its name, how its first line is known, how it is opened; its `mod` line here, and its line
//! in `formats.rs`. Users are named by [`LogVocabulary::of_user`], so that bounds take them as independent; features are
//! read by `described`, and by `declared` for domains that files declare.

mod checks;
mod column_inputs;
mod columns;
mod compressed;
mod csv;
#[cfg(test)]
mod damage;
mod declared;
mod described;
mod distinct;
mod dsjson;
mod dsjson_line;
mod fields;
mod format;
mod formats;
mod json_members;
mod labelled;
mod lines;
mod logs;
mod look_ahead;
mod obd;
mod parquet;
mod parquet_pages;
mod parsed_lines;
mod place;
mod reactions;
mod reader;
mod refusal;
mod rehearsal;
mod rewards;
mod said;
mod so_far;
#[cfg(test)]
mod testing;
mod timestamp;
mod vocabulary;
mod vw;

pub use columns::{Columns, NO_COLUMN};
pub(crate) use compressed::decompressed as log_file;
pub use formats::LogFormat;
pub use labelled::LabelledLog;
pub use logs::Logs;
pub use reactions::{LoggedReaction, ReactionLog};
pub use reader::LogReader;
pub use refusal::LogFileRefusal;
pub use vocabulary::LogVocabulary;

use crate::base::error::Result;
use crate::service::log_files::{Segments, is_whole, of_store, rewards_of};
use std::path::{Path, PathBuf};

/// The files of rewards of a store, of a folder with a log, or of one of its files of decisions; a file of rewards is itself.
///
/// # Errors
/// A folder without a log.
pub(crate) fn reward_files(from: &Path) -> Result<Vec<PathBuf>> {
    if is_whole(from) {
        return Ok(Segments::of(from)?.rewards);
    }
    let is_decisions = from.file_name().is_some_and(|name| name.to_string_lossy().contains("decisions"));
    if is_decisions && of_store(from).is_none() { rewards_of(from) } else { Ok(vec![from.to_owned()]) }
}
