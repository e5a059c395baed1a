//! What a person did with a tip, and the fixed table that makes it a reward.

use crate::base::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Best reward minus worst, 1.5: what differences of mean reward are divided by to lie in [-1, 1].
pub const REWARD_RANGE: f64 = 1.5;

/// Largest absolute reward that is learned: rewards need not come from a reaction.
pub const MAX_REWARD: f64 = 1e6;

/// What a person did with the tip that was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reaction {
    /// The person did it.
    Completed,
    /// The person put it off.
    Snoozed,
    /// The person left it alone.
    Ignored,
    /// The person sent it away.
    Dismissed,
}

impl Reaction {
    /// Every reaction, best reward first.
    pub const ALL: [Self; 4] = [Self::Completed, Self::Snoozed, Self::Ignored, Self::Dismissed];

    /// Its reward: completed 1, snoozed 0.25, ignored 0, dismissed -0.5.
    #[inline(always)]
    pub const fn reward(self) -> f64 {
        match self {
            Self::Completed => 1.0,
            Self::Snoozed => 0.25,
            Self::Ignored => 0.0,
            Self::Dismissed => -0.5,
        }
    }

    /// Its name in files and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Snoozed => "snoozed",
            Self::Ignored => "ignored",
            Self::Dismissed => "dismissed",
        }
    }

    /// The reaction of this name.
    ///
    /// # Errors
    /// [`Error::Unknown`], with the nearest name, for any other name.
    pub fn from_name(name: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|reaction| reaction.name() == name)
            .ok_or_else(|| Error::unknown("reaction", name, Self::ALL.map(Self::name)))
    }
}

impl fmt::Display for Reaction {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rewards_span_the_stated_range() {
        let rewards = Reaction::ALL.map(Reaction::reward);
        assert_eq!(rewards, [1.0, 0.25, 0.0, -0.5]);
        assert_eq!(rewards[0] - rewards[3], REWARD_RANGE);
    }

    #[test]
    fn names_are_those_of_files_and_the_nearest_is_suggested() {
        for reaction in Reaction::ALL {
            assert_eq!(Reaction::from_name(reaction.name()).unwrap(), reaction);
            assert_eq!(serde_json::to_string(&reaction).unwrap(), format!("\"{reaction}\""));
        }
        let message = Reaction::from_name("complete").unwrap_err().to_string();
        assert!(message.contains("did you mean \"completed\"?"), "{message}");
    }
}
