//! The share of kinds of tip that were never shown.

use super::measure::{Direction, Measure};
use super::record::UserRecord;

/// The share of kinds of tip that were never shown.
pub(super) struct Starvation;

impl Measure for Starvation {
    const NAME: &'static str = "starvation";
    const MEANING: &'static str = "share of the kinds of tip that the user was never shown";
    const PER_100: &'static str = "kinds never shown, of 100";
    const RANGE: f64 = 1.0;
    const BETTER: Option<Direction> = Some(Direction::Less);

    fn sum(record: &UserRecord) -> i64 {
        record.kinds_unseen.into()
    }

    fn count(record: &UserRecord) -> u32 {
        record.kinds.into()
    }

    fn count_of(_: u32, kinds: usize) -> u32 {
        kinds as u32
    }
}
