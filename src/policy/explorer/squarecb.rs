//! Inverse gap weighting (Foster & Rakhlin 2020).

use super::explore::{Choice, Explore, Parameter, nth_best, top, whole};
use crate::base::vector::Cell;
use crate::policy::kernels::Best;
use crate::policy::rng::DecisionRng;

/// Chooses each candidate but the best with probability 1/(K + gamma (best - score)); the rest is shared by the best.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SquareCb {
    /// How fast probability falls with the gap to the best score, at least 0: 0 is uniform, large is greedy.
    pub gamma: f64,
}

impl Explore for SquareCb {
    const NAME: &'static str = "squarecb";
    const MEANING: &'static str =
        "most often the best tip, the others the more rarely the further they are expected to fall behind";
    const PARAMETER: Option<Parameter> =
        Some(Parameter { name: "gamma", low: 0.0, high: 1e9, default: 50.0 });

    fn new(gamma: f64) -> Self {
        Self { gamma }
    }

    fn value(self) -> Option<f64> {
        Some(self.gamma)
    }

    #[inline(always)]
    fn choose<C: Cell>(
        self,
        scores: &[C],
        best: &Best<C>,
        rng: &mut C::Each<DecisionRng>,
    ) -> C::Each<Choice> {
        let (k, gamma) = (scores.len(), self.gamma);
        C::each(|user| {
            let (rng, top) = (C::at_mut(rng, user), best.score.of(user));
            let mut left = rng.share();
            for (index, score) in scores.iter().enumerate() {
                let score = score.of(user);
                if score < top {
                    left -= 1.0 / (k as f64 + gamma * (top - score));
                    if left < 0.0 {
                        return Choice { index, explored: true };
                    }
                }
            }
            let drawn = rng.below(whole(best.ties.of(user)));
            Choice { index: nth_best(scores, user, best, drawn), explored: false }
        })
    }

    fn propensities(self, scores: &[f64]) -> Option<Vec<f64>> {
        let (k, (top, ties)) = (scores.len() as f64, top(scores));
        let of = |s: f64| 1.0 / (k + self.gamma * (top - s));
        let rest: f64 = scores.iter().filter(|s| **s < top).map(|s| of(*s)).sum();
        Some(scores.iter().map(|s| if *s == top { (1.0 - rest) / ties } else { of(*s) }).collect())
    }
}
