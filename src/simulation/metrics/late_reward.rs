//! The mean reward of the second half of the decisions.

use super::measure::{Direction, Measure};
use super::record::{REWARD_UNITS, UserRecord, quarters};
use crate::domain::reaction::REWARD_RANGE;

/// The mean reward of the second half of the decisions.
pub(super) struct LateReward;

impl Measure for LateReward {
    const NAME: &'static str = "late_reward";
    const MEANING: &'static str = "mean reward of the second half of the decisions";
    const PER_100: &'static str = "points of reward per 100 tips of the second half";
    const RANGE: f64 = REWARD_RANGE;
    const BETTER: Option<Direction> = Some(Direction::More);
    const UNITS: f64 = REWARD_UNITS;

    fn sum(record: &UserRecord) -> i64 {
        quarters(&record.late)
    }

    fn count(record: &UserRecord) -> u32 {
        record.late.iter().sum()
    }

    fn count_of(steps: u32, _: usize) -> u32 {
        steps - steps / 2
    }
}
