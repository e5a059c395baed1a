//! A request as it is read, unchecked, and as it is once it has been checked, in one place: [`Request::try_from`].

use super::candidate::{Candidate, Context, WEEKDAYS};
use crate::base::error::{Error, Fault, Result, hour, storable};
use crate::base::read::{object, objects, optional_whole};
use crate::domain::completion::ProfileCompletion;
use crate::domain::declaration::Domain;
use crate::domain::input::{InputSlot, InputValue, TipsInput};
use crate::domain::labels::{DecisionLabels, digest, label};
use crate::domain::profile::Profile;
use crate::domain::values::DeclaredValues;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::{BTreeSet, HashSet};

/// Most candidates in one request.
pub(crate) const MAX_CANDIDATES: usize = 10_000;

/// What the JSON of a request may hold, unchecked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawRequest {
    /// The person; may be given on the command line instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<SmolStr>,
    /// The policy, for requests that come many at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<SmolStr>,
    /// Seed of this decision's exploration, below 2^53; drawn from the system when absent.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "optional_whole")]
    pub seed: Option<u64>,
    /// The decision that was shown, if this one is to be shown to nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow_of: Option<SmolStr>,
    /// The version of the prompt that the candidates were written with: kept with the decision, seen by no policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_version: Option<SmolStr>,
    /// The digest of that prompt, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_digest: Option<SmolStr>,
    /// The moment.
    #[serde(deserialize_with = "object")]
    pub context: Context,
    /// What could be shown; at least one.
    #[serde(deserialize_with = "objects")]
    pub candidates: Vec<Candidate>,
    /// What is known of the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile_features: Option<Profile>,
}

impl RawRequest {
    /// A request that names neither user nor policy.
    pub fn new(context: Context, candidates: Vec<Candidate>, profile_features: Option<Profile>) -> Self {
        Self {
            user: None,
            policy: None,
            seed: None,
            shadow_of: None,
            prompt_version: None,
            prompt_digest: None,
            context,
            candidates,
            profile_features,
        }
    }

    /// What programs see of a request, as JSON in one line: what is kept of it, without the texts that no policy sees.
    pub fn policy_text(&self) -> String {
        if self.candidates.iter().all(|candidate| candidate.text.is_none()) {
            return self.offer_text();
        }
        let mut without = self.clone();
        without.candidates.iter_mut().for_each(|candidate| candidate.text = None);
        without.offer_text()
    }

    /// What there is to choose from, as JSON in one line, without who asks: what is kept of a request.
    pub fn offer_text(&self) -> String {
        #[derive(Serialize)]
        struct Offer<'a> {
            context: &'a Context,
            candidates: &'a [Candidate],
            #[serde(skip_serializing_if = "Option::is_none")]
            profile_features: Option<&'a Profile>,
        }
        let Self { context, candidates, profile_features, .. } = self;
        let offer = Offer { context, candidates, profile_features: profile_features.as_ref() };
        serde_json::to_string(&offer).expect("plain values always serialize")
    }
}

/// What there is to choose from, checked: all that a decision looks at.
#[derive(Debug, Clone, Copy)]
pub struct Offered<'a> {
    /// The moment.
    pub context: Context,
    /// What could be shown: at least one, ids unique.
    pub candidates: &'a [Candidate],
    /// What is known of the person.
    pub profile: Option<&'a Profile>,
    /// What is said by the inputs of a domain that is declared in a file; `None` in the domain that is built in.
    pub declared: Option<&'a DeclaredValues>,
}

impl<'a> Offered<'a> {
    /// What an input is for the candidate at `k`.
    pub fn value(&self, slot: InputSlot, k: usize) -> InputValue<'a> {
        let candidate = &self.candidates[k];
        match slot {
            InputSlot::Id => InputValue::Text(&candidate.id),
            InputSlot::Declared(of, n) => {
                self.declared.map_or(InputValue::Unknown, |declared| declared.get(of, n, k))
            }
            InputSlot::Tips(input) => match input {
                TipsInput::ContextHour => InputValue::Number(self.context.hour),
                TipsInput::Weekday => InputValue::Number(f64::from(self.context.weekday)),
                TipsInput::Kind => InputValue::text(candidate.kind.as_deref()),
                TipsInput::Priority => InputValue::number(candidate.priority),
                TipsInput::DueInDays => InputValue::number(candidate.due_in_days),
                TipsInput::EffortMinutes => InputValue::number(candidate.effort_minutes),
                TipsInput::CandidateHour => InputValue::number(candidate.hour),
                TipsInput::Profile(index) => {
                    let kind = candidate.kind.as_deref();
                    InputValue::number(self.profile.and_then(|profile| profile.values_for(kind).get(index)))
                }
            },
        }
    }
}

