//! Sums of records over users, and what they estimate.

use super::metrics::{Metric, REWARD_UNITS, UserRecord};
use crate::base::stats::student_t_quantile;
use crate::domain::reaction::Reaction;
use ndarray::Array4;
use serde::Serialize;

/// Count, sum and sum of squares of whole numbers: exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Sums {
    count: u64,
    sum: i64,
    /// A regret may have 33 bits, its square 66.
    squares: u128,
}

impl Sums {
    /// Adds one number.
    fn observe(&mut self, x: i64) {
        self.count += 1;
        self.sum += x;
        self.squares += i128::from(x).pow(2) as u128;
    }

    /// Adds the numbers of others.
    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.squares += other.squares;
    }

    /// Mean and its standard error, both times `scale`; the error is unknown below two numbers.
    fn mean(&self, scale: f64) -> (Option<f64>, Option<f64>) {
        if self.count == 0 {
            return (None, None);
        }
        let n = self.count as f64;
        let mean = self.sum as f64 / n;
        // Exact sums: the numerator n Q - S^2 loses nothing before its one rounding.
        let spread = i128::from(self.count) * self.squares as i128 - i128::from(self.sum).pow(2);
        let error = (self.count > 1).then(|| (spread as f64 / n / (n - 1.0) / n).sqrt() * scale);
        (Some(mean * scale), error)
    }
}

/// A mean with its 95% confidence interval (Student's t); unknown is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MeanEstimate {
    /// The mean.
    pub mean: Option<f64>,
    /// Lower end of the interval.
    pub lower: Option<f64>,
    /// Upper end of the interval.
    pub upper: Option<f64>,
}

/// Confidence level of the intervals of [`MeanEstimate`].
pub const CONFIDENCE: f64 = 0.95;

impl MeanEstimate {
    fn new(mean: Option<f64>, error: Option<f64>, count: u64) -> Self {
        let half = error.map(|e| e * student_t_quantile(f64::midpoint(1.0, CONFIDENCE), (count - 1) as f64));
        let end = |sign: f64| Some(mean? + sign * half?);
        Self { mean, lower: end(-1.0), upper: end(1.0) }
    }

    /// MeanEstimate of a mean of independent parts, each with its share. Degrees of freedom are those of the smallest part,
    /// which makes the interval too wide rather than too narrow.
    fn pooled(parts: impl Iterator<Item = (f64, Sums)>, scale: f64) -> Self {
        let (mut mean, mut variance, mut count) = (Some(0.0), Some(0.0), u64::MAX);
        for (share, sums) in parts {
            let (part, error) = sums.mean(scale);
            mean = mean.zip(part).map(|(m, p)| m + share * p);
            variance = variance.zip(error).map(|(v, e)| v + share * share * e * e);
            count = count.min(sums.count);
        }
        Self::new(mean, variance.map(f64::sqrt), count.max(1))
    }
}

/// Reactions by persona, policy and step, summed over users: the learning curves.
pub type Curve = Array4<u64>;

/// Mean reward of one point of a [`Curve`] and its 95% confidence interval.
pub fn curve_estimate(reactions: [u64; 4]) -> MeanEstimate {
    let mut sums = Sums::default();
    for (reaction, count) in Reaction::ALL.iter().zip(reactions) {
        let x = (reaction.reward() * REWARD_UNITS) as i64;
        sums.merge(&Sums {
            count,
            sum: x * count as i64,
            squares: i128::from(x).pow(2) as u128 * u128::from(count),
        });
    }
    let (mean, error) = sums.mean(1.0 / REWARD_UNITS);
    MeanEstimate::new(mean, error, sums.count.max(1))
}

/// Sums over users, by persona and policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    steps: u32,
    /// `[persona][policy][metric]`
    figures: Vec<Vec<[Sums; Metric::ALL.len()]>>,
    /// Every further policy minus the first: `[persona][policy - 1][metric]`
    differences: Vec<Vec<[Sums; Metric::ALL.len()]>>,
}

