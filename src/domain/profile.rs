//! What is known of a user: the contract with the service that computes it (ADR-0011).
//!
//! The list of names, types and ranges stands once, in [`PROFILE_FEATURES`]: the parser, the feature
//! vector, the simulator and `rehearsal schema` all read it there.

use crate::base::error::{Error, Fault, Result, hour, storable, within};
use crate::base::read::Text;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Values above this are refused as damage rather than clipped: no count or dwell is that large.
const LARGEST: f64 = 1e12;

/// One profile feature of the contract.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProfileFeature {
    /// Its name in `profile_features`.
    pub name: &'static str,
    /// Its type as the producer's registry names it.
    pub dtype: &'static str,
    /// Smallest allowed value.
    pub minimum: f64,
    /// Largest allowed value; of an hour, the first that is not.
    pub maximum: f64,
    /// What it means, with its unit.
    pub description: &'static str,
}

/// Position of each profile feature in [`PROFILE_FEATURES`] and in [`ProfileValues`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProfileIndex {
    /// Share of shown tips that were completed.
    CompletionRate = 0,
    /// Share of shown tips that were dismissed.
    DismissRate = 1,
    /// Mean dwell in seconds.
    MeanDwellSeconds = 2,
    /// Hour of the day at which most tips were completed.
    PreferredHour = 3,
    /// Number of tips shown so far.
    TipVolume = 4,
}

impl ProfileIndex {
    /// Every one, in order.
    pub const ALL: [Self; PROFILE_FEATURES.len()] = [
        Self::CompletionRate,
        Self::DismissRate,
        Self::MeanDwellSeconds,
        Self::PreferredHour,
        Self::TipVolume,
    ];
}

/// The contract: every profile feature, in the order of the feature vector's dimensions 7 to 11.
pub const PROFILE_FEATURES: [ProfileFeature; 5] = [
    ProfileFeature {
        name: "completion_rate",
        dtype: "float",
        minimum: 0.0,
        maximum: 1.0,
        description: "share of shown tips that were completed",
    },
    ProfileFeature {
        name: "dismiss_rate",
        dtype: "float",
        minimum: 0.0,
        maximum: 1.0,
        description: "share of shown tips that were dismissed",
    },
    ProfileFeature {
        name: "mean_dwell_seconds",
        dtype: "float",
        minimum: 0.0,
        maximum: LARGEST,
        description: "mean dwell on a shown tip, in seconds",
    },
    ProfileFeature {
        name: "preferred_hour",
        dtype: "float",
        minimum: 0.0,
        maximum: 24.0,
        description: "local hour of the day, below 24, at which most tips were completed",
    },
    ProfileFeature {
        name: "tip_volume",
        dtype: "int",
        minimum: 0.0,
        maximum: LARGEST,
        description: "number of tips shown so far",
    },
];

/// The name under which values by kind of tip stand.
const BY_KIND: &str = "by_kind";
/// Kinds of which a profile says something by themselves, at most: each candidate looks for its own among them.
pub(crate) const MAX_KINDS: usize = 1_000;

/// One value per [`PROFILE_FEATURES`]; `None` is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ProfileValues(pub [Option<f64>; PROFILE_FEATURES.len()]);

impl ProfileValues {
    /// The value of one feature.
    pub fn get(&self, index: ProfileIndex) -> Option<f64> {
        self.0[index as usize]
    }

    pub(crate) fn check(&self) -> Result<(), Fault> {
        for (feature, value) in PROFILE_FEATURES.iter().zip(self.0) {
            let Some(value) = value else { continue };
            if feature.name == "preferred_hour" {
                hour(feature.name, value)?;
            } else {
                within(feature.name, value, feature.minimum, feature.maximum)?;
            }
        }
        Ok(())
    }

    fn entries(&self) -> impl Iterator<Item = (&'static str, f64)> + '_ {
        PROFILE_FEATURES.iter().zip(self.0).filter_map(|(f, v)| v.map(|v| (f.name, v)))
    }
}

/// What is known of a user, overall and by kind of tip.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Profile {
    /// The user's own values.
    pub user: ProfileValues,
    /// Values by kind of tip; where present they override the user's for candidates of that kind.
    pub by_kind: Vec<(String, ProfileValues)>,
    unknown: BTreeSet<String>,
}

