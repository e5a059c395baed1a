//! What is counted of a user's reactions: one vector of sums, from which every distance follows.
//!
//! Sums add up, over users and over resampled users, so a bootstrap never goes back to single reactions.

use crate::domain::profile::PROFILE_FEATURES;
use crate::domain::reaction::{REWARD_RANGE, Reaction};

/// Hours of the day that are told apart.
pub(super) const HOURS: usize = 8;
/// Bins of dwell times and of profile values, at quantiles of the simulated ones.
const BINS: usize = 24;
/// Bins of predicted probabilities of completion.
pub(super) const PREDICTED: usize = 10;
/// Steps into which the range of rewards is cut: each reward of the reaction table is one.
const REWARDS: usize = 60;
const REACTIONS: usize = Reaction::ALL.len();
const FEATURES: usize = PROFILE_FEATURES.len();

/// One reaction as it is counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Observed {
    /// Index of the tip's kind; `None` for a kind that no persona knows.
    pub(super) kind: Option<usize>,
    /// Hour of the moment, in [0, 24).
    pub(super) hour: f64,
    pub(super) reaction: Reaction,
    pub(super) dwell_seconds: Option<f64>,
    pub(super) reward: f64,
    /// The profile values that held for the tip.
    pub(super) profile: [Option<f64>; FEATURES],
    /// Probability of completion as the personas have it; `None` for a kind that they do not know.
    pub(super) predicted: Option<f64>,
}

/// Where in the vector each sum stands, and where bins end.
#[derive(Debug, Clone)]
pub(super) struct Cells {
    kinds: usize,
    /// Upper ends of all but the last bin of dwell, by reaction.
    dwell_edges: [Vec<f64>; REACTIONS],
    profile_edges: [Vec<f64>; FEATURES],
}

impl Cells {
    /// Cells for this many kinds, with bins at the quantiles of `sample`.
    pub(super) fn new(kinds: usize, sample: &[Observed]) -> Self {
        let dwell = |reaction: &Reaction| {
            let of = sample.iter().filter(|o| o.reaction == *reaction);
            edges(of.filter_map(|o| o.dwell_seconds).collect())
        };
        let profile = |f: usize| edges(sample.iter().filter_map(|o| o.profile[f]).collect());
        Self {
            kinds,
            dwell_edges: Reaction::ALL.each_ref().map(dwell),
            profile_edges: std::array::from_fn(profile),
        }
    }

    // The vector: reactions by kind (those of unknown kinds last), reactions by hour, dwell bins by reaction,
    // number and log1p of dwells by reaction, steps of reward, profile bins (unknown first), number and sum
    // of profile values, and number, predicted and seen completions by predicted probability.

    pub(super) fn kind(&self, kind: usize, reaction: usize) -> usize {
        debug_assert!(kind <= self.kinds + 1 + HOURS);
        kind * REACTIONS + reaction
    }

    pub(super) fn hour(&self, hour: usize, reaction: usize) -> usize {
        self.kind(self.kinds + 1 + hour, reaction)
    }

    fn dwell(&self, reaction: usize, bin: usize) -> usize {
        self.hour(HOURS, 0) + reaction * BINS + bin
    }

    /// 0 for their number, 1 for the sum of log1p.
    pub(super) fn dwell_sum(&self, reaction: usize, what: usize) -> usize {
        self.dwell(REACTIONS, 0) + reaction * 2 + what
    }

    fn reward(&self, step: usize) -> usize {
        self.dwell_sum(REACTIONS, 0) + step
    }

    fn profile(&self, feature: usize, bin: usize) -> usize {
        self.reward(REWARDS + 1) + feature * (BINS + 1) + bin
    }

    /// 0 for their number, 1 for their sum.
    pub(super) fn profile_sum(&self, feature: usize, what: usize) -> usize {
        self.profile(FEATURES, 0) + feature * 2 + what
    }

    /// 0 for the number, 1 for predicted completions, 2 for seen ones.
    pub(super) fn predicted(&self, bin: usize, what: usize) -> usize {
        self.profile_sum(FEATURES, 0) + bin * 3 + what
    }

