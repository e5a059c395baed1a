//! What decisions are grouped by.

use crate::base::error::{Error, Result};
use crate::domain::{Domain, InputOf};
use crate::store::log_line::DecisionLine;
use serde_json::Value;
use serde_json::value::RawValue;
use smol_str::{SmolStr, ToSmolStr};
use std::collections::BTreeSet;

/// What stands for a group where nothing is known.
pub(super) const UNKNOWN: &str = "unknown";

/// What decisions are grouped by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grouping {
    /// The variant of an experiment.
    Variant,
    /// Who decided.
    Policy,
    /// The prompt that wrote the candidates.
    PromptVersion,
    /// The kind of what was shown.
    Kind,
    /// An input of the request, by name.
    Input(String),
}

impl Grouping {
    /// The grouping of a name; any other than the four is that of an input.
    pub fn named(name: &str) -> Self {
        match name {
            "variant" => Self::Variant,
            "policy" => Self::Policy,
            "prompt_version" => Self::PromptVersion,
            "kind" => Self::Kind,
            name => Self::Input(name.to_owned()),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Variant => "variant",
            Self::Policy => "policy",
            Self::PromptVersion => "prompt_version",
            Self::Kind => "kind",
            Self::Input(name) => name,
        }
    }

    /// Whether users were given their groups at random, each one for good: a user is then counted where they were first.
    pub fn is_assigned(&self) -> bool {
        matches!(self, Self::Variant | Self::PromptVersion)
    }

    /// The group of a decision; `None` for one that has nothing to do with it.
    pub fn group(&self, line: &DecisionLine<&RawValue>) -> Option<SmolStr> {
        match self {
            Self::Variant => line.variant.as_deref().map(SmolStr::from),
            Self::Policy => Some(line.policy.as_ref().into()),
            Self::PromptVersion => line.prompt_version.as_deref().map(SmolStr::from),
            Self::Kind => Some(input(line, "kind").map_or_else(|| UNKNOWN.into(), |kind| label(&kind))),
            Self::Input(name) => {
                Some(input(line, name).map_or_else(|| UNKNOWN.into(), |value| label(&value)))
            }
        }
    }
}

/// A condition on an input of the moment or of the user, which nobody's arm changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentFilter {
    /// The input.
    pub input: String,
    /// Its value, as groups by it are called.
    pub value: String,
}

impl SegmentFilter {
    /// Whether a decision is of the segment.
    pub fn holds(&self, line: &DecisionLine<&RawValue>) -> bool {
        let Ok(request) = serde_json::from_str::<Value>(line.request.get()) else { return false };
        let value = ["context", "profile_features"]
            .iter()
            .find_map(|part| known(request.get(part)?.get(&self.input)));
        value.map_or_else(|| self.value == UNKNOWN, |value| label(value) == self.value.as_str())
    }
}

/// The value of an input: of the moment, of what was chosen, or of the user.
fn input(line: &DecisionLine<&RawValue>, name: &str) -> Option<Value> {
    let request: Value = serde_json::from_str(line.request.get()).ok()?;
    let chosen = || {
        let candidates = request.get("candidates")?.as_array()?;
        let chosen = candidates.iter().find(|candidate| candidate["id"] == *line.chosen)?;
        known(chosen.get(name))
    };
    let part = |part: &str| known(request.get(part)?.get(name));
    part("context").or_else(chosen).or_else(|| part("profile_features")).cloned()
}

/// Whether the inputs that somebody asks for are named by any request: a name that is mistyped must not look like one of
/// which nothing is known.
pub(super) struct AskedInputs<'a> {
    /// Those that no request has named yet: the name, and whether it may be one of the candidates'.
    missing: Vec<(&'a str, bool)>,
    /// Names that there are.
    named: BTreeSet<String>,
    any: bool,
}

/// So many names are enough to say what there is.
const MOST_NAMES: usize = 64;

