//! What an experiment is, as its file states it and as it was checked, and which variant of it a user has.

use super::audience::{Condition, RawCondition};
use super::buckets::{BucketRange, bucket_ranges, choose_variation};
use super::guardrails::{Guardrails, RawGuardrails};
use super::hash::hash_v2;
use super::namespace::Namespace;
use crate::base::digest::of_value;
use crate::base::error::{Fault, Result, within};
use crate::base::read;
use crate::domain::labels::label;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// Most variants of one experiment.
const MAX_VARIANTS: usize = 64;
/// How far each weight may be from what it stands for, such as a third.
const WHOLE: f64 = 1e-6;
/// The attribute that every user has: their id.
pub(crate) const USER: &str = "user";

/// A file of `experiments/`, unchecked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawExperiment {
    /// Its name, the file's without `.toml`: decisions carry it, and OpenFeature knows the flag by it.
    pub key: String,
    /// What it asks, in a line.
    #[serde(default)]
    pub description: String,
    /// Seed of the hash; the key when absent. Two experiments with one salt give the same users the same places.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<String>,
    /// The attribute that is hashed; `user` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash_by: Option<String>,
    /// Share of users that take part, in [0, 1]; 1 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<f64>,
    /// The part of a namespace that it has to itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<RawNamespace>,
    /// Who takes part: a condition for each attribute.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub who: BTreeMap<String, RawCondition>,
    /// Shares of the second variant that a rollout takes one after the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ramp: Option<Vec<f64>>,
    /// What a rollout asks before each step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guardrails: Option<RawGuardrails>,
    /// What there is to meet, at least two; the first one is what others are compared with.
    pub variants: Vec<RawVariant>,
}

/// A part of a namespace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawNamespace {
    /// Its name.
    pub name: String,
    /// The first place of the part, in [0, 1).
    pub start: f64,
    /// The first place behind it, in (0, 1].
    pub end: f64,
}

/// One thing to meet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawVariant {
    /// Its name.
    pub name: String,
    /// Its share of who takes part; all are equal when none is stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
    /// The policy that decides, by name or file; the default one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The version of the prompt that writes candidates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_version: Option<String>,
    /// Any value, for who asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
}

/// A checked variant.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    name: SmolStr,
    weight: f64,
    policy: Option<String>,
    prompt_version: Option<SmolStr>,
    value: Option<Value>,
}

/// A checked experiment. Make one with [`Experiment::from_toml`] or from a [`RawExperiment`].
///
/// ```
/// use rehearsal::experiment::Experiment;
///
/// let text = "key = \"bolder\"\n[[variants]]\nname = \"control\"\n[[variants]]\nname = \"bolder\"\npolicy = \"linucb\"";
/// let experiment = Experiment::from_toml(text, "bolder.toml")?;
/// let assignment = experiment.assign("ann", None, &|_| None);
/// assert_eq!(assignment, experiment.assign("ann", None, &|_| None));
/// # Ok::<(), rehearsal::base::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Experiment {
    key: SmolStr,
    description: String,
    salt: String,
    hash_by: String,
    coverage: f64,
    namespace: Option<Namespace>,
    who: BTreeMap<String, Condition>,
    ramp: Option<Vec<f64>>,
    guardrails: Guardrails,
    variants: Vec<Variant>,
    digest: String,
}

/// What an experiment gives a user.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Assignment {
    /// The experiment.
    pub experiment: SmolStr,
    /// The user.
    pub user: SmolStr,
    /// The variant; `None` for who takes no part.
    pub variant: Option<SmolStr>,
    /// The user's place in [0, 1), in steps of 1/10000; `None` where the attribute that is hashed is unknown.
    pub bucket: Option<f64>,
    /// What the variant sets as a value.
    pub value: Option<Value>,
}

impl TryFrom<RawNamespace> for Namespace {
    type Error = Fault;

    fn try_from(raw: RawNamespace) -> Result<Self, Fault> {
        label("name", &raw.name)?;
        within("start", raw.start, 0.0, 1.0)?;
        within("end", raw.end, 0.0, 1.0)?;
        if raw.start >= raw.end {
            return Err(Fault::new("start", raw.start, format!("a number below end, {}", raw.end)));
        }
        Ok(Self::new(raw.name, raw.start, raw.end))
    }
}

