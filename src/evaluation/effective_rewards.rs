//! How much evidence the rewards of a log are, as far as a policy would have met them.
//!
//! An effective sample of weights says how many decisions of the policy's own the log is worth. A thousand decisions of
//! which three are rewarded tell as little as three: what counts is the weighted rewards. Their own concentration,
//! (sum of w r)^2 / sum of (w r)^2, misleads where it matters most, for where the few rewarded decisions with large weights
//! happen not to be in the log, what is left looks even. So weights and rewards are judged apart: the effective sample
//! times the evenness of rewards under the policy, which is near 0 where nearly all rewards are the same.

use crate::evaluation::sample::Sample;

/// Effective rewards below which bounds that rest on many rewards are not given: measured, see ADR-0009.
pub const MIN_EFFECTIVE_REWARDS: f64 = 200.0;

/// How evenly rewards are spread under a policy, the weights normalized: (mean of |r - m|)^2 / mean of (r - m)^2, with m
/// their mean. For rewards of two values of which one has probability p it is 4 p (1 - p): 1 for a fair coin, 0.04 for one
/// in a hundred. It is at most 1 whatever the rewards are, and the same on any scale.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RewardEvenness {
    weights: f64,
    distances: f64,
    squares: f64,
}

impl RewardEvenness {
    /// Adds one decision, so many times, for a policy whose mean reward is `mean`.
    #[inline]
    pub(super) fn add(&mut self, sample: &Sample, mean: f64, times: f64) {
        let (distance, weight) = ((sample.reward - mean).abs(), times * sample.weight);
        self.weights += weight;
        self.distances += weight * distance;
        self.squares += weight * distance * distance;
    }

    /// The evenness in [0, 1]; 0 where all rewards are the same, for then nothing is known of those that are not. `None`
    /// where the sums overflow or a weight is unknown.
    pub(super) fn get(&self) -> Option<f64> {
        let product = self.weights * self.squares;
        let evenness = if product > 0.0 { self.distances * self.distances / product } else { 0.0 };
        (product.is_finite() && evenness.is_finite()).then(|| evenness.min(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evenness(decisions: &[(f64, f64)]) -> Option<f64> {
        let sum = decisions.iter().map(|(w, _)| w).sum::<f64>();
        let mean = decisions.iter().map(|(w, r)| w * r).sum::<f64>() / sum;
        let mut all = RewardEvenness::default();
        for (weight, reward) in decisions {
            let sample =
                Sample { weight: *weight, reward: *reward, predicted: 0.0, expected: 0.0, accepted: true };
            all.add(&sample, mean, 1.0);
        }
        all.get()
    }

    #[test]
    fn of_two_values_it_is_four_times_the_variance() {
        let one_in = |n: usize| (0..n).map(|i| (1.0, f64::from(u8::from(i == 0)))).collect::<Vec<_>>();
        for n in [2, 10, 100] {
            let p = 1.0 / n as f64;
            assert!((evenness(&one_in(n)).unwrap() - 4.0 * p * (1.0 - p)).abs() < 1e-12, "{n}");
        }
        // Failures that are rare are as little evidence, on any scale.
        let failures: Vec<_> = one_in(100).iter().map(|(w, r)| (*w, 7.0 - 3.0 * r)).collect();
        assert!((evenness(&failures).unwrap() - 0.0396).abs() < 1e-12);
        // Two of a hundred have half of the weight: to the policy every second decision is rewarded.
        let heavy: Vec<_> = one_in(99).iter().map(|(w, r)| (w + 97.0 * r, *r)).collect();
        assert!((evenness(&heavy).unwrap() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn rewards_that_are_all_the_same_are_no_evidence_of_others() {
        assert_eq!(evenness(&[(1.0, 0.5); 9]), Some(0.0));
        assert_eq!(evenness(&[(f64::NAN, 0.5); 9]), None);
    }
}
