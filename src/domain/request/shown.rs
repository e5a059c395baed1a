//! What a reward is about: the tip that was shown, at its moment.

use super::candidate::{Candidate, Context};
use super::checked::{Offered, RawRequest, Request};
use super::declared::RawDeclaredRequest;
use crate::base::error::Fault;
use crate::domain::declaration::Domain;
use crate::domain::profile::Profile;
use crate::domain::values::DeclaredValues;
use serde::{Deserialize, Serialize, Serializer};

/// The candidate of a request that was shown, with what of the profile held for it. It has the feature vector that the
/// candidate had in the request, and reads and is written as a request that offers nothing else.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "RawRequest")]
pub struct Shown {
    context: Context,
    candidates: [Candidate; 1],
    profile_features: Option<Profile>,
    declared: Option<Box<DeclaredValues>>,
}

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct OfTips<'a> {
            context: Context,
            candidates: &'a [Candidate; 1],
            #[serde(skip_serializing_if = "Option::is_none")]
            profile_features: Option<&'a Profile>,
        }
        let Self { context, candidates, profile_features, declared } = self;
        if let Some(declared) = declared {
            return declared.to_json(candidates).serialize(serializer);
        }
        let (context, profile_features) = (*context, profile_features.as_ref());
        OfTips { context, candidates, profile_features }.serialize(serializer)
    }
}

impl Shown {
    /// The candidate.
    pub fn candidate(&self) -> &Candidate {
        &self.candidates[0]
    }

    /// Its moment.
    pub fn context(&self) -> Context {
        self.context
    }

    /// What held for it of the person's profile.
    pub fn profile(&self) -> Option<&Profile> {
        self.profile_features.as_ref()
    }

    /// What programs see of it, as JSON in one line: a request that offers nothing else, without the text that no policy
    /// sees.
    pub fn policy_text(&self) -> String {
        let mut without = self.clone();
        without.candidates[0].text = None;
        serde_json::to_string(&without).expect("plain values always serialize")
    }

    /// The choice that there was, if nothing else had been offered.
    pub fn offered(&self) -> Offered<'_> {
        let declared = self.declared.as_deref();
        Offered { context: self.context, candidates: &self.candidates, profile: self.profile(), declared }
    }

    /// The domain whose inputs it was checked against.
    pub fn domain(&self) -> &'static Domain {
        self.declared.as_ref().map_or_else(Domain::tips, |declared| declared.domain())
    }

    /// What was shown as JSON has it, checked against the inputs of `domain`.
    ///
    /// # Errors
    /// What is no request of that domain with one candidate.
    pub fn parse(domain: &'static Domain, text: &str) -> Result<Self, String> {
        if domain.is_tips() {
            return serde_json::from_str(text).map_err(|error| error.to_string());
        }
        let raw: RawDeclaredRequest = serde_json::from_str(text).map_err(|error| error.to_string())?;
        Self::try_from(raw.check(domain).map_err(|fault| fault.to_string())?)
            .map_err(|fault| fault.to_string())
    }
}

impl Request {
    /// What there is to say when the candidate at `chosen` was shown.
    #[must_use]
    pub fn shown(self, chosen: usize) -> Shown {
        let declared = self.declared.map(|declared| Box::new(declared.shown(chosen)));
        let RawRequest { context, mut candidates, profile_features, .. } = self.raw;
        // Nobody learns from its words.
        let candidate = Candidate { text: None, ..candidates.swap_remove(chosen) };
        let kind = candidate.kind.as_deref();
        let profile_features = profile_features.map(|p| Profile::new(p.values_for(kind), Vec::new()));
        Shown { context, candidates: [candidate], profile_features, declared }
    }
}

impl TryFrom<RawRequest> for Shown {
    type Error = Fault;

    fn try_from(raw: RawRequest) -> Result<Self, Fault> {
        Self::try_from(Request::try_from(raw)?)
    }
}

impl TryFrom<Request> for Shown {
    type Error = Fault;

    fn try_from(request: Request) -> Result<Self, Fault> {
        match request.candidates().len() {
            1 => Ok(request.shown(0)),
            n => Err(Fault::new("candidates", format!("a list of {n}"), "1, the tip that was shown")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::{FeatureBlock, FeatureSet};

    const REQUEST: &str = r#"{"context":{"hour":8.5,"weekday":5},"candidates":[{"id":"a","kind":"rest"},
        {"id":"b","kind":"focus","priority":0.25,"hour":20},{"id":"c"}],"profile_features":{"completion_rate":0.5,
        "tip_volume":9,"by_kind":{"focus":{"completion_rate":0.75,"dismiss_rate":0.125}}}}"#;

    #[test]
    fn what_was_shown_keeps_its_vector_and_reads_back() {
        for (chosen, id) in ["a", "b", "c"].into_iter().enumerate() {
            let request = Request::from_json(REQUEST.as_bytes(), "request").unwrap();
            let whole = FeatureBlock::of(FeatureSet::V2, request.offered());
            let shown = request.shown(chosen);
            assert_eq!(shown.candidate().id, id);
            assert_eq!(FeatureBlock::of(FeatureSet::V2, shown.offered()).row(0), whole.row(chosen));
            let text = serde_json::to_string(&shown).unwrap();
            assert_eq!(serde_json::from_str::<Shown>(&text).unwrap(), shown);
            assert_eq!(Request::from_json(text.as_bytes(), "what was written").unwrap().shown(0), shown);
        }
    }

    #[test]
    fn it_is_checked_as_a_request_is() {
        let at = |hour: &str| {
            let text = format!(r#"{{"context":{{"hour":{hour},"weekday":1}},"candidates":[{{"id":"a"}}]}}"#);
            serde_json::from_str::<Shown>(&text).map_err(|error| error.to_string())
        };
        assert!(at("23.5").is_ok());
        assert!(at("24").unwrap_err().contains("context.hour is 24"));
        let several = serde_json::from_str::<Shown>(REQUEST).unwrap_err().to_string();
        assert!(
            several.contains("candidates is a list of 3; allowed: 1, the tip that was shown"),
            "{several}"
        );
    }
}