impl<'a> AskedInputs<'a> {
    pub(super) fn new(by: &'a Grouping, segments: &'a [SegmentFilter]) -> Self {
        let of_group = match by {
            Grouping::Input(name) => Some((name.as_str(), true)),
            _ => None,
        };
        let of_segments = segments.iter().map(|segment| (segment.input.as_str(), false));
        let missing = of_group.into_iter().chain(of_segments).collect();
        Self { missing, named: BTreeSet::new(), any: false }
    }

    /// Looks at a decision, as long as something is missing.
    pub(super) fn look(&mut self, line: &DecisionLine<&RawValue>) {
        if self.missing.is_empty() {
            return;
        }
        self.any = true;
        let Ok(request) = serde_json::from_str::<Value>(line.request.get()) else { return };
        let of_moment =
            ["context", "profile_features"].iter().filter_map(|part| request.get(part)?.as_object());
        let of_candidates = request.get("candidates").and_then(Value::as_array).into_iter().flatten();
        let of_candidates = of_candidates.filter_map(Value::as_object);
        let objects = of_moment.map(|o| (o, false)).chain(of_candidates.map(|o| (o, true)));
        for (object, of_candidate) in objects {
            self.missing.retain(|(name, any)| !object.contains_key(*name) || (of_candidate && !any));
            for name in object.keys().filter(|name| !of_candidate || *name != "id") {
                if self.named.len() < MOST_NAMES && !self.named.contains(name) {
                    self.named.insert(name.clone());
                }
            }
        }
    }

    /// # Errors
    /// There are decisions, and an input that none of them names and the shipped domain does not have.
    pub(super) fn check(&self) -> Result<()> {
        let is_declared = |name: &str| {
            let every = [InputOf::Candidate, InputOf::Context, InputOf::Profile];
            every.iter().any(|of| Domain::tips().inputs_of(*of).any(|input| input.name == name))
        };
        match self.missing.iter().find(|(name, _)| !is_declared(name)) {
            Some((name, _)) if self.any => Err(Error::unknown("input", name, &self.named)),
            _ => Ok(()),
        }
    }
}

fn known(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| !value.is_null())
}

/// What a group of this value is called: numbers are rounded down, to tenths below 1.
fn label(value: &Value) -> SmolStr {
    match value {
        Value::String(text) => text.as_str().into(),
        Value::Number(number) => match number.as_f64() {
            Some(number) if number.abs() < 1.0 && number != 0.0 => {
                (libm::floor(number * 10.0) / 10.0).to_smolstr()
            }
            Some(number) => libm::floor(number).to_smolstr(),
            None => number.to_smolstr(),
        },
        other => other.to_smolstr(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_of_the_moment_the_choice_and_the_user() {
        let text = r#"{"decision_id":"d","user":"u","policy":"p","shadow":false,"chosen":"b","propensity":1,
            "propensities":[0,1],"time_ms":1,"prompt_version":"v2","request":{"context":{"hour":8.5,"weekday":2},
            "candidates":[{"id":"a","kind":"x"},{"id":"b","kind":"focus","priority":0.37}],
            "profile_features":{"completion_rate":0.25,"tip_volume":null}}}"#;
        let line: DecisionLine<&RawValue> = serde_json::from_str(text).unwrap();
        let of = |name: &str| Grouping::named(name).group(&line);
        for (name, expected) in [
            ("policy", "p"),
            ("prompt_version", "v2"),
            ("kind", "focus"),
            ("hour", "8"),
            ("weekday", "2"),
            ("priority", "0.3"),
            ("completion_rate", "0.2"),
            ("tip_volume", "unknown"),
            ("nothing", "unknown"),
        ] {
            assert_eq!(of(name).as_deref(), Some(expected), "{name}");
        }
        assert_eq!(of("variant"), None);
        let holds = |input: &str, value: &str| {
            SegmentFilter { input: input.to_owned(), value: value.to_owned() }.holds(&line)
        };
        assert!(holds("weekday", "2") && !holds("weekday", "3") && holds("tip_volume", "unknown"));
        // What was shown depends on the arm.
        assert!(!holds("kind", "focus"));
    }
}