impl TryFrom<RawVariant> for Variant {
    type Error = Fault;

    fn try_from(raw: RawVariant) -> Result<Self, Fault> {
        label("name", &raw.name)?;
        if let Some(version) = &raw.prompt_version {
            label("prompt_version", version)?;
        }
        if let Some(value @ Value::Array(_)) = &raw.value {
            return Err(Fault::new("value", value, "a text, a number, true, false or a table"));
        }
        raw.value.as_ref().map_or(Ok(()), |value| in_json("value", value))?;
        Ok(Self {
            name: raw.name.into(),
            weight: raw.weight.unwrap_or(0.0),
            policy: raw.policy,
            prompt_version: raw.prompt_version.map(SmolStr::from),
            value: raw.value,
        })
    }
}

/// What the parser of TOML makes of a date or time where any value may stand: a table with this key.
const TOML_DATE: &str = "$__toml_private_datetime";

/// Refuses what TOML has and JSON has not: whoever asks for the value is answered in JSON.
fn in_json(field: &str, value: &Value) -> Result<(), Fault> {
    match value {
        Value::Null => Err(Fault::new(field, "no finite number", "a finite number; JSON has no other")),
        Value::Object(table) => match table.get(TOML_DATE).and_then(Value::as_str) {
            Some(date) => {
                let allowed = format!("the text {date:?}, in quotes; JSON has no dates and times");
                Err(Fault::new(field, format!("the date or time {date}"), allowed))
            }
            None => table.iter().try_for_each(|(key, value)| in_json(&format!("{field}.{key}"), value)),
        },
        Value::Array(values) => {
            values.iter().enumerate().try_for_each(|(i, value)| in_json(&format!("{field}[{i}]"), value))
        }
        _ => Ok(()),
    }
}

impl TryFrom<RawExperiment> for Experiment {
    type Error = Fault;

    fn try_from(raw: RawExperiment) -> Result<Self, Fault> {
        // What it says of itself changes nobody's variant.
        let digest = of_value(&RawExperiment { description: String::new(), ..raw.clone() });
        label("key", &raw.key)?;
        if !(2..=MAX_VARIANTS).contains(&raw.variants.len()) {
            let value = format!("a list of {}", raw.variants.len());
            return Err(Fault::new("variants", value, format!("2 to {MAX_VARIANTS} variants")));
        }
        let stated = raw.variants.iter().filter(|variant| variant.weight.is_some()).count();
        if stated != 0 && (stated != raw.variants.len() || raw.ramp.is_some()) {
            let allowed = "a weight of every variant or of none; of none where there is a ramp";
            return Err(Fault::new("weight", format!("stated {stated} times"), allowed));
        }
        let hash_by = raw.hash_by.unwrap_or_else(|| USER.to_owned());
        label("hash_by", &hash_by)?;
        let numbered = raw.variants.into_iter().enumerate();
        let checked = |(i, raw): (usize, RawVariant)| {
            Variant::try_from(raw).map_err(|fault| fault.within(&format!("variants[{i}]")))
        };
        let mut variants: Vec<Variant> = numbered.map(checked).collect::<Result<_, _>>()?;
        if stated == 0 {
            let equal = 1.0 / variants.len() as f64;
            variants.iter_mut().for_each(|variant| variant.weight = equal);
        }
        weigh(&mut variants)?;
        for (i, variant) in variants.iter().enumerate() {
            if variants[..i].iter().any(|other| other.name == variant.name) {
                let value = format!("{:?} again", variant.name);
                return Err(Fault::new(format!("variants[{i}].name"), value, "each name once"));
            }
            if (variant.policy.is_some() || variant.prompt_version.is_some()) && hash_by != USER {
                let allowed = "\"user\" where a variant sets a policy or a prompt_version: a decision knows its user and no other \
                               attribute";
                return Err(Fault::new("hash_by", format!("{hash_by:?}"), allowed));
            }
        }
        let coverage = within("coverage", raw.coverage.unwrap_or(1.0), 0.0, 1.0)?;
        if let Some(ramp) = &raw.ramp {
            check_ramp(ramp, variants.len(), raw.coverage)?;
        }
        let condition = |(name, raw): (String, RawCondition)| match Condition::try_from(raw) {
            Ok(condition) => Ok((name, condition)),
            Err::<_, Fault>(fault) => Err(fault.within(&format!("who.{name}"))),
        };
        let guardrails = Guardrails::try_from(raw.guardrails.unwrap_or_default());
        Ok(Self {
            salt: raw.salt.unwrap_or_else(|| raw.key.clone()),
            key: raw.key.into(),
            description: raw.description,
            hash_by,
            coverage,
            namespace: raw
                .namespace
                .map(|raw| Namespace::try_from(raw).map_err(|fault| fault.within("namespace")))
                .transpose()?,
            who: raw.who.into_iter().map(condition).collect::<Result<_, _>>()?,
            ramp: raw.ramp,
            guardrails: guardrails.map_err(|fault| fault.within("guardrails"))?,
            variants,
            digest,
        })
    }
}

