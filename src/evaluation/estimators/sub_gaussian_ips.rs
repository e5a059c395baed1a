//! Inverse propensity scoring with weights whose tails are sub-Gaussian.

use super::rule::{EstimatorRule, GRID, Hyperparameter, WeightBound};
use crate::evaluation::sample::Sample;
use crate::evaluation::totals::RatioTerms;

/// Caps on the weight, inverted: weights stay below 1 / lambda.
const INVERSE_CAPS: [f64; GRID] = [
    1.0,
    1.0 / 2.0,
    1.0 / 4.0,
    1.0 / 8.0,
    1.0 / 16.0,
    1.0 / 32.0,
    1.0 / 64.0,
    1.0 / 128.0,
    1.0 / 256.0,
    1.0 / 512.0,
    1.0 / 1024.0,
    1.0 / 4096.0,
];

/// The hyperparameter of the sub-Gaussian estimators.
pub(super) const LAMBDA: Hyperparameter = Hyperparameter { most: 1.0, grid: INVERSE_CAPS };

/// The weight w / (1 - lambda + lambda w).
#[inline]
pub(super) fn sub_gaussian_weight(weight: f64, lambda: f64) -> f64 {
    if weight.is_nan() {
        weight
    } else if weight > 0.0 {
        weight / (1.0 - lambda + lambda * weight)
    } else {
        0.0
    }
}

/// The mean of w / (1 - lambda + lambda w) r (Metelli, Russo & Restelli 2021).
///
/// Weights stay below 1 / lambda; tails are sub-Gaussian; its bias is towards the mean reward of the log. It is for
/// heavy-tailed weights.
pub struct SubGaussianIps;

impl EstimatorRule for SubGaussianIps {
    const NAME: &'static str = "sub_gaussian_ips";
    const DESCRIPTION: &'static str = "Inverse propensity scoring with weights whose tails are sub-Gaussian";
    const HYPERPARAMETER: Option<Hyperparameter> = Some(LAMBDA);
    const USES_MODEL: bool = false;

    #[inline]
    fn shrunk(weight: f64, lambda: f64) -> f64 {
        sub_gaussian_weight(weight, lambda)
    }

    #[inline]
    fn terms(sample: &Sample, lambda: f64) -> RatioTerms {
        RatioTerms::mean(sub_gaussian_weight(sample.weight, lambda) * sample.reward)
    }

    #[inline]
    fn weight_bound(lambda: f64) -> WeightBound {
        WeightBound::AtMost(1.0 / lambda)
    }
}
