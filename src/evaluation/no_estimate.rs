//! Why there is no estimate where one was asked for, or no bounds on it, and what would help. Reports and gates repeat
//! these words.

use super::diagnostics::MIN_EFFECTIVE_SAMPLE;
use super::effective_rewards::MIN_EFFECTIVE_REWARDS;
use serde::{Serialize, Serializer};
use std::fmt;

/// Why there is no number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NoEstimateReason {
    /// Rejection sampling kept too few decisions. Each of them has the same weight, so their number is their effective
    /// sample size.
    FewKept {
        /// The number of decisions that it kept.
        kept: u64,
        /// The number of decisions in the log.
        rows: u64,
        /// What decides how many are kept: the largest weight, or for a policy that learns the smallest propensity.
        by: Extreme,
    },
    /// A ratio without a denominator, or a number that is too large.
    Undefined,
    /// The log's users count as so few.
    FewUsers {
        /// The number of users with equally many decisions as whom they count.
        effective: f64,
        /// The number that is needed for bounds by this method.
        needed: f64,
    },
    /// The log's rewards, as the policy would have met them, are worth so few.
    FewRewards {
        /// The number of decisions whose rewards fall like a fair coin as which they count.
        effective: f64,
    },
    /// The percentiles of so few resampled logs are no bounds at this level.
    FewReplicates {
        /// The number that is needed.
        needed: u64,
    },
    /// The hyperparameter was selected from the log that it is applied to.
    Selected,
    /// The mean weight is below 1, where nothing says that all of the policy's choices were in reach.
    MeanWeightBelow {
        /// The mean weight.
        mean: f64,
    },
    /// All terms are of one path of choices.
    OnePath,
    /// Empirical Bernstein bounds of a policy that learns.
    NotIndependent,
    /// The method has no bounds for this estimator; it has bounds for which ones, in a sentence.
    NoneByMethod(&'static str),
    /// The confidence sequence has none for differences.
    NoneOfDifferences,
    /// Two policies earn the same on every decision.
    Alike,
    /// The terms do not differ, or their spread is too large to be computed.
    NoSpread,
}

/// A number of the log on which the rate of rejection sampling hangs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Extreme {
    /// The policy's largest weight.
    LargestWeight(f64),
    /// The log's smallest propensity.
    SmallestPropensity(f64),
}

impl fmt::Display for NoEstimateReason {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let text = match self {
            Self::FewKept { kept, rows, by } => {
                let each = match by {
                    Extreme::LargestWeight(w) if *w < 1e6 => format!("over the largest, {w:.1}"),
                    Extreme::LargestWeight(w) if w.is_finite() => format!("over the largest, {w:.1e}"),
                    Extreme::LargestWeight(_) => "over the largest, which no number holds".to_owned(),
                    Extreme::SmallestPropensity(p) => {
                        format!("times the smallest propensity of the log, {p}")
                    }
                };
                return write!(
                    f,
                    "rejection sampling kept {kept} of {rows} decisions (needed: {MIN_EFFECTIVE_SAMPLE}), each with its \
                     weight {each}; collect more rows, log with more exploration, or ask another estimator: none hangs \
                     as much on a single decision",
                );
            }
            Self::FewUsers { effective, needed } => {
                return write!(
                    f,
                    "bounds need decisions of {needed} users, and those of this log count as {effective:.1}; log \
                     decisions of more users"
                );
            }
            Self::FewRewards { effective } => {
                return write!(
                    f,
                    "bounds rest on many rewards, and those of this log, as the policy would have met them, count as \
                     {effective:.0} that fall like a fair coin (needed: {MIN_EFFECTIVE_REWARDS}): too few decisions would \
                     decide; collect more rows, or ask for bounds that need no number of rewards, --estimator ips \
                     --interval anytime --reward-range LOW,HIGH"
                );
            }
            Self::FewReplicates { needed } => {
                return write!(
                    f,
                    "at this level so few resampled logs leave no percentiles; --replicates {needed} or more"
                );
            }
            Self::MeanWeightBelow { mean } => {
                return write!(
                    f,
                    "the mean weight is {mean:.4}, below 1 by more than chance explains at this level: where only the \
                     chosen propensity is logged, that is what choices out of reach look like; log the propensities of \
                     all candidates, or test a policy closer to the one that logged"
                );
            }
            Self::Selected => {
                "lambda was selected from this very log, by how estimates spread, and bounds that do not know of it \
                 hold seldom; give it a lambda for bounds on what it estimates"
            }
            Self::Undefined => {
                "it is no number: some weights are unknown or too large to be added up, or nothing is left of this log"
            }
            Self::OnePath => {
                "replay lets a policy learn by its own choices, which is one path through this log, and nothing tells \
                 how far another one would have led; use a log that names its users, another estimator, or frozen states"
            }
            Self::NotIndependent => {
                "empirical Bernstein bounds are for independent decisions, and those of a policy that learns from the \
                 log are not; use normal intervals, or frozen states"
            }
            Self::NoneByMethod(which) => which,
            Self::NoneOfDifferences => "bounds at any time are of single policies, not of differences",
            Self::Alike => {
                "both policies earn the same on every decision of this log: it cannot tell them apart"
            }
            Self::NoSpread => "it is the same on every decision, or its spread is too large to be computed",
        };
        f.write_str(text)
    }
}

impl Serialize for NoEstimateReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