/// Weights are shares that add up to 1. Those that do so but for their last digits are divided by their sum; all others stay
/// as they are to the bit, so that nobody moves.
fn weigh(variants: &mut [Variant]) -> Result<(), Fault> {
    let sum: f64 = variants.iter().map(|variant| variant.weight).sum();
    let off = (sum - 1.0).abs();
    // A sum of doubles has a rounding error of its own.
    let is_whole = off <= WHOLE * variants.len() as f64 + 1e-12;
    if !is_whole || !variants.iter().all(|variant| (0.0..=1.0).contains(&variant.weight)) {
        let weights: Vec<String> = variants.iter().map(|variant| variant.weight.to_string()).collect();
        let value = format!("{}: {sum} in all", weights.join(" + "));
        return Err(Fault::new("weight", value, "weights in [0, 1] that add up to 1"));
    }
    if off > WHOLE {
        variants.iter_mut().for_each(|variant| variant.weight /= sum);
    }
    Ok(())
}

fn check_ramp(ramp: &[f64], variants: usize, coverage: Option<f64>) -> Result<(), Fault> {
    let shown = || format!("{ramp:?}");
    let grows = ramp.windows(2).all(|pair| pair[0] < pair[1]);
    if ramp.is_empty() || !grows || !ramp.iter().all(|share| *share > 0.0 && *share <= 1.0) {
        return Err(Fault::new("ramp", shown(), "shares in (0, 1] that grow"));
    }
    if variants != 2 {
        return Err(Fault::new("ramp", shown(), "nothing; a ramp is for two variants"));
    }
    if coverage.is_some() {
        return Err(Fault::new("coverage", "stated", "nothing where there is a ramp"));
    }
    Ok(())
}

impl Variant {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its share of who takes part.
    pub fn weight(&self) -> f64 {
        self.weight
    }

    /// The policy that decides, by name or file, if it sets one.
    pub fn policy(&self) -> Option<&str> {
        self.policy.as_deref()
    }

    /// The version of the prompt that writes candidates, if it sets one.
    pub fn prompt_version(&self) -> Option<&SmolStr> {
        self.prompt_version.as_ref()
    }

    /// The value that it sets, if it does.
    pub fn value(&self) -> Option<&Value> {
        self.value.as_ref()
    }
}

impl Experiment {
    /// Parses and checks a file, which errors call `origin`.
    ///
    /// # Errors
    /// Text that is not TOML, unknown or missing fields, values out of range.
    pub fn from_toml(text: &str, origin: &str) -> Result<Self> {
        read::checked_toml(text, origin, |raw: RawExperiment| Self::try_from(raw))
    }

    /// Its name.
    pub fn key(&self) -> &SmolStr {
        &self.key
    }

    /// What it asks, in a line; may be empty.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The attribute that is hashed.
    pub fn hash_by(&self) -> &str {
        &self.hash_by
    }

    /// The part of a namespace that it has to itself.
    pub fn namespace(&self) -> Option<&Namespace> {
        self.namespace.as_ref()
    }

    /// What there is to meet; the first one is what others are compared with.
    pub fn variants(&self) -> &[Variant] {
        &self.variants
    }

    /// The variant of this name.
    pub fn variant(&self, name: &str) -> Option<&Variant> {
        self.variants.iter().find(|variant| variant.name == name)
    }

    /// Shares of the second variant that a rollout takes one after the other; `None` if it is no rollout.
    pub fn ramp(&self) -> Option<&[f64]> {
        self.ramp.as_deref()
    }

    /// What a rollout asks before each step.
    pub fn guardrails(&self) -> &Guardrails {
        &self.guardrails
    }

