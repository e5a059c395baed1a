//! What is left to chance in an evaluation: the parts of cross-fitting, and the draws of rejection sampling. All of it
//! follows from the seed, and the draws from the log too, so that two logs do not share their luck.

use super::model::FOLDS;
use super::row::Row;
use super::unit::UNITS;
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

/// The parts of cross-fitting. All decisions of a group of users are in the same one: each group that is new goes where
/// there are fewest so far, drawn by a hash among these, so that parts differ by one group at most, however few there are.
/// Rows without users are spread by a hash of their number. By the number itself, or the order of users, a log whose items
/// or users take turns would have one sort of them in each part.
pub(super) struct Folds {
    seed: u64,
    /// The part of each group that was met.
    of_unit: Vec<Option<u8>>,
    /// Number of groups in each part.
    units: [u32; FOLDS],
}

impl Folds {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, of_unit: vec![None; UNITS], units: [0; FOLDS] }
    }

    /// The part that row `number` belongs to; the same whenever it is asked for.
    #[inline]
    pub(super) fn of(&mut self, number: u64, row: &Row) -> usize {
        let Some(unit) = row.unit else { return (self.hash(number) % FOLDS as u64) as usize };
        match self.of_unit[unit as usize] {
            Some(fold) => usize::from(fold),
            None => self.place(unit),
        }
    }

    fn hash(&self, number: u64) -> u64 {
        mix(mix(self.seed).wrapping_add(number.wrapping_mul(GOLDEN)))
    }

    /// Puts a group that is new into one of the parts with fewest groups.
    fn place(&mut self, unit: u32) -> usize {
        let fewest = self.units.iter().min().copied().unwrap_or(0);
        let open: Vec<usize> = (0..FOLDS).filter(|fold| self.units[*fold] == fewest).collect();
        let fold = open[(self.hash(u64::from(unit)) % open.len() as u64) as usize];
        self.units[fold] += 1;
        self.of_unit[unit as usize] = Some(fold as u8);
        fold
    }
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

    fn of_unit(unit: u32) -> Row {
        Row { unit: Some(unit), ..Row::default() }
    }

    #[test]
    fn all_decisions_of_a_user_are_in_one_part_and_parts_have_equally_many_users() {
        for seed in 0..20 {
            let mut folds = Folds::new(seed);
            let mut users = [0_u32; FOLDS];
            for i in 0..12 {
                // As hashes of names are, and some of them the same modulo 5.
                let row = of_unit(i * 340 % 4096);
                let first = folds.of(u64::from(i), &row);
                users[first] += 1;
                assert!((0..20).all(|again| folds.of(again, &row) == first));
                let (most, fewest) = (users.iter().max().unwrap(), users.iter().min().unwrap());
                assert!(most - fewest <= 1, "{seed}: {users:?}");
            }
        }
    }

    /// By their order, users who come in turn from five places would be in five parts.
    #[test]
    fn users_who_take_turns_are_spread_over_all_parts() {
        let mut counts = [[0_u32; FOLDS]; FOLDS];
        for seed in 0..20 {
            let mut folds = Folds::new(seed);
            (0..1000).for_each(|i| counts[i % FOLDS][folds.of(0, &of_unit(i as u32))] += 1);
        }
        // 800 each; further off by 120 with probability below 1e-5.
        assert!(counts.iter().flatten().all(|n| (680..920).contains(n)), "{counts:?}");
    }

    #[test]
    fn parts_are_even_whatever_the_period_of_the_rows() {
        for seed in [0, 1, 7] {
            for period in [1, 2, 5, 10, 15] {
                let mut counts = [0; FOLDS];
                let mut folds = Folds::new(seed);
                (0..10_000).for_each(|i| counts[folds.of(3 + i * period, &Row::default())] += 1);
                // 2,000 each; further off by 180 with probability below 1e-5.
                assert!(counts.iter().all(|n| (1820..2180).contains(n)), "{seed}, {period}: {counts:?}");
            }
        }
        let parts = |seed| {
            let mut folds = Folds::new(seed);
            (0..50).map(|i| folds.of(i, &Row::default())).collect::<Vec<_>>()
        };
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
