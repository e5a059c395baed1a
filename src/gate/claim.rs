//! What a criterion claims of a challenger, on simulated people or on a log.

use crate::base::error::{Fault, within};
use serde::{Deserialize, Serialize};

/// What a criterion claims of the challenger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Claim {
    /// Better than the baseline.
    Superior,
    /// Not worse than the baseline by the margin or more.
    NotInferior,
}

impl Claim {
    /// The tolerated loss of a claim of this kind: 0 for superiority.
    pub(super) fn checked_margin(self, margin: Option<f64>) -> Result<f64, Fault> {
        match (self, margin) {
            (Self::Superior, None) => Ok(0.0),
            (Self::Superior, Some(m)) => Err(Fault::new("margin", m, "no margin for kind \"superior\"")),
            (Self::NotInferior, None) => Err(Fault::new("margin", "missing", "a number in (0, 1)")),
            (Self::NotInferior, Some(m)) => within("margin", m, 1e-6, 0.999),
        }
    }
}
