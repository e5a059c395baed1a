//! Why no answer of a model was used.

use std::fmt;
use std::time::Duration;

/// Why tips that were ready answered instead of a model. None of it cites what a gateway or a person said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnusedReason {
    /// Nobody gave a gateway.
    NoGateway,
    /// The user has had so many tokens today.
    Budget {
        /// How many a user may have in a day.
        tokens: u64,
        /// How many one call takes by estimate.
        call: u64,
    },
    /// No connection came about, or it broke.
    Unreachable,
    /// It took too long.
    TimeOut {
        /// How long it may take.
        limit: Duration,
    },
    /// It answered with a status that is no success.
    Status {
        /// The status.
        status: u16,
    },
    /// It sent us elsewhere; a key goes nowhere else.
    Redirect {
        /// The status.
        status: u16,
    },
    /// The answer did not end within its bound.
    TooLarge {
        /// The bound, in bytes.
        bytes: usize,
    },
    /// What came is not what such a gateway answers.
    NoCompletion,
    /// The model's answer is not what it was asked for, also when it was told so.
    Invalid {
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl UnusedReason {
    /// A name for counting.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoGateway => "no-gateway",
            Self::Budget { .. } => "budget",
            Self::Unreachable => "unreachable",
            Self::TimeOut { .. } => "time-out",
            Self::Status { .. } => "status",
            Self::Redirect { .. } => "redirect",
            Self::TooLarge { .. } => "too-large",
            Self::NoCompletion => "no-completion",
            Self::Invalid { .. } => "invalid",
        }
    }
}

impl fmt::Display for UnusedReason {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::NoGateway => f.write_str("there is no gateway"),
            Self::Budget { tokens, call } if call > tokens => {
                write!(f, "one call takes about {call} tokens, and a user may have {tokens} in a day")
            }
            Self::Budget { tokens, .. } => write!(f, "the user's {tokens} tokens of today are used up"),
            Self::Unreachable => f.write_str("the gateway cannot be reached"),
            Self::TimeOut { limit } => {
                write!(f, "the gateway did not answer within {} ms", limit.as_millis())
            }
            Self::Status { status } => write!(f, "the gateway answered with status {status}"),
            Self::Redirect { status } => write!(f, "the gateway sends elsewhere (status {status})"),
            Self::TooLarge { bytes } => write!(f, "the gateway's answer has more than {bytes} bytes"),
            Self::NoCompletion => f.write_str("the gateway's answer is no chat completion"),
            Self::Invalid { problem } => write!(f, "the model's answer is not usable: {problem}"),
        }
    }
}
