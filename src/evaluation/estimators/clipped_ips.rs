//! Inverse propensity scoring with a cap on the weight.

use super::rule::{CAPS, EstimatorRule, Hyperparameter, WeightBound};
use crate::evaluation::sample::Sample;
use crate::evaluation::totals::RatioTerms;

/// The mean of min(w, lambda) r (Ionides 2008).
///
/// Its bias is the mean of (min(w, lambda) - w) r, so towards 0 for rewards that are not negative; its variance is at most
/// lambda^2 r^2 / n. It is for a careful lower estimate.
pub struct ClippedIps;

impl EstimatorRule for ClippedIps {
    const NAME: &'static str = "clipped_ips";
    const DESCRIPTION: &'static str = "Inverse propensity scoring with a cap on the weight";
    const HYPERPARAMETER: Option<Hyperparameter> = Some(Hyperparameter { most: f64::INFINITY, grid: CAPS });
    const USES_MODEL: bool = false;

    #[inline]
    fn shrunk(weight: f64, lambda: f64) -> f64 {
        if weight.is_nan() { weight } else { weight.min(lambda) }
    }

    #[inline]
    fn terms(sample: &Sample, lambda: f64) -> RatioTerms {
        RatioTerms::mean(Self::shrunk(sample.weight, lambda) * sample.reward)
    }

    #[inline]
    fn weight_bound(lambda: f64) -> WeightBound {
        WeightBound::AtMost(lambda)
    }
}
