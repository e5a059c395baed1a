//! Rejection sampling: which decisions replay keeps. The draws follow from the seed and from the log, so that two logs
//! do not share their luck.

use super::row::Row;
use super::split_mix::{GOLDEN, mix};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

/// A digest of the rows so far: what was chosen, with which probability, and what followed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LogDigest(u64);

impl LogDigest {
    #[inline]
    pub(super) fn add(&mut self, row: &Row) {
        let propensity = row.propensity.unwrap_or(0.0).to_bits();
        let row = mix(propensity ^ u64::from(row.item())).wrapping_add(row.reward.to_bits());
        self.0 = mix(self.0.wrapping_add(GOLDEN) ^ row);
    }
}

/// The draws of rejection sampling, row by row.
pub(super) struct RejectionDraws(ChaCha8Rng);

impl RejectionDraws {
    /// The draws of a log with this digest, from the first row on.
    pub(super) fn new(seed: u64, log: LogDigest) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&log.0.to_le_bytes());
        key[16..].copy_from_slice(b"replay rejection");
        Self(ChaCha8Rng::from_seed(key))
    }

    /// The next row's draw, in [0, 1). It is one for all policies, which are compared under the same luck.
    #[inline]
    pub(super) fn next(&mut self) -> f64 {
        self.0.random()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_that_differ_in_a_reward_have_other_draws() {
        let draws = |rewards: [f64; 3]| {
            let mut log = LogDigest::default();
            rewards.iter().for_each(|reward| log.add(&Row { reward: *reward, ..Row::default() }));
            let mut draws = RejectionDraws::new(1, log);
            [draws.next(), draws.next()]
        };
        assert_eq!(draws([0.0, 1.0, 1.0]), draws([0.0, 1.0, 1.0]));
        assert_ne!(draws([0.0, 1.0, 1.0]), draws([1.0, 0.0, 1.0]));
    }
}
