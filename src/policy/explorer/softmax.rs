//! Softmax, or Boltzmann exploration (Sutton & Barto 2018, 2.8; Luce 1959).

use super::explore::{Choice, Explore, Parameter, top};
use crate::base::vector::Cell;
use crate::policy::kernels::Best;
use crate::policy::rng::DecisionRng;

/// Chooses each candidate with a probability proportional to exp(score / temperature).
///
/// As the temperature falls to 0 it becomes greedy, and the best share alike; as it rises, uniform. A candidate that is more
/// than some 745 temperatures behind the best has probability 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Softmax {
    /// The gap between two scores, positive and in the unit of the reward, at which one is e times as likely as the other.
    pub temperature: f64,
}

impl Softmax {
    /// What a candidate's probability is proportional to: 1 for the best, so that nothing overflows. `libm` gives the same
    /// bits on every machine.
    #[inline(always)]
    fn weight(self, score: f64, top: f64) -> f64 {
        libm::exp((score - top) / self.temperature)
    }
}

impl Explore for Softmax {
    const NAME: &'static str = "softmax";
    const MEANING: &'static str = "every tip with a probability that grows with what is expected of it";
    const PARAMETER: Option<Parameter> =
        Some(Parameter { name: "temperature", low: 1e-6, high: 1e6, default: 0.1 });

    fn new(temperature: f64) -> Self {
        Self { temperature }
    }

    fn value(self) -> Option<f64> {
        Some(self.temperature)
    }

    /// It takes one number from each generator.
    #[inline(always)]
    fn choose<C: Cell>(
        self,
        scores: &[C],
        best: &Best<C>,
        rng: &mut C::Each<DecisionRng>,
    ) -> C::Each<Choice> {
        C::each(|user| {
            let (rng, top) = (C::at_mut(rng, user), best.score.of(user));
            let total: f64 = scores.iter().map(|score| self.weight(score.of(user), top)).sum();
            let mut left = rng.share() * total;
            let mut index = 0;
            for (k, score) in scores.iter().enumerate() {
                let weight = self.weight(score.of(user), top);
                // Where rounding leaves something over, it falls to the last that can be chosen at all.
                if weight > 0.0 {
                    index = k;
                }
                left -= weight;
                if left < 0.0 {
                    break;
                }
            }
            Choice { index, explored: scores[index].of(user) < top }
        })
    }

    fn propensities(self, scores: &[f64]) -> Option<Vec<f64>> {
        let (top, _) = top(scores);
        let weights = scores.iter().map(|score| self.weight(*score, top));
        let total: f64 = weights.clone().sum();
        Some(weights.map(|weight| weight / total).collect())
    }
}
