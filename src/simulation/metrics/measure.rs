//! What a metric has to say.

use super::record::UserRecord;
use serde::{Deserialize, Serialize};

/// Which way a figure has to go to be better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// More of it is better.
    More,
    /// Less of it is better.
    Less,
}

impl Direction {
    /// Its name in gate files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::More => "more",
            Self::Less => "less",
        }
    }

    /// A difference of two figures, turned so that more of it is better.
    pub fn gain(self, difference: f64) -> f64 {
        match self {
            Self::More => difference,
            Self::Less => -difference,
        }
    }
}

/// A figure of one user: a whole number that is summed, and what it is divided by.
pub(super) trait Measure {
    /// Its name in files.
    const NAME: &'static str;
    /// What it is of one user, as `docs/files.md` explains it.
    const MEANING: &'static str;
    /// What a hundred times its value counts, in the plural: what pages say that there are more or fewer of.
    const PER_100: &'static str;
    /// Width of the range of its values, by which differences are divided to lie in [-1, 1].
    const RANGE: f64;
    /// Which way is better; `None` where neither is, so that a criterion has to say it.
    const BETTER: Option<Direction>;
    /// Parts of its unit in which it is counted.
    const UNITS: f64 = 1.0;
    /// Whether the table of `simulate` has a column for it; JSON and CSV have every metric.
    const IN_TABLE: bool = false;

    /// The user's sum, in parts of the unit.
    fn sum(record: &UserRecord) -> i64;

    /// What the sum is divided by: by default the user's decisions.
    fn count(record: &UserRecord) -> u32 {
        record.decisions()
    }

    /// What the sum of every user is divided by who makes so many decisions among so many kinds of tip.
    fn count_of(steps: u32, kinds: usize) -> u32 {
        let _ = kinds;
        steps
    }
}
