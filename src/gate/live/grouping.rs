//! What decisions are grouped by.

use super::refusal::LiveRefusal;
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
        let value = self.value_in(&request);
        value.map_or_else(|| self.value == UNKNOWN, |value| label(value) == self.value.as_str())
    }

    /// What a request says of its input.
    fn value_in<'r>(&self, request: &'r Value) -> Option<&'r Value> {
        PARTS.iter().find_map(|part| known(request.get(part)?.get(&self.input)))
    }
}

/// What of a request no arm changes.
const PARTS: [&str; 2] = ["context", "profile_features"];

/// What decisions have of the input of a segment, until one of them shows that the value which is asked for may be there.
struct SegmentValues<'a> {
    segment: &'a SegmentFilter,
    /// Values that are no texts, as groups by them are called.
    known: BTreeSet<SmolStr>,
}

/// So many values show what an input has.
const MOST_VALUES: usize = 12;

impl SegmentValues<'_> {
    /// Looks at a decision's request; whether there is more to find out.
    fn look(&mut self, request: &Value) -> bool {
        match self.segment.value_in(request) {
            // Any text may be one that comes another day.
            Some(Value::String(_)) => return false,
            Some(value) if self.known.len() < MOST_VALUES => drop(self.known.insert(label(value))),
            _ => {}
        }
        !self.known.contains(self.segment.value.as_str())
    }

    /// # Errors
    /// A text where decisions have numbers, or a number that no group is called by.
    fn check(&self) -> Result<()> {
        let SegmentFilter { input, value } = self.segment;
        let parsed = serde_json::from_str::<Value>(value).ok().filter(|v| v.is_number() || v.is_boolean());
        let called = parsed.map(|parsed| label(&parsed));
        if self.known.is_empty() || value == UNKNOWN || called.as_deref() == Some(value) {
            return Ok(());
        }
        let allowed = match called {
            Some(called) => format!("{called}, as numbers are rounded down, to tenths below 1"),
            None => "a value as these, or unknown".to_owned(),
        };
        let known = self.known.iter().map(SmolStr::as_str).collect::<Vec<_>>().join(", ");
        let (input, value) = (input.clone(), value.clone());
        Err(Error::because(LiveRefusal::NoSuchValue { input, value, known, allowed }))
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
    /// Names that there are, of the moment and the user, and of candidates.
    named: BTreeSet<String>,
    of_candidates: BTreeSet<String>,
    /// Segments of which no decision has shown yet that there may be one.
    values: Vec<SegmentValues<'a>>,
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
        let values = segments.iter().map(|segment| SegmentValues { segment, known: BTreeSet::new() });
        Self {
            missing,
            named: BTreeSet::new(),
            of_candidates: BTreeSet::new(),
            values: values.collect(),
            any: false,
        }
    }

    /// Looks at a decision, as long as something is missing.
    pub(super) fn look(&mut self, line: &DecisionLine<&RawValue>) {
        if self.missing.is_empty() && self.values.is_empty() {
            return;
        }
        self.any = true;
        let Ok(request) = serde_json::from_str::<Value>(line.request.get()) else { return };
        self.values.retain_mut(|values| values.look(&request));
        if self.missing.is_empty() {
            return;
        }
        let of_moment = PARTS.iter().filter_map(|part| request.get(part)?.as_object());
        let of_candidates = request.get("candidates").and_then(Value::as_array).into_iter().flatten();
        let of_candidates = of_candidates.filter_map(Value::as_object);
        let objects = of_moment.map(|o| (o, false)).chain(of_candidates.map(|o| (o, true)));
        for (object, of_candidate) in objects {
            self.missing.retain(|(name, any)| !object.contains_key(*name) || (of_candidate && !any));
            let named = if of_candidate { &mut self.of_candidates } else { &mut self.named };
            for name in object.keys().filter(|name| !of_candidate || *name != "id") {
                if named.len() < MOST_NAMES && !named.contains(name) {
                    named.insert(name.clone());
                }
            }
        }
    }

    /// # Errors
    /// There are decisions, and an input that none of them names and the shipped domain does not have, or that is one of what
    /// was shown; a value that none of them can have.
    pub(super) fn check(&self) -> Result<()> {
        if !self.any {
            return Ok(());
        }
        let declares = |of: InputOf, name: &str| Domain::tips().inputs_of(of).any(|input| input.name == name);
        let is_shown = |name: &str| self.of_candidates.contains(name) || declares(InputOf::Candidate, name);
        for (name, of_any) in &self.missing {
            if [InputOf::Context, InputOf::Profile].into_iter().any(|of| declares(of, name)) {
                continue;
            }
            match (is_shown(name), of_any) {
                (true, true) => {}
                (true, false) => {
                    let known = self.named.iter().cloned().collect::<Vec<_>>().join(", ");
                    return Err(Error::because(LiveRefusal::NoSegment { input: (*name).to_owned(), known }));
                }
                (false, true) => {
                    return Err(Error::unknown("input", name, self.named.union(&self.of_candidates)));
                }
                (false, false) => return Err(Error::unknown("input", name, &self.named)),
            }
        }
        self.values.iter().try_for_each(SegmentValues::check)
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
