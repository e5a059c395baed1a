//! The direct method: a model in the place of the rewards.

use super::rule::EstimatorRule;
use crate::evaluation::sample::Sample;
use crate::evaluation::totals::RatioTerms;

/// The mean of v, regression by a model and substitution (Beygelzimer & Langford 2009, the offset tree's baseline).
///
/// It has little variance and all the bias of the model, of which neither the log nor the bounds show a sign. It is for
/// logs without propensities, and for comparison.
pub struct DirectMethod;

impl EstimatorRule for DirectMethod {
    const NAME: &'static str = "direct_method";
    const DESCRIPTION: &'static str = "The direct method: a model in the place of the rewards";
    const USES_MODEL: bool = true;
    const USES_WEIGHTS: bool = false;

    /// No weight has a part in it.
    #[inline]
    fn shrunk(_weight: f64, _lambda: f64) -> f64 {
        0.0
    }

    #[inline]
    fn terms(sample: &Sample, _lambda: f64) -> RatioTerms {
        RatioTerms::mean(sample.expected)
    }
}
