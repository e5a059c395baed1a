//! A domain: what may be known (inputs), what can happen (outcomes), and what each outcome is worth, as a file declares it.
//!
//! The domain `tips` ships and is built in: [`Domain::tips`]. Others come from files. A domain is made once for each
//! content and then shared for good, so that whatever refers to it can be copied.

use super::input::{DomainInput, InputOf, InputSlot, InputType, LARGEST, STORABLE, TipsInput};
use super::profile::{PROFILE_FEATURES, ProfileIndex};
use super::reaction::MAX_REWARD;
use crate::base::digest::of_value;
use crate::base::error::{Error, Fault, Result, within};
use crate::base::read;
use crate::base::shipped;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use smol_str::SmolStr;
use std::path::Path;
use std::sync::{LazyLock, Mutex};

/// The name of the domain that ships.
pub const TIPS: &str = "tips";
/// Most inputs of a domain.
const MAX_INPUTS: usize = 256;
/// Most outcomes of a domain.
const MAX_OUTCOMES: usize = 64;
/// Longest wait for an outcome, in hours: a year.
const MAX_WAIT_HOURS: f64 = 8_784.0;

/// What can happen, and what it is worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainOutcome {
    /// Its name: what `reaction` is in requests and logs.
    pub name: String,
    /// Its reward, at most 1e6 in size.
    pub reward: f64,
    /// What it is, for readers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A domain's file, unchecked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawDomain {
    /// Lower-case letters, digits and '-'.
    pub name: String,
    /// What it is, for readers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The category of candidates that is their kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// What happened to a decision of which nothing was heard in `wait_hours`, where logs are read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_outcome: Option<String>,
    /// How long one waits for an outcome, in hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_hours: Option<f64>,
    /// What may be known.
    #[serde(default)]
    pub inputs: Vec<DomainInput>,
    /// What can happen, the best first.
    #[serde(default)]
    pub outcomes: Vec<DomainOutcome>,
}

/// A checked domain.
///
/// ```
/// use rehearsal::domain::Domain;
///
/// let shop = "name = \"shop\"\n[[inputs]]\nof = \"context\"\nname = \"device\"\ntype = \"category\"\n\
///             [[outcomes]]\nname = \"bought\"\nreward = 1\n[[outcomes]]\nname = \"nothing\"\nreward = 0\n";
/// let shop = Domain::from_toml(shop, "shop.toml")?;
/// assert_eq!((shop.reward_of("bought"), shop.is_tips()), (Ok(1.0), false));
/// assert_eq!(Domain::tips().reward_of("snoozed"), Ok(0.25));
/// # Ok::<(), rehearsal::base::error::Error>(())
/// ```
#[derive(Debug)]
pub struct Domain {
    raw: RawDomain,
    digest: String,
    is_tips: bool,
}

/// Domains are the same that mean the same, whatever they are called.
impl PartialEq for Domain {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl RawDomain {
    /// SHA-256, in hexadecimal, of what it means, whatever it is called and however it is described.
    fn digest(&self) -> String {
        let mut raw = Self { name: String::new(), description: None, ..self.clone() };
        for input in &mut raw.inputs {
            (input.unit, input.unknown, input.description, input.dtype) = (None, None, None, None);
            input.in_logs = None;
        }
        raw.outcomes.iter_mut().for_each(|outcome| outcome.description = None);
        of_value(&raw)
    }

