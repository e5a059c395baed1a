//! What holds of the numbers of every log.

use crate::base::error::{Fault, Result};

/// `propensity` if it is a probability that something chosen can have had.
pub(super) fn checked_propensity(field: &str, propensity: f64) -> Result<f64, Fault> {
    if propensity > 0.0 && propensity <= 1.0 {
        Ok(propensity)
    } else {
        Err(Fault::new(field, propensity, "a number in (0, 1]: the probability of the choice as it was made"))
    }
}

/// `reward` if it is a finite number.
pub(super) fn checked_reward(field: &str, reward: f64) -> Result<f64, Fault> {
    if reward.is_finite() { Ok(reward) } else { Err(Fault::new(field, reward, "a finite number")) }
}
