//! What is measured: one record per simulated user and policy, and sums of records that can be merged.

use crate::reaction::Reaction;
use serde::{Deserialize, Serialize};

/// One simulated user under one policy.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct UserRecord {
    /// Decisions made.
    pub decisions: u32,
    /// Reactions in the order of [`Reaction::ALL`].
    pub reactions: [u32; 4],
    /// Sum of rewards.
    pub reward: f64,
    /// Sum over decisions of what the oracle's tip would have been expected to earn more than the one shown.
    pub regret: f64,
}

/// A figure of one user: a mean per decision, in the units of the reward or a rate in [0, 1].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Mean reward.
    Reward,
    /// Share of tips completed.
    CompletionRate,
    /// Share of tips dismissed.
    DismissRate,
    /// Mean expected reward lost against the oracle that knows the persona.
    Regret,
}

impl Metric {
    /// Every metric.
    pub const ALL: [Self; 4] = [Self::Reward, Self::CompletionRate, Self::DismissRate, Self::Regret];

    /// Its name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reward => "reward",
            Self::CompletionRate => "completion_rate",
            Self::DismissRate => "dismiss_rate",
            Self::Regret => "regret",
        }
    }

    /// Whether more of it is better.
    pub const fn more_is_better(self) -> bool {
        matches!(self, Self::Reward | Self::CompletionRate)
    }

    /// Width of the range of its values, by which differences are divided to lie in [-1, 1].
    pub const fn range(self) -> f64 {
        match self {
            Self::Reward | Self::Regret => crate::reaction::REWARD_RANGE,
            Self::CompletionRate | Self::DismissRate => 1.0,
        }
    }
}

impl UserRecord {
    /// Counts one decision.
    #[inline(always)]
    pub fn observe(&mut self, reaction: Reaction, reward: f64, regret: f64) {
        self.decisions += 1;
        self.reactions[reaction as usize] += 1;
        self.reward += reward;
        self.regret += regret;
    }

    /// One figure of this user; `None` without a decision.
    pub fn mean(&self, metric: Metric) -> Option<f64> {
        let sum = match metric {
            Metric::Reward => self.reward,
            Metric::CompletionRate => f64::from(self.reactions[Reaction::Completed as usize]),
            Metric::DismissRate => f64::from(self.reactions[Reaction::Dismissed as usize]),
            Metric::Regret => self.regret,
        };
        (self.decisions > 0).then(|| sum / f64::from(self.decisions))
    }
}
