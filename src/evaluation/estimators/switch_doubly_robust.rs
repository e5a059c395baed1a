//! Doubly robust where weights are small, the model alone where they are large.

use super::rule::{CAPS, EstimatorRule, Hyperparameter};
use crate::evaluation::sample::Sample;
use crate::evaluation::totals::RatioTerms;

/// The mean of v + w 1[w <= lambda] (r - q) (Wang, Agarwal & Dudik 2017): the model alone where the weight exceeds
/// lambda.
///
/// Its bias is the model's there; its variance is as of doubly robust with the mean of w^2 (r - q)^2 over w <= lambda
/// alone. It is for a decent model and few large weights.
pub struct SwitchDoublyRobust;

impl EstimatorRule for SwitchDoublyRobust {
    const NAME: &'static str = "switch_doubly_robust";
    const DESCRIPTION: &'static str =
        "Doubly robust where weights are small, the model alone where they are large";
    const HYPERPARAMETER: Option<Hyperparameter> = Some(Hyperparameter { most: f64::INFINITY, grid: CAPS });
    const USES_MODEL: bool = true;

    #[inline]
    fn shrunk(weight: f64, lambda: f64) -> f64 {
        if weight.is_nan() || weight <= lambda { weight } else { 0.0 }
    }

    #[inline]
    fn terms(sample: &Sample, lambda: f64) -> RatioTerms {
        let Sample { weight, reward, predicted, expected, .. } = *sample;
        RatioTerms::mean(expected + Self::shrunk(weight, lambda) * (reward - predicted))
    }
}
