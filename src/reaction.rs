//! How a person reacts to a tip, and the fixed table that makes a reward of it.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// A person's reaction to a shown tip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reaction {
    /// Did it.
    Completed,
    /// Put it off.
    Snoozed,
    /// Let it pass.
    Ignored,
    /// Waved it away.
    Dismissed,
}

/// Width of the range of rewards, 1.5: from a dismissed tip to a completed one.
pub const REWARD_RANGE: f64 = Reaction::Completed.reward() - Reaction::Dismissed.reward();

impl Reaction {
    /// Every reaction, best first.
    pub const ALL: [Self; 4] = [Self::Completed, Self::Snoozed, Self::Ignored, Self::Dismissed];

    /// The reward: completed 1, snoozed 0.25, ignored 0, dismissed -0.5 (ADR-0003).
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
    /// [`Error::Unknown`], with the nearest name, for any other.
    pub fn from_name(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|r| r.name() == name);
        found.ok_or_else(|| Error::unknown("reaction", name, Self::ALL.map(Self::name)))
    }
}
