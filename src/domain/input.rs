//! One input of a domain: where it stands, what it may be, and what it is in a request.

use super::profile::ProfileIndex;
use crate::base::error::{Fault, Result, hour, storable, within};
use crate::base::read::{is_missing, number_or_truth, of_notation};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use smol_str::SmolStr;

/// Longest text of a category, in bytes.
pub(crate) const MAX_CATEGORY_BYTES: usize = 256;
/// The pattern of texts without the character NUL, which not every store can keep.
pub(super) const STORABLE: &str = "^[^\\u0000]*$";
/// Numbers beyond this are refused as damage, unless the file says another range.
pub(super) const LARGEST: f64 = 1e12;

/// Of what an input is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InputOf {
    /// One item that could be shown.
    Candidate,
    /// The moment, the same for all candidates.
    Context,
    /// What is known of the user.
    Profile,
}

impl InputOf {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Candidate, Self::Context, Self::Profile];

    /// Its name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Candidate => "candidate",
            Self::Context => "context",
            Self::Profile => "profile",
        }
    }
}

/// What an input may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InputType {
    /// A number in a range.
    Number,
    /// An hour of the day, in [0, 24).
    Hour,
    /// True or false: 1 or 0 as a number.
    Flag,
    /// A text, one of several.
    Category,
}

/// An input as a domain's file states it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainInput {
    /// Of what it is said.
    pub of: InputOf,
    /// Its name in requests and logs.
    pub name: String,
    /// What it may be.
    #[serde(rename = "type")]
    pub kind: InputType,
    /// Smallest number; -1e12 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<f64>,
    /// Largest number; 1e12 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<f64>,
    /// Whether a number must be whole.
    #[serde(default, skip_serializing_if = "is_false")]
    pub whole: bool,
    /// Whether a request must say it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub required: bool,
    /// The texts that a category may have; any when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub levels: Option<Vec<String>>,
    /// What other programs' logs call it, if not by its name: a column, or a feature with its namespace, as `User.device`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_logs: Option<String>,
    /// Its type as a registry of features names it, where that is not said by its type here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dtype: Option<String>,
    /// Its unit, for readers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// What it means that it is unknown, for readers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
    /// What it is, for readers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_false(value: &bool) -> bool {
    !value
}

/// Where a value of an input is found in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputSlot {
    /// The candidate's id, which every domain has.
    Id,
    /// A field of the requests that are built in.
    Tips(TipsInput),
    /// The n-th declared input of this.
    Declared(InputOf, usize),
}

impl InputSlot {
    /// Of what the input is, and its position among the inputs of that as the domain's file has them; `None` for the id.
    pub fn place(self) -> Option<(InputOf, usize)> {
        Some(match self {
            Self::Id => return None,
            Self::Declared(of, n) => (of, n),
            Self::Tips(input) => match input {
                TipsInput::ContextHour => (InputOf::Context, 0),
                TipsInput::Weekday => (InputOf::Context, 1),
                TipsInput::Kind => (InputOf::Candidate, 0),
                TipsInput::Priority => (InputOf::Candidate, 1),
                TipsInput::DueInDays => (InputOf::Candidate, 2),
                TipsInput::EffortMinutes => (InputOf::Candidate, 3),
                TipsInput::CandidateHour => (InputOf::Candidate, 4),
                TipsInput::Profile(index) => (InputOf::Profile, index as usize),
            },
        })
    }
}

/// An input of the domain `tips`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TipsInput {
    /// The moment's hour.
    ContextHour,
    /// The moment's weekday.
    Weekday,
    /// The candidate's kind.
    Kind,
    /// The candidate's priority.
    Priority,
    /// Days until the candidate is due.
    DueInDays,
    /// Minutes that the candidate takes.
    EffortMinutes,
    /// The hour that the candidate is meant for.
    CandidateHour,
    /// A feature of the profile.
    Profile(ProfileIndex),
}

/// What an input is at a decision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum InputValue<'a> {
    /// Nobody says it.
    Unknown,
    /// A number, an hour, or a flag as 0 or 1.
    Number(f64),
    /// A category.
    Text(&'a str),
}

impl<'a> InputValue<'a> {
    /// The number that is there, or nothing.
    pub fn number(value: Option<f64>) -> Self {
        value.map_or(Self::Unknown, Self::Number)
    }

    /// The text that is there, or nothing.
    pub fn text(value: Option<&'a str>) -> Self {
        value.map_or(Self::Unknown, Self::Text)
    }
}

/// The same, kept.
#[derive(Debug, Clone, PartialEq)]
pub enum KeptValue {
    /// Nobody says it.
    Unknown,
    /// A number, an hour, or a flag as 0 or 1.
    Number(f64),
    /// A category.
    Text(SmolStr),
}

impl KeptValue {
    /// What is kept.
    pub fn get(&self) -> InputValue<'_> {
        match self {
            Self::Unknown => InputValue::Unknown,
            Self::Number(x) => InputValue::Number(*x),
            Self::Text(text) => InputValue::Text(text),
        }
    }
}

impl DomainInput {
    /// Its name with what it is of: `candidate.price`.
    pub fn path(&self) -> String {
        format!("{}.{}", self.of.name(), self.name)
    }

    /// Its type as a registry of features names it.
    pub fn dtype(&self) -> &str {
        self.dtype.as_deref().unwrap_or(match self.kind {
            InputType::Number if self.whole => "int",
            InputType::Number | InputType::Hour => "float",
            InputType::Flag => "bool",
            InputType::Category => "string",
        })
    }

