//! One number that a log gives, with its bounds, or why there are none.

use super::no_estimate::NoEstimateReason;
use serde::Serialize;

/// One number with its bounds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ValueEstimate {
    /// Name of the estimator.
    pub estimator: &'static str,
    /// Whether it leaves out a bias that no log shows: that of a model, or of weights that were shrunk. Its bounds are then
    /// not bounds on the value.
    pub biased: bool,
    /// Its hyperparameter; `None` if it has none, and for differences, whose two sides may have two.
    pub lambda: Option<f64>,
    /// The estimate; `None` where it is not defined: a ratio without a denominator.
    pub value: Option<f64>,
    /// Lower bound; `None` where the method gives none.
    pub lower: Option<f64>,
    /// Upper bound; `None` where the method gives none.
    pub upper: Option<f64>,
    /// Why there is no value, or there are no bounds, and what would help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<NoEstimateReason>,
}

impl ValueEstimate {
    /// The same without bounds, for a reason.
    #[must_use]
    pub(super) fn without_bounds(self, reason: NoEstimateReason) -> Self {
        Self { lower: None, upper: None, reason: Some(reason), ..self }
    }
}
