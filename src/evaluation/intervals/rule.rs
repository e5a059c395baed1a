//! What an interval method has to state of itself.

use super::last_pass::LastPass;
use crate::base::error::Result;
use crate::evaluation::bounds::Bounds;
use crate::evaluation::cluster::MIN_CLUSTERS;
use crate::evaluation::no_estimate::NoEstimateReason;
use crate::evaluation::question::Question;

/// Bounds on the estimate of each question, and on the difference of each pair.
pub(crate) type MeasuredBounds = (Vec<Option<Bounds>>, Vec<Option<Bounds>>);

/// How bounds are computed.
pub(crate) trait IntervalRule {
    /// Its name on the command line and in gates.
    const NAME: &'static str;
    /// Whether its bounds are of people like those of the log, not of these decisions alone.
    const SPEAKS_OF_OTHERS: bool = true;
    /// Effective clusters below which it gives no bounds on others.
    const LEAST_CLUSTERS: f64 = MIN_CLUSTERS;
    /// Whether its bounds hold only for a range of rewards that is known beforehand: that of the log hides the rare
    /// rewards that did not come.
    const NEEDS_RANGE: bool = false;
    /// Whether its bounds rest on many rewards, so that they are kept back where those of the log are few.
    const NEEDS_MANY_REWARDS: bool = false;
    /// Whether it is for decisions that are independent, so that a log that names users is refused.
    const NEEDS_INDEPENDENT_DECISIONS: bool = false;

    /// The number of resampled logs that it takes for bounds that may fail with probability `alpha`; 0 without resampling.
    fn least_replicates(_alpha: f64) -> u32 {
        0
    }

    /// Whether it can bound the difference of this question and one of IPS.
    fn bounds_difference(question: &Question) -> bool;

    /// Why it gives no bounds on these questions, one or the difference of two, whatever the numbers are; `None` where
    /// only the numbers can be the reason.
    fn why_none(_questions: &[&Question]) -> Option<NoEstimateReason> {
        None
    }

    /// Goes over the samples once more.
    ///
    /// # Errors
    /// The samples cannot be read.
    fn measure(pass: &mut LastPass) -> Result<MeasuredBounds>;
}
