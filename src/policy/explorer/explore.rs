//! What an explorer has to say, and what explorers share.

use crate::base::error::{Fault, within};
use crate::base::vector::{Cell, Vector};
use crate::features::FeatureBlock;
use crate::policy::kernels::Best;
use crate::policy::model::Model;
use crate::policy::rng::DecisionRng;
use crate::policy::scratch::Scratch;
use std::fmt::Debug;

/// The candidate that was chosen, by its position.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Choice {
    /// Position of the chosen candidate.
    pub index: usize,
    /// Whether chance rather than the scores decided: the random arm of epsilon-greedy and uniform, and
    /// for SquareCB and softmax any candidate but a best one. The optimism of LinUCB and LinTS is in their scores.
    pub explored: bool,
}

/// A number that an explorer can be given in a policy file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameter {
    /// Its name in policy files; no other explorer's parameter has it.
    pub name: &'static str,
    /// The smallest value that is allowed.
    pub low: f64,
    /// The largest value that is allowed.
    pub high: f64,
    /// The value where a file states none.
    pub default: f64,
}

impl Parameter {
    /// The value, if it is allowed.
    pub(super) fn checked(&self, value: f64) -> Result<f64, Fault> {
        within(self.name, value, self.low, self.high)
    }
}

/// A strategy of choosing among scored candidates: the one place where its choice is sampled and where its propensities
/// are computed.
pub(super) trait Explore: Copy + Debug + PartialEq {
    /// Its name in policy files.
    const NAME: &'static str;
    /// What it shows, for those who do not know its name.
    const MEANING: &'static str;
    /// The number that it can be given, if there is one.
    const PARAMETER: Option<Parameter>;
    /// Whether each candidate's probability of being chosen has a closed form.
    const HAS_PROPENSITIES: bool = true;
    /// Whether what was learned has any influence on what it chooses.
    const USES_SCORES: bool = true;

    /// The explorer with this value of its parameter, which has been checked; one without a parameter ignores it.
    fn new(value: f64) -> Self;

    /// The value of its parameter.
    fn value(self) -> Option<f64>;

    /// Scores the candidates for each user, into the scratch's `scores`, and gives the best of them. By default the score
    /// is the reward that the model expects.
    #[inline(always)]
    fn score<V: Vector>(self, level: V::Level, scoring: Scoring<'_, V::Cell>) -> Best<V::Cell> {
        let Scoring { model, block, kinds, scratch, .. } = scoring;
        model.scores::<V>(level, block, kinds, &mut scratch.scores)
    }

    /// Chooses for each user by the scores of K candidates, at least 1, and the best of them, taking chance only from
    /// each user's generator.
    fn choose<C: Cell>(self, scores: &[C], best: &Best<C>, rng: &mut C::Each<DecisionRng>)
    -> C::Each<Choice>;

    /// Each of K candidates' probability of being chosen, given their scores; `None` where it has no closed form.
    fn propensities(self, scores: &[f64]) -> Option<Vec<f64>>;
}

/// What candidates are scored by.
pub(in crate::policy) struct Scoring<'a, C: Cell> {
    /// What has been learned.
    pub model: &'a Model<C>,
    /// The candidates' vectors.
    pub block: &'a FeatureBlock<C>,
    /// Each candidate's [`Model::kind_index`].
    pub kinds: &'a [C::Each<usize>],
    /// Each user's generator.
    pub rng: &'a mut C::Each<DecisionRng>,
    /// The memory to work in; `scores` has one cell for each candidate already.
    pub scratch: &'a mut Scratch<C>,
}

/// Chooses one of the best for each user: all of them alike, from one word.
#[inline(always)]
pub(super) fn choose_best<C: Cell>(
    scores: &[C],
    best: &Best<C>,
    rng: &mut C::Each<DecisionRng>,
) -> C::Each<Choice> {
    C::each(|user| {
        let drawn = C::at_mut(rng, user).below(whole(best.ties.of(user)));
        Choice { index: nth_best(scores, user, best, drawn), explored: false }
    })
}

/// The largest score, and how many candidates have it.
pub(super) fn top(scores: &[f64]) -> (f64, f64) {
    let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (top, scores.iter().filter(|s| **s == top).count() as f64)
}

/// The probabilities of candidates that are told apart by nothing but whether they are among the best.
pub(super) fn by_rank(scores: &[f64], of_best: f64, of_others: f64) -> Vec<f64> {
    let (top, _) = top(scores);
    scores.iter().map(|s| if *s == top { of_best } else { of_others }).collect()
}

/// A whole number below 2^32 that is held as a double. Adding 2^52 aligns its bits, which is less work than a conversion
/// that has to think of every double.
#[inline(always)]
pub(super) fn whole(x: f64) -> usize {
    (x + (1_u64 << 52) as f64).to_bits() as u32 as usize
}

/// Position of the n-th of a user's best candidates, counted from 0.
#[inline(always)]
pub(super) fn nth_best<C: Cell>(scores: &[C], user: usize, best: &Best<C>, n: usize) -> usize {
    let first = whole(best.first.of(user));
    if n == 0 {
        return first;
    }
    let top = scores[first].of(user);
    let mut best = scores.iter().enumerate().filter(|(_, score)| score.of(user) == top);
    best.nth(n).map_or(first, |(index, _)| index)
}
