//! The mean expected reward that was lost against an oracle that knows the person.

use super::measure::{Direction, Measure};
use super::record::{REGRET_UNITS, UserRecord};
use crate::domain::reaction::REWARD_RANGE;

/// The mean expected reward that was lost against an oracle that knows the person.
pub(super) struct Regret;

impl Measure for Regret {
    const NAME: &'static str = "regret";
    const MEANING: &'static str =
        "mean expected reward of a decision that was lost against an oracle that knows the person";
    const PER_100: &'static str = "points of reward missed per 100 tips";
    const RANGE: f64 = REWARD_RANGE;
    const BETTER: Option<Direction> = Some(Direction::Less);
    const UNITS: f64 = REGRET_UNITS;
    const IN_TABLE: bool = true;

    fn sum(record: &UserRecord) -> i64 {
        record.regret as i64
    }
}
