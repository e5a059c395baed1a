//! The mean reward of the 20 decisions from the middle on, where a sudden change at 0.5 comes.

use super::measure::{Direction, Measure};
use super::record::{EARLY_STEPS, REWARD_UNITS, UserRecord, quarters};
use crate::domain::reaction::REWARD_RANGE;

/// The mean reward of the 20 decisions from the middle on, where a sudden change at 0.5 comes.
pub(super) struct MiddleReward;

impl Measure for MiddleReward {
    const NAME: &'static str = "middle_reward";
    const MEANING: &'static str =
        "mean reward of the 20 decisions from the middle on, where a sudden change at 0.5 comes";
    const PER_100: &'static str = "points of reward per 100 tips after the middle";
    const RANGE: f64 = REWARD_RANGE;
    const BETTER: Option<Direction> = Some(Direction::More);
    const UNITS: f64 = REWARD_UNITS;

    fn sum(record: &UserRecord) -> i64 {
        quarters(&record.middle)
    }

    fn count(record: &UserRecord) -> u32 {
        record.middle.iter().sum()
    }

    fn count_of(steps: u32, _: usize) -> u32 {
        (steps - steps / 2).min(EARLY_STEPS as u32)
    }
}