impl Profile {
    /// A profile of these values.
    pub fn new(user: ProfileValues, by_kind: Vec<(String, ProfileValues)>) -> Self {
        Self { user, by_kind, unknown: BTreeSet::new() }
    }

    /// The values that hold for a candidate of `kind`: the kind's, and the user's where the kind has none.
    pub fn values_for(&self, kind: Option<&str>) -> ProfileValues {
        let by_kind = kind.and_then(|kind| self.by_kind.iter().find(|(k, _)| k == kind));
        match by_kind {
            None => self.user,
            Some((_, values)) => ProfileValues(std::array::from_fn(|i| values.0[i].or(self.user.0[i]))),
        }
    }

    /// Whether a value of the user is unknown.
    pub fn lacks(own: Option<&Self>) -> bool {
        own.is_none_or(|own| own.user.0.contains(&None))
    }

    /// Names that the contract does not have: a newer producer's, worth a warning.
    pub fn unknown_names(&self) -> impl Iterator<Item = &str> {
        self.unknown.iter().map(String::as_str)
    }

    pub(crate) fn check(&self) -> Result<(), Fault> {
        self.user.check()?;
        for (kind, values) in &self.by_kind {
            storable(BY_KIND, kind)?;
            values.check().map_err(|fault| fault.within(&format!("{BY_KIND}.{kind}")))?;
        }
        Ok(())
    }
}

impl Serialize for ProfileValues {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.entries())
    }
}

impl Serialize for Profile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.user.entries() {
            map.serialize_entry(name, &value)?;
        }
        if !self.by_kind.is_empty() {
            let by_kind: BTreeMap<&str, &ProfileValues> =
                self.by_kind.iter().map(|(kind, values)| (kind.as_str(), values)).collect();
            map.serialize_entry(BY_KIND, &by_kind)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Profile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ProfileVisitor { nested: false })
    }
}

/// Values of one kind, with the names in them that the contract does not have.
struct Nested(Profile);

impl<'de> Deserialize<'de> for Nested {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ProfileVisitor { nested: true }).map(Nested)
    }
}

/// Values by kind, each kind once.
struct Kinds(BTreeMap<String, Option<Nested>>);

impl<'de> Deserialize<'de> for Kinds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Once;
        impl<'de> Visitor<'de> for Once {
            type Value = Kinds;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Kinds, A::Error> {
                let mut kinds = BTreeMap::new();
                while let Some(kind) = map.next_key::<String>()? {
                    if kinds.len() == MAX_KINDS {
                        return Err(A::Error::custom(format_args!(
                            "{BY_KIND} has more than {MAX_KINDS} kinds; allowed: at most {MAX_KINDS}"
                        )));
                    }
                    if kinds.contains_key(&kind) {
                        return Err(A::Error::custom(format_args!("duplicate field `{kind}`")));
                    }
                    let values = map.next_value()?;
                    kinds.insert(kind, values);
                }
                Ok(Kinds(kinds))
            }
        }
        deserializer.deserialize_map(Once)
    }
}

/// Reads the contract's names, each once, and collects the others; null is unknown.
struct ProfileVisitor {
    nested: bool,
}

