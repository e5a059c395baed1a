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

mod arrow_schema;
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
mod observations;
mod parquet;
mod parquet_pages;
mod parquet_types;
mod parquet_zone;
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

use crate::base::error::{Error, Result};
use crate::service::log_files::{Segments, canonical, is_whole, of_store, rewards_of};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// For each of `from` its files of rewards: those of a store, of a folder with a log, or beside one of its files of decisions; a
/// file of rewards is itself. Those that come along with decisions are not listed again where they are named too.
///
/// # Errors
/// A folder without a log; a file that is named twice, whose rewards would count twice.
pub(crate) fn reward_files(from: &[PathBuf]) -> Result<Vec<Vec<PathBuf>>> {
    let twice = |file: &Path| Error::because(LogFileRefusal::NamedTwice { file: file.to_owned() });
    let (mut named, mut listed) = (HashSet::new(), HashSet::new());
    let mut all = Vec::new();
    for path in from {
        let is_decisions = path.file_name().is_some_and(|name| name.to_string_lossy().contains("decisions"));
        let come_along = !is_whole(path) && is_decisions && of_store(path).is_none();
        let mut files = if is_whole(path) {
            Segments::of(path)?.rewards
        } else if come_along {
            rewards_of(path)?
        } else {
            vec![path.clone()]
        };
        let own = if come_along { std::slice::from_ref(path) } else { &files };
        if let Some(file) = own.iter().find(|file| !named.insert(canonical(file))) {
            return Err(twice(file));
        }
        files.retain(|file| listed.insert(canonical(file)));
        all.push(files);
    }
    Ok(all)
}
