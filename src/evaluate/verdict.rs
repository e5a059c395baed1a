//! Whether a log can carry an estimate at all.

use super::interval::{self, Bounds};
use crate::stats::Moments;
use serde::Serialize;

/// Smallest effective sample size: a mean of fewer is an anecdote. It bounds the largest weight too: a row
/// that carries a share s of all the weight leaves an effective sample of at most 1 / s^2, so here none
/// carries more than a tenth.
pub const MIN_EFFECTIVE_SAMPLE: f64 = 100.0;
/// Largest share of the policy's choices that the logging policy could not make.
pub const MAX_UNSUPPORTED: f64 = 0.01;
/// The mean weight, which is 1 if the propensities are right, must be so within an interval of this alpha.
pub const MEAN_WEIGHT_ALPHA: f64 = 0.001;
/// A mean weight this near to 1 is never objected to: propensities are logged with so many digits.
pub const MEAN_WEIGHT_SLACK: f64 = 0.001;

/// What the weights of one policy look like.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Diagnostics {
    /// Mean of w; its expectation is 1 if propensities are right and support is full. `None` when some
    /// propensity is unknown, as are the two below.
    pub mean_weight: Option<f64>,
    /// Largest w.
    pub max_weight: Option<f64>,
    /// (sum of w)^2 / sum of w^2 (Kong 1992): how many decisions of the policy's own the log is worth.
    pub effective_sample_size: Option<f64>,
    /// Bounds on the mean weight, alpha [`MEAN_WEIGHT_ALPHA`].
    #[serde(skip)]
    pub mean_weight_bounds: Option<Bounds>,
    /// Share of the policy's choices that the logging policy could not make.
    #[serde(skip)]
    pub unsupported: f64,
}

impl Diagnostics {
    /// The diagnostics of these weights.
    pub fn new(weights: &WeightSums, rows: u64) -> Self {
        let unsupported = weights.unsupported / rows.max(1) as f64;
        if weights.unknown > 0 || rows == 0 {
            return Self { unsupported, ..Self::default() };
        }
        let sum = weights.sum;
        Self {
            mean_weight: Some(sum / rows as f64),
            max_weight: Some(weights.largest),
            effective_sample_size: Some(if sum > 0.0 { sum * sum / weights.squares } else { 0.0 }),
            // Weights that are all the same leave no doubt about their mean.
            mean_weight_bounds: interval::normal(&weights.moments, MEAN_WEIGHT_ALPHA)
                .or_else(|| weights.moments.mean().map(|mean| Bounds { lower: mean, upper: mean })),
            unsupported,
        }
    }

    /// Why no estimator can be trusted, with what would help: what the policy does was not there to be seen. `None`
    /// if it was.
    pub fn out_of_reach(&self) -> Option<String> {
        (self.unsupported > MAX_UNSUPPORTED).then(|| {
            format!(
                "{:.1} % of the policy's choices were impossible for the one that logged (allowed: {:.0} %); \
                 log with more exploration, or test a policy that stays within what was shown",
                100.0 * self.unsupported,
                100.0 * MAX_UNSUPPORTED
            )
        })
    }

    /// Why estimators that weight cannot be trusted, with what would help; `None` if they can.
    pub fn objection(&self) -> Option<String> {
        let (Some(mean), Some(largest), Some(effective)) =
            (self.mean_weight, self.max_weight, self.effective_sample_size)
        else {
            return Some(
                "some decisions have no exact propensity; log a policy that has them (not Thompson \
                 sampling), or ask for direct_method alone"
                    .to_owned(),
            );
        };
        if effective < MIN_EFFECTIVE_SAMPLE {
            return Some(format!(
                "its effective sample size is {effective:.1} (needed: {MIN_EFFECTIVE_SAMPLE}), its largest \
                 weight {largest:.1}; collect more rows, log with more exploration, or test a policy closer \
                 to the one that logged"
            ));
        }
        match self.mean_weight_bounds {
            Some(Bounds { lower, upper })
                if (mean - 1.0).abs() > MEAN_WEIGHT_SLACK && !(lower..=upper).contains(&1.0) =>
            {
                Some(format!(
                    "the mean weight is {mean:.4}, between {lower:.4} and {upper:.4}, where right propensities \
                 give 1; check that the logged propensities are those of the choices as they were made, and \
                 that every item the policy may choose was in reach"
                ))
            }
            _ => None,
        }
    }
}

/// Sums over the weights of one policy.
#[derive(Debug, Clone, Default)]
pub struct WeightSums {
    sum: f64,
    squares: f64,
    largest: f64,
    unsupported: f64,
    unknown: u64,
    moments: Moments,
}

impl WeightSums {
    /// The largest weight.
    pub fn largest(&self) -> f64 {
        self.largest
    }

    /// Takes one row: its weight, NaN if unknown, and the policy's probability of a choice that the logging
    /// policy could not make.
    #[inline]
    pub fn add(&mut self, weight: f64, unsupported: f64) {
        self.unsupported += unsupported;
        if weight.is_nan() {
            self.unknown += 1;
            return;
        }
        self.sum += weight;
        self.squares += weight * weight;
        self.largest = self.largest.max(weight);
        self.moments.observe(weight);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagnostics(weights: impl IntoIterator<Item = f64>, unsupported: f64) -> Diagnostics {
        let mut sums = WeightSums::default();
        let mut rows = 0;
        for weight in weights {
            sums.add(weight, unsupported);
            rows += 1;
        }
        Diagnostics::new(&sums, rows)
    }

    fn even(rows: usize) -> impl Iterator<Item = f64> {
        (0..rows).map(|i| if i % 2 == 0 { 0.5 } else { 1.5 })
    }

    #[test]
    fn each_threshold_is_kept_on_both_sides() {
        // Equal weights: the effective sample is the number of rows.
        assert_eq!(diagnostics([1.0; 100], 0.0).objection(), None);
        let small = diagnostics([1.0; 99], 0.0).objection().unwrap();
        assert!(small.contains("effective sample size is 99.0"), "{small}");
        assert_eq!(diagnostics(even(1000), 0.01).out_of_reach(), None);
        let unsupported = diagnostics(even(1000), 0.011).out_of_reach().unwrap();
        assert!(unsupported.contains("1.1 %"), "{unsupported}");
    }

    #[test]
    fn wrong_propensities_show_in_the_mean_weight() {
        let doubled = diagnostics(even(1000).map(|w| 2.0 * w), 0.0).objection().unwrap();
        assert!(doubled.contains("the mean weight is 2.0000"), "{doubled}");
        assert!(diagnostics([0.9; 1000], 0.0).objection().is_some());
    }

    #[test]
    fn digits_lost_in_printing_are_no_objection() {
        assert_eq!(diagnostics([1.000_000_1; 1000], 0.0).objection(), None);
    }

    #[test]
    fn a_row_that_carries_more_than_a_tenth_leaves_too_small_a_sample() {
        let heavy = diagnostics((0..4000).map(|_| 1.0).chain([460.0]), 0.0).objection().unwrap();
        assert!(heavy.contains("largest weight 460.0"), "{heavy}");
        assert_eq!(diagnostics((0..4000).map(|_| 1.0).chain([400.0]), 0.0).objection(), None);
    }

    #[test]
    fn an_unknown_propensity_leaves_the_weights_unknown() {
        let unknown = diagnostics([1.0, f64::NAN, 1.0], 0.0);
        assert_eq!((unknown.mean_weight, unknown.effective_sample_size), (None, None));
        assert!(unknown.objection().unwrap().contains("direct_method alone"));
    }
}