    /// SHA-256, in hexadecimal, of all that has an effect.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Whether any variant sets a policy.
    pub fn sets_policy(&self) -> bool {
        self.variants.iter().any(|variant| variant.policy.is_some())
    }

    /// Whether any variant sets a version of the prompt.
    pub fn sets_prompt(&self) -> bool {
        self.variants.iter().any(|variant| variant.prompt_version.is_some())
    }

    /// Whether any variant has an effect on decisions.
    pub fn decides(&self) -> bool {
        self.sets_policy() || self.sets_prompt()
    }

    /// Whether it asks for more of a user than the id.
    pub fn asks_for_attributes(&self) -> bool {
        !self.who.is_empty() || self.hash_by != USER
    }

    /// Whether a user may take part in this one and in `other`.
    pub fn overlaps(&self, other: &Self) -> bool {
        match (&self.namespace, &other.namespace) {
            (Some(own), Some(other)) => own.overlaps(other),
            _ => true,
        }
    }

    /// The place in [0, 1) of who has this value of the attribute that is hashed.
    pub fn place(&self, hashed: &str) -> f64 {
        hash_v2(&self.salt, hashed)
    }

    /// The ranges of the variants. Of a rollout, `share` of the users have the second variant, those of a smaller share
    /// among them, and the others the first: a share that grows moves nobody back.
    pub fn ranges(&self, share: Option<f64>) -> Vec<BucketRange> {
        if self.ramp.is_some() {
            let share = share.unwrap_or(0.0).clamp(0.0, 1.0);
            return vec![BucketRange { start: share, end: 1.0 }, BucketRange { start: 0.0, end: share }];
        }
        let weights: Vec<f64> = self.variants.iter().map(|variant| variant.weight).collect();
        bucket_ranges(weights.len(), self.coverage, Some(&weights))
    }

    /// The position of the variant that a user has and the user's place; attributes other than the id are asked for by
    /// name. `share` is that of a rollout's second variant.
    pub fn variant_of(
        &self,
        user: &str,
        share: Option<f64>,
        attribute: &dyn Fn(&str) -> Option<Value>,
    ) -> (Option<usize>, Option<f64>) {
        if self.hash_by == USER {
            return self.variant_at(user, Some(user), share, attribute);
        }
        let hashed = attribute(&self.hash_by).and_then(|value| hashed_text(&value));
        self.variant_at(user, hashed.as_deref(), share, attribute)
    }

    /// The same of who has this text to be hashed; who lacks it, or has an empty one, takes no part.
    fn variant_at(
        &self,
        user: &str,
        hashed: Option<&str>,
        share: Option<f64>,
        attribute: &dyn Fn(&str) -> Option<Value>,
    ) -> (Option<usize>, Option<f64>) {
        let Some(hashed) = hashed.filter(|text| !text.is_empty() || self.hash_by == USER) else {
            return (None, None);
        };
        let place = self.place(hashed);
        let holds = |(name, condition): (&String, &Condition)| {
            let value = if name == USER { Some(Value::from(user)) } else { attribute(name) };
            condition.holds(value.as_ref())
        };
        let takes_part =
            self.namespace.as_ref().is_none_or(|part| part.contains(hashed)) && self.who.iter().all(holds);
        let variant = takes_part.then(|| choose_variation(place, &self.ranges(share))).flatten();
        (variant, Some(place))
    }

    /// What it gives a user, as [`Self::variant_of`] has it.
    pub fn assign(
        &self,
        user: &str,
        share: Option<f64>,
        attribute: &dyn Fn(&str) -> Option<Value>,
    ) -> Assignment {
        self.assignment(user, self.variant_of(user, share, attribute))
    }

    /// What it gives a user of whom texts are known: such a text is hashed as it stands, and may be a number to `who`.
    pub(crate) fn assign_texts(
        &self,
        user: &str,
        share: Option<f64>,
        texts: &BTreeMap<&str, &str>,
    ) -> Assignment {
        // What is a number, true or false in JSON is one here; anything else is a text.
        let attribute = |name: &str| {
            let text = *texts.get(name)?;
            let parsed = serde_json::from_str::<Value>(text).ok().filter(|v| v.is_number() || v.is_boolean());
            Some(parsed.unwrap_or_else(|| text.into()))
        };
        let hashed = if self.hash_by == USER { Some(user) } else { texts.get(&*self.hash_by).copied() };
        self.assignment(user, self.variant_at(user, hashed, share, &attribute))
    }

