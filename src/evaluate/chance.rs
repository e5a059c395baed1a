//! What is left to chance in an evaluation: the parts of cross-fitting, and the draws of rejection sampling. All of it
//! follows from the seed, and the draws from the log too, so that two logs do not share their luck.

use super::model::FOLDS;
use super::row::Row;
use rand::rngs::ChaCha8Rng;
use rand::{Rng, RngExt, SeedableRng};
use rand_xoshiro::SplitMix64;

/// 2^64 over the golden ratio, the step of SplitMix64: numbers that are this far apart are spread evenly.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finalizer of SplitMix64 (Steele, Lea & Flood 2014): each bit of the result depends on each of `z`.
fn mix(z: u64) -> u64 {
    // The generator takes a step before it mixes.
    SplitMix64::seed_from_u64(z.wrapping_sub(GOLDEN)).next_u64()
}

/// The part of cross-fitting that row `number` belongs to: all decisions of a user to the same one, other rows by a
/// hash of their number. By the number itself, a log whose items take turns would have one of them in each part.
#[inline]
pub(super) fn fold(seed: u64, number: u64, row: &Row) -> usize {
    let hash = || mix(mix(seed).wrapping_add(number.wrapping_mul(GOLDEN)));
    (row.unit.map_or_else(hash, u64::from) % FOLDS as u64) as usize
}

/// A digest of the rows so far: what was chosen, with which probability, and what followed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Digest(u64);

impl Digest {
    #[inline]
    pub(super) fn add(&mut self, row: &Row) {
        let propensity = row.propensity.unwrap_or(0.0).to_bits();
        let row = mix(propensity ^ u64::from(row.item())).wrapping_add(row.reward.to_bits());
        self.0 = mix(self.0.wrapping_add(GOLDEN) ^ row);
    }
}

/// The draws of rejection sampling, row by row.
pub(super) struct Draws(ChaCha8Rng);

impl Draws {
    /// Those of a log with this digest, from the first row on.
    pub(super) fn new(seed: u64, log: Digest) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&log.0.to_le_bytes());
        key[16..].copy_from_slice(b"replay rejection");
        Self(ChaCha8Rng::from_seed(key))
    }

    /// The next row's, in [0, 1): one for all policies, which are compared under the same luck.
    #[inline]
    pub(super) fn next(&mut self) -> f64 {
        self.0.random()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_decisions_of_a_user_are_in_one_part() {
        let row = Row { unit: Some(7), ..Row::default() };
        assert!((0..20).all(|i| fold(3, i, &row) == 2));
    }

    #[test]
    fn parts_are_even_whatever_the_period_of_the_rows() {
        for seed in [0, 1, 7] {
            for period in [1, 2, 5, 10, 15] {
                let mut counts = [0; FOLDS];
                (0..10_000).for_each(|i| counts[fold(seed, 3 + i * period, &Row::default())] += 1);
                // 2,000 each; further off by 180 with probability below 1e-5.
                assert!(counts.iter().all(|n| (1820..2180).contains(n)), "{seed}, {period}: {counts:?}");
            }
        }
        let parts = |seed| (0..50).map(|i| fold(seed, i, &Row::default())).collect::<Vec<_>>();
        assert_eq!(parts(4), parts(4));
        assert_ne!(parts(4), parts(5));
    }

    #[test]
    fn logs_that_differ_in_a_reward_have_other_draws() {
        let draws = |rewards: [f64; 3]| {
            let mut log = Digest::default();
            rewards.iter().for_each(|reward| log.add(&Row { reward: *reward, ..Row::default() }));
            let mut draws = Draws::new(1, log);
            [draws.next(), draws.next()]
        };
        assert_eq!(draws([0.0, 1.0, 1.0]), draws([0.0, 1.0, 1.0]));
        assert_ne!(draws([0.0, 1.0, 1.0]), draws([1.0, 0.0, 1.0]));
    }
}