    fn check(&self) -> Result<(), Fault> {
        check_name("name", &self.name)?;
        if self.inputs.len() > MAX_INPUTS {
            let value = format!("a list of {}", self.inputs.len());
            return Err(Fault::new("inputs", value, format!("at most {MAX_INPUTS}")));
        }
        for (i, input) in self.inputs.iter().enumerate() {
            let place = format!("inputs[{i}]");
            check_input(input).map_err(|fault| fault.within(&place))?;
            if self.inputs[..i].iter().any(|other| other.of == input.of && other.name == input.name) {
                let again = format!("{:?} of {} again", input.name, input.of.name());
                return Err(Fault::new(format!("{place}.name"), again, "each input once"));
            }
        }
        if self.outcomes.is_empty() || self.outcomes.len() > MAX_OUTCOMES {
            let value = format!("a list of {}", self.outcomes.len());
            return Err(Fault::new("outcomes", value, format!("1 to {MAX_OUTCOMES}")));
        }
        for (i, outcome) in self.outcomes.iter().enumerate() {
            let place = format!("outcomes[{i}]");
            check_word("name", &outcome.name).map_err(|fault| fault.within(&place))?;
            within("reward", outcome.reward, -MAX_REWARD, MAX_REWARD)
                .map_err(|fault| fault.within(&place))?;
            if self.outcomes[..i].iter().any(|other| other.name == outcome.name) {
                let again = format!("{:?} again", outcome.name);
                return Err(Fault::new(format!("{place}.name"), again, "each outcome once"));
            }
        }
        if let Some(kind) = &self.kind {
            let is_kind = |input: &&DomainInput| {
                input.of == InputOf::Candidate && input.kind == InputType::Category && input.name == *kind
            };
            if !self.inputs.iter().any(|input| is_kind(&input)) {
                let allowed = "the name of an input of candidates that is a category";
                return Err(Fault::new("kind", format!("{kind:?}"), allowed));
            }
        }
        match (&self.default_outcome, self.wait_hours) {
            (None, Some(hours)) => Err(Fault::new("wait_hours", hours, "nothing without default_outcome")),
            (None, None) => Ok(()),
            (Some(_), None) => {
                Err(Fault::new("wait_hours", "absent", "a number, for there is default_outcome"))
            }
            (Some(name), Some(hours)) => {
                within("wait_hours", hours, 0.0, MAX_WAIT_HOURS)?;
                if self.outcomes.iter().any(|outcome| outcome.name == *name) {
                    return Ok(());
                }
                let names: Vec<&str> = self.outcomes.iter().map(|outcome| outcome.name.as_str()).collect();
                Err(Fault::new("default_outcome", format!("{name:?}"), names.join(", ")))
            }
        }
    }
}

/// A name of a file's own: of a domain or a feature set.
pub(crate) fn check_name(field: &str, name: &str) -> Result<(), Fault> {
    let safe = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if name.is_empty() || name.len() > 64 || !name.bytes().all(safe) {
        return Err(Fault::new(field, format!("{name:?}"), "1 to 64 of the characters a-z, 0-9 and '-'"));
    }
    Ok(())
}

/// A name of an input, an outcome or a dimension.
pub(crate) fn check_word(field: &str, name: &str) -> Result<(), Fault> {
    let safe = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if name.is_empty() || name.len() > 64 || !name.bytes().all(safe) {
        let allowed = "1 to 64 letters (a-z, A-Z), digits, '_' and '-'";
        return Err(Fault::new(field, format!("{name:?}"), allowed));
    }
    Ok(())
}

fn check_input(input: &DomainInput) -> Result<(), Fault> {
    check_word("name", &input.name)?;
    let taken = match input.of {
        InputOf::Candidate => &["id", "text"][..],
        InputOf::Profile => &["by_kind"],
        InputOf::Context => &[],
    };
    if taken.contains(&input.name.as_str()) {
        let allowed = format!("another name; every {} has this one", input.of.name());
        return Err(Fault::new("name", format!("{:?}", input.name), allowed));
    }
    if input.kind != InputType::Number {
        let of_number = [("minimum", input.minimum), ("maximum", input.maximum)];
        if let Some((field, Some(value))) = of_number.into_iter().find(|(_, value)| value.is_some()) {
            return Err(Fault::new(field, value, "nothing; only numbers have a range"));
        }
        if input.whole {
            return Err(Fault::new("whole", true, "nothing; only numbers are whole"));
        }
    }
    let (low, high) = input.range();
    within("minimum", low, -LARGEST, LARGEST)?;
    within("maximum", high, -LARGEST, LARGEST)?;
    if low > high {
        return Err(Fault::new("maximum", high, format!("at least the minimum, {low}")));
    }
    if input.required && input.of == InputOf::Profile {
        return Err(Fault::new("required", true, "nothing; a profile may lack anything (ADR-0011)"));
    }
    if let Some(levels) = &input.levels {
        if input.kind != InputType::Category || levels.is_empty() {
            return Err(Fault::new("levels", format!("{levels:?}"), "the texts of a category, at least one"));
        }
        for (i, level) in levels.iter().enumerate() {
            if level.is_empty()
                || level.len() > super::input::MAX_CATEGORY_BYTES
                || levels[..i].contains(level)
            {
                let allowed = "different texts of 1 to 256 bytes";
                return Err(Fault::new(format!("levels[{i}]"), format!("{level:?}"), allowed));
            }
        }
    }
    Ok(())
}

/// The domains that files brought, each once, for good.
static OTHERS: Mutex<Vec<&'static Domain>> = Mutex::new(Vec::new());

impl TryFrom<RawDomain> for &'static Domain {
    type Error = Fault;