    fn assignment(&self, user: &str, (variant, bucket): (Option<usize>, Option<f64>)) -> Assignment {
        let variant = variant.map(|position| &self.variants[position]);
        Assignment {
            experiment: self.key.clone(),
            user: user.into(),
            variant: variant.map(|variant| variant.name.clone()),
            bucket,
            value: variant.and_then(|variant| variant.value.clone()),
        }
    }
}

/// The text of an attribute that is hashed, as JavaScript has it; `None` for what is none.
fn hashed_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(number) => Some(javascript_number(number.as_f64()?)),
        _ => None,
    }
}

/// A number as JavaScript writes it: with a point only where it is no whole number, and with an exponent where it is very
/// large or small.
fn javascript_number(number: f64) -> String {
    let size = number.abs();
    if size == 0.0 {
        "0".to_owned()
    } else if (1e-6..1e21).contains(&size) {
        number.to_string()
    } else {
        let text = format!("{number:e}");
        if size < 1.0 { text } else { text.replace('e', "e+") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_json_has_not_is_refused_with_its_field() {
        let with = |value: &str| {
            let variants =
                format!("[[variants]]\nname = \"a\"\nvalue = {value}\n[[variants]]\nname = \"b\"\n");
            Experiment::from_toml(&format!("key = \"e\"\n{variants}"), "e.toml")
        };
        for (value, said) in [
            ("nan", "variants[0].value is no finite number; allowed: a finite number"),
            (
                "1979-05-27",
                "variants[0].value is the date or time 1979-05-27; allowed: the text \"1979-05-27\"",
            ),
            ("{ a = 1979-05-27, b = nan }", "variants[0].value.a is the date or time 1979-05-27"),
            ("{ a = 1, b = -inf }", "variants[0].value.b is no finite number"),
            ("{ a = { b = [1, 07:32:00] } }", "variants[0].value.a.b[1] is the date or time 07:32:00"),
        ] {
            let message = with(value).unwrap_err().to_string();
            assert!(message.starts_with(&format!("e.toml: {said}")), "{value}: {message}");
        }
        for value in ["1.5", "\"nan\"", "{ a = \"1979-05-27\", b = [1, { c = true }] }"] {
            assert!(with(value).is_ok(), "{value}");
        }
    }
    use proptest::prelude::*;

    const TWO: &str = "[[variants]]\nname = \"a\"\n[[variants]]\nname = \"b\"\nvalue = {size = 3}\n";

    fn parse(head: &str) -> Result<Experiment> {
        Experiment::from_toml(&format!("key = \"e\"\n{head}\n{TWO}"), "e.toml")
    }

    fn refused(head: &str) -> String {
        parse(head).expect_err(head).to_string()
    }

    #[test]
    fn what_is_not_allowed_is_named() {
        assert!(refused("coverage = 1.5").contains("coverage is 1.5"));
        assert!(refused("ramp = [0.5, 0.5]").contains("shares in (0, 1] that grow"));
        assert!(refused("ramp = [0.5]\ncoverage = 0.5").contains("coverage is stated"));
        assert!(
            refused("namespace = {name = \"n\", start = 0.5, end = 0.5}").contains("namespace.start is 0.5")
        );
        assert!(refused("guardrails = {alpha = 0.5}").contains("guardrails.alpha is 0.5"));
        assert!(refused("who = {age = {}}").contains("who.age"));
        assert!(refused("colour = 1").contains("unknown field `colour`"));
        let weights = |a: &str, b: &str| {
            let text = format!(
                "key = \"e\"\n[[variants]]\nname = \"a\"\n{a}\n[[variants]]\nname = \"b\"\n{b}\npolicy = \"uniform\""
            );
            Experiment::from_toml(&text, "e.toml").map_err(|error| error.to_string())
        };
        assert!(weights("weight = 0.4", "").unwrap_err().contains("stated 1 times"));
        assert!(weights("weight = 0.4", "weight = 0.4").unwrap_err().contains("0.8 in all"));
        assert!(weights("weight = 0.4", "weight = 0.6").is_ok());
        let of = |a: &str, b: &str| {
            let found = weights(&format!("weight = {a}"), &format!("weight = {b}"))?;
            Ok::<_, String>([found.variants[0].weight, found.variants[1].weight])
        };
        // What adds up to 1, or nearly, stays as it is to the bit; the last digit of each may be off.
        assert_eq!(of("0.4", "0.6000005").unwrap(), [0.4, 0.600_000_5]);
        assert_eq!(of("0.333334", "0.666668").unwrap(), [0.333_334 / 1.000_002, 0.666_668 / 1.000_002]);
        assert!(of("0.333333", "0.666670").is_err() && of("1.5", "-0.5").is_err());
        let percent = of("50", "50").unwrap_err();
        assert!(percent.contains("50 + 50: 100 in all") && !percent.contains("also"), "{percent}");
        for sets in ["policy = \"uniform\"", "prompt_version = \"v2\""] {
            let variants = format!("[[variants]]\nname = \"a\"\n[[variants]]\nname = \"b\"\n{sets}");
            let text = format!("key = \"e\"\nhash_by = \"team\"\n{variants}");
            let refused = Experiment::from_toml(&text, "e.toml").unwrap_err().to_string();
            assert!(refused.contains("hash_by is \"team\""), "{refused}");
        }
    }

    #[test]
    fn who_takes_no_part_has_no_variant() {
        let experiment = parse("who = {age = {min = 18}}").unwrap();
        let aged =
            |age: u32| experiment.assign("ann", None, &move |name| (name == "age").then(|| age.into()));
        assert!(aged(18).variant.is_some() && aged(17).variant.is_none());
        assert!(experiment.assign("ann", None, &|_| None).variant.is_none());
        let team = parse("hash_by = \"team\"").unwrap();
        let of = |team_name: &'static str, user: &str| {
            team.assign(user, None, &move |name| (name == "team").then(|| team_name.into())).bucket
        };
        assert_eq!(of("red", "ann"), of("red", "bob"));
        assert_eq!(team.assign("ann", None, &|_| None).bucket, None);
        assert_eq!((of("", "ann"), team.assign("ann", None, &|_| Some("".into())).variant), (None, None));
    }

    /// What `String(x)` has in Node.js of these.
    #[test]
    fn numbers_are_hashed_as_javascript_writes_them() {
        for (json, text) in [
            ("7", "7"),
            ("7.0", "7"),
            ("-0.0", "0"),
            ("1e3", "1000"),
            ("0.1", "0.1"),
            ("-2.50", "-2.5"),
            ("1e20", "100000000000000000000"),
            ("1e21", "1e+21"),
            ("1.5e300", "1.5e+300"),
            ("0.000001", "0.000001"),
            ("1.5e-7", "1.5e-7"),
            ("9007199254740993", "9007199254740992"),
            ("true", "true"),
        ] {
            let value: Value = serde_json::from_str(json).unwrap();
            assert_eq!(hashed_text(&value).as_deref(), Some(text), "{json}");
        }
    }

    #[test]
    fn a_description_has_no_effect() {
        let (plain, described) = (parse("").unwrap(), parse("description = \"why\"").unwrap());
        assert_eq!(plain.digest(), described.digest());
        assert_ne!(plain.digest(), parse("salt = \"s\"").unwrap().digest());
    }

    proptest! {
        #[test]
        fn a_rollout_moves_nobody_back(user in "\\PC{1,12}") {
            let experiment = parse("ramp = [0.05, 0.25, 1.0]").unwrap();
            let mut challenged = false;
            for share in [0.0, 0.05, 0.25, 1.0] {
                let (variant, place) = experiment.variant_of(&user, Some(share), &|_| None);
                prop_assert_eq!(variant, Some(usize::from(place.unwrap() < share)));
                prop_assert!(!challenged || variant == Some(1));
                challenged = variant == Some(1);
            }
            prop_assert!(challenged);
        }

        #[test]
        fn a_user_has_one_variant_whoever_asks(user in "\\PC{0,12}") {
            let experiment = parse("").unwrap();
            let assignment = experiment.assign(&user, None, &|_| None);
            let second = hash_v2("e", &user) >= 0.5;
            prop_assert_eq!(assignment.variant.as_deref(), Some(if second { "b" } else { "a" }));
            prop_assert_eq!(assignment.value.is_some(), second);
        }
    }
}
