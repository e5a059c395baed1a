//! Thompson sampling on a linear model (Agrawal & Goyal 2013).

use super::explore::{Choice, Explore, Parameter, Scoring, choose_best};
use crate::base::vector::{Cell, Vector};
use crate::policy::kernels::Best;
use crate::policy::rng::DecisionRng;

/// Chooses one of the best under weights drawn from N(theta, v^2 A^-1), which give its scores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinTs {
    /// The scale of the noise of the weights, at least 0: 0 is greedy.
    pub v: f64,
}

impl Explore for LinTs {
    const NAME: &'static str = "lints";
    const MEANING: &'static str =
        "the tip that is best in one guess at the truth, drawn from all that it still holds possible";
    const PARAMETER: Option<Parameter> = Some(Parameter { name: "v", low: 0.0, high: 1e9, default: 0.5 });
    const HAS_PROPENSITIES: bool = false;

    fn new(v: f64) -> Self {
        Self { v }
    }

    fn value(self) -> Option<f64> {
        Some(self.v)
    }

    #[inline(always)]
    fn score<V: Vector>(self, level: V::Level, scoring: Scoring<'_, V::Cell>) -> Best<V::Cell> {
        let Scoring { model, block, kinds, rng, scratch } = scoring;
        model.perturbed_scores::<V>(level, self.v, block, kinds, rng, scratch)
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

    fn propensities(self, _: &[f64]) -> Option<Vec<f64>> {
        None
    }
}
