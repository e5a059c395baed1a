//! Doubly robust with weights whose tails are sub-Gaussian.

use super::rule::{EstimatorRule, Hyperparameter};
use super::sub_gaussian_ips::{LAMBDA, sub_gaussian_weight};
use crate::evaluation::sample::Sample;
use crate::evaluation::totals::RatioTerms;

/// The mean of v + w / (1 - lambda + lambda w) (r - q) (Metelli, Russo & Restelli 2021).
///
/// It is biased only where the model errs as well; its variance is that of v, and at most (r - q)^2 / (lambda^2 n). It is
/// for heavy-tailed weights and a decent model.
pub struct SubGaussianDoublyRobust;

impl EstimatorRule for SubGaussianDoublyRobust {
    const NAME: &'static str = "sub_gaussian_doubly_robust";
    const DESCRIPTION: &'static str = "Doubly robust with weights whose tails are sub-Gaussian";
    const HYPERPARAMETER: Option<Hyperparameter> = Some(LAMBDA);
    const USES_MODEL: bool = true;

    #[inline]
    fn shrunk(weight: f64, lambda: f64) -> f64 {
        sub_gaussian_weight(weight, lambda)
    }

    #[inline]
    fn terms(sample: &Sample, lambda: f64) -> RatioTerms {
        let Sample { weight, reward, predicted, expected, .. } = *sample;
        RatioTerms::mean(expected + sub_gaussian_weight(weight, lambda) * (reward - predicted))
    }
}
