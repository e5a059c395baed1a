//! Sums of what an estimator makes of each sample, and the estimate that they make.

/// What an estimator makes of one sample: its estimate is the mean of `plain`, plus the sum of `above` over
/// the sum of `below` if it is a ratio.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parts {
    /// Part of a mean.
    pub plain: f64,
    /// Part of a ratio's numerator.
    pub above: f64,
    /// Part of a ratio's denominator.
    pub below: f64,
}

/// Sums of [`Parts`] over samples, and the estimate that they make.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Totals {
    rows: f64,
    plain: f64,
    above: f64,
    below: f64,
}

impl Totals {
    /// Takes one sample, `times` over.
    #[inline]
    pub fn add(&mut self, parts: &Parts, times: f64) {
        self.rows += times;
        self.plain += times * parts.plain;
        self.above += times * parts.above;
        self.below += times * parts.below;
    }

    /// Takes everything that `other` has seen.
    pub fn merge(&mut self, other: &Self) {
        self.merge_times(other, 1.0);
    }

    /// The same, `times` over.
    #[inline]
    pub fn merge_times(&mut self, other: &Self, times: f64) {
        self.rows += times * other.rows;
        self.plain += times * other.plain;
        self.above += times * other.above;
        self.below += times * other.below;
    }

    /// Number of rows, and what the sum of weighted parts is divided by.
    pub fn rows_and_weights(&self, is_ratio: bool) -> (f64, f64) {
        (self.rows, if is_ratio { self.below } else { self.rows })
    }

    /// The estimate; `None` without rows, or for a ratio whose denominator is 0.
    pub fn estimate(&self, is_ratio: bool) -> Option<f64> {
        let mean = (self.rows > 0.0).then(|| self.plain / self.rows)?;
        if is_ratio { (self.below > 0.0).then(|| mean + self.above / self.below) } else { Some(mean) }
    }

    /// A sample's term in the estimator written as a mean of independent terms: exactly so for means, to
    /// first order for ratios (the delta method). The mean of the terms is the estimate.
    #[inline]
    pub fn term(&self, parts: &Parts) -> f64 {
        if self.below > 0.0 {
            let ratio = self.above / self.below;
            parts.plain + ratio + (parts.above - ratio * parts.below) * (self.rows / self.below)
        } else {
            parts.plain
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::estimator::{Estimator, Sample};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_terms_of_a_ratio_have_the_estimate_as_their_mean(
            rows in prop::collection::vec((0.01..50.0f64, -1.0..1.0f64, -1.0..1.0f64), 1..30),
        ) {
            let estimator = Estimator::SelfNormalizedDoublyRobust;
            let parts: Vec<Parts> = rows.iter().map(|(weight, reward, predicted)| {
                let sample = Sample {
                    weight: *weight, reward: *reward, predicted: *predicted, expected: 0.3, accepted: true,
                };
                estimator.parts(&sample, 0.0)
            }).collect();
            let mut totals = Totals::default();
            for p in &parts {
                totals.add(p, 1.0);
            }
            let mean = parts.iter().map(|p| totals.term(p)).sum::<f64>() / parts.len() as f64;
            prop_assert!((mean - totals.estimate(true).unwrap()).abs() < 1e-9);
        }
    }
}
