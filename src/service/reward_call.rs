//! A reward as somebody reports it: for a decision that the store has, or with the request beside it.

use super::error::ServiceError;
use super::given::{Given, resolve};
use super::score::{Warning, unknown_names};
use super::shared::Service;
use crate::base::error::{Error, Fault, Result, storable};
use crate::base::read::{self, Text, optional_whole};
use crate::domain::profile::Profile;
use crate::domain::reaction::Reaction;
use crate::domain::request::{Candidate, Context, RawRequest, Request};
use crate::policy::Policy;
use crate::store::{RewardEvent, state_file};
use serde::Deserialize;
use smol_str::SmolStr;
use std::sync::Arc;

/// What errors call the options.
const COMMAND_LINE: &str = "command line";

/// A reward that is to be learned.
#[derive(Debug, Clone)]
pub enum RewardCall {
    /// Of a decision.
    OfDecision {
        /// Its id.
        id: SmolStr,
        /// The reward.
        reward: f64,
        /// The reaction that it was made from.
        reaction: Option<Reaction>,
        /// How long the tip was looked at, in seconds.
        dwell_seconds: Option<f64>,
        /// The user, if it is said: it must be the decision's.
        user: Option<SmolStr>,
        /// The policy, if it is said: it must be the decision's.
        policy: Option<Arc<Policy>>,
        /// What errors call it.
        origin: SmolStr,
    },
    /// With all there is to learn.
    Whole {
        /// The user.
        user: SmolStr,
        /// The policy that learns.
        policy: Arc<Policy>,
        /// What there is to learn.
        event: Arc<RewardEvent>,
        /// What deserves attention.
        warnings: Vec<Warning>,
    },
}

/// A reward as JSON states it: the request in it or beside the other fields.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawReward<'a> {
    #[serde(default, borrow, alias = "decision_id")]
    decision: Option<Text<'a>>,
    #[serde(default, borrow)]
    reaction: Option<Text<'a>>,
    #[serde(default)]
    dwell_seconds: Option<f64>,
    #[serde(default, borrow)]
    policy: Option<Text<'a>>,
    #[serde(default, borrow)]
    user: Option<Text<'a>>,
    #[serde(default, borrow)]
    chosen: Option<Text<'a>>,
    #[serde(default)]
    reward: Option<f64>,
    #[serde(default, borrow)]
    event_id: Option<Text<'a>>,
    #[serde(default)]
    request: Option<RawRequest>,
    #[serde(default)]
    context: Option<Context>,
    #[serde(default)]
    candidates: Option<Vec<Candidate>>,
    #[serde(default)]
    profile_features: Option<Profile>,
    #[serde(default, rename = "seed", deserialize_with = "optional_whole")]
    _seed: Option<u64>,
    #[serde(default, borrow, rename = "prompt_version")]
    _prompt_version: Option<Text<'a>>,
    #[serde(default, borrow, rename = "prompt_digest")]
    _prompt_digest: Option<Text<'a>>,
}

/// A reward as options of a command state it.
#[derive(Debug, Clone, Default)]
pub struct StatedReward<'a> {
    /// The decision that it answers.
    pub decision: Option<&'a str>,
    /// The reaction, by name.
    pub reaction: Option<&'a str>,
    /// The reward itself.
    pub reward: Option<f64>,
    /// How long the tip was looked at, in seconds.
    pub dwell_seconds: Option<f64>,
    /// Id of the candidate that was shown.
    pub chosen: Option<&'a str>,
    /// The caller's own id of the event.
    pub event_id: Option<&'a str>,
}

impl RewardCall {
    /// The call in a line of JSON.
    ///
    /// # Errors
    /// A text that is no reward, or neither of its two forms; `origin` is what errors call it.
    pub fn parse(service: &Service, text: &[u8], origin: &str, given: &Given) -> Result<Self> {
        let raw: RawReward = read::json(text, origin)?;
        raw.check(origin)?;
        raw.check_request(origin)?;
        raw.into_call(service, origin, origin, given)
    }

    /// The call that options state; `request` gives the text of a request and what errors call it, and is asked only
    /// if the reward is of no decision.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn of_options(
        service: &Service,
        stated: &StatedReward,
        given: &Given,
        request: impl FnOnce() -> Result<(Vec<u8>, String)>,
    ) -> Result<Self> {
        let mut raw = RawReward {
            decision: stated.decision.map(Text::from),
            reaction: stated.reaction.map(Text::from),
            reward: stated.reward,
            dwell_seconds: stated.dwell_seconds,
            chosen: stated.chosen.map(Text::from),
            event_id: stated.event_id.map(Text::from),
            ..RawReward::default()
        };
        raw.check(COMMAND_LINE)?;
        if raw.decision.is_some() {
            return raw.into_call(service, COMMAND_LINE, COMMAND_LINE, given);
        }
        let (text, origin) = request()?;
        raw.request = Some(Request::from_json(&text, &origin)?.raw().clone());
        raw.into_call(service, &origin, COMMAND_LINE, given)
    }
}

