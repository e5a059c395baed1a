//! The mean reward of a decision.

use super::measure::{Direction, Measure};
use super::record::{REWARD_UNITS, UserRecord, quarters};
use crate::domain::reaction::REWARD_RANGE;

/// The mean reward of a decision.
pub(super) struct Reward;

impl Measure for Reward {
    const NAME: &'static str = "reward";
    const MEANING: &'static str =
        "mean reward of a decision: completed 1, snoozed 0.25, ignored 0, dismissed -0.5";
    const PER_100: &'static str = "points of reward per 100 tips";
    const RANGE: f64 = REWARD_RANGE;
    const BETTER: Option<Direction> = Some(Direction::More);
    const UNITS: f64 = REWARD_UNITS;
    const IN_TABLE: bool = true;

    fn sum(record: &UserRecord) -> i64 {
        quarters(&record.reactions)
    }
}
