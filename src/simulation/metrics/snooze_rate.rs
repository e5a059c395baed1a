//! The share of shown tips that were snoozed.

use super::measure::{Direction, Measure};
use super::record::UserRecord;
use crate::domain::reaction::Reaction;

/// The share of shown tips that were snoozed.
pub(super) struct SnoozeRate;

impl Measure for SnoozeRate {
    const NAME: &'static str = "snooze_rate";
    const MEANING: &'static str = "share of shown tips that were snoozed";
    const PER_100: &'static str = "snoozes per 100 tips";
    const RANGE: f64 = 1.0;
    // Few snoozes may mean tips that fit, or tips that are dismissed at once.
    const BETTER: Option<Direction> = None;

    fn sum(record: &UserRecord) -> i64 {
        record.reactions[Reaction::Snoozed as usize].into()
    }
}
