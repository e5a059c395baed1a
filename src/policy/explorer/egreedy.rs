//! Epsilon-greedy (Sutton & Barto 2018, 2.2).

use super::explore::{Choice, Explore, Parameter, by_rank, nth_best, top, whole};
use crate::base::vector::Cell;
use crate::policy::kernels::Best;
use crate::policy::rng::DecisionRng;
use std::hint::select_unpredictable;

/// Chooses any candidate with probability epsilon, else one of the best.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Egreedy {
    /// The probability, in [0, 1], with which any candidate is chosen: 0 is greedy, 1 uniform.
    pub epsilon: f64,
}

impl Explore for Egreedy {
    const NAME: &'static str = "egreedy";
    const MEANING: &'static str =
        "the tip that it expects most of; with probability epsilon any tip, at random";
    const PARAMETER: Option<Parameter> =
        Some(Parameter { name: "epsilon", low: 0.0, high: 1.0, default: 0.1 });

    fn new(epsilon: f64) -> Self {
        Self { epsilon }
    }

    fn value(self) -> Option<f64> {
        Some(self.epsilon)
    }

    #[inline(always)]
    fn choose<C: Cell>(
        self,
        scores: &[C],
        best: &Best<C>,
        rng: &mut C::Each<DecisionRng>,
    ) -> C::Each<Choice> {
        let (k, epsilon) = (scores.len(), self.epsilon);
        C::each(
            #[inline(always)]
            |user| {
                let rng = C::at_mut(rng, user);
                let explored = rng.share() < epsilon;
                // One draw serves either.
                let drawn = rng.below(select_unpredictable(explored, k, whole(best.ties.of(user))));
                let tied = select_unpredictable(explored, 0, drawn);
                let best = nth_best(scores, user, best, tied);
                Choice { index: select_unpredictable(explored, drawn, best), explored }
            },
        )
    }

    fn propensities(self, scores: &[f64]) -> Option<Vec<f64>> {
        let (k, (_, ties), epsilon) = (scores.len() as f64, top(scores), self.epsilon);
        Some(by_rank(scores, epsilon / k + (1.0 - epsilon) / ties, epsilon / k))
    }
}