    fn try_from(raw: RawDomain) -> Result<Self, Fault> {
        raw.check()?;
        let (digest, tips) = (raw.digest(), Domain::tips());
        if digest == tips.digest {
            return Ok(tips);
        }
        let mut others = OTHERS.lock().expect("nothing panics with it");
        if let Some(known) = others.iter().find(|known| known.raw == raw) {
            return Ok(known);
        }
        let own: &'static Domain = Box::leak(Box::new(Domain { raw, digest, is_tips: false }));
        others.push(own);
        Ok(own)
    }
}

impl Domain {
    /// The domain that ships.
    pub fn tips() -> &'static Self {
        static SHIPPED: LazyLock<Domain> = LazyLock::new(|| {
            let text = shipped::text(shipped::DOMAINS, TIPS).expect("it ships");
            let raw: RawDomain = read::toml(text, TIPS).expect("it is a domain, as a test says");
            Domain { digest: raw.digest(), raw, is_tips: true }
        });
        &SHIPPED
    }

    /// Names and texts of the domains that ship.
    pub fn shipped() -> &'static [(&'static str, &'static str)] {
        shipped::DOMAINS
    }

    /// A domain by name, or from a TOML file if `name` ends in `.toml` or has a '/'.
    ///
    /// # Errors
    /// An unknown name; a file that cannot be read or states something that is not allowed.
    pub fn load(name: &str) -> Result<&'static Self> {
        if read::is_path(name) {
            return Self::from_toml(&read::text(Path::new(name))?, name);
        }
        if name == TIPS {
            return Ok(Self::tips());
        }
        Err(Error::unknown("domain", name, [TIPS, read::OR_A_FILE]))
    }

    /// Parses and checks a domain's file, which errors call `origin`.
    ///
    /// # Errors
    /// Text that is not TOML, unknown or missing fields, what is not allowed, with its line.
    pub fn from_toml(text: &str, origin: &str) -> Result<&'static Self> {
        read::checked_toml(text, origin, Self::of)
    }

    /// The domain that a file states.
    ///
    /// # Errors
    /// What is not allowed.
    pub fn of(raw: RawDomain) -> Result<&'static Self, Fault> {
        <&'static Self>::try_from(raw)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.raw.name
    }

    /// SHA-256, in hexadecimal, of what it means.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Name and the beginning of its digest, for messages.
    pub fn label(&self) -> String {
        format!("{} ({})", self.name(), &self.digest[..12])
    }

    /// Whether it is the one that is built in, whatever its file calls it.
    pub fn is_tips(&self) -> bool {
        self.is_tips
    }

    /// What its file states.
    pub fn raw(&self) -> &RawDomain {
        &self.raw
    }

    /// Its inputs of one sort, in the order of the file.
    pub fn inputs_of(&self, of: InputOf) -> impl Iterator<Item = &DomainInput> + Clone {
        self.raw.inputs.iter().filter(move |input| input.of == of)
    }

    /// The input at `path`, such as `candidate.price`, and where it stands in a request; `candidate.id` has no
    /// declaration.
    ///
    /// # Errors
    /// [`Error::Unknown`], with the declared ones.
    pub fn find(&self, path: &str) -> Result<(Option<&DomainInput>, InputSlot)> {
        if path == "candidate.id" {
            return Ok((None, InputSlot::Id));
        }
        for of in InputOf::ALL {
            for (i, input) in self.inputs_of(of).enumerate() {
                if path.strip_prefix(of.name()).and_then(|rest| rest.strip_prefix('.')) == Some(&input.name) {
                    return Ok((Some(input), self.slot(input, i)));
                }
            }
        }
        let all = self.raw.inputs.iter().map(DomainInput::path).chain(["candidate.id".to_owned()]);
        Err(Error::unknown("input", path, all))
    }

    /// Where the n-th input of this sort stands in a request.
    pub fn slot_of(&self, of: InputOf, n: usize) -> Option<InputSlot> {
        self.inputs_of(of).nth(n).map(|input| self.slot(input, n))
    }

    fn slot(&self, input: &DomainInput, i: usize) -> InputSlot {
        if !self.is_tips {
            return InputSlot::Declared(input.of, i);
        }
        InputSlot::Tips(match (input.of, input.name.as_str()) {
            (InputOf::Context, "hour") => TipsInput::ContextHour,
            (InputOf::Context, _) => TipsInput::Weekday,
            (InputOf::Candidate, "kind") => TipsInput::Kind,
            (InputOf::Candidate, "priority") => TipsInput::Priority,
            (InputOf::Candidate, "due_in_days") => TipsInput::DueInDays,
            (InputOf::Candidate, "effort_minutes") => TipsInput::EffortMinutes,
            (InputOf::Candidate, _) => TipsInput::CandidateHour,
            (InputOf::Profile, name) => {
                let known =
                    ProfileIndex::ALL.into_iter().find(|p| PROFILE_FEATURES[*p as usize].name == name);
                TipsInput::Profile(
                    known.expect("the shipped file has the names of the contract, as a test says"),
                )
            }
        })
    }

    /// Position of the kind among the inputs of candidates.
    pub fn kind_position(&self) -> Option<usize> {
        let kind = self.raw.kind.as_deref()?;
        self.inputs_of(InputOf::Candidate).position(|input| input.name == kind)
    }

    /// The reward of an outcome.
    ///
    /// # Errors
    /// A [`Fault`] of `reaction`, with the nearest name, for any other name.
    pub fn reward_of(&self, outcome: &str) -> Result<f64, Fault> {
        let names = || self.raw.outcomes.iter().map(|outcome| outcome.name.as_str());
        let found = self.raw.outcomes.iter().find(|known| known.name == outcome);
        found.map(|known| known.reward).ok_or_else(|| Fault::unknown("reaction", outcome, names()))
    }

    /// The reward of a decision of which nothing was heard, and after how many milliseconds that is so.
    pub fn default_reward(&self) -> Option<(f64, u64)> {
        let reward = self.reward_of(self.raw.default_outcome.as_deref()?).ok()?;
        Some((reward, (self.raw.wait_hours? * 3_600_000.0) as u64))
    }

    /// Least and largest reward of its outcomes.
    pub fn reward_range(&self) -> (f64, f64) {
        let rewards = self.raw.outcomes.iter().map(|outcome| outcome.reward);
        rewards.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), reward| {
            (low.min(reward), high.max(reward))
        })
    }

    /// The schema of its profile features (draft 2020-12).
    pub fn profile_schema(&self) -> Value {
        let values: serde_json::Map<String, Value> =
            self.inputs_of(InputOf::Profile).map(|input| (input.name.clone(), input.schema())).collect();
        let mut properties = values.clone();
        if self.raw.kind.is_some() {
            properties.insert(
                "by_kind".to_owned(),
                serde_json::json!({
                    "type": ["object", "null"],
                    "description": "the same features for one kind of candidate; they override the user's",
                    "maxProperties": super::profile::MAX_KINDS,
                    "additionalProperties": {"type": ["object", "null"], "properties": values},
                }),
            );
        }
        serde_json::json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "profile_features",
            "description": "what is known of a user; every value may be absent or null",
            "type": ["object", "null"],
            "properties": properties,
        })
    }

    /// The schema of what a request says by inputs of one sort.
    pub fn object_schema(&self, of: InputOf) -> Value {
        let mut properties: serde_json::Map<String, Value> =
            self.inputs_of(of).map(|input| (input.name.clone(), input.schema())).collect();
        let mut required: Vec<&str> =
            self.inputs_of(of).filter(|input| input.required).map(|input| input.name.as_str()).collect();
        if of == InputOf::Candidate {
            required.insert(0, "id");
            let id = serde_json::json!({"type": "string", "minLength": 1, "maxLength": 256, "pattern": STORABLE,
                                        "description": "unique within the request"});
            let text = serde_json::json!({"type": ["string", "null"], "maxLength": 4096, "pattern": STORABLE,
                                          "description": "what its user reads; at most 4096 bytes; kept, seen by no policy"});
            properties.extend([("id".to_owned(), id), ("text".to_owned(), text)]);
        }
        serde_json::json!({"type": "object", "required": required, "additionalProperties": false,
                           "properties": properties})
    }
}