impl RewardCall {
    /// What deserves attention.
    pub fn warnings(&self) -> &[Warning] {
        if let Self::Whole { warnings, .. } = self { warnings } else { &[] }
    }
}

impl RawReward<'_> {
    /// Whether it is one of the two forms, before anything is looked up.
    fn check(&self, origin: &str) -> Result<()> {
        let options = origin == COMMAND_LINE;
        let refused = |message| Err(form(origin, message));
        match (&self.reaction, self.reward) {
            (Some(_), Some(_)) => return refused("a reaction or a reward, not both"),
            (None, None) if options => return refused("give --reaction, or --reward"),
            (None, None) => return refused("no reaction and no reward: give one of them"),
            (Some(name), None) => drop(Reaction::from_name(name)?),
            (None, Some(_)) => {}
        }
        match (&self.decision, &self.chosen) {
            (Some(_), Some(_)) => refused("the decision says what was chosen: give one of them"),
            (None, None) if options => {
                refused("give --decision; or --policy, --user, --chosen and a request")
            }
            (None, None) => refused("no decision: give one, or policy, user, chosen and a request"),
            _ => Ok(()),
        }
    }

    /// Whether it has its request where JSON has it.
    fn check_request(&self, origin: &str) -> Result<()> {
        let beside = self.context.is_some() || self.candidates.is_some() || self.profile_features.is_some();
        let refused = |message| Err(form(origin, message));
        match (&self.decision, &self.request) {
            (Some(_), Some(_)) => refused("the decision has its request: give one of them"),
            (Some(_), None) if beside => refused("the decision has its request: give one of them"),
            (None, Some(_)) if beside => refused("the request stands in \"request\" or beside it, not both"),
            (None, None) if self.context.is_none() || self.candidates.is_none() => {
                refused("no request: give \"request\", or \"context\" and \"candidates\"")
            }
            _ => Ok(()),
        }
    }

    /// The request in it or beside the other fields.
    fn take_request(&mut self) -> Option<RawRequest> {
        self.request.take().or_else(|| {
            let (context, candidates) = (self.context?, self.candidates.take()?);
            Some(RawRequest::new(context, candidates, self.profile_features.take()))
        })
    }

    fn into_call(
        mut self,
        service: &Service,
        origin: &str,
        stated: &str,
        given: &Given,
    ) -> Result<RewardCall> {
        let reaction = self.reaction.as_deref().map(Reaction::from_name).transpose()?;
        let reward = self.reward.or(reaction.map(Reaction::reward)).expect("checked");
        let dwell_seconds = self.dwell_seconds;
        let request = self.take_request();
        let user = self.user.as_deref().or(given.user.as_deref());
        let policy = self.policy.as_deref().or(given.policy.as_deref());
        if let Some(id) = self.decision {
            let texts = [("decision", Some(&*id)), ("user", user)];
            for (field, text) in texts.into_iter().filter_map(|(field, text)| Some((field, text?))) {
                storable(field, text).map_err(|fault| fault.at(stated))?;
            }
            if let Some(event) = self.event_id.as_deref().filter(|event| *event != &*id) {
                let allowed = "the decision's id, or none: each decision is learned from once";
                return Err(Fault::new("event_id", format!("{event:?}"), allowed).at(stated));
            }
            let policy = policy.map(|name| service.policies().find(name).cloned()).transpose()?;
            let (id, user, origin) = (id.into(), user.map(SmolStr::from), stated.into());
            return Ok(RewardCall::OfDecision { id, reward, reaction, dwell_seconds, user, policy, origin });
        }
        let request = request.expect("checked");
        let request = Request::try_from(request).map_err(|fault| fault.at(origin))?;
        let user: SmolStr = resolve("user", given.by, user, request.user(), origin)?.into();
        let policy = Arc::clone(service.policies().resolve(given.by, policy, request.policy(), origin)?);
        state_file(&user, policy.name()).map_err(|fault| fault.at(origin))?;
        let warnings = unknown_names(&request);
        let chosen = request.position(self.chosen.as_deref().expect("checked"))?;
        let event = RewardEvent::new(request, chosen, reward, self.event_id.map(SmolStr::from));
        let event = event.and_then(|event| RewardEvent { reaction, dwell_seconds, ..event }.check());
        let event = Arc::new(event.map_err(|fault| fault.at(stated))?);
        Ok(RewardCall::Whole { user, policy, event, warnings })
    }
}

fn form(origin: &str, message: &'static str) -> Error {
    Error::because(ServiceError::Form { origin: origin.to_owned(), message })
}
