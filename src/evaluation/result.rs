//! What a log says about policies: the shape of the JSON.

use super::cluster::Cluster;
use super::diagnostics::Diagnostics;
use super::policy_verdict::PolicyVerdict;
use super::value_estimate::ValueEstimate;
use serde::Serialize;

/// Version of the result's JSON.
pub const SCHEMA_VERSION: u32 = 1;

/// Whether the log could carry the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogVerdict {
    /// The log could.
    Evaluated,
    /// The log cannot say.
    Refused,
}

/// What a log says about policies.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The number of logged decisions with a reward.
    pub rows: u64,
    /// What bounds take as independent.
    #[serde(rename = "unit")]
    pub cluster: Cluster,
    /// The number of clusters: of whole users, at most [`MAX_CLUSTERS`](super::MAX_CLUSTERS), or of one decision each.
    #[serde(rename = "units")]
    pub clusters: u64,
    /// The number of clusters with equally many decisions as which they count.
    #[serde(rename = "effective_units")]
    pub effective_clusters: f64,
    /// Whether the log could carry the question, for all policies.
    pub verdict: LogVerdict,
    /// Why not, and what would help.
    pub reason: Option<String>,
    /// Probability with which the bounds of a single estimate hold, and with which those of every `against_log` hold
    /// together.
    pub confidence: f64,
    /// Probability with which those of a single `against_log` hold: higher where several policies are compared.
    pub against_log_confidence: f64,
    /// The mean reward of the log.
    pub on_policy_mean: f64,
    /// Each policy under test.
    pub policies: Vec<PolicyEvaluation>,
    /// Each further policy minus the first, on the same rows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<PolicyDifference>,
}

/// What a log says about one policy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PolicyEvaluation {
    /// Its name.
    pub policy: String,
    /// Whether it learned from the log as it went: then it is judged as it would stand had it been taught every
    /// decision so far, not as it would learn by its own choices.
    pub learns: bool,
    /// Of a frozen policy, users of the log of whom it has no state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub users_without_state: Option<u64>,
    /// Of a policy that learns of each user alone, the decisions of each that it was taught, on average: all of them, where the log
    /// names no users.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decisions_of_each_user: Option<f64>,
    /// Its weights.
    pub diagnostics: Diagnostics,
    /// The estimates, without those for which the log cannot say.
    pub estimates: Vec<ValueEstimate>,
    /// Its value less what the policy that logged earned, on the same decisions, by the first of
    /// [`Estimator::OF_THE_VALUE`](crate::evaluation::Estimator::OF_THE_VALUE) that has bounds; `None` where the log
    /// cannot say, and for a policy that chooses as the one that logged did. Bounds of all policies hold together.
    pub against_log: Option<ValueEstimate>,
    /// What follows from that; `None` where nothing was asked that could say.
    pub verdict: Option<PolicyVerdict>,
}

/// Decisions of each user, on average, below which it is said that a policy learns of each user alone.
const FEW_OF_EACH: f64 = 20.0;

impl PolicyEvaluation {
    /// Whose decisions it was taught, where that is not what one would expect of a policy in use.
    pub fn whose_decisions(&self, cluster: Cluster) -> Option<String> {
        let (policy, of_each) = (&self.policy, self.decisions_of_each_user?);
        match cluster {
            Cluster::Decision => Some(format!(
                "{policy} learns of each user alone, and this log names no users: it was taught all of it as one user's"
            )),
            Cluster::User if of_each < FEW_OF_EACH => Some(format!(
                "{policy} learns of each user alone, of whom this log has {of_each:.1} decisions on average: with learns = \
                 \"everybody\" in its file it learns from all, with a prior of `train` it begins with what others taught"
            )),
            Cluster::User => None,
        }
    }
}

/// The difference between two policies.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PolicyDifference {
    /// The further policy.
    pub policy: String,
    /// The first policy, which is taken off.
    pub minus: String,
    /// The estimates, without those for which the log cannot say.
    pub estimates: Vec<ValueEstimate>,
}