    /// Length of the vector.
    pub(super) fn len(&self) -> usize {
        self.predicted(PREDICTED, 0)
    }

    /// Number of kinds that personas know.
    pub(super) fn kinds(&self) -> usize {
        self.kinds
    }

    /// Adds one reaction to a vector.
    pub(super) fn add(&self, o: &Observed, sums: &mut [f64]) {
        let reaction = o.reaction as usize;
        sums[self.kind(o.kind.unwrap_or(self.kinds), reaction)] += 1.0;
        let hour = (o.hour * HOURS as f64 / 24.0) as usize;
        sums[self.hour(hour.min(HOURS - 1), reaction)] += 1.0;
        if let Some(dwell) = o.dwell_seconds {
            sums[self.dwell(reaction, bin(&self.dwell_edges[reaction], dwell))] += 1.0;
            sums[self.dwell_sum(reaction, 0)] += 1.0;
            sums[self.dwell_sum(reaction, 1)] += libm::log1p(dwell);
        }
        if let Some(step) = reward_step(o.reward) {
            sums[self.reward(step)] += 1.0;
        }
        for (f, value) in o.profile.iter().enumerate() {
            let Some(value) = value else {
                sums[self.profile(f, 0)] += 1.0;
                continue;
            };
            sums[self.profile(f, 1 + bin(&self.profile_edges[f], *value))] += 1.0;
            sums[self.profile_sum(f, 0)] += 1.0;
            sums[self.profile_sum(f, 1)] += value;
        }
        if let Some(predicted) = o.predicted {
            let at = ((predicted * PREDICTED as f64) as usize).min(PREDICTED - 1);
            sums[self.predicted(at, 0)] += 1.0;
            sums[self.predicted(at, 1)] += predicted;
            sums[self.predicted(at, 2)] += f64::from(u8::from(o.reaction == Reaction::Completed));
        }
    }

    pub(super) fn dwell_bins<'a>(&self, sums: &'a [f64], reaction: usize) -> &'a [f64] {
        &sums[self.dwell(reaction, 0)..self.dwell(reaction + 1, 0)]
    }

    pub(super) fn reward_steps<'a>(&self, sums: &'a [f64]) -> &'a [f64] {
        &sums[self.reward(0)..self.reward(REWARDS + 1)]
    }

    pub(super) fn profile_bins<'a>(&self, sums: &'a [f64], feature: usize) -> &'a [f64] {
        &sums[self.profile(feature, 0)..self.profile(feature + 1, 0)]
    }

    /// Reactions of a kind, or of an hour if `at` is [`Self::hour`].
    pub(super) fn reactions<'a>(&self, sums: &'a [f64], at: usize) -> &'a [f64] {
        debug_assert!(at < self.hour(HOURS, 0));
        &sums[at..at + REACTIONS]
    }
}

/// The step of this reward, counted from the smallest of the reaction table; `None` for one beyond its range, which is no
/// more like those at its ends than like any other.
pub(super) fn reward_step(reward: f64) -> Option<usize> {
    let step = ((reward - Reaction::Dismissed.reward()) / REWARD_RANGE * REWARDS as f64).round();
    (0.0..=REWARDS as f64).contains(&step).then_some(step as usize)
}

/// Upper ends of bins that hold about equal parts of the values.
fn edges(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    let quantile = |i: usize| values.get(i * values.len() / BINS).copied();
    let mut edges: Vec<f64> = (1..BINS).filter_map(quantile).collect();
    edges.dedup();
    edges
}

/// The bin of a value: those above the last end are in the one after it.
fn bin(edges: &[f64], value: f64) -> usize {
    edges.partition_point(|edge| *edge < value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rewards_beyond_the_table_are_none_of_its_ends() {
        let steps = [-0.5, 0.0, 1.0, -0.52, 1.02, 7.0].map(reward_step);
        assert_eq!(steps, [Some(0), Some(20), Some(REWARDS), None, None, None]);
    }
}
