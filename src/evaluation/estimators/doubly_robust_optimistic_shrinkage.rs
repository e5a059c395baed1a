//! Doubly robust with weights that are shrunk towards 0.

use super::rule::{EstimatorRule, GRID, Hyperparameter};
use crate::evaluation::sample::Sample;
use crate::evaluation::totals::RatioTerms;

/// Caps on the weight, squared: lambda has the unit of a squared weight.
const SQUARED_CAPS: [f64; GRID] =
    [1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16_384.0, 65_536.0, 262_144.0, 1_048_576.0, 16_777_216.0];

/// The mean of v + lambda w / (w^2 + lambda) (r - q) (Su, Dimakopoulou, Krishnamurthy & Dudik 2020).
///
/// Weights stay below sqrt(lambda) / 2; its bias is the model's, times the weight taken off; its variance is that of v,
/// and at most lambda (r - q)^2 / (4 n). It is smoother than a switch.
pub struct DoublyRobustOptimisticShrinkage;

impl EstimatorRule for DoublyRobustOptimisticShrinkage {
    const NAME: &'static str = "doubly_robust_optimistic_shrinkage";
    const DESCRIPTION: &'static str = "Doubly robust with weights that are shrunk towards 0";
    const HYPERPARAMETER: Option<Hyperparameter> =
        Some(Hyperparameter { most: f64::INFINITY, grid: SQUARED_CAPS });
    const USES_MODEL: bool = true;

    #[inline]
    fn shrunk(weight: f64, lambda: f64) -> f64 {
        if weight.is_nan() {
            weight
        } else if weight > 0.0 {
            lambda * weight / (weight * weight + lambda)
        } else {
            0.0
        }
    }

    #[inline]
    fn terms(sample: &Sample, lambda: f64) -> RatioTerms {
        let Sample { weight, reward, predicted, expected, .. } = *sample;
        RatioTerms::mean(expected + Self::shrunk(weight, lambda) * (reward - predicted))
    }
}
