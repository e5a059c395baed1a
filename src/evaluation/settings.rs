//! How a log is evaluated.

use super::estimators::Estimator;
use super::intervals::IntervalMethod;
use super::reward_model::ModelKind;

/// How a log is evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct EvaluationSettings {
    /// What to compute; a hyperparameter that is not given is selected.
    pub estimators: Vec<(Estimator, Option<f64>)>,
    /// Whether they were asked for by name: then a log that cannot say one of them is refused.
    pub named: bool,
    /// How rewards are predicted; `None` is ridge where the log has feature vectors, else cross-fitted item
    /// means.
    pub model: Option<ModelKind>,
    /// How bounds are computed.
    pub method: IntervalMethod,
    /// Probability with which bounds may fail, in (0, 0.5).
    pub alpha: f64,
    /// Seed of the bootstrap, of rejection sampling and of the folds of cross-fitting.
    pub seed: u64,
    /// Number of resampled logs; [`IntervalMethod::least_replicates`] says how many it takes.
    pub replicates: u32,
    /// Smallest and largest reward there can be; the log's own when absent.
    pub reward_range: Option<(f64, f64)>,
    /// Whether to estimate even where the log cannot carry it.
    pub force: bool,
}

impl EvaluationSettings {
    /// Probability with which the bounds on a single policy's difference from the one that logged may fail, where so many
    /// policies are held against it: their part of alpha, so that all hold together.
    pub fn alpha_of_each(&self, policies: usize) -> f64 {
        self.alpha / policies.max(1) as f64
    }
}
