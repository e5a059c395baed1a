//! What an interval method goes over: the samples once more, beside the questions whose estimates are known.

use crate::evaluation::cluster::Clusters;
use crate::evaluation::question::Question;
use crate::evaluation::reward_model::RewardModel;
use crate::evaluation::samples::Samples;

/// A difference that is asked for: that of the second question less that of the first, by their positions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair {
    /// The question that is taken off.
    pub(crate) first: usize,
    /// The question from which it is taken.
    pub(crate) other: usize,
    /// Probability with which its bounds may fail: a part of that of all where several are to hold together.
    pub(crate) alpha: f64,
}

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
    /// Probability with which bounds on a single estimate may fail.
    pub(crate) alpha: f64,
    /// Seed of resampling.
    pub(crate) seed: u64,
    /// Number of resampled logs.
    pub(crate) replicates: u32,
}
