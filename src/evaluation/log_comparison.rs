//! A policy held against the one that logged: the verdict that a report prints, or why it prints none.

use super::bounds::Bounds;
use super::cluster::Cluster;
use super::evidence_size::MIN_EFFECTIVE_TERMS;
use super::no_estimate::NoEstimateReason;
use crate::base::stats::normal_quantile;
use serde::{Serialize, Serializer};
use std::fmt;

/// The probability with which a difference is to be told by as many decisions as are said to be needed.
pub const POWER: f64 = 0.8;

/// The share of a verdict's error rate that goes to the bound on the mean weight, where support is not known.
pub(super) const SUPPORT_SHARE: f64 = 0.1;

/// What a log says of a policy beside the one that logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ComparisonVerdict {
    /// The policy would have earned more.
    More,
    /// The policy would have earned less.
    Less,
    /// The log cannot tell.
    Undecided,
    /// Nothing is said, for no bounds hold that the log could give.
    Withheld,
}

/// A policy's value less what the policy that logged earned, on the same decisions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LogComparison {
    /// The name of the estimator.
    pub estimator: &'static str,
    /// The difference.
    pub value: f64,
    /// The lower bound; `None` where the verdict is withheld.
    pub lower: Option<f64>,
    /// The upper bound; `None` where the verdict is withheld.
    pub upper: Option<f64>,
    /// What follows.
    pub verdict: ComparisonVerdict,
    /// The probability with which these bounds hold; those of all policies of a report hold together with the one that
    /// was asked for.
    pub confidence: f64,
    /// The share of the policy's choices that may have been out of reach of the one that logged, without the log showing
    /// it: the bounds allow for any rewards there. It is 0 where the log has the propensities of all candidates.
    pub unseen_support: f64,
    /// The number of decisions on which the difference rests.
    pub effective_terms: f64,
    /// The decisions like these, in all, from which a difference as large as this one would be told with probability
    /// [`POWER`]; `None` unless undecided, and where no number would do.
    pub decisions_needed: Option<f64>,
    /// Why the verdict is withheld, and what would help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<WithheldReason>,
}

/// Why no verdict is given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum WithheldReason {
    /// The difference rests on too few decisions for bounds that are asymptotic.
    FewTerms {
        /// The number of decisions on which it rests.
        effective: f64,
    },
    /// There are too few resampled logs for so small an error rate.
    FewReplicates {
        /// The number that is needed.
        needed: u32,
    },
    /// There are no bounds.
    NoBounds(NoEstimateReason),
}

impl fmt::Display for WithheldReason {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::FewTerms { effective } => write!(
                f,
                "the difference rests on about {effective:.0} decisions (needed: {MIN_EFFECTIVE_TERMS}), for rewards are \
                 rare or few weights matter; collect more rows, log with more exploration, or ask for bounds that hold \
                 for every number of rows, with --estimator ips --interval bernstein --reward-range"
            ),
            Self::FewReplicates { needed } => write!(
                f,
                "the tails of so many policies need more resampled logs: --replicates {needed}, or --interval normal"
            ),
            Self::NoBounds(reason) => reason.fmt(f),
        }
    }
}

impl Serialize for WithheldReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What is known of one policy's difference from the log, before it is judged.
pub(super) struct Difference {
    pub(super) estimator: &'static str,
    pub(super) value: f64,
    /// The bounds, or why there are none.
    pub(super) bounds: Result<Bounds, NoEstimateReason>,
    /// The error rate of the bounds and of the mean weight together.
    pub(super) alpha: f64,
    /// The share of choices that may have been out of reach.
    pub(super) unseen_support: f64,
    /// How far a choice that was out of reach may be off, at most.
    pub(super) per_unseen: f64,
    /// The number of decisions on which it rests.
    pub(super) effective_terms: f64,
    /// Whether the bounds hold only for many decisions.
    pub(super) asymptotic: bool,
    /// The number of resampled logs that the bounds need, where they have fewer.
    pub(super) replicates_needed: Option<u32>,
    /// The number of decisions of the log.
    pub(super) rows: u64,
}

