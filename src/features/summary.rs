//! What a log says of the inputs of a domain, summed up: what a feature set is proposed from.

use crate::base::stats::Distribution;

/// Sums of what was said of one input.
#[derive(Debug, Clone, PartialEq)]
pub struct InputSummary {
    /// How often it was said.
    pub known: u64,
    /// How often it was not.
    pub unknown: u64,
    /// What was said.
    pub values: SummedValues,
}

/// What was said of an input.
#[derive(Debug, Clone, PartialEq)]
pub enum SummedValues {
    /// Of a category: each text, and how often it was there.
    Levels {
        /// In any order.
        counts: Vec<(String, u64)>,
        /// Whether there were others, too many to be counted.
        more: bool,
    },
    /// Of a number, an hour or a flag.
    Numbers(Distribution),
}

/// Sums of what a log says.
#[derive(Debug, Clone, PartialEq)]
pub struct LogSummary {
    /// Number of decisions.
    pub decisions: u64,
    /// Ids of candidates.
    pub items: InputSummary,
    /// The inputs of the domain, in the order of its file.
    pub inputs: Vec<InputSummary>,
}
