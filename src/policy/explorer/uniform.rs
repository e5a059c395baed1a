//! Every candidate with probability 1/K.

use super::explore::{Choice, Explore, Parameter, Scoring};
use crate::base::vector::{Cell, Kernel, Vector};
use crate::policy::kernels::{Best, FindBest};
use crate::policy::rng::DecisionRng;

/// Chooses every candidate with probability 1/K, whatever was learned. Every score is 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Uniform;

impl Explore for Uniform {
    const NAME: &'static str = "uniform";
    const MEANING: &'static str = "any tip, at random";
    const PARAMETER: Option<Parameter> = None;
    const USES_SCORES: bool = false;

    fn new(_: f64) -> Self {
        Self
    }

    fn value(self) -> Option<f64> {
        None
    }

    #[inline(always)]
    fn score<V: Vector>(self, level: V::Level, scoring: Scoring<'_, V::Cell>) -> Best<V::Cell> {
        let scores = &mut scoring.scratch.scores;
        scores.fill(V::Cell::all(0.0));
        FindBest(scores).run::<V>(level)
    }

    #[inline(always)]
    fn choose<C: Cell>(self, scores: &[C], _: &Best<C>, rng: &mut C::Each<DecisionRng>) -> C::Each<Choice> {
        C::each(|user| Choice { index: C::at_mut(rng, user).below(scores.len()), explored: true })
    }

    fn propensities(self, scores: &[f64]) -> Option<Vec<f64>> {
        Some(vec![1.0 / scores.len() as f64; scores.len()])
    }
}
