//! The share of shown tips that were dismissed.

use super::measure::{Direction, Measure};
use super::record::UserRecord;
use crate::domain::reaction::Reaction;

/// The share of shown tips that were dismissed.
pub(super) struct DismissRate;

impl Measure for DismissRate {
    const NAME: &'static str = "dismiss_rate";
    const MEANING: &'static str = "share of shown tips that were dismissed";
    const PER_100: &'static str = "dismissals per 100 tips";
    const RANGE: f64 = 1.0;
    const BETTER: Option<Direction> = Some(Direction::Less);
    const IN_TABLE: bool = true;

    fn sum(record: &UserRecord) -> i64 {
        record.reactions[Reaction::Dismissed as usize].into()
    }
}
