//! The share of shown tips that were completed.

use super::measure::{Direction, Measure};
use super::record::UserRecord;
use crate::domain::reaction::Reaction;

/// The share of shown tips that were completed.
pub(super) struct CompletionRate;

impl Measure for CompletionRate {
    const NAME: &'static str = "completion_rate";
    const MEANING: &'static str = "share of shown tips that were completed";
    const PER_100: &'static str = "completions per 100 tips";
    const RANGE: f64 = 1.0;
    const BETTER: Option<Direction> = Some(Direction::More);
    const IN_TABLE: bool = true;

    fn sum(record: &UserRecord) -> i64 {
        record.reactions[Reaction::Completed as usize].into()
    }
}
