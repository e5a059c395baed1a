//! Doubly robust: the model, mended by weighted residuals.

use super::rule::EstimatorRule;
use crate::evaluation::sample::Sample;
use crate::evaluation::totals::RatioTerms;

/// The mean of v + w (r - q) (Dudik, Langford & Li 2011).
///
/// With exact propensities it is unbiased, however wrong the model, if that has not seen the row: cross-fitted, on
/// independent rows; with a model of all rows the bias is of order 1/n. With wrong propensities it is as far off as
/// weights and model are both: their errors multiply. The better the model, the less variance. It is the usual second
/// look.
pub struct DoublyRobust;

impl EstimatorRule for DoublyRobust {
    const NAME: &'static str = "doubly_robust";
    const DESCRIPTION: &'static str = "Doubly robust: the model, mended by weighted residuals";
    const USES_MODEL: bool = true;
    const PLACE_AMONG_UNBIASED: Option<usize> = Some(0);

    #[inline]
    fn terms(sample: &Sample, _lambda: f64) -> RatioTerms {
        RatioTerms::mean(sample.expected + sample.weight * (sample.reward - sample.predicted))
    }
}