    /// Its smallest and largest number.
    pub fn range(&self) -> (f64, f64) {
        (self.minimum.unwrap_or(-LARGEST), self.maximum.unwrap_or(LARGEST))
    }

    /// What it may be, in words.
    pub fn allowed(&self) -> String {
        let (low, high) = self.range();
        match (self.kind, &self.levels) {
            (InputType::Number, _) if self.whole => format!("a whole number in [{low}, {high}]"),
            (InputType::Number, _) => format!("a number in [{low}, {high}]"),
            (InputType::Hour, _) => "an hour in [0, 24)".to_owned(),
            (InputType::Flag, _) => "true or false".to_owned(),
            (InputType::Category, Some(levels)) => format!("one of {}", levels.join(", ")),
            (InputType::Category, None) => format!("a text of 1 to {MAX_CATEGORY_BYTES} bytes"),
        }
    }

    fn fault(&self, value: impl std::fmt::Display) -> Fault {
        Fault::new(&self.name, value, self.allowed())
    }

    /// The value in JSON; null is unknown.
    ///
    /// # Errors
    /// What is not of its type or out of its range.
    pub fn of_json(&self, value: &Value) -> Result<KeptValue, Fault> {
        match (self.kind, value) {
            (_, Value::Null) if self.required => Err(self.fault("null")),
            (_, Value::Null) => Ok(KeptValue::Unknown),
            (InputType::Number | InputType::Hour, Value::Number(number)) => {
                self.of_number(number.as_f64().unwrap_or(f64::NAN))
            }
            (InputType::Flag, Value::Bool(flag)) => Ok(KeptValue::Number(f64::from(u8::from(*flag)))),
            (InputType::Category, Value::String(text)) => self.of_text(text),
            _ => Err(self.fault(value)),
        }
    }

    /// The value that a number is; a flag may be 0 or 1.
    ///
    /// # Errors
    /// A number that is out of range, or that a category cannot be.
    pub fn of_number(&self, number: f64) -> Result<KeptValue, Fault> {
        let (low, high) = self.range();
        match self.kind {
            InputType::Number => {
                within(&self.name, number, low, high)?;
                if self.whole && number.fract() != 0.0 {
                    return Err(self.fault(number));
                }
            }
            InputType::Hour => hour(&self.name, number)?,
            InputType::Flag if number == 0.0 || number == 1.0 => {}
            InputType::Flag | InputType::Category => return Err(self.fault(number)),
        }
        Ok(KeptValue::Number(number))
    }

    /// The value that a text is: of a category the text itself, else what it says; an empty one is unknown.
    ///
    /// # Errors
    /// A text that does not say what the input may be.
    pub fn of_text(&self, text: &str) -> Result<KeptValue, Fault> {
        let quoted = || self.fault(format!("{text:?}"));
        match self.kind {
            _ if text.is_empty() && !self.required => Ok(KeptValue::Unknown),
            InputType::Category => {
                let allowed = self.levels.as_ref().is_none_or(|levels| levels.iter().any(|l| l == text));
                if text.is_empty() || text.len() > MAX_CATEGORY_BYTES || !allowed {
                    return Err(quoted());
                }
                storable(&self.name, text).map(|text| KeptValue::Text(text.into()))
            }
            InputType::Flag => match number_or_truth(text) {
                Some(flag) if flag == 0.0 || flag == 1.0 => Ok(KeptValue::Number(flag)),
                _ => Err(quoted()),
            },
            InputType::Number | InputType::Hour => self.of_number(text.trim().parse().map_err(|_| {
                let fault = quoted();
                let hint = if is_missing(text) {
                    "; what is unknown is left empty".to_owned()
                } else {
                    of_notation(text)
                };
                Fault { allowed: fault.allowed + &hint, ..fault }
            })?),
        }
    }

    /// What a value that was checked is in JSON.
    pub(super) fn json(&self, value: &KeptValue) -> Value {
        match (value, self.kind) {
            (KeptValue::Unknown, _) => Value::Null,
            (KeptValue::Number(x), InputType::Flag) => Value::Bool(*x != 0.0),
            (KeptValue::Number(x), _) => Value::from(*x),
            (KeptValue::Text(text), _) => Value::from(text.as_str()),
        }
    }

    /// The schema of its values.
    pub(super) fn schema(&self) -> Value {
        let kind = match self.kind {
            InputType::Number if self.whole => "integer",
            InputType::Number | InputType::Hour => "number",
            InputType::Flag => "boolean",
            InputType::Category => "string",
        };
        let mut schema = serde_json::json!({
            "type": if self.required { Value::from(kind) } else { serde_json::json!([kind, "null"]) },
        });
        let (low, high) = self.range();
        match self.kind {
            InputType::Number => (schema["minimum"], schema["maximum"]) = (number(low), number(high)),
            InputType::Hour => (schema["minimum"], schema["exclusiveMaximum"]) = (0.into(), 24.into()),
            InputType::Flag => {}
            InputType::Category => {
                if let Some(levels) = &self.levels {
                    let null = (!self.required).then_some(Value::Null);
                    schema["enum"] = levels.iter().map(|l| Value::from(l.as_str())).chain(null).collect();
                } else {
                    (schema["minLength"], schema["maxLength"]) = (1.into(), MAX_CATEGORY_BYTES.into());
                    schema["pattern"] = STORABLE.into();
                }
            }
        }
        if let Some(description) = &self.description {
            schema["description"] = description.as_str().into();
        }
        schema
    }
}

/// A bound, without a fraction where it has none.
fn number(x: f64) -> Value {
    if x.fract() == 0.0 && x.abs() < 9e15 { Value::from(x as i64) } else { Value::from(x) }
}
