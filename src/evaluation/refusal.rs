//! Why a log gives no answer to what it was asked, although all that was read is well formed.

use crate::base::error::{Cause, ErrorKind};
use crate::features::FeatureSet;
use crate::policy::Explorer;
use std::path::PathBuf;

/// Why a log gives no answer, with what would help.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LogRefusal {
    /// The log holds no decision with a reward.
    #[error("{log}: no decision with a reward")]
    NoDecision {
        /// What errors call the log.
        log: String,
    },
    /// A part of the decisions names users.
    #[error("{log}: some of its decisions name a user and others none; evaluate them apart")]
    UsersOfSome {
        /// What errors call the log.
        log: String,
    },
    /// The sum of the rewards overflows.
    #[error("{log}: its rewards are too large to be added up")]
    RewardsTooLarge {
        /// What errors call the log.
        log: String,
    },
    /// The bounds are for independent decisions, and the log names users.
    #[error(
        "{log}: empirical Bernstein bounds are for independent decisions, and those of one user are not; use \
         --interval normal or bootstrap, or anytime, which asks about these decisions alone"
    )]
    DependentDecisions {
        /// What errors call the log.
        log: String,
    },
    /// The policy's probabilities are not known exactly.
    #[error(
        "{policy}: {explorer} has no exact probabilities, and weights need them; test a policy whose explorer is \
         one of {}", Explorer::with_propensities().collect::<Vec<_>>().join(", ")
    )]
    NoExactProbabilities {
        /// The policy.
        policy: String,
        /// Its explorer.
        explorer: &'static str,
    },
    /// A table gives no probability to any candidate of a decision.
    #[error(
        "{place}: {table}: it gives no probability to any candidate of a decision; add one of them to it"
    )]
    NoCandidateInTable {
        /// Where the decision stands.
        place: String,
        /// The table.
        table: String,
    },
    /// An estimator asks for what a column does not say.
    #[error(
        "{estimator} predicts what every action would have earned, so it needs the policy's probability of each of them, \
         and {policy} is a column of those of the chosen ones; ask for ips, snips, clipped_ips, sub_gaussian_ips or replay"
    )]
    NeedsEveryAction {
        /// The policy.
        policy: String,
        /// The estimator.
        estimator: &'static str,
    },
    /// States are of single users, and the log names none.
    #[error(
        "{policy}: its states are of single users, and this log names none; leave out --frozen to let it learn from \
         the log as it goes, or name the column of users in a CSV"
    )]
    NoUsersForStates {
        /// The policy.
        policy: String,
    },
    /// No user of the log has a state.
    #[error(
        "{policy}: {} holds no state of it for any user of this log; name the directory with --state-dir, or \
         leave out --frozen to let it learn from the log as it goes", states.display()
    )]
    NoStates {
        /// The policy.
        policy: String,
        /// The directory of states.
        states: PathBuf,
    },
    /// A shared model cannot tell candidates apart of which the log has names alone.
    #[error(
        "{policy}: all candidates look alike to it, for this log says nothing of them but their names; \
         test uniform, a CSV with a probability for each item, or a policy file with \
         structure = \"disjoint\", which learns a model for each item"
    )]
    CandidatesAlike {
        /// The policy.
        policy: String,
    },
    /// The log says nothing by the inputs that the policy looks at.
    #[error(
        "{policy}: it looks at inputs of domain {domain}, of which this log says nothing; name its columns with \
         --columns context:NAME=COLUMN, or in the domain's file with in_logs"
    )]
    NoInputs {
        /// The policy.
        policy: String,
        /// Its domain.
        domain: String,
    },
    /// The log says nothing by the inputs of a domain.
    #[error(
        "{log}: it says nothing by the inputs of domain {domain}; take one in csv, parquet, dsjson, vw or rehearsal"
    )]
    NothingOfInputs {
        /// What errors call the log.
        log: String,
        /// The domain.
        domain: String,
    },
    /// The policies are of different domains.
    #[error("{policy} is of domain {domain}, {other_policy} of {other}; evaluate them apart")]
    OtherDomain {
        /// A policy.
        policy: String,
        /// Its domain.
        domain: String,
        /// Another policy.
        other_policy: String,
        /// Its domain.
        other: String,
    },
    /// The log's feature vectors are shorter than what the policy looks at.
    #[error("{policy}: it looks at {} features ({features}), the log holds {logged}", features.dim())]
    FewFeatures {
        /// The policy.
        policy: String,
        /// What the policy looks at.
        features: FeatureSet,
        /// The number of dimensions in the log.
        logged: usize,
    },
    /// The ridge model needs feature vectors.
    #[error(
        "the ridge model needs candidates with feature vectors, which this log does not have; use --reward-model \
         cross-item-mean"
    )]
    NoVectors,
}

impl Cause for LogRefusal {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoStates { .. } => ErrorKind::NotFound,
            _ => ErrorKind::Invalid,
        }
    }
}
