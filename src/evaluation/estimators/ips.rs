//! Inverse propensity scoring.

use super::rule::{EstimatorRule, WeightBound};
use crate::evaluation::sample::Sample;
use crate::evaluation::totals::RatioTerms;

/// The mean of w r, inverse propensity scoring (Horvitz & Thompson 1952).
///
/// It is unbiased; its variance grows with the mean of w^2 r^2. It is for policies close to the one that logged.
pub struct Ips;

impl EstimatorRule for Ips {
    const NAME: &'static str = "ips";
    const DESCRIPTION: &'static str = "Inverse propensity scoring";
    const USES_MODEL: bool = false;
    const PLACE_AMONG_UNBIASED: Option<usize> = Some(3);

    #[inline]
    fn terms(sample: &Sample, _lambda: f64) -> RatioTerms {
        RatioTerms::mean(sample.weight * sample.reward)
    }

    #[inline]
    fn weight_bound(_lambda: f64) -> WeightBound {
        WeightBound::OfThePolicy
    }
}