/// A checked request: every number finite and in range, at least one candidate, ids unique.
///
/// ```
/// use rehearsal::domain::request::Request;
///
/// let json = r#"{"context": {"hour": 8.5, "weekday": 0}, "candidates": [{"id": "walk"}, {"id": "plan"}]}"#;
/// let request = Request::from_json(json.as_bytes(), "request")?;
/// assert_eq!((request.candidates().len(), request.position("plan")?), (2, 1));
///
/// let late = json.replace("8.5", "24");
/// let error = Request::from_json(late.as_bytes(), "request").unwrap_err();
/// assert_eq!(error.to_string(), "request: context.hour is 24; allowed: an hour in [0, 24)");
/// # Ok::<(), rehearsal::base::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    pub(super) raw: RawRequest,
    pub(super) declared: Option<Box<DeclaredValues>>,
}

impl Request {
    /// Parses and checks one JSON request; `origin` is what errors call it.
    ///
    /// # Errors
    /// Text that is not JSON, an unknown or ill-typed field (with its path), a value out of range.
    pub fn from_json(text: &[u8], origin: &str) -> Result<Self> {
        let raw: RawRequest = crate::base::read::json(text, origin)?;
        Self::try_from(raw).map_err(|fault| fault.at(origin))
    }

    /// The person, if the request names one.
    pub fn user(&self) -> Option<&str> {
        self.raw.user.as_deref()
    }

    /// The policy, if the request names one.
    pub fn policy(&self) -> Option<&str> {
        self.raw.policy.as_deref()
    }

    /// The seed of this decision's exploration, if given.
    pub fn seed(&self) -> Option<u64> {
        self.raw.seed
    }

    /// The decision that was shown, if this one is to be shown to nobody.
    pub fn shadow_of(&self) -> Option<&str> {
        self.raw.shadow_of.as_deref()
    }

    /// What the request says of where its candidates come from.
    pub fn labels(&self) -> DecisionLabels {
        DecisionLabels {
            prompt_version: self.raw.prompt_version.clone(),
            prompt_digest: self.raw.prompt_digest.clone(),
            ..DecisionLabels::default()
        }
    }

    /// The moment.
    pub fn context(&self) -> Context {
        self.raw.context
    }

    /// What could be shown: at least one, ids unique.
    pub fn candidates(&self) -> &[Candidate] {
        &self.raw.candidates
    }

    /// What is known of the person.
    pub fn profile(&self) -> Option<&Profile> {
        self.raw.profile_features.as_ref()
    }

    /// Where the candidate with this id stands.
    ///
    /// # Errors
    /// [`Error::Unknown`] when no candidate has that id.
    pub fn position(&self, id: &str) -> Result<usize> {
        let ids = || self.raw.candidates.iter().map(|c| &c.id);
        ids().position(|i| i == id).ok_or_else(|| Error::unknown("candidate", id, ids().take(20)))
    }

    /// What there is to choose from.
    pub fn offered(&self) -> Offered<'_> {
        let declared = self.declared.as_deref();
        Offered { context: self.context(), candidates: self.candidates(), profile: self.profile(), declared }
    }

    /// The domain whose inputs it was checked against.
    pub fn domain(&self) -> &'static Domain {
        self.declared.as_ref().map_or_else(Domain::tips, |declared| declared.domain())
    }

    /// Names in the profile that the domain does not have: a newer producer's, worth a warning.
    pub fn unknown_names(&self) -> impl Iterator<Item = &str> {
        let declared = self.declared.iter().flat_map(|declared| declared.unknown_names());
        self.profile().into_iter().flat_map(Profile::unknown_names).chain(declared)
    }

    /// What there is to choose from, as JSON in one line, without who asks: what is kept of a request, and what programs see
    /// of it. Names that nobody looks at are left out.
    pub fn offer_text(&self) -> String {
        match &self.declared {
            Some(declared) => declared.to_json(&self.raw.candidates).to_string(),
            None => self.raw.offer_text(),
        }
    }

    /// Whether it leaves a value of the user's profile open.
    pub fn lacks_profile(&self) -> bool {
        match &self.declared {
            Some(declared) => declared.lacks_profile(),
            None => Profile::lacks(self.profile()),
        }
    }

    /// The kinds of its candidates, each once.
    pub fn kinds(&self) -> BTreeSet<&SmolStr> {
        self.raw.candidates.iter().filter_map(|candidate| candidate.kind.as_ref()).collect()
    }

    /// Fills in what it leaves open of the user's profile, by values that were checked against the inputs of its domain; how
    /// many values that was.
    pub fn complete(&mut self, known: &ProfileCompletion) -> usize {
        if let Some(declared) = &mut self.declared {
            return declared.complete(known);
        }
        known.fill_profile(&mut self.raw.profile_features)
    }

    /// The request as it was read.
    pub fn raw(&self) -> &RawRequest {
        &self.raw
    }
}

impl TryFrom<RawRequest> for Request {
    type Error = Fault;

