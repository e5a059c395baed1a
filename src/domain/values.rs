//! What a request says by the inputs of a domain that is declared in a file.

use super::completion::ProfileCompletion;
use super::declaration::Domain;
use super::input::{DomainInput, InputOf, InputValue, KeptValue};
use super::profile::MAX_KINDS;
use super::request::Candidate;
use crate::base::error::{Fault, Result};
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};
use smol_str::SmolStr;
use std::collections::BTreeSet;
use std::fmt;

/// The name under which values of the profile by kind of candidate stand.
const BY_KIND: &str = "by_kind";

/// Names and values as JSON has them, each name once; unchecked.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RawDeclared(pub Vec<(SmolStr, Value)>);

impl RawDeclared {
    /// Takes the value of this name out.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        let place = self.0.iter().position(|(own, _)| own == name)?;
        Some(self.0.swap_remove(place).1)
    }
}

impl<'de> Deserialize<'de> for RawDeclared {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = RawDeclared;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object of inputs")
            }

            fn visit_none<E>(self) -> Result<RawDeclared, E> {
                Ok(RawDeclared::default())
            }

            fn visit_some<D: Deserializer<'de>>(self, object: D) -> Result<RawDeclared, D::Error> {
                object.deserialize_map(self)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawDeclared, A::Error> {
                let mut values: Vec<(SmolStr, Value)> = Vec::new();
                let mut names = BTreeSet::new();
                while let Some(name) = map.next_key::<SmolStr>()? {
                    if !names.insert(name.clone()) {
                        return Err(A::Error::custom(format_args!("duplicate field `{name}`")));
                    }
                    values.push((name, map.next_value()?));
                }
                Ok(RawDeclared(values))
            }
        }
        // Nothing is said where there is none, as by an empty one.
        deserializer.deserialize_option(Names)
    }
}

/// What a request says by a domain's inputs: checked values in the order in which the domain declares them.
#[derive(Debug, Clone, PartialEq)]
pub struct DeclaredValues {
    domain: &'static Domain,
    context: Vec<KeptValue>,
    candidates: Vec<Vec<KeptValue>>,
    /// `None` where the request has no profile.
    profile: Option<Vec<KeptValue>>,
    by_kind: Vec<(SmolStr, Vec<KeptValue>)>,
    /// Names of the profile that the domain does not have.
    unknown: BTreeSet<String>,
}

/// The values of one object; names that are not declared are refused, or collected where there is room for them.
fn values(
    domain: &'static Domain,
    of: InputOf,
    raw: &RawDeclared,
    mut unknown: Option<&mut BTreeSet<String>>,
) -> Result<Vec<KeptValue>, Fault> {
    let inputs = || domain.inputs_of(of);
    let mut kept = vec![None; inputs().count()];
    for (name, value) in &raw.0 {
        match (inputs().position(|input| input.name == **name), &mut unknown) {
            (Some(place), _) => {
                let input = inputs().nth(place).expect("it was found");
                kept[place] = Some(input.of_json(value)?);
            }
            (None, Some(unknown)) => drop(unknown.insert(name.to_string())),
            (None, None) => {
                let names: Vec<&str> = inputs().map(|input| input.name.as_str()).collect();
                let id = if of == InputOf::Candidate { "id, " } else { "" };
                let allowed = format!("inputs of domain {}: {id}{}", domain.name(), names.join(", "));
                return Err(Fault::new(name.as_str(), "not declared", allowed));
            }
        }
    }
    let missing = |input: &DomainInput| Fault::new(&input.name, "missing", input.allowed());
    let whole = kept.into_iter().zip(inputs()).map(|(value, input)| match value {
        None if input.required => Err(missing(input)),
        value => Ok(value.unwrap_or(KeptValue::Unknown)),
    });
    whole.collect()
}

impl DeclaredValues {
    /// What these objects say.
    ///
    /// # Errors
    /// Names that the domain does not declare, except in the profile; values that are not as it declares them.
    pub(super) fn check(
        domain: &'static Domain,
        context: &RawDeclared,
        candidates: &[RawDeclared],
        profile: Option<RawDeclared>,
    ) -> Result<Self, Fault> {
        let mut unknown = BTreeSet::new();
        let context =
            values(domain, InputOf::Context, context, None).map_err(|fault| fault.within("context"))?;
        let candidates = candidates.iter().enumerate().map(|(k, raw)| {
            let place = format!("candidates[{k}]");
            values(domain, InputOf::Candidate, raw, None).map_err(|fault| fault.within(&place))
        });
        let candidates = candidates.collect::<Result<Vec<_>, Fault>>()?;
        let mut by_kind = Vec::new();
        let profile = profile.map(|mut raw| {
            let kinds = if domain.kind_position().is_some() { raw.take(BY_KIND) } else { None };
            let user = values(domain, InputOf::Profile, &raw, Some(&mut unknown))?;
            for (kind, value) in kinds.map(kinds_of).transpose()?.into_iter().flatten() {
                let mut names = BTreeSet::new();
                let own = values(domain, InputOf::Profile, &value, Some(&mut names))
                    .map_err(|fault| fault.within(&format!("{BY_KIND}.{kind}")))?;
                unknown.extend(names.iter().map(|name| format!("{BY_KIND}.{kind}.{name}")));
                by_kind.push((kind, own));
            }
            Ok(user)
        });
        let profile = profile.transpose().map_err(|fault: Fault| fault.within("profile_features"))?;
        Ok(Self { domain, context, candidates, profile, by_kind, unknown })
    }

