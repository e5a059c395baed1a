//! What holds of the numbers of every log.

use super::columns::{MISSING_ITEM, MISSING_USER};
use crate::base::error::{Fault, Result};
use crate::base::read::{is_missing, is_nothing};

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

/// What a name in a table names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    Item,
    User,
}

/// `name` if it is one: without blanks around it, which would make another name that looks the same, and not how tables write
/// that there is nothing. An item may be called `none` or `-`; a user of that name is nobody.
///
/// # Errors
/// What is allowed.
pub(super) fn checked_name(named: Named, name: &[u8]) -> Result<&str, String> {
    let (what, missing) = match named {
        Named::Item => ("the name of an item", MISSING_ITEM),
        Named::User => ("the name of a user", MISSING_USER),
    };
    let more = match std::str::from_utf8(name) {
        Ok("") => "not empty",
        Ok(text) if is_nothing(text) || (named == Named::User && is_missing(text)) => missing,
        Ok(text) if text.trim() == text => return Ok(text),
        Ok(_) => "without blanks around it",
        Err(_) => "in UTF-8",
    };
    Err(format!("{what}, {more}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_items_and_users_are_refused_by_one_rule() {
        for nothing in ["NULL", "\\N", "nan", "NaN", "None", "NA", "N/A", "<NA>", "#N/A", "null", "(null)"] {
            for named in [Named::Item, Named::User] {
                let said = checked_name(named, nothing.as_bytes()).unwrap_err();
                assert!(said.contains("which this is not") && said.contains("leave such rows out"), "{said}");
            }
        }
        for word in ["none", "-", "na"] {
            assert_eq!(checked_name(Named::Item, word.as_bytes()), Ok(word));
            assert!(checked_name(Named::User, word.as_bytes()).is_err(), "{word}");
        }
        for (bad, more) in
            [(&b""[..], "not empty"), (b" a", "without blanks around it"), (b"\xff", "in UTF-8")]
        {
            assert_eq!(checked_name(Named::Item, bad), Err(format!("the name of an item, {more}")));
        }
    }

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
