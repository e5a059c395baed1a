//! Doubly robust with weights that are divided by their own sum.

use super::rule::EstimatorRule;
use crate::evaluation::sample::Sample;
use crate::evaluation::totals::RatioTerms;

/// The mean of v + the sum of w (r - q) over the sum of w (Thomas & Brunskill 2016).
///
/// Its bias is of order 1/n; it is steadier than doubly robust under large weights.
pub struct SelfNormalizedDoublyRobust;

impl EstimatorRule for SelfNormalizedDoublyRobust {
    const NAME: &'static str = "self_normalized_doubly_robust";
    const DESCRIPTION: &'static str = "Doubly robust with weights that are divided by their own sum";
    const USES_MODEL: bool = true;
    const IS_RATIO: bool = true;
    const PLACE_AMONG_UNBIASED: Option<usize> = Some(1);

    #[inline]
    fn terms(sample: &Sample, _lambda: f64) -> RatioTerms {
        let Sample { weight, reward, predicted, expected, .. } = *sample;
        RatioTerms { plain: expected, numerator: weight * (reward - predicted), denominator: weight }
    }
}
