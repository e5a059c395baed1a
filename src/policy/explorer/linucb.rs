//! LinUCB (Li et al. 2010).

use super::explore::{Choice, Explore, Parameter, Scoring, by_rank, choose_best, top};
use crate::base::vector::{Cell, Kernel, Vector};
use crate::policy::kernels::{Best, FindBest};
use crate::policy::rng::DecisionRng;
use crate::policy::scratch::{Scratch, fit};

/// Chooses one of the best of theta.x + alpha sqrt(x^T A^-1 x), which is its score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinUcb {
    /// The width of the optimism in standard deviations, at least 0: 0 is greedy.
    pub alpha: f64,
}

impl Explore for LinUcb {
    const NAME: &'static str = "linucb";
    const MEANING: &'static str =
        "the tip with the most optimistic expectation: alpha says how much being unsure counts in its favour";
    const PARAMETER: Option<Parameter> = Some(Parameter { name: "alpha", low: 0.0, high: 1e9, default: 1.0 });

    fn new(alpha: f64) -> Self {
        Self { alpha }
    }

    fn value(self) -> Option<f64> {
        Some(self.alpha)
    }

    #[inline(always)]
    fn score<V: Vector>(self, level: V::Level, scoring: Scoring<'_, V::Cell>) -> Best<V::Cell> {
        let (Scoring { model, block, kinds, scratch, .. }, alpha) = (scoring, self.alpha);
        model.scores::<V>(level, block, kinds, &mut scratch.scores);
        fit(&mut scratch.widths, block.len());
        let Scratch { widths, gathered, .. } = scratch;
        model.widths_squared::<V>(level, block, kinds, gathered, widths);
        for (score, width) in scratch.scores.iter_mut().zip(&scratch.widths) {
            *score = V::Cell::new(|user| score.of(user) + alpha * width.of(user).sqrt());
        }
        FindBest(&scratch.scores).run::<V>(level)
    }

    #[inline(always)]
    fn choose<C: Cell>(
        self,
        scores: &[C],
        best: &Best<C>,
        rng: &mut C::Each<DecisionRng>,
    ) -> C::Each<Choice> {
        choose_best(scores, best, rng)
    }

    fn propensities(self, scores: &[f64]) -> Option<Vec<f64>> {
        Some(by_rank(scores, 1.0 / top(scores).1, 0.0))
    }
}