    fn try_from(raw: RawRequest) -> Result<Self, Fault> {
        hour("context.hour", raw.context.hour)?;
        if raw.context.weekday > 6 {
            return Err(Fault::new("context.weekday", raw.context.weekday, WEEKDAYS));
        }
        if raw.candidates.is_empty() || raw.candidates.len() > MAX_CANDIDATES {
            return Err(Fault::new(
                "candidates",
                format!("a list of {}", raw.candidates.len()),
                format!("1 to {MAX_CANDIDATES} candidates"),
            ));
        }
        for (field, text) in [("user", &raw.user), ("shadow_of", &raw.shadow_of)] {
            text.as_deref().map(|text| storable(field, text)).transpose()?;
        }
        raw.prompt_version.as_deref().map(|text| label("prompt_version", text)).transpose()?;
        raw.prompt_digest.as_deref().map(|text| digest("prompt_digest", text)).transpose()?;
        if let Some(seed) = raw.seed.filter(|s| *s >= 1 << 53) {
            return Err(Fault::new("seed", seed, "a whole number below 2^53"));
        }
        for (i, candidate) in raw.candidates.iter().enumerate() {
            candidate.check().map_err(|fault| fault.within(&format!("candidates[{i}]")))?;
        }
        if let Some(i) = repeated(&raw.candidates) {
            return Err(Fault::new(
                format!("candidates[{i}].id"),
                format!("{:?} again", raw.candidates[i].id),
                "ids that are unique within the request",
            ));
        }
        if let Some(profile) = &raw.profile_features {
            profile.check().map_err(|fault| fault.within("profile_features"))?;
        }
        Ok(Self { raw, declared: None })
    }
}

/// The first candidate whose id another one has before it. Few are compared with each other, many go through a set.
fn repeated(candidates: &[Candidate]) -> Option<usize> {
    if candidates.len() <= 16 {
        return (1..candidates.len()).find(|i| candidates[..*i].iter().any(|c| c.id == candidates[*i].id));
    }
    let mut seen = HashSet::with_capacity(candidates.len());
    candidates.iter().position(|candidate| !seen.insert(candidate.id.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Request> {
        Request::from_json(text.as_bytes(), "request")
    }

    fn message(text: &str) -> String {
        parse(text).expect_err(text).to_string()
    }

    #[test]
    fn the_smallest_request_has_one_candidate_with_an_id() {
        let request = parse(r#"{"context":{"hour":0,"weekday":6},"candidates":[{"id":"a"}]}"#).unwrap();
        assert_eq!(request.candidates().len(), 1);
        assert_eq!(request.user(), None);
    }

    #[test]
    fn errors_name_field_value_and_what_is_allowed() {
        let with = |candidate: &str| {
            message(&format!(
                r#"{{"context":{{"hour":1,"weekday":0}},"candidates":[{{"id":"a"}},{candidate}]}}"#
            ))
        };
        assert_eq!(
            with(r#"{"id":"b","priority":1.5}"#),
            "request: candidates[1].priority is 1.5; allowed: a number in [0, 1]"
        );
        assert!(with(r#"{"id":"a"}"#).contains(r#"candidates[1].id is "a" again"#));
        assert!(with(r#"{"id":""}"#).contains("candidates[1].id"));
        assert!(with(r#"{"id":"b","hour":24}"#).contains("[0, 24)"));
        assert!(with(r#"{"id":"b","effort_minutes":-1}"#).contains("effort_minutes is -1"));
        assert!(with(r#"{"id":"b","due_in_days":1e300}"#).contains("due_in_days"));
        assert!(with(r#"{"id":"b","priority":"high"}"#).contains("candidates[1].priority"));
        assert!(with(r#"{"id":"b","colour":1}"#).contains("unknown field `colour`"));
    }

    #[test]
    fn the_moment_is_checked_on_both_sides() {
        let at = |hour: &str, weekday: &str| {
            parse(&format!(
                r#"{{"context":{{"hour":{hour},"weekday":{weekday}}},"candidates":[{{"id":"a"}}]}}"#
            ))
        };
        assert!(at("23.999", "6").is_ok() && at("0", "0").is_ok());
        for (hour, weekday) in
            [("24", "0"), ("-0.1", "0"), ("8", "7"), ("8", "-1"), ("8", "1.5"), ("NaN", "0")]
        {
            assert!(at(hour, weekday).is_err(), "{hour} {weekday}");
        }
    }

    #[test]
    fn a_weekday_that_is_none_is_told_which_there_are() {
        for day in ["7", "255", "256", "18446744073709551615", "-1", "1.5", "\"1\"", "null"] {
            let text = format!(r#"{{"context":{{"hour":1,"weekday":{day}}},"candidates":[{{"id":"a"}}]}}"#);
            let message = message(&text);
            assert!(message.contains("context.weekday") && message.contains(day), "{message}");
            assert!(message.contains(" 0 (Monday) to 6 (Sunday)"), "{message}");
        }
    }

    #[test]
    fn no_candidates_is_refused() {
        assert!(message(r#"{"context":{"hour":1,"weekday":0},"candidates":[]}"#).contains("a list of 0"));
    }
}
