//! Self-normalized inverse propensity scoring.

use super::rule::EstimatorRule;
use crate::evaluation::sample::Sample;
use crate::evaluation::totals::RatioTerms;

/// The sum of w r over the sum of w (Swaminathan & Joachims 2015).
///
/// Its bias is of order 1/n; it has less variance than IPS where rewards are far from 0, and never leaves the range of
/// the rewards. It is the usual first look.
pub struct Snips;

impl EstimatorRule for Snips {
    const NAME: &'static str = "snips";
    const DESCRIPTION: &'static str = "Self-normalized inverse propensity scoring";
    const USES_MODEL: bool = false;
    const IS_RATIO: bool = true;
    const PLACE_AMONG_UNBIASED: Option<usize> = Some(2);

    #[inline]
    fn terms(sample: &Sample, _lambda: f64) -> RatioTerms {
        RatioTerms { plain: 0.0, numerator: sample.weight * sample.reward, denominator: sample.weight }
    }
}