/// A domain as a feature set names it: by name or as a file, or whole, as stores and logs keep it.
#[derive(Debug, Clone, PartialEq)]
pub enum DomainRef {
    /// A domain.
    Is(&'static Domain),
    /// The path of a file, which only the operator's own files may name.
    File(SmolStr),
}

impl Default for DomainRef {
    fn default() -> Self {
        Self::Is(Domain::tips())
    }
}

impl DomainRef {
    /// Whether it is what a file that says nothing means.
    pub fn is_default(&self) -> bool {
        matches!(self, Self::Is(domain) if domain.is_tips())
    }

    /// The domain, where no file may be named.
    ///
    /// # Errors
    /// A file.
    pub fn known(&self) -> Result<&'static Domain, Fault> {
        match self {
            Self::Is(domain) => Ok(domain),
            Self::File(path) => {
                let allowed = "a name, or a file where the operator's own file or command line names it";
                Err(Fault::new("domain", format!("{path:?}"), allowed))
            }
        }
    }

    /// The domain; a file's path is taken relative to `folder`.
    ///
    /// # Errors
    /// A file that cannot be read or is no domain.
    pub fn load(&self, folder: &Path) -> Result<&'static Domain> {
        match self {
            Self::Is(domain) => Ok(domain),
            Self::File(path) => {
                let path = folder.join(path.as_str());
                Domain::from_toml(&read::text(&path)?, &path.display().to_string())
            }
        }
    }
}

