//! Why evidence from real users cannot be given, or a rollout cannot be moved.

use crate::base::error::{Cause, ErrorKind};

/// A refusal of an analysis or of a rollout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LiveRefusal {
    /// A metric of reactions over rewards that are numbers.
    #[error("{metric} needs reactions; {rewards} rewards were sent as numbers: compare --metric reward")]
    NoReactions {
        /// The metric.
        metric: &'static str,
        /// Rewards without a reaction.
        rewards: u64,
    },
    /// More groups than anybody compares.
    #[error("--by {by} gives more than {most} groups; there is nothing to compare")]
    TooManyGroups {
        /// What groups them.
        by: String,
        /// Most groups.
        most: usize,
    },
    /// Decisions of several experiments where one is asked for.
    #[error("decisions of {count} experiments: {names}; name one with --experiment")]
    ManyExperiments {
        /// How many there are.
        count: usize,
        /// Their names.
        names: String,
    },
    /// Something that is compared with what is not there.
    #[error("{what} {name:?} is no group here; there are: {known}")]
    NoGroup {
        /// `--control`, or `--weight`.
        what: &'static str,
        /// The name.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// Shares of groups that nobody was assigned to by them.
    #[error("--weight is {reason}; leave it out")]
    NoWeights {
        /// Why there are none to state.
        reason: String,
    },
    /// A condition on what was shown.
    #[error(
        "--where {input}: it is an input of what was shown, which depends on who decided; allowed: one of the moment or of the \
         user: {known}; groups by it: --by {input}"
    )]
    NoSegment {
        /// The input.
        input: String,
        /// Those that may be asked for.
        known: String,
    },
    /// A value that an input cannot have.
    #[error(
        "--where {input}={value}: no decision can have it, for {input} is {known} there; allowed: {allowed}"
    )]
    NoSuchValue {
        /// The input.
        input: String,
        /// The value.
        value: String,
        /// Some that there are.
        known: String,
        /// What is asked for instead.
        allowed: String,
    },
    /// An experiment without a ramp.
    #[error("experiment {experiment:?} has no ramp: a rollout goes through one")]
    NoRamp {
        /// The experiment.
        experiment: String,
    },
    /// A rollout that was never begun, or has ended.
    #[error("experiment {experiment:?} has no rollout that is running: {status}")]
    NotRunning {
        /// The experiment.
        experiment: String,
        /// What there is instead.
        status: String,
    },
    /// A rollout that runs already.
    #[error("experiment {experiment:?} has a rollout that is running, at {share}; stop it first")]
    Running {
        /// The experiment.
        experiment: String,
        /// The share of the challenger.
        share: String,
    },
    /// An experiment that is not the one that was begun.
    #[error("experiment {experiment:?} was changed since its rollout began; stop it, and start it anew")]
    Changed {
        /// The experiment.
        experiment: String,
    },
    /// Somebody else moved it meanwhile.
    #[error(
        "experiment {experiment:?}: somebody else moved the rollout just now; look with `rehearsal rollout status`"
    )]
    Moved {
        /// The experiment.
        experiment: String,
    },
    /// A history that cannot be read.
    #[error("the rollout of {experiment:?}: step {revision} is not what was written there")]
    Damaged {
        /// The experiment.
        experiment: String,
        /// Which entry.
        revision: u64,
    },
}

impl Cause for LiveRefusal {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NotRunning { .. } | Self::NoGroup { .. } => ErrorKind::NotFound,
            Self::Running { .. } | Self::Changed { .. } | Self::Moved { .. } => ErrorKind::Conflict,
            Self::Damaged { .. } => ErrorKind::Damaged,
            _ => ErrorKind::Invalid,
        }
    }
}