impl Summary {
    /// No user yet.
    pub fn new(personas: usize, policies: usize, steps: u32) -> Self {
        let blank = |policies| vec![vec![[Sums::default(); Metric::ALL.len()]; policies]; personas];
        Self { steps, figures: blank(policies), differences: blank(policies.saturating_sub(1)) }
    }

    /// Adds one user of one persona under every policy.
    pub fn observe(&mut self, persona: usize, records: &[UserRecord]) {
        for (m, metric) in Metric::ALL.into_iter().enumerate() {
            let first = records[0].sum(metric).0;
            for (policy, record) in records.iter().enumerate() {
                let sum = record.sum(metric).0;
                self.figures[persona][policy][m].observe(sum);
                if policy > 0 {
                    self.differences[persona][policy - 1][m].observe(sum - first);
                }
            }
        }
    }

    /// Users of each persona.
    pub fn users(&self) -> u64 {
        self.figures.first().map_or(0, |policies| policies[0][0].count)
    }

    /// A policy's metric for one persona, or for the population when `persona` is `None`.
    pub fn figure(
        &self,
        of: FigureOf,
        persona: Option<usize>,
        shares: &[f64],
        metric: Metric,
        kinds: usize,
    ) -> MeanEstimate {
        let m = Metric::ALL.iter().position(|x| *x == metric).expect("every metric is listed");
        let sums = |p: usize| match of {
            FigureOf::Policy(policy) => self.figures[p][policy][m],
            FigureOf::Difference(policy) => self.differences[p][policy - 1][m],
        };
        let scale = metric.scale(self.steps, kinds);
        match persona {
            Some(p) => MeanEstimate::pooled(std::iter::once((1.0, sums(p))), scale),
            None => {
                MeanEstimate::pooled(shares.iter().enumerate().map(|(p, share)| (*share, sums(p))), scale)
            }
        }
    }
}

/// What a figure of a [`Summary`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FigureOf {
    /// A policy.
    Policy(usize),
    /// A policy, not the first, minus the first, paired by user.
    Difference(usize),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reaction::REWARD_RANGE;
    use crate::simulation::metrics::REGRET_UNITS;
    use proptest::prelude::*;

    #[test]
    fn intervals_are_those_of_student() {
        // 1, 2, 3, 4: mean 2.5, standard error 0.6455, t(0.975; 3) = 3.1824.
        let mut sums = Sums::default();
        (1..=4).for_each(|x| sums.observe(x));
        let estimate = MeanEstimate::pooled(std::iter::once((1.0, sums)), 1.0);
        assert_eq!(estimate.mean, Some(2.5));
        assert!((estimate.upper.unwrap() - (2.5 + 3.182_446 * 0.645_497)).abs() < 1e-5);
        let mut one = Sums::default();
        one.observe(3);
        let estimate = MeanEstimate::pooled(std::iter::once((1.0, one)), 1.0);
        assert_eq!((estimate.mean, estimate.lower), (Some(3.0), None));
    }

    /// The regret of a million decisions, all as bad as can be.
    const LARGEST: i64 = (1e6 * REWARD_RANGE * REGRET_UNITS) as i64;

    #[test]
    fn the_largest_regrets_have_their_interval() {
        let mut sums = Sums::default();
        (0..1000).for_each(|i| sums.observe(LARGEST - i % 2));
        let estimate = MeanEstimate::pooled(std::iter::once((1.0, sums)), 1.0 / LARGEST as f64);
        // Half of them are less by one: the standard deviation is 1/2.
        let error = (estimate.upper.unwrap() - estimate.mean.unwrap()) * LARGEST as f64;
        assert!((error - 1.962 * 0.5 / 1000f64.sqrt()).abs() < 1e-3, "{error}");
    }

    proptest! {
        #[test]
        fn sums_merge_in_any_grouping(xs in prop::collection::vec(-LARGEST..LARGEST, 0..60), cut in 0..60usize) {
            let sums = |xs: &[i64]| {
                let mut sums = Sums::default();
                xs.iter().for_each(|x| sums.observe(*x));
                sums
            };
            let cut = cut.min(xs.len());
            let mut merged = sums(&xs[cut..]);
            merged.merge(&sums(&xs[..cut]));
            prop_assert_eq!(merged, sums(&xs));
        }
    }
}
