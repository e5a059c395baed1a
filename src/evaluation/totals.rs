//! Sums of what an estimator makes of each sample, and the estimate that they make.

/// What an estimator makes of one sample: its estimate is the mean of `plain`, plus the sum of `numerator` over the sum
/// of `denominator` if it is a ratio.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RatioTerms {
    /// What this sample adds to a mean over all samples.
    pub plain: f64,
    /// What this sample adds to a ratio's numerator.
    pub numerator: f64,
    /// What this sample adds to a ratio's denominator.
    pub denominator: f64,
}

impl RatioTerms {
    /// The terms of an estimator that is a mean.
    #[inline]
    pub fn mean(plain: f64) -> Self {
        Self { plain, numerator: 0.0, denominator: 0.0 }
    }
}

/// Sums of [`RatioTerms`] over samples, and the estimate that they make.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Totals {
    rows: f64,
    plain: f64,
    numerator: f64,
    denominator: f64,
}

impl Totals {
    /// Adds one sample, `times` over.
    #[inline]
    pub fn add(&mut self, terms: &RatioTerms, times: f64) {
        self.rows += times;
        self.plain += times * terms.plain;
        self.numerator += times * terms.numerator;
        self.denominator += times * terms.denominator;
    }

    /// Adds all samples of `other`.
    pub fn merge(&mut self, other: &Self) {
        self.merge_times(other, 1.0);
    }

    /// Adds all samples of `other`, `times` over.
    #[inline]
    pub fn merge_times(&mut self, other: &Self, times: f64) {
        self.rows += times * other.rows;
        self.plain += times * other.plain;
        self.numerator += times * other.numerator;
        self.denominator += times * other.denominator;
    }

    /// The number of rows, and what the sum of weighted terms is divided by.
    pub fn rows_and_weights(&self, is_ratio: bool) -> (f64, f64) {
        (self.rows, if is_ratio { self.denominator } else { self.rows })
    }

    /// The estimate; `None` without rows, or for a ratio whose denominator is 0.
    pub fn estimate(&self, is_ratio: bool) -> Option<f64> {
        let mean = (self.rows > 0.0).then(|| self.plain / self.rows)?;
        if is_ratio {
            (self.denominator > 0.0).then(|| mean + self.numerator / self.denominator)
        } else {
            Some(mean)
        }
    }

    /// A sample's term in the estimator written as a mean of independent terms: exactly so for means, to
    /// first order for ratios (the delta method). The mean of the terms is the estimate.
    #[inline]
    pub fn term(&self, terms: &RatioTerms) -> f64 {
        if self.denominator > 0.0 {
            let ratio = self.numerator / self.denominator;
            let residual = terms.numerator - ratio * terms.denominator;
            terms.plain + ratio + residual * (self.rows / self.denominator)
        } else {
            terms.plain
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_terms_of_a_ratio_have_the_estimate_as_their_mean(
            rows in prop::collection::vec((0.01..50.0f64, -1.0..1.0f64, -1.0..1.0f64), 1..30),
        ) {
            // These are the terms of self-normalized doubly robust.
            let terms: Vec<RatioTerms> = rows.iter().map(|(weight, reward, predicted)| {
                RatioTerms { plain: 0.3, numerator: weight * (reward - predicted), denominator: *weight }
            }).collect();
            let mut totals = Totals::default();
            for t in &terms {
                totals.add(t, 1.0);
            }
            let mean = terms.iter().map(|t| totals.term(t)).sum::<f64>() / terms.len() as f64;
            prop_assert!((mean - totals.estimate(true).unwrap()).abs() < 1e-9);
        }
    }
}
