//! A moment, and a tip that could be shown at it.

use crate::base::error::{Fault, Result, hour, storable, within};
use crate::base::read::{Object, whole_number};
use serde::de::{Deserializer, Error as _, Unexpected};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// Largest absolute number of days that `due_in_days` may say: a thousand years.
pub(super) const MAX_DUE_DAYS: f64 = 365_250.0;
/// Largest effort in minutes: a year.
pub(super) const MAX_EFFORT_MINUTES: f64 = 525_600.0;
/// Longest identifier, in bytes, of a candidate or its kind.
pub(super) const MAX_ID_BYTES: usize = 256;
/// Longest text of a tip, in bytes.
pub(super) const MAX_TEXT_BYTES: usize = 4_096;
/// Which weekdays there are.
pub(super) const WEEKDAYS: &str = "0 (Monday) to 6 (Sunday)";

/// The moment of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Context {
    /// Local time in hours, in [0, 24).
    pub hour: f64,
    /// Day of the week, 0 (Monday) to 6 (Sunday).
    pub weekday: u8,
}

impl<'de> Deserialize<'de> for Context {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Fields {
            hour: f64,
            #[serde(deserialize_with = "weekday")]
            weekday: u8,
        }
        let Object(Fields { hour, weekday }) = Object::deserialize(deserializer)?;
        Ok(Self { hour, weekday })
    }
}

/// One tip that could be shown now. Only `id` is required.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// Unique within the request.
    pub id: SmolStr,
    /// The kind of tip, e.g. `focus`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<SmolStr>,
    /// How much its owner wants it done, in [0, 1].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<f64>,
    /// Days until it is due; negative when overdue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_in_days: Option<f64>,
    /// Minutes that it takes, at least 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort_minutes: Option<f64>,
    /// The hour it is meant for, in [0, 24); the context's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hour: Option<f64>,
    /// The words that its user reads: kept with the decision, seen by no policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<SmolStr>,
}

/// Reads what may be a weekday; what cannot be one is told which there are.
fn weekday<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    let day = whole_number(deserializer, WEEKDAYS)?;
    u8::try_from(day).map_err(|_| D::Error::invalid_value(Unexpected::Unsigned(day), &WEEKDAYS))
}

impl Candidate {
    pub(crate) fn check(&self) -> Result<(), Fault> {
        name("id", &self.id)?;
        if let Some(kind) = &self.kind {
            name("kind", kind)?;
        }
        if let Some(text) = &self.text {
            storable("text", text)?;
            if text.len() > MAX_TEXT_BYTES {
                let value = format!("a text of {} bytes", text.len());
                return Err(Fault::new("text", value, format!("at most {MAX_TEXT_BYTES} bytes")));
            }
        }
        if let Some(priority) = self.priority {
            within("priority", priority, 0.0, 1.0)?;
        }
        if let Some(due) = self.due_in_days {
            within("due_in_days", due, -MAX_DUE_DAYS, MAX_DUE_DAYS)?;
        }
        if let Some(effort) = self.effort_minutes {
            within("effort_minutes", effort, 0.0, MAX_EFFORT_MINUTES)?;
        }
        self.hour.map_or(Ok(()), |h| hour("hour", h))
    }
}

pub(crate) fn name(field: &str, value: &str) -> Result<(), Fault> {
    if value.is_empty() || value.len() > MAX_ID_BYTES {
        return Err(Fault::new(
            field,
            format!("a text of {} bytes", value.len()),
            format!("1 to {MAX_ID_BYTES} bytes"),
        ));
    }
    storable(field, value).map(drop)
}
