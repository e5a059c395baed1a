//! What holds of the numbers of every log.

use crate::base::error::{Fault, Result};

/// How far two writings of the same probability may be apart: other programs compute in single precision.
pub(super) const SAME: f64 = 1e-6;

/// `propensity` if it is a probability that something chosen can have had. What rounding made more than 1 is 1.
pub(super) fn checked_propensity(field: &str, propensity: f64) -> Result<f64, Fault> {
    if propensity > 0.0 && propensity <= 1.0 + SAME {
        Ok(propensity.min(1.0))
    } else {
        Err(Fault::new(field, propensity, "a number in (0, 1]: the probability of the choice as it was made"))
    }
}

/// `probability` if it is one of something that may have been chosen. What rounding made less than 0 or more than 1 is
/// that.
pub(super) fn checked_probability(field: &str, probability: f64) -> Result<f64, Fault> {
    if (-SAME..=1.0 + SAME).contains(&probability) {
        Ok(probability.clamp(0.0, 1.0))
    } else {
        Err(Fault::new(field, probability, "a number in [0, 1]"))
    }
}

/// `propensity` if it can be that of the choice among so many candidates: where there is one, it was certain.
pub(super) fn checked_among(field: &str, propensity: f64, candidates: usize) -> Result<(), Fault> {
    if candidates == 1 && propensity < 1.0 - SAME {
        let allowed = "1, for the only candidate of a decision; are the others missing?";
        return Err(Fault::new(field, propensity, allowed));
    }
    Ok(())
}

/// `reward` if it is a finite number.
pub(super) fn checked_reward(field: &str, reward: f64) -> Result<f64, Fault> {
    if reward.is_finite() { Ok(reward) } else { Err(Fault::new(field, reward, "a finite number")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rounding_beyond_the_range_is_its_end_and_more_is_none() {
        for rounded in [1.0, 1.000_000_12, 1.000_001] {
            assert_eq!(checked_propensity("p", rounded), Ok(1.0));
            assert_eq!(checked_probability("p", rounded), Ok(1.0));
        }
        assert_eq!(checked_probability("p", -1e-7), Ok(0.0));
        for bad in [1.000_01, -1e-7, 0.0, f64::NAN] {
            assert!(checked_propensity("p", bad).is_err(), "{bad}");
        }
        for bad in [1.000_01, -1e-5, f64::NAN] {
            assert!(checked_probability("p", bad).is_err(), "{bad}");
        }
        assert!(checked_among("p", 0.999_999_9, 1).is_ok() && checked_among("p", 0.4, 2).is_ok());
        assert!(checked_among("p", 0.4, 1).is_err());
    }
}