impl<'de> Visitor<'de> for ProfileVisitor {
    type Value = Profile;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object of profile features")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Profile, A::Error> {
        let mut profile = Profile::default();
        let (mut is_given, mut has_kinds) = ([false; PROFILE_FEATURES.len()], false);
        let twice = |key: &str| A::Error::custom(format_args!("duplicate field `{key}`"));
        while let Some(key) = map.next_key::<Text>()? {
            if let Some(i) = PROFILE_FEATURES.iter().position(|f| f.name == &*key) {
                if std::mem::replace(&mut is_given[i], true) {
                    return Err(twice(&key));
                }
                profile.user.0[i] = map.next_value()?;
            } else if &*key == BY_KIND && !self.nested {
                if std::mem::replace(&mut has_kinds, true) {
                    return Err(twice(&key));
                }
                let kinds: Option<Kinds> = map.next_value()?;
                for (kind, values) in kinds.into_iter().flat_map(|kinds| kinds.0) {
                    let Nested(values) = values.unwrap_or_else(|| Nested(Profile::default()));
                    profile.unknown.extend(values.unknown.iter().map(|n| format!("{BY_KIND}.{kind}.{n}")));
                    profile.by_kind.push((kind, values.user));
                }
            } else {
                map.next_value::<IgnoredAny>()?;
                profile.unknown.insert(key.to_owned());
            }
        }
        Ok(profile)
    }
}

/// The contract as JSON Schema (draft 2020-12).
pub fn schema() -> Value {
    let values: serde_json::Map<String, Value> = PROFILE_FEATURES
        .iter()
        .map(|f| {
            // Also what a registry of features has as whole numbers: an average of them is none, and is taken.
            let mut value =
                json!({"type": ["number", "null"], "description": f.description, "minimum": f.minimum as i64});
            let bound = if f.name == "preferred_hour" { "exclusiveMaximum" } else { "maximum" };
            value[bound] = json!(f.maximum as i64);
            (f.name.to_owned(), value)
        })
        .collect();
    let mut properties = values.clone();
    properties.insert(
        BY_KIND.to_owned(),
        json!({
            "type": ["object", "null"],
            "description": "the same features for one kind of tip; they override the user's",
            "maxProperties": MAX_KINDS,
            "additionalProperties": {"type": ["object", "null"], "properties": values},
        }),
    );
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "profile_features",
        "description": "what is known of a user; every value may be absent or null",
        "type": ["object", "null"],
        "properties": properties,
    })
}

/// One line of a registry exported by the producing service. Other fields of it are its own business.
#[derive(Debug, Deserialize)]
struct Registered {
    name: String,
    dtype: String,
}

/// Whether a producer's dtype is some spelling of a number: the width is its own business.
fn is_numeric(dtype: &str) -> bool {
    let dtype = dtype.to_ascii_lowercase();
    let name = dtype.trim_end_matches(|c: char| c.is_ascii_digit());
    ["float", "double", "number", "numeric", "int", "integer", "bigint", "uint", "long"].contains(&name)
}

/// Compares the contract with a registry exported by the producing service. Its `by_kind` entry is optional.
///
/// # Errors
/// Names that only one side has, and dtypes that are no numbers; a registry that is not a JSON array of
/// `{"name", "dtype"}`.
pub fn check_registry(text: &[u8], origin: &str) -> Result<()> {
    let own: Vec<(&str, &str)> = PROFILE_FEATURES.iter().map(|f| (f.name, f.dtype)).collect();
    check_registry_of(&own, text, origin)
}