impl Serialize for DomainRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Is(domain) if domain.is_tips() => serializer.serialize_str(TIPS),
            Self::Is(domain) => domain.raw.serialize(serializer),
            Self::File(path) => serializer.serialize_str(path),
        }
    }
}

impl<'de> Deserialize<'de> for DomainRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Named;
        impl<'de> serde::de::Visitor<'de> for Named {
            type Value = DomainRef;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("the name of a domain, the path of its file, or a domain")
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<DomainRef, E> {
                match name {
                    TIPS => Ok(DomainRef::default()),
                    path if read::is_path(path) => Ok(DomainRef::File(path.into())),
                    other => Err(E::custom(Error::unknown("domain", other, [TIPS, read::OR_A_FILE]))),
                }
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<DomainRef, A::Error> {
                let raw = RawDomain::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Domain::of(raw).map(DomainRef::Is).map_err(serde::de::Error::custom)
            }
        }
        deserializer.deserialize_any(Named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reaction::{REWARD_RANGE, Reaction};
    use crate::domain::{profile, request};

    #[test]
    fn the_shipped_file_says_what_is_built_in() {
        let tips = Domain::tips();
        tips.raw.check().unwrap();
        let rewards: Vec<(&str, f64)> =
            tips.raw.outcomes.iter().map(|o| (o.name.as_str(), o.reward)).collect();
        assert_eq!(rewards, Reaction::ALL.map(|reaction| (reaction.name(), reaction.reward())));
        assert!((rewards[0].1 - rewards[3].1 - REWARD_RANGE).abs() < 1e-15);
        let profile: Vec<&DomainInput> = tips.inputs_of(InputOf::Profile).collect();
        assert_eq!(profile.len(), PROFILE_FEATURES.len());
        for (input, feature) in profile.iter().zip(PROFILE_FEATURES) {
            assert_eq!((input.name.as_str(), input.dtype()), (feature.name, feature.dtype));
            assert_eq!(input.description.as_deref(), Some(feature.description));
        }
        // The schemas are made of the checks, so that whatever these let pass stands in the file too.
        assert_eq!(
            tips.profile_schema()["properties"]["tip_volume"],
            profile::schema()["properties"]["tip_volume"]
        );
        let mut built_in = request::schema();
        let strip = |schema: &mut Value| {
            for (name, property) in schema.as_object_mut().unwrap() {
                if ["id", "kind"].contains(&name.as_str()) {
                    *property = Value::Null;
                }
            }
        };
        let candidate = &mut built_in["properties"]["candidates"]["items"]["properties"];
        strip(candidate);
        let mut declared = tips.object_schema(InputOf::Candidate);
        strip(&mut declared["properties"]);
        assert_eq!(&declared["properties"], candidate);
        assert_eq!(
            tips.object_schema(InputOf::Context)["properties"],
            built_in["properties"]["context"]["properties"]
        );
        for (of, profile) in [(InputOf::Profile, profile::schema())] {
            for input in tips.inputs_of(of) {
                assert_eq!(input.schema(), profile["properties"][&input.name], "{}", input.name);
            }
        }
        for of in InputOf::ALL {
            for (n, input) in tips.inputs_of(of).enumerate() {
                assert_eq!(tips.find(&input.path()).unwrap().1.place(), Some((of, n)), "{}", input.path());
            }
        }
        assert_eq!(tips.kind_position(), Some(0));
        assert_eq!(tips.default_reward(), None);
    }

    #[test]
    fn a_copy_of_the_shipped_file_is_the_shipped_domain() {
        let text =
            shipped::text(shipped::DOMAINS, TIPS).unwrap().replace("name = \"tips\"", "name = \"mine\"");
        assert!(Domain::from_toml(&text, "mine.toml").unwrap().is_tips());
        let other = Domain::from_toml(&text.replace("reward = 0.25", "reward = 0.5"), "mine.toml").unwrap();
        assert!(!other.is_tips() && other.digest() != Domain::tips().digest());
        let again = Domain::from_toml(&text.replace("reward = 0.25", "reward = 0.5"), "mine.toml").unwrap();
        assert!(std::ptr::eq(other, again));
    }

    #[test]
    fn what_is_not_allowed_is_named_with_its_line() {
        let base = "name = \"shop\"\n[[inputs]]\nof = \"candidate\"\nname = \"price\"\ntype = \"number\"\nminimum = 0\n\
                    [[outcomes]]\nname = \"bought\"\nreward = 1\n";
        Domain::from_toml(base, "shop.toml").unwrap();
        for (from, to, expected) in [
            ("minimum = 0", "minimum = 0\nmaximum = -1", "inputs[0].maximum is -1|(line 7)"),
            ("\"number\"", "\"category\"", "inputs[0].minimum is 0; allowed: nothing|(line 6)"),
            ("\"price\"", "\"id\"", "inputs[0].name is \"id\"|(line 4)"),
            ("reward = 1", "reward = 1e7", "outcomes[0].reward is 10000000|(line 9)"),
            ("\"shop\"", "\"Shop\"", "name is \"Shop\"|(line 1)"),
            ("\"shop\"", "\"shop\"\nkind = \"price\"", "kind is \"price\"|(line 2)"),
            ("\"shop\"", "\"shop\"\nwait_hours = 3", "wait_hours is 3|(line 2)"),
            ("\"number\"", "\"colour\"", "unknown variant `colour`"),
        ] {
            let message = Domain::from_toml(&base.replace(from, to), "shop.toml").unwrap_err().to_string();
            let of_file = message.starts_with("shop.toml: ");
            assert!(of_file && expected.split('|').all(|part| message.contains(part)), "{message}");
        }
    }
}
