//! Both sides resampled: how sure a distance is, and how large it is by chance.
//!
//! The interval: both sides' users are resampled, and c is the 95% quantile of the norm of the resampled
//! difference less the observed one. The triangle inequality puts the populations' distance between the
//! observed one less c and that plus c. That holds as often as it says wherever resampling tells how far the
//! difference is off, and so for equal populations too, where the distance has no derivative and percentiles of
//! resampled distances fail (Duembgen 1993; Fang & Santos 2019): they are all above 0. The set is the ball of
//! Beran & Millar (1986), seen from 0; far from 0 it is longer than it needs to be.

use super::cells::Cells;
use super::distance::{ASPECTS, Aspect};
use super::result::AspectResult;
use super::settings::ComparisonSettings;
use crate::base::stats::MIN_RESAMPLED;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rayon::prelude::*;

/// Probability with which an interval holds.
const CONFIDENCE: f64 = 0.95;

/// The sums of both sides.
pub(super) struct Sides<'a> {
    pub(super) cells: &'a Cells,
    /// Of each simulated user, the persona changing fastest.
    pub(super) pool: Vec<Vec<f64>>,
    pub(super) shares: &'a [f64],
    /// Of each user or group of users of the log.
    pub(super) logged: Vec<Vec<f64>>,
    /// Users of the log.
    pub(super) users: usize,
    /// The same by [`effective_units`](crate::base::stats::effective_units).
    pub(super) effective_users: f64,
}

impl Sides<'_> {
    pub(super) fn log(&self) -> Vec<f64> {
        self.sum(&self.logged, |_| 1.0)
    }

    pub(super) fn people(&self) -> Vec<f64> {
        self.sum(&self.pool, |i| self.shares[i % self.shares.len()])
    }

    fn sum(&self, of: &[Vec<f64>], weight: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut sum = vec![0.0; self.cells.len()];
        for (i, sums) in of.iter().enumerate() {
            let weight = weight(i);
            if weight > 0.0 {
                sum.iter_mut().zip(sums).for_each(|(s, x)| *s += weight * x);
            }
        }
        sum
    }

    /// Both sides with their users resampled, and as many people as the log has drawn from the simulated ones.
    pub(super) fn resample(&self, rng: &mut ChaCha8Rng) -> Resampled {
        let personas = self.shares.len();
        let each = self.pool.len() / personas;
        let user = |rng: &mut ChaCha8Rng| rng.random_range(0..each as u64) as usize;
        let mut of_pool = vec![0.0; self.pool.len()];
        for (persona, share) in self.shares.iter().enumerate() {
            (0..each).for_each(|_| of_pool[user(rng) * personas + persona] += share);
        }
        let mut of_log = vec![0.0; self.logged.len()];
        (0..self.logged.len())
            .for_each(|_| of_log[rng.random_range(0..self.logged.len() as u64) as usize] += 1.0);
        let mut drawn = vec![0.0; self.pool.len()];
        for _ in 0..self.users {
            let mut luck: f64 = rng.random();
            let persona = self.shares.iter().position(|share| {
                luck -= share;
                luck < 0.0
            });
            drawn[user(rng) * personas + persona.unwrap_or(personas - 1)] += 1.0;
        }
        Resampled {
            log: self.sum(&self.logged, |i| of_log[i]),
            people: self.sum(&self.pool, |i| of_pool[i]),
            same: self.sum(&self.pool, |i| drawn[i]),
        }
    }

    pub(super) fn aspects(&self, settings: &ComparisonSettings) -> Vec<AspectResult> {
        let (log, people) = (self.log(), self.people());
        let observed = ASPECTS.map(|aspect| aspect.difference(self.cells, &log, &people));
        let replicates: Vec<[Replicate; ASPECTS.len()]> = (0..settings.replicates)
            .into_par_iter()
            .map(|r| {
                let mut key = [0; 32];
                key[..8].copy_from_slice(&settings.seed.to_le_bytes());
                key[8..12].copy_from_slice(&r.to_le_bytes());
                key[12..].copy_from_slice(b"comparison replicate");
                let Resampled { log, people, same } = self.resample(&mut ChaCha8Rng::from_seed(key));
                std::array::from_fn(|i| {
                    let moved = || {
                        let mut moved = ASPECTS[i].difference(self.cells, &log, &people)?;
                        moved.iter_mut().zip(observed[i].as_ref()?).for_each(|(m, o)| *m -= o);
                        Some(ASPECTS[i].norm(&moved))
                    };
                    // Where resampling leaves nothing to compare, it says nothing of how far the difference is off.
                    let moved = moved().unwrap_or(f64::INFINITY);
                    Replicate { moved, noise: ASPECTS[i].distance(self.cells, &same, &people) }
                })
            })
            .collect();
        let of = |(i, aspect): (usize, &Aspect)| {
            let distance = observed[i].as_ref().map(|difference| aspect.norm(difference));
            let radius = quantile(replicates.iter().map(|r| r[i].moved), CONFIDENCE);
            let interval = distance.zip(radius).filter(|_| self.effective_users >= MIN_RESAMPLED);
            let noise = || {
                let level = 1.0 - settings.alpha / ASPECTS.len() as f64;
                quantile(replicates.iter().filter_map(|r| r[i].noise), level)
            };
            let noise = distance.and_then(|_| noise());
            AspectResult {
                aspect: aspect.name(),
                measure: aspect.measure(),
                distance,
                lower: interval.map(|(distance, radius)| (distance - radius).max(0.0)),
                upper: interval.map(|(distance, radius)| (distance + radius).min(1.0)),
                noise,
                beyond_noise: distance.zip(noise).map(|(distance, noise)| distance > noise),
            }
        };
        ASPECTS.iter().enumerate().map(of).collect()
    }
}

/// Sums after resampling.
pub(super) struct Resampled {
    pub(super) log: Vec<f64>,
    pub(super) people: Vec<f64>,
    same: Vec<f64>,
}

/// What one resampling does to one aspect.
struct Replicate {
    /// How far resampling moves the difference of both sides.
    moved: f64,
    /// The distance of people drawn from the simulated ones; `None` where these have nothing to compare.
    noise: Option<f64>,
}

/// The smallest value that a share `p` of the values do not exceed; `None` of no values.
fn quantile(values: impl Iterator<Item = f64>, p: f64) -> Option<f64> {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    let place = (p * sorted.len() as f64).ceil() as usize;
    sorted.get(place.max(1) - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_met() {
        let of = |p| quantile((1..=100).rev().map(f64::from), p);
        assert_eq!([0.0, 0.5, 0.975, 1.0].map(of), [1.0, 50.0, 98.0, 100.0].map(Some));
        assert_eq!(quantile(std::iter::empty(), 0.5), None);
    }
}
