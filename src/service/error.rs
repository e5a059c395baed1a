//! Why a call cannot be honoured.

use crate::base::error::{Cause, ErrorKind};

/// A refusal of the service.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// What is given beside the request, and the request, say different things.
    #[error("{field} is {value:?}, but {origin} says {request:?}")]
    Disagree {
        /// Where it is given: `--user`, or `the policy in the URL`.
        field: String,
        /// What is given there.
        value: String,
        /// What the request says.
        request: String,
        /// What errors call the request.
        origin: String,
    },
    /// Nothing says it.
    #[error("no {what}: give {}{what:?} in {origin}", option.as_ref().map(|o| format!("{o}, or ")).unwrap_or_default())]
    Unsaid {
        /// `user` or `policy`.
        what: &'static str,
        /// The option that gives it, where there are options.
        option: Option<String>,
        /// What errors call the request.
        origin: String,
    },
    /// A form that a reward does not have.
    #[error("{origin}: {message}")]
    Form {
        /// What errors call the reward.
        origin: String,
        /// What is wrong with it and what to give instead.
        message: &'static str,
    },
    /// A program that the operator did not give.
    #[error(
        "{name}: it is a program, and what {store} says of one starts nothing; name its file with --policy"
    )]
    ProgramNotGiven {
        /// The policy.
        name: String,
        /// The store.
        store: String,
    },
    /// Two policies of one name.
    #[error("{what} {name:?} is given twice; for another one, change `name` in its file")]
    NamedTwice {
        /// `policy` or `shadow`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A decision that the store does not have.
    #[error("decision {id:?}: not in {store}")]
    NoDecision {
        /// Its id.
        id: String,
        /// The store.
        store: String,
    },
    /// A reward for what nobody was shown.
    #[error("decision {id:?} is a shadow's, which nobody was shown; the reward belongs to {shown:?}")]
    OfShadow {
        /// The shadow's decision.
        id: String,
        /// The decision that was shown.
        shown: String,
    },
    /// A shadow of what is no shown decision of this user.
    #[error("shadow_of is {id:?}; allowed: a decision of {user:?} that was shown")]
    NotShown {
        /// The decision.
        id: String,
        /// The user.
        user: String,
    },
    /// A policy that has changed since it decided.
    #[error("policy {name:?} is defined otherwise than when it made decision {id}")]
    Redefined {
        /// The policy.
        name: String,
        /// The decision.
        id: String,
    },
    /// An event that was learned with another reward.
    #[error("event {event:?} has reward {reward}, but was learned with reward {before}; it is learned once")]
    OtherReward {
        /// The event.
        event: String,
        /// The reward that came now.
        reward: f64,
        /// The reward that was learned.
        before: f64,
    },
    /// A state that is there already.
    #[error("{user:?} has a state under {policy} already; {remedy}")]
    Taken {
        /// The user.
        user: String,
        /// The policy.
        policy: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// An experiment that is not the one whose rollout runs.
    #[error(
        "experiment {experiment:?} was changed since its rollout began; end that with `rehearsal rollout stop`"
    )]
    ExperimentChanged {
        /// The experiment.
        experiment: String,
    },
    /// A directory that is to be brought over and has nothing that could be.
    #[error("{dir}: nothing of version 0.1 is there, neither decisions nor rewards nor state files")]
    NothingThere {
        /// The directory.
        dir: String,
    },
    /// A store where there is something that must not be.
    #[error("{store} has states and decisions already; name a directory that is free")]
    NotEmpty {
        /// The store.
        store: String,
    },
}

impl Cause for ServiceError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Unsaid { .. }
            | Self::Form { .. }
            | Self::NamedTwice { .. }
            | Self::ProgramNotGiven { .. }
            | Self::OfShadow { .. }
            | Self::NotShown { .. } => ErrorKind::Invalid,
            Self::NoDecision { .. } | Self::NothingThere { .. } => ErrorKind::NotFound,
            Self::Disagree { .. }
            | Self::Redefined { .. }
            | Self::OtherReward { .. }
            | Self::Taken { .. }
            | Self::ExperimentChanged { .. }
            | Self::NotEmpty { .. } => ErrorKind::Conflict,
        }
    }
}
