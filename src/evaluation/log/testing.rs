//! What tests of several formats need.

use super::{LogReader, LogVocabulary};
use crate::base::error::Result;
use crate::evaluation::row::Row;

/// Every row of a log.
pub(super) fn read_all(log: &mut dyn LogReader) -> Result<Vec<Row>> {
    let (mut rows, mut row, mut names) = (Vec::new(), Row::default(), LogVocabulary::default());
    while log.next(&mut row, &mut names)? {
        rows.push(row.clone());
    }
    Ok(rows)
}
