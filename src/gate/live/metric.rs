//! What is compared of real users: a figure of each decision, in a range that is known before anything is looked at.

use crate::domain::reaction::Reaction;
use crate::simulation::metrics::Direction;

/// A figure of a decision, of which a user's observation is the mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LiveMetric {
    /// The reward.
    Reward,
    /// Whether the tip was done.
    CompletionRate,
    /// Whether it was put off.
    SnoozeRate,
    /// Whether it was sent away.
    DismissRate,
}

impl LiveMetric {
    /// Every metric.
    pub const ALL: [Self; 4] = [Self::Reward, Self::CompletionRate, Self::SnoozeRate, Self::DismissRate];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reward => "reward",
            Self::CompletionRate => "completion_rate",
            Self::SnoozeRate => "snooze_rate",
            Self::DismissRate => "dismiss_rate",
        }
    }

    /// The metric of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.name() == name)
    }

    /// Least and largest value that there can be, as far as outcomes say; rewards that are numbers may have another range.
    pub const fn range(self) -> (f64, f64) {
        match self {
            Self::Reward => (Reaction::Dismissed.reward(), Reaction::Completed.reward()),
            _ => (0.0, 1.0),
        }
    }

    /// Which way is better.
    pub const fn better(self) -> Direction {
        match self {
            Self::Reward | Self::CompletionRate => Direction::More,
            Self::SnoozeRate | Self::DismissRate => Direction::Less,
        }
    }

    /// Its value for a reward and what it was made from; `None` where only a reaction would say it.
    pub fn value(self, reward: f64, reaction: Option<Reaction>) -> Option<f64> {
        let is = |wanted: Reaction| reaction.map(|reaction| f64::from(u8::from(reaction == wanted)));
        match self {
            Self::Reward => Some(reward),
            Self::CompletionRate => is(Reaction::Completed),
            Self::SnoozeRate => is(Reaction::Snoozed),
            Self::DismissRate => is(Reaction::Dismissed),
        }
    }
}