impl Difference {
    /// The verdict.
    pub(super) fn judged(self) -> LogComparison {
        let withheld = match (self.replicates_needed, &self.bounds) {
            (_, Err(reason)) => Some(WithheldReason::NoBounds(*reason)),
            (Some(needed), _) => Some(WithheldReason::FewReplicates { needed }),
            _ if self.asymptotic && !(self.effective_terms >= MIN_EFFECTIVE_TERMS) => {
                Some(WithheldReason::FewTerms { effective: self.effective_terms })
            }
            _ => None,
        };
        let slack = self.unseen_support * self.per_unseen;
        let bounds = self.bounds.ok().filter(|_| withheld.is_none());
        let bounds = bounds.map(|b| Bounds { lower: b.lower - slack, upper: b.upper + slack });
        let verdict = match bounds {
            None => ComparisonVerdict::Withheld,
            Some(bounds) if bounds.lower > 0.0 => ComparisonVerdict::More,
            Some(bounds) if bounds.upper < 0.0 => ComparisonVerdict::Less,
            Some(_) => ComparisonVerdict::Undecided,
        };
        let needed = bounds.filter(|_| verdict == ComparisonVerdict::Undecided).and_then(|bounds| {
            let half = (bounds.upper - bounds.lower) / 2.0;
            decisions_needed(self.rows as f64, half, self.value, self.alpha)
        });
        LogComparison {
            estimator: self.estimator,
            value: self.value,
            lower: bounds.map(|b| b.lower),
            upper: bounds.map(|b| b.upper),
            verdict,
            confidence: 1.0 - self.alpha,
            unseen_support: self.unseen_support,
            effective_terms: self.effective_terms,
            decisions_needed: needed,
            reason: withheld,
        }
    }
}

/// How many decisions tell a difference with probability [`POWER`], where so many `rows` have an interval of this half
/// width: the quantiles of both error rates, added, in standard errors. `None` where no number would do.
fn decisions_needed(rows: f64, half_width: f64, difference: f64, alpha: f64) -> Option<f64> {
    let level = normal_quantile(1.0 - alpha / 2.0);
    let times = ((level + normal_quantile(POWER)) / level * half_width / difference).powi(2);
    let needed = times * rows;
    (needed.is_finite() && needed < 1e12).then_some(needed)
}

impl LogComparison {
    /// What would tell a difference as large as this one, in words; `None` unless it is undecided.
    pub fn next(&self, rows: u64, cluster: Cluster) -> Option<String> {
        if self.verdict != ComparisonVerdict::Undecided {
            return None;
        }
        let size = self.value.abs();
        Some(match (self.decisions_needed, cluster) {
            (None, _) => "no number of decisions would tell them apart".to_owned(),
            (Some(needed), Cluster::Decision) => format!(
                "about {needed:.0} decisions like these would tell a difference of {size:.4} with probability {POWER}"
            ),
            (Some(needed), Cluster::User) => format!(
                "about {:.1} times as many users would tell a difference of {size:.4} with probability {POWER}",
                needed / rows as f64
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(effective_terms: f64, unseen_support: f64) -> Difference {
        Difference {
            estimator: "ips",
            value: 0.1,
            bounds: Ok(Bounds { lower: 0.02, upper: 0.18 }),
            alpha: 0.05,
            unseen_support,
            per_unseen: 1.0,
            effective_terms,
            asymptotic: true,
            replicates_needed: None,
            rows: 1000,
        }
    }

    #[test]
    fn a_verdict_needs_enough_decisions_unless_its_bounds_hold_for_any_number() {
        let verdict = |d: Difference| d.judged().verdict;
        assert_eq!(verdict(difference(MIN_EFFECTIVE_TERMS, 0.0)), ComparisonVerdict::More);
        assert_eq!(verdict(difference(MIN_EFFECTIVE_TERMS - 0.1, 0.0)), ComparisonVerdict::Withheld);
        assert_eq!(verdict(difference(f64::NAN, 0.0)), ComparisonVerdict::Withheld);
        let holds = Difference { asymptotic: false, ..difference(1.0, 0.0) };
        assert_eq!(verdict(holds), ComparisonVerdict::More);
        let withheld = difference(1.0, 0.0).judged();
        assert_eq!((withheld.lower, withheld.upper), (None, None));
    }

    #[test]
    fn what_may_be_out_of_reach_widens_the_bounds() {
        assert_eq!(difference(100.0, 0.019).judged().verdict, ComparisonVerdict::More);
        let wider = difference(100.0, 0.021).judged();
        assert_eq!(wider.verdict, ComparisonVerdict::Undecided);
        assert!((wider.upper.unwrap() - 0.201).abs() < 1e-12);
    }

    #[test]
    fn a_difference_of_one_half_width_needs_twice_the_decisions_for_this_power() {
        // (1.959964 + 0.841621)^2 / 1.959964^2.
        let needed = decisions_needed(1000.0, 0.08, 0.08, 0.05).unwrap();
        assert!((needed - 2043.2).abs() < 0.1, "{needed}");
        assert_eq!(decisions_needed(1000.0, 0.08, 0.0, 0.05), None);
    }
}
