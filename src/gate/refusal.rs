//! Why a gate refuses what it was given.

use crate::base::error::{Cause, ErrorKind};

/// What a gate cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GateRefusal {
    /// A user without decisions, or with a figure that is no number.
    #[error(
        "criterion {criterion}: user {user} has no decision, or a figure that is not a number; such evidence is not \
         judged"
    )]
    NoEvidence {
        /// The criterion's id.
        criterion: String,
        /// The user's number.
        user: u64,
    },
    /// Two entries of a gate's file that say the same thing.
    #[error("{origin}: criterion {criterion} is stated twice")]
    StatedTwice {
        /// The gate's file.
        origin: String,
        /// The criterion's id.
        criterion: String,
    },
    /// A criterion about users of whom a scenario has none.
    #[error(
        "a criterion by {by} in scenario {scenario:?}, which has no users on one side of it: set a share between 0 and 1 \
         in its [traits]"
    )]
    NoSuchUsers {
        /// What the criterion splits users by.
        by: &'static str,
        /// The scenario's name.
        scenario: String,
    },
    /// A criterion about users who differ in nothing from the others.
    #[error("a criterion by {by} in scenario {scenario:?}, in which that sets nobody apart: its {why}")]
    UsersAlike {
        /// What the criterion splits users by.
        by: &'static str,
        /// The scenario's name.
        scenario: String,
        /// Which of the scenario's values is the reason.
        why: &'static str,
    },
    /// Two policies that reports could not tell apart.
    #[error(
        "baseline and challenger are different policies, both named {name:?}: change `name` in one of the files"
    )]
    PoliciesOfOneName {
        /// Their name.
        name: String,
    },
    /// Two scenarios that reports could not tell apart.
    #[error("the gate has two scenarios named {name:?}")]
    ScenariosOfOneName {
        /// Their name.
        name: String,
    },
    /// Records of users who were simulated for something else.
    #[error(
        "these records were not made for this gate: they differ in {input}; make them with `rehearsal simulate --gate`"
    )]
    OtherRecords {
        /// The first input in which they differ.
        input: String,
    },
    /// A line of a file of attempts that is none.
    #[error("{path}: line {line} is no attempt: {what}")]
    NoAttempt {
        /// The file.
        path: String,
        /// Its line, counted from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// Several challengers where one is asked for.
    #[error("{challengers} challengers, where {what} is about one: name one with --challenger")]
    ManyChallengers {
        /// How many there are.
        challengers: usize,
        /// What is about one.
        what: &'static str,
    },
    /// A policy that was taught by the people who are to judge it.
    #[error(
        "the prior of {policy:?} was learned from the very people of scenario {scenario:?} under seed {seed}; learn it from \
         others: `simulate --log` with another --seed"
    )]
    PeopleOfPrior {
        /// The policy.
        policy: String,
        /// The scenario.
        scenario: String,
        /// The seed of both.
        seed: u64,
    },
    /// A calibration of a policy against itself.
    #[error(
        "baseline and challenger are the same policy: a gate has nothing to judge; name two with --baseline and \
         --challenger"
    )]
    OnePolicy,
}

impl Cause for GateRefusal {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::OtherRecords { .. } => ErrorKind::Conflict,
            Self::NoAttempt { .. } => ErrorKind::Damaged,
            _ => ErrorKind::Invalid,
        }
    }
}
