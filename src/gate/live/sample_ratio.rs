//! Whether users were assigned in the shares that were stated: a multinomial e-value (Lindon & Malek 2022, "Anytime-valid
//! inference for multinomial count data").
//!
//! The alternative is a Dirichlet prior around the stated weights; its prediction of the next user's arm, given the counts so
//! far, over the stated weight is a bet that gains nothing on average if the weights are true:
//!
//! ```text
//! e = prod over users of ((kappa w_k + n_k) / (kappa + n)) / w_k
//! ```
//!
//! Users who were to be assigned with other weights, as in another step of a rollout, are counted apart.

use crate::gate::eprocess::MOST_E;
use std::collections::HashMap;

/// How strongly the alternative is drawn to the stated weights: as if so many users had been seen.
const CONCENTRATION: f64 = 100.0;

/// The e-value of a sample ratio, user by user in the order of exposure.
#[derive(Debug, Clone, Default)]
pub struct SampleRatio {
    log_e: f64,
    /// Counts of each arm, by the weights.
    counts: HashMap<Vec<u64>, Vec<f64>>,
}

impl SampleRatio {
    /// Adds a user who is in the arm at position `arm` and was to be with these weights, which add up to 1. One who could
    /// be nowhere else says nothing.
    pub fn observe(&mut self, arm: usize, weights: &[f64]) {
        let key = weights.iter().map(|weight| weight.to_bits()).collect();
        let counts = self.counts.entry(key).or_insert_with(|| vec![0.0; weights.len()]);
        let seen: f64 = counts.iter().sum();
        let predicted = (CONCENTRATION * weights[arm] + counts[arm]) / (CONCENTRATION + seen);
        self.log_e += libm::log(predicted) - libm::log(weights[arm]);
        counts[arm] += 1.0;
    }

    /// The e-value; 1e300 when it is more, or once somebody was where nobody was to be.
    pub fn e_value(&self) -> f64 {
        if self.log_e.is_nan() { MOST_E } else { libm::exp(self.log_e).min(MOST_E) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::ChaCha8Rng;
    use rand::{RngExt, SeedableRng};

    /// Whether 2,000 users of whom a share of `share` is in the first arm are ever called mismatched, looked at every hundred.
    fn mismatched(share: f64, stated: f64, run: u64) -> bool {
        let mut rng = ChaCha8Rng::seed_from_u64(22);
        rng.set_stream(run);
        let mut ratio = SampleRatio::default();
        (0..2_000).any(|user| {
            ratio.observe(usize::from(rng.random::<f64>() >= share), &[stated, 1.0 - stated]);
            user % 100 == 99 && ratio.e_value() >= 20.0
        })
    }

    #[test]
    fn true_ratios_pass_and_wrong_ones_do_not() {
        for share in [0.5, 0.05] {
            // 500 runs at 5%: more than 45 have probability 7e-5, scipy.stats.binom.sf(45, 500, 0.05).
            assert!((0..500).filter(|run| mismatched(share, share, *run)).count() <= 45);
        }
        assert!((0..50).filter(|run| mismatched(0.56, 0.5, *run)).count() >= 45);
    }

    #[test]
    fn the_e_value_is_the_ratio_of_dirichlet_multinomial_and_multinomial() {
        // Three users in arms 0, 0, 1 of weights 1/2: (50/100)(51/101)(50/102) / (1/8).
        let mut ratio = SampleRatio::default();
        for arm in [0, 0, 1] {
            ratio.observe(arm, &[0.5, 0.5]);
        }
        assert!((ratio.e_value() - 8.0 * 0.5 * (51.0 / 101.0) * (50.0 / 102.0)).abs() < 1e-12);
        let mut certain = SampleRatio::default();
        certain.observe(0, &[1.0, 0.0]);
        assert_eq!(certain.e_value(), 1.0);
        certain.observe(1, &[1.0, 0.0]);
        assert_eq!(certain.e_value(), MOST_E);
    }
}