/// The same for other names with their dtypes: those of a number accept any number, others are the same.
///
/// # Errors
/// As [`check_registry`].
pub fn check_registry_of(own: &[(&str, &str)], text: &[u8], origin: &str) -> Result<()> {
    let registered: Vec<Registered> = crate::base::read::json_value(text, origin)?;
    let mut differences = Vec::new();
    let quoted = |names: Vec<&str>| names.join(", ");
    let missing: Vec<&str> =
        own.iter().map(|(name, _)| *name).filter(|n| registered.iter().all(|r| r.name != *n)).collect();
    let extra: Vec<&str> = registered
        .iter()
        .map(|r| r.name.as_str())
        .filter(|n| *n != BY_KIND && own.iter().all(|(name, _)| name != n))
        .collect();
    if !missing.is_empty() {
        differences.push(format!("only in this program: {}", quoted(missing)));
    }
    if !extra.is_empty() {
        differences.push(format!("only in the registry: {}", quoted(extra)));
    }
    let mut seen = BTreeSet::new();
    for r in &registered {
        if !seen.insert(&r.name) {
            differences.push(format!("twice in the registry: {}", r.name));
        }
        let differs = |dtype: &str| {
            if is_numeric(dtype) { !is_numeric(&r.dtype) } else { !dtype.eq_ignore_ascii_case(&r.dtype) }
        };
        if let Some((name, dtype)) = own.iter().find(|(name, dtype)| *name == r.name && differs(dtype)) {
            differences.push(format!("{name} is {dtype} here, {} in the registry", r.dtype));
        }
    }
    if differences.is_empty() {
        Ok(())
    } else {
        Err(Error::Malformed { origin: origin.to_owned(), message: differences.join("; ") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Profile {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn so_many_kinds_have_values_and_no_more() {
        let of = |count: usize| {
            let kinds: Vec<String> = (0..count).map(|i| format!(r#""k{i}":{{}}"#)).collect();
            serde_json::from_str::<Profile>(&format!(r#"{{"by_kind":{{{}}}}}"#, kinds.join(",")))
        };
        assert_eq!(of(MAX_KINDS).unwrap().by_kind.len(), MAX_KINDS);
        let said = of(MAX_KINDS + 1).unwrap_err().to_string();
        assert!(said.starts_with("by_kind has more than 1000 kinds; allowed: at most 1000"), "{said}");
    }

    #[test]
    fn values_by_kind_override_the_users_one_by_one() {
        let profile = parse(
            r#"{"completion_rate":0.4,"dismiss_rate":0.1,"by_kind":{"focus":{"completion_rate":0.6},"rest":null}}"#,
        );
        let focus = profile.values_for(Some("focus"));
        assert_eq!(focus.get(ProfileIndex::CompletionRate), Some(0.6));
        assert_eq!(focus.get(ProfileIndex::DismissRate), Some(0.1));
        assert_eq!(profile.values_for(Some("rest")), profile.user);
        assert_eq!(profile.values_for(None).get(ProfileIndex::TipVolume), None);
    }

    #[test]
    fn an_unknown_name_is_collected_with_its_place() {
        let profile = parse(r#"{"streak":3,"by_kind":{"rest":{"mood":[1]}},"tip_volume":null}"#);
        assert_eq!(profile.unknown_names().collect::<Vec<_>>(), ["by_kind.rest.mood", "streak"]);
    }

    #[test]
    fn values_out_of_range_are_named() {
        for (text, field) in [
            (r#"{"completion_rate":1.1}"#, "completion_rate"),
            (r#"{"preferred_hour":24}"#, "preferred_hour"),
            (r#"{"by_kind":{"rest":{"tip_volume":-1}}}"#, "by_kind.rest.tip_volume"),
        ] {
            assert_eq!(parse(text).check().unwrap_err().field, field);
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let text = r#"{"completion_rate":0.1,"tip_volume":3.0,"by_kind":{"rest":{"dismiss_rate":0.30000000000000004}}}"#;
        assert_eq!(serde_json::to_string(&parse(text)).unwrap(), text);
    }

    #[test]
    fn a_registry_must_have_the_same_names_and_types() {
        let full: Vec<Value> = PROFILE_FEATURES
            .iter()
            .map(|f| json!({"name": f.name, "dtype": f.dtype, "owner": "x"}))
            .collect();
        let check =
            |registry: &[Value]| check_registry(json!(registry).to_string().as_bytes(), "registry.json");
        check(&full).unwrap();
        let mut other = full.clone();
        other[0] = json!({"name": "streak", "dtype": "int"});
        other[1]["dtype"] = json!("string");
        other[2]["dtype"] = json!("float64");
        let message = check(&other).unwrap_err().to_string();
        for part in
            ["only in this program: completion_rate", "only in the registry: streak", "dismiss_rate is float"]
        {
            assert!(message.contains(part), "{message}");
        }
        assert!(!message.contains("mean_dwell_seconds"), "{message}");
        for (dtype, is_number) in [
            ("Int64", true),
            ("UINT8", true),
            ("double", true),
            ("interval[float64]", false),
            ("long text", false),
        ] {
            let mut one = full.clone();
            one[1]["dtype"] = json!(dtype);
            assert_eq!(check(&one).is_ok(), is_number, "{dtype}");
        }
    }
}
