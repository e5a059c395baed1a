//! What people make of a tip: the odds of each reaction, and what the one that came is worth.

use crate::domain::reaction::Reaction;
use crate::features::profile_history::TipEvent;
use crate::people::logit::sigmas;
use crate::people::persona::Refusal;

/// What became of a shown tip.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// What the person did, for how long, with which kind of tip.
    pub event: TipEvent,
    /// The reward of the reaction.
    pub reward: f64,
    /// Expected reward of this tip for this person at this moment.
    pub expected: f64,
}

/// What the person makes of a tip.
#[derive(Debug, Clone, Copy)]
pub(in crate::people) struct ReactionOdds {
    /// Probability that it is completed.
    pub(in crate::people) completed: f64,
    /// Probability that it is dismissed if it is not completed.
    pub(in crate::people) dismissed: f64,
    /// Its expected reward.
    pub(in crate::people) expected: f64,
}

/// Gives what people who refuse so make of tips with these u: their `completed`, `dismissed` and `expected`. `mild` is the
/// expected reward of a tip that is neither completed nor dismissed.
#[inline(always)]
pub(in crate::people) fn odds_of<const N: usize>(refusal: &Refusal, mild: f64, u: [f64; N]) -> [[f64; N]; 3] {
    let (mut v, mut expected) = ([0.0; N], [0.0; N]);
    for i in 0..N {
        v[i] = refusal.base - refusal.relief * u[i];
    }
    let (completed, dismissed) = (sigmas(u), sigmas(v));
    for i in 0..N {
        let refused = dismissed[i] * Reaction::Dismissed.reward() + (1.0 - dismissed[i]) * mild;
        expected[i] = completed[i] * Reaction::Completed.reward() + (1.0 - completed[i]) * refused;
    }
    [completed, dismissed, expected]
}
