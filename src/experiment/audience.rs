//! Who takes part: conditions on what is known of a user.

use crate::base::error::Fault;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A condition on one attribute, unchecked. Numbers have bounds, anything else has a list of what is allowed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawCondition {
    /// Values that take part: texts, numbers, true or false.
    #[serde(default, rename = "in", skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<Value>>,
    /// The least number that takes part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The largest number that takes part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
}

/// A checked condition. Of whom the attribute is unknown takes no part.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// One of these values.
    OneOf(Vec<Value>),
    /// A number from the first to the second.
    Between(f64, f64),
}

impl TryFrom<RawCondition> for Condition {
    type Error = Fault;

    fn try_from(raw: RawCondition) -> Result<Self, Fault> {
        match raw {
            RawCondition { values: Some(values), min: None, max: None } => {
                if values.is_empty() || values.iter().any(|value| value.is_object() || value.is_array()) {
                    let value = Value::from(values);
                    return Err(Fault::new("in", value, "at least one text, number, true or false"));
                }
                Ok(Self::OneOf(values))
            }
            RawCondition { values: None, min, max } if min.is_some() || max.is_some() => {
                let (low, high) = (min.unwrap_or(f64::NEG_INFINITY), max.unwrap_or(f64::INFINITY));
                if low <= high {
                    Ok(Self::Between(low, high))
                } else {
                    Err(Fault::new("min", low, format!("a number up to max, {high}")))
                }
            }
            RawCondition { values, .. } => {
                let value = if values.is_some() { "stated beside `min` or `max`" } else { "missing" };
                Err(Fault::new("in", value, "`in` with values, or else `min`, `max` or both"))
            }
        }
    }
}

impl Condition {
    /// Whether a user with this value takes part.
    pub fn holds(&self, value: Option<&Value>) -> bool {
        let Some(value) = value else { return false };
        match self {
            Self::OneOf(values) => values.iter().any(|allowed| same(allowed, value)),
            Self::Between(low, high) => value.as_f64().is_some_and(|value| (*low..=*high).contains(&value)),
        }
    }
}

/// 3 and 3.0 are one number.
fn same(a: &Value, b: &Value) -> bool {
    a == b || (a.is_number() && b.is_number() && a.as_f64() == b.as_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(json: &str) -> Result<Condition, Fault> {
        Condition::try_from(serde_json::from_str::<RawCondition>(json).unwrap())
    }

    #[test]
    fn values_and_bounds_hold_and_the_unknown_takes_no_part() {
        let countries = condition(r#"{"in": ["DE", 3, true]}"#).unwrap();
        for (value, holds) in
            [("\"DE\"", true), ("\"de\"", false), ("3.0", true), ("true", true), ("null", false)]
        {
            assert_eq!(countries.holds(Some(&serde_json::from_str(value).unwrap())), holds, "{value}");
        }
        assert!(!countries.holds(None));
        let young = condition(r#"{"min": 18, "max": 30}"#).unwrap();
        for (value, holds) in [(17.9, false), (18.0, true), (30.0, true), (30.1, false)] {
            assert_eq!(young.holds(Some(&Value::from(value))), holds, "{value}");
        }
        assert!(!young.holds(Some(&Value::from("20"))));
    }

    #[test]
    fn what_says_nothing_or_two_things_is_refused() {
        for bad in
            ["{}", r#"{"in": []}"#, r#"{"in": [[1]]}"#, r#"{"in": [1], "min": 1}"#, r#"{"min": 2, "max": 1}"#]
        {
            assert!(condition(bad).is_err(), "{bad}");
        }
    }
}
