//! What a log lets one say of a policy beside the one that logged.

use super::no_estimate::NoEstimateReason;
use super::value_estimate::ValueEstimate;
use crate::base::stats::normal_quantile;
use serde::Serialize;

/// Probability with which a log is to tell a difference that there is, where it is said how much that would take.
pub const POWER: f64 = 0.8;

/// What is said of a policy. With the probability that was asked for, all that is said in one report is true, as far as
/// what it supposes is: propensities that are right, and choices that were in reach.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "says")]
pub enum PolicyVerdict {
    /// It chooses as the policy that logged did: every weight is 1.
    AsLogged,
    /// It is worth more.
    More,
    /// It is worth less.
    Less,
    /// It cannot be told from the policy that logged.
    Open(DetectableDifference),
    /// There are no bounds that would hold.
    Withheld {
        /// Why not.
        reason: NoEstimateReason,
    },
    /// The log cannot say what it is worth.
    Refused,
}

impl PolicyVerdict {
    /// What follows from a difference with bounds that may fail with probability `alpha`.
    pub(super) fn of(against_log: &ValueEstimate, alpha: f64) -> Self {
        let ValueEstimate { value, lower, upper, reason, .. } = *against_log;
        match (reason, value, lower, upper) {
            // Numbers that were forced are none that the log stands for.
            (Some(reason), ..) => Self::Withheld { reason },
            (None, Some(_), Some(lower), _) if lower > 0.0 => Self::More,
            (None, Some(_), _, Some(upper)) if upper < 0.0 => Self::Less,
            (None, Some(difference), Some(lower), Some(upper)) => {
                Self::Open(DetectableDifference::new(difference, (upper - lower) / 2.0, alpha))
            }
            (None, ..) => Self::Withheld { reason: NoEstimateReason::Undefined },
        }
    }
}

/// What it would take to tell a difference, with probability [`POWER`]. Bounds are taken to close in with the root of the
/// number of decisions, as those of the normal distribution do.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct DetectableDifference {
    /// The difference that was seen.
    pub difference: f64,
    /// How many times the log it would take, for a difference as large as the one that was seen; `None` where no number
    /// would do.
    pub times: Option<f64>,
    /// The smallest difference that a log like this one tells.
    pub detectable: f64,
}

impl DetectableDifference {
    /// For a difference that was seen with bounds at this distance that may fail with probability `alpha`, half on each
    /// side.
    pub fn new(difference: f64, half_width: f64, alpha: f64) -> Self {
        let detectable = half_width * (1.0 + normal_quantile(POWER) / normal_quantile(1.0 - alpha / 2.0));
        let times = (detectable / difference).powi(2);
        Self { difference, times: (times < 1e12).then_some(times), detectable }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_told_in_80_of_100_logs_of_the_size_that_is_said() {
        // A standard error of 0.1: bounds at 0.196. A log of so many times the size has the bounds and the error
        // divided by the root, and tells it where its estimate is above its bounds' distance.
        let power = DetectableDifference::new(0.05, 0.195_996_398_454_005, 0.05);
        let times = power.times.unwrap();
        assert!((power.detectable - 0.1 * (1.959_963_984_5 + 0.841_621_233_6)).abs() < 1e-9, "{power:?}");
        assert!((times - (power.detectable / 0.05).powi(2)).abs() < 1e-9);
        let told = crate::base::stats::normal_cdf((0.05 - 0.196 / times.sqrt()) / (0.1 / times.sqrt()));
        assert!((told - POWER).abs() < 1e-4, "{told}");
        assert_eq!(DetectableDifference::new(0.0, 0.1, 0.05).times, None);
    }

    #[test]
    fn each_side_of_the_bounds_says_its_own() {
        let of = |lower: Option<f64>, upper: Option<f64>| {
            let estimate = ValueEstimate {
                estimator: "ips",
                biased: false,
                lambda: None,
                value: Some(0.0),
                lower,
                upper,
                reason: lower.is_none().then_some(NoEstimateReason::NoSpread),
            };
            PolicyVerdict::of(&estimate, 0.05)
        };
        assert_eq!(of(Some(0.1), Some(0.2)), PolicyVerdict::More);
        assert_eq!(of(Some(-0.2), Some(-0.1)), PolicyVerdict::Less);
        assert!(matches!(of(Some(0.0), Some(0.1)), PolicyVerdict::Open(_)));
        assert!(matches!(of(Some(-0.1), Some(0.0)), PolicyVerdict::Open(_)));
        assert_eq!(of(None, None), PolicyVerdict::Withheld { reason: NoEstimateReason::NoSpread });
    }
}
