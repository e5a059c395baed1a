//! What Feast answers: a column for each feature, in an order of its own, with a value for each entity that was asked for.

use super::key::ProfileKey;
use super::names::{KIND, USER};
use crate::domain::{Domain, InputOf, KeptValue, ProfileCompletion};
use serde::Deserialize;
use serde_json::Value;
use smol_str::SmolStr;

/// A value that is not there.
static NULL: Value = Value::Null;
/// The status of a value that is there and not too old.
const PRESENT: &str = "PRESENT";

#[derive(Deserialize)]
struct RawAnswer {
    metadata: RawMetadata,
    results: Vec<RawColumn>,
}

#[derive(Deserialize)]
struct RawMetadata {
    feature_names: Vec<String>,
}

#[derive(Deserialize)]
struct RawColumn {
    values: Vec<Value>,
    #[serde(default)]
    statuses: Vec<String>,
}

/// What is known of a user.
#[derive(Debug, Clone, PartialEq)]
pub struct FetchedProfile {
    /// The values that are as the domain declares them.
    pub known: ProfileCompletion,
    /// Features that have a value of another type or out of range, each once.
    pub refused: Vec<SmolStr>,
}

impl RawColumn {
    fn value(&self, row: usize) -> &Value {
        let is_present = self.statuses.get(row).is_none_or(|status| status == PRESENT);
        if is_present { self.values.get(row).unwrap_or(&NULL) } else { &NULL }
    }
}

/// The profiles in an answer about these keys; `None` where it is not one about them.
pub(super) fn profiles(domain: &Domain, keys: &[ProfileKey], text: &[u8]) -> Option<Vec<FetchedProfile>> {
    let answer: RawAnswer = serde_json::from_slice(text).ok()?;
    let rows: usize = keys.iter().map(ProfileKey::rows).sum();
    let names = &answer.metadata.feature_names;
    if names.len() != answer.results.len() {
        return None;
    }
    // A feature's place is its name's, whatever was asked for first.
    let column = |name: &str| {
        let place = names.iter().position(|own| own == name)?;
        Some(&answer.results[place])
    };
    let inputs: Vec<_> =
        domain.inputs_of(InputOf::Profile).map(|input| (input, column(&input.name))).collect();
    let of_whom = [(USER, column(USER)), (KIND, column(KIND))];
    let known = inputs.iter().map(|(_, column)| *column).chain(of_whom.iter().map(|(_, column)| *column));
    if known.flatten().any(|column| column.values.len() != rows) {
        return None;
    }
    let mut row = 0;
    let mut all = Vec::with_capacity(keys.len());
    for key in keys {
        let mut known = ProfileCompletion::default();
        let mut refused: Vec<SmolStr> = Vec::new();
        for kind in key.each_row() {
            // A value of somebody else would be well formed, and wrong.
            let differs = |column: Option<&RawColumn>, own: &str| {
                column.is_some_and(|column| column.values[row].as_str() != Some(own))
            };
            if differs(of_whom[0].1, &key.user) || differs(of_whom[1].1, kind) {
                return None;
            }
            let values = inputs.iter().map(|(input, column)| {
                let value = column.map_or(&NULL, |column| column.value(row));
                input.of_json(value).unwrap_or_else(|_| {
                    refused.push(input.name.as_str().into());
                    KeptValue::Unknown
                })
            });
            let values = values.collect();
            if kind.is_empty() {
                known.user = values;
            } else {
                known.by_kind.push((kind.into(), values));
            }
            row += 1;
        }
        refused.sort_unstable();
        refused.dedup();
        all.push(FetchedProfile { known, refused });
    }
    Some(all)
}
