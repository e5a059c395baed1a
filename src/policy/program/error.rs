//! What can go wrong with a program.

use super::call::WhichCall;
use crate::base::error::{Cause, Error, ErrorKind, shortened};
use std::fmt;

/// Why a program has not answered, or what is wrong with what it answered.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Failure {
    /// It could not be started.
    #[error("cannot start {command:?}: {reason}")]
    NotStarted {
        /// The program.
        command: String,
        /// What the system says.
        reason: String,
    },
    /// It did not answer in time, and was ended.
    #[error("no answer within {seconds} s ({limit}); it was ended")]
    TimedOut {
        /// How long it had.
        seconds: f64,
        /// The field that says so.
        limit: &'static str,
    },
    /// It ended before it answered.
    #[error("it ended ({status}) before it answered{}", cited(last_line))]
    Ended {
        /// How.
        status: String,
        /// The last that it wrote to stderr.
        last_line: String,
    },
    /// The system would not pass on what it was asked or answered.
    #[error("cannot talk to it: {0}")]
    Pipe(String),
    /// Its answer is no line of JSON of the protocol.
    #[error("its answer {what}")]
    NoAnswer {
        /// What is wrong with it.
        what: String,
    },
    /// What it answered to this call is not allowed.
    #[error("{0}")]
    NotAllowed(String),
    /// It says itself that it cannot.
    #[error("it says: {0}")]
    OwnError(String),
    /// It failed so often that it was asked no more.
    #[error("not asked any more, after: {0}")]
    NotAsked(Box<Failure>),
}

fn cited(line: &str) -> String {
    if line.is_empty() { String::new() } else { format!("; the last it wrote to stderr: {line}") }
}

impl Failure {
    /// An answer that is not one of the protocol.
    pub(super) fn no_answer(what: impl fmt::Display) -> Self {
        Self::NoAnswer { what: cleaned(&what.to_string()) }
    }

    /// Whether the process may be asked again: it has answered, and waits.
    pub(super) fn is_in_step(&self) -> bool {
        matches!(self, Self::NoAnswer { .. } | Self::NotAllowed(_) | Self::OwnError(_))
    }
}

/// A refusal or a failure of a program.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// One call failed.
    #[error("program {policy}: {what} {call}: {failure}")]
    Failed {
        /// The policy.
        policy: String,
        /// `decide` or `learn`.
        what: &'static str,
        /// The call.
        call: String,
        /// Why.
        failure: Failure,
    },
    /// It is known by a definition that was read, and not by a file that the operator named.
    #[error(
        "{policy}: it is a program, and what a store or a log says of one starts nothing; name its file with --policy"
    )]
    NotGiven {
        /// The policy.
        policy: String,
    },
    /// It does not answer the same to the same.
    #[error("program {policy}: {problem}; `rehearsal policy check` says all that it found")]
    Unfit {
        /// The policy.
        policy: String,
        /// The first that was found.
        problem: String,
    },
    /// It is asked for what programs cannot do.
    #[error("{policy}: it is a program, {why}")]
    NotFor {
        /// The policy.
        policy: String,
        /// Why it cannot.
        why: &'static str,
    },
}

impl ProgramError {
    /// The error of one call.
    pub(super) fn of_call(policy: &str, what: &'static str, which: WhichCall, failure: Failure) -> Error {
        let (policy, call) = (policy.to_owned(), shortened(cleaned(&which.to_string())));
        Error::because(Self::Failed { policy, what, call, failure })
    }
}

impl Cause for ProgramError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Failed { .. } => ErrorKind::Unavailable,
            Self::NotGiven { .. } | Self::Unfit { .. } | Self::NotFor { .. } => ErrorKind::Invalid,
        }
    }
}

/// What a program wrote, as it may be shown: in one line, without what speaks to a terminal, and not too long.
pub(super) fn cleaned(text: &str) -> String {
    shortened(text.trim().replace(char::is_control, " "))
}