    /// The domain whose inputs these are.
    pub fn domain(&self) -> &'static Domain {
        self.domain
    }

    /// The kind of a candidate.
    pub(super) fn kind(&self, candidate: usize) -> Option<&str> {
        match self.candidates[candidate][self.domain.kind_position()?].get() {
            InputValue::Text(kind) => Some(kind),
            _ => None,
        }
    }

    /// What the n-th input of this sort is for a candidate. Values of the profile for its kind override the user's.
    pub(super) fn get(&self, of: InputOf, n: usize, candidate: usize) -> InputValue<'_> {
        match of {
            InputOf::Context => self.context[n].get(),
            InputOf::Candidate => self.candidates[candidate][n].get(),
            InputOf::Profile => {
                let Some(profile) = &self.profile else { return InputValue::Unknown };
                let kind = self.kind(candidate);
                let own = kind.and_then(|kind| self.by_kind.iter().find(|(own, _)| own == kind));
                match own.map(|(_, values)| values[n].get()) {
                    None | Some(InputValue::Unknown) => profile[n].get(),
                    Some(value) => value,
                }
            }
        }
    }

    /// Names of the profile that the domain does not have: a newer producer's, worth a warning.
    pub fn unknown_names(&self) -> impl Iterator<Item = &str> {
        self.unknown.iter().map(String::as_str)
    }

    /// Whether a value of the user's profile is unknown.
    pub(super) fn lacks_profile(&self) -> bool {
        self.profile.as_ref().map_or(self.domain.inputs_of(InputOf::Profile).next().is_some(), |own| {
            own.contains(&KeptValue::Unknown)
        })
    }

    /// Fills in what is unknown of the profile; how many values that was.
    pub(super) fn complete(&mut self, known: &ProfileCompletion) -> usize {
        let count = self.domain.inputs_of(InputOf::Profile).count();
        let blank = || vec![KeptValue::Unknown; count];
        let mut user = self.profile.clone().unwrap_or_else(blank);
        let by_kind = &mut self.by_kind;
        let is_unknown = |value: &KeptValue| *value == KeptValue::Unknown;
        let filled = known.fill(&mut user, is_unknown, KeptValue::clone, |kind, fill| {
            let place = by_kind.iter().position(|(own, _)| own == kind).unwrap_or_else(|| {
                by_kind.push((kind.clone(), blank()));
                by_kind.len() - 1
            });
            fill(&mut by_kind[place].1)
        });
        if filled > 0 {
            self.profile = Some(user);
        }
        filled
    }

    /// What there is to say when the candidate at `chosen` was shown: nothing of the others, and of the profile what held
    /// for it.
    pub(super) fn shown(&self, chosen: usize) -> Self {
        let kept = |value: InputValue| match value {
            InputValue::Unknown => KeptValue::Unknown,
            InputValue::Number(x) => KeptValue::Number(x),
            InputValue::Text(text) => KeptValue::Text(text.into()),
        };
        let held = |profile: &Vec<KeptValue>| {
            (0..profile.len()).map(|n| kept(self.get(InputOf::Profile, n, chosen))).collect()
        };
        Self {
            domain: self.domain,
            context: self.context.clone(),
            candidates: vec![self.candidates[chosen].clone()],
            profile: self.profile.as_ref().map(held),
            by_kind: Vec::new(),
            unknown: BTreeSet::new(),
        }
    }

    fn object(&self, of: InputOf, values: &[KeptValue]) -> Map<String, Value> {
        let known = self.domain.inputs_of(of).zip(values).filter(|(_, value)| **value != KeptValue::Unknown);
        known.map(|(input, value)| (input.name.clone(), input.json(value))).collect()
    }

    /// The request as JSON has it, of candidates with these ids and texts.
    pub(super) fn to_json(&self, candidates: &[Candidate]) -> Value {
        let candidates = candidates.iter().zip(&self.candidates).map(|(candidate, values)| {
            let mut object = Map::new();
            object.insert("id".to_owned(), candidate.id.as_str().into());
            if let Some(text) = &candidate.text {
                object.insert("text".to_owned(), text.as_str().into());
            }
            object.extend(self.object(InputOf::Candidate, values));
            Value::Object(object)
        });
        let mut json = Map::new();
        json.insert("context".to_owned(), Value::Object(self.object(InputOf::Context, &self.context)));
        json.insert("candidates".to_owned(), candidates.collect());
        if let Some(profile) = &self.profile {
            let mut object = self.object(InputOf::Profile, profile);
            if !self.by_kind.is_empty() {
                let kinds = self.by_kind.iter();
                let kinds =
                    kinds.map(|(k, v)| (k.to_string(), Value::Object(self.object(InputOf::Profile, v))));
                object.insert(BY_KIND.to_owned(), Value::Object(kinds.collect()));
            }
            json.insert("profile_features".to_owned(), Value::Object(object));
        }
        Value::Object(json)
    }
}

/// The values of each kind.
fn kinds_of(value: Value) -> Result<Vec<(SmolStr, RawDeclared)>, Fault> {
    let fault =
        |field: &str, value: &Value| Fault::new(field, value, "an object of profile features, or null");
    let kinds = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Object(kinds) if kinds.len() > MAX_KINDS => {
            let value = format!("an object of {} kinds", kinds.len());
            return Err(Fault::new(BY_KIND, value, format!("at most {MAX_KINDS} kinds")));
        }
        Value::Object(kinds) => kinds,
        other => return Err(fault(BY_KIND, &other)),
    };
    let of = |(kind, value): (String, Value)| match value {
        Value::Null => Ok((kind.into(), RawDeclared::default())),
        Value::Object(values) => {
            let values = values.into_iter().map(|(name, value)| (name.into(), value));
            Ok((kind.into(), RawDeclared(values.collect())))
        }
        other => Err(fault(&format!("{BY_KIND}.{kind}"), &other)),
    };
    kinds.into_iter().map(of).collect()
}

impl Serialize for RawDeclared {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name.as_str(), value)))
    }
}
