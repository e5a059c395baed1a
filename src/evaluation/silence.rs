//! Why there is no estimate where one was asked for, or no bounds on it, and what would help: one home for what reports
//! and gates say of it.

use super::interval::Method;
use super::unit::Clusters;
use super::verdict::MIN_EFFECTIVE_SAMPLE;
use super::{Estimator, Question};
use serde::{Serialize, Serializer};
use std::fmt;

/// Why there is no number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NoEstimateReason {
    /// Rejection sampling kept too few decisions. Each of them has the same weight, so their number is their effective
    /// sample size.
    FewKept {
        /// So many.
        kept: u64,
        /// Of so many.
        rows: u64,
        /// What decides how many: the largest weight, or for a policy that learns the smallest propensity.
        by: Extreme,
    },
    /// A ratio without a denominator, or a number that is too large.
    Undefined,
    /// The log's users count as so few.
    FewUsers {
        /// As so many with equally many decisions.
        effective: f64,
        /// Needed for bounds by this method.
        needed: f64,
    },
    /// All terms are of one path of choices.
    OnePath,
    /// Empirical Bernstein bounds of a policy that learns.
    NotIndependent,
    /// The method has no bounds for this estimator.
    NoneByMethod(Method),
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

impl NoEstimateReason {
    /// Why the decisions that rejection sampling kept for `question` are no evidence.
    pub(super) fn of_kept(question: &Question, largest: f64, least: f64) -> Option<Self> {
        let (rows, kept) = question.totals.rows_and_weights(true);
        let few = question.estimator == Estimator::Replay && kept < MIN_EFFECTIVE_SAMPLE;
        let by = if question.learns {
            Extreme::SmallestPropensity(least)
        } else {
            Extreme::LargestWeight(largest)
        };
        few.then_some(Self::FewKept { kept: kept as u64, rows: rows as u64, by })
    }

    /// Why nothing bounds the estimate of one question, or the difference `value` of two.
    pub(super) fn of_bounds(
        questions: &[&Question],
        value: f64,
        method: Method,
        units: Option<&Clusters>,
    ) -> Self {
        let is_difference = questions.len() > 1;
        let learns = questions.iter().any(|q| q.learns);
        let effective = units.map(Clusters::effective);
        let needed = method.least_units();
        match method {
            _ if questions.iter().any(|q| q.one_path) => Self::OnePath,
            Method::Anytime if is_difference => Self::NoneOfDifferences,
            Method::Anytime => Self::NoneByMethod(method),
            Method::Bernstein if questions.iter().any(|q| !q.has_known_range()) => Self::NoneByMethod(method),
            Method::Bernstein if learns => Self::NotIndependent,
            _ => match effective {
                Some(effective) if effective < needed => Self::FewUsers { effective, needed },
                _ if is_difference && value == 0.0 => Self::Alike,
                _ => Self::NoSpread,
            },
        }
    }
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
            Self::NoneByMethod(Method::Bernstein) => {
                "empirical Bernstein bounds are for means of weighted rewards whose largest weight is known, without a \
                 model: ips, and clipped_ips and sub_gaussian_ips with a given lambda"
            }
            Self::NoneByMethod(_) => {
                "bounds at any time are for ips, and from rewards of 0 on for clipped_ips and sub_gaussian_ips with a \
                 given lambda"
            }
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
