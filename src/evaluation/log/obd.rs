//! The Open Bandit Dataset (Saito et al. 2021), comma-separated: `item_id`, `click`, `propensity_score`, and
//! `timestamp` for the moment, `user` for whose decision it was, where they are there. It says what its numbers can be: items and positions are whole numbers, clicks 0 or 1 (or false and true).

use super::columns::is_header_with_bars;
use super::csv::CsvLog;
use super::format::{FormatInput, FormatRule};
use super::reader::LogReader;
use crate::base::error::Result;
use crate::base::read::separator_of;

/// The format of the Open Bandit Dataset.
pub(super) struct Obd;

impl FormatRule for Obd {
    const NAME: &'static str = "obd";

    fn detects(first_line: &str) -> bool {
        let separator = char::from(separator_of(first_line.as_bytes()));
        let has = |name: &str| first_line.split(separator).any(|f| f.trim().trim_matches('"').trim() == name);
        let is_table = !first_line.starts_with(['{', '['])
            && (!first_line.contains('|') || is_header_with_bars(first_line));
        is_table && has("item_id") && has("click") && has("propensity_score")
    }

    fn open(input: FormatInput) -> Result<Box<dyn LogReader>> {
        Ok(Box::new(CsvLog::open_bandit(input.lines, input.options.domain)?))
    }
}
