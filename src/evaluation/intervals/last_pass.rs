//! What an interval method goes over: the samples once more, beside the questions whose estimates are known.

use crate::evaluation::cluster::Clusters;
use crate::evaluation::question::Question;
use crate::evaluation::reward_model::RewardModel;
use crate::evaluation::samples::Samples;

/// The positions of two questions: a difference is that of the second less that of the first.
pub(crate) type Pair = (usize, usize);

/// The last pass over a log.
pub(crate) struct LastPass<'a> {
    /// What each decision is to each policy.
    pub(crate) samples: &'a mut Samples,
    /// The questions, with their sums.
    pub(crate) questions: &'a [Question],
    /// The differences of two questions that are asked for.
    pub(crate) pairs: &'a [Pair],
    /// The reward model.
    pub(crate) model: &'a RewardModel,
    /// How many decisions each cluster has; `None` where decisions are independent.
    pub(crate) clusters: Option<&'a Clusters>,
    /// Smallest and largest reward there can be.
    pub(crate) range: (f64, f64),
    /// Probability with which bounds may fail.
    pub(crate) alpha: f64,
    /// Seed of resampling.
    pub(crate) seed: u64,
    /// Number of resampled logs.
    pub(crate) replicates: u32,
}
