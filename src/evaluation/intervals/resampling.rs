//! Resampled logs: many replicates of the totals of several estimates, in one pass over what is independent.
//!
//! Each replicate counts each cluster as often as a Poisson variable with mean 1 says (the online form of
//! Efron's bootstrap, Oza & Russell 2001), so clusters come by once and nothing is kept. A replicate's
//! counts come from a stream of its own by (seed, replicate): threads change nothing.

use crate::evaluation::bounds::Bounds;
use crate::evaluation::totals::Totals;
use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng};
use rayon::prelude::*;

/// Share of replicates that may be undefined (a ratio without a denominator) before no bounds are given.
const MAX_UNDEFINED: f64 = 0.05;

/// Resampled logs that percentiles leave beyond each bound, at least.
const BEYOND: f64 = 5.0;

/// The number of resampled logs from which on their percentiles are bounds that may fail with probability `alpha`.
pub(super) fn least_replicates(alpha: f64) -> u32 {
    (2.0 * BEYOND / alpha).ceil() as u32
}

/// Replicates of the totals of several estimates at once.
pub(super) struct Replicates {
    replicates: Vec<Replicate>,
}

struct Replicate {
    rng: ChaCha8Rng,
    totals: Vec<Totals>,
}

impl Replicates {
    /// `replicates` resampled logs, each with totals for `estimates` estimates.
    pub(super) fn new(seed: u64, replicates: u32, estimates: usize) -> Self {
        let replicate = |r: u32| {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&seed.to_le_bytes());
            key[8..12].copy_from_slice(&r.to_le_bytes());
            key[12..].copy_from_slice(b"evaluation bootstrap");
            Replicate { rng: ChaCha8Rng::from_seed(key), totals: vec![Totals::default(); estimates] }
        };
        Self { replicates: (0..replicates).map(replicate).collect() }
    }

    /// Takes a block of clusters: for each cluster the totals of every estimate, one cluster after the other.
    pub(super) fn add(&mut self, clusters: &[Totals]) {
        self.replicates.par_iter_mut().for_each(|replicate| {
            let estimates = replicate.totals.len();
            for cluster in clusters.chunks_exact(estimates) {
                let times = poisson_one(replicate.rng.next_u32());
                if times > 0.0 {
                    replicate.totals.iter_mut().zip(cluster).for_each(|(t, u)| t.merge_times(u, times));
                }
            }
        });
    }

    /// Percentile bounds on `statistic`, a function of a replicate's totals; `None` where it is the same in
    /// every replicate, for then nothing is known of its spread, or undefined in too many, and where replicates are too few for
    /// this `alpha`.
    pub(super) fn bounds(&self, alpha: f64, statistic: impl Fn(&[Totals]) -> Option<f64>) -> Option<Bounds> {
        let mut values: Vec<f64> = self.replicates.iter().filter_map(|r| statistic(&r.totals)).collect();
        let (defined, all) = (values.len() as f64, self.replicates.len() as f64);
        if all < f64::from(least_replicates(alpha)) || defined < (1.0 - MAX_UNDEFINED) * all {
            return None;
        }
        values.sort_by(f64::total_cmp);
        if values.first() == values.last() {
            return None;
        }
        let quantile = |p: f64| {
            let place = p * (defined - 1.0);
            let (below, share) = (place.floor() as usize, place.fract());
            let above = (below + 1).min(values.len() - 1);
            values[below] + share * (values[above] - values[below])
        };
        Some(Bounds { lower: quantile(alpha / 2.0), upper: quantile(1.0 - alpha / 2.0) })
    }
}

/// P(N <= k) = e^-1 sum of 1/j! for j <= k, in units of 2^-32; more than 12 is out of reach.
const POISSON_UP_TO: [u32; 12] = [
    1_580_030_169,
    3_160_060_337,
    3_950_075_422,
    4_213_413_783,
    4_279_248_374,
    4_292_415_292,
    4_294_609_778,
    4_294_923_276,
    4_294_962_463,
    4_294_966_817,
    4_294_967_253,
    4_294_967_292,
];

/// A Poisson variable with mean 1 from 32 uniform bits, by inversion.
fn poisson_one(bits: u32) -> f64 {
    f64::from(POISSON_UP_TO.iter().take_while(|limit| bits >= **limit).count() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::totals::RatioTerms;

    fn one(terms: RatioTerms) -> Totals {
        let mut totals = Totals::default();
        totals.add(&terms, 1.0);
        totals
    }

    fn plain(values: &[f64]) -> Vec<Totals> {
        values.iter().map(|v| one(RatioTerms::mean(*v))).collect()
    }

    #[test]
    fn the_poisson_thresholds_are_its_distribution_function() {
        let (mut probability, mut sum) = ((-1.0_f64).exp(), 0.0);
        for (k, limit) in POISSON_UP_TO.into_iter().enumerate() {
            sum += probability;
            probability /= k as f64 + 1.0;
            assert!((sum * 4_294_967_296.0 - f64::from(limit)).abs() < 1.0, "{k}");
            assert_eq!((poisson_one(limit - 1), poisson_one(limit)), (k as f64, k as f64 + 1.0));
        }
    }

    #[test]
    fn bounds_are_those_of_the_normal_for_a_mean_of_many() {
        let values: Vec<f64> = (0..4000).map(|i| f64::from(i % 2)).collect();
        let mut replicates = Replicates::new(1, 2000, 1);
        replicates.add(&plain(&values));
        let bounds = replicates.bounds(0.05, |t| t[0].estimate(false)).unwrap();
        let half = 1.96 * (0.25_f64 / 4000.0).sqrt();
        // Percentiles of 2,000 replicates are off by less than a tenth of the half-width.
        assert!((bounds.lower - (0.5 - half)).abs() < 0.1 * half, "{bounds:?}");
        assert!((bounds.upper - (0.5 + half)).abs() < 0.1 * half, "{bounds:?}");
    }

    #[test]
    fn cutting_rows_into_blocks_changes_nothing_and_another_seed_does() {
        let values: Vec<f64> = (0..100).map(f64::from).collect();
        let run = |seed: u64, block: usize| {
            let mut replicates = Replicates::new(seed, 400, 1);
            plain(&values).chunks(block).for_each(|c| replicates.add(c));
            replicates.bounds(0.1, |t| t[0].estimate(false)).unwrap()
        };
        assert_eq!(run(3, 100), run(3, 7));
        assert_ne!(run(3, 100), run(4, 100));
    }

    #[test]
    fn a_ratio_that_is_mostly_undefined_has_no_bounds() {
        let mut replicates = Replicates::new(1, 100, 1);
        replicates.add(&[one(RatioTerms { plain: 0.0, numerator: 1.0, denominator: 1.0 })]);
        assert_eq!(replicates.bounds(0.1, |t| t[0].estimate(true)), None);
    }
}
