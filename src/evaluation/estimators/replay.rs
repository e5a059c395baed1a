//! Replay: the mean reward of what rejection sampling keeps.

use super::rule::EstimatorRule;
use crate::evaluation::sample::Sample;
use crate::evaluation::totals::RatioTerms;

/// The mean reward of the decisions that survive rejection sampling, each kept with probability w / max w
/// (Li, Chu, Langford & Wang 2011, for logs of a uniform policy).
///
/// Its bias is of order 1/n, for the largest weight is the log's own; its variance is as of rows / max w decisions. It is
/// for logs that explored evenly. A policy that learns does so from the decisions that it keeps alone, each with
/// probability w times the smallest propensity: the estimate is what it would earn deployed, over as many decisions as
/// were kept.
pub struct Replay;

impl EstimatorRule for Replay {
    const NAME: &'static str = "replay";
    const DESCRIPTION: &'static str = "Replay: the mean reward of what rejection sampling keeps";
    const USES_MODEL: bool = false;
    const IS_RATIO: bool = true;
    const REJECTS: bool = true;
    const PLACE_AMONG_UNBIASED: Option<usize> = Some(4);

    #[inline]
    fn terms(sample: &Sample, _lambda: f64) -> RatioTerms {
        let kept = if sample.weight.is_nan() { sample.weight } else { f64::from(u8::from(sample.accepted)) };
        RatioTerms { plain: 0.0, numerator: kept * sample.reward, denominator: kept }
    }
}
