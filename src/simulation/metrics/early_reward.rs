//! The mean reward of the first decisions.

use super::measure::{Direction, Measure};
use super::record::{EARLY_STEPS, REWARD_UNITS, UserRecord, quarters};
use crate::domain::reaction::REWARD_RANGE;

/// The mean reward of the first decisions.
pub(super) struct EarlyReward;

impl Measure for EarlyReward {
    const NAME: &'static str = "early_reward";
    const MEANING: &'static str = "mean reward of the first 20 decisions";
    const PER_100: &'static str = "points of reward per 100 of the first tips";
    const RANGE: f64 = REWARD_RANGE;
    const BETTER: Option<Direction> = Some(Direction::More);
    const UNITS: f64 = REWARD_UNITS;

    fn sum(record: &UserRecord) -> i64 {
        quarters(&record.early)
    }

    fn count(record: &UserRecord) -> u32 {
        record.early.iter().sum()
    }

    fn count_of(steps: u32, _: usize) -> u32 {
        steps.min(EARLY_STEPS as u32)
    }
}
