//! A reward as somebody reports it: for a decision that the store has, or with the request beside it.

use super::error::ServiceError;
use super::given::{Given, GivenBy, resolve};
use super::score::{Warning, in_domain, unknown_names};
use super::shared::Service;
use crate::base::error::{Error, Fault, Result, storable};
use crate::base::read::{self, Object, Text, optional_whole};
use crate::domain::profile::Profile;
use crate::domain::request::{Candidate, Context, RawDeclaredRequest, RawRequest, Request};
use crate::domain::{Domain, RawDeclared};
use crate::policy::Policy;
use crate::store::{RewardEvent, state_file};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use smol_str::SmolStr;
use std::fmt::Debug;
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
        /// The reward; `None` if it is what the reaction is worth in the decision's domain.
        reward: Option<f64>,
        /// What the user did, if that is said.
        reaction: Option<SmolStr>,
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

/// What a request is made of in JSON: in the domain that is built in, or in one that a file declares.
pub(super) trait RequestForm: Sized {
    type Context: DeserializeOwned + Debug;
    type Candidate: DeserializeOwned + Debug;
    type Profile: DeserializeOwned + Debug + Default;

    /// The request, checked.
    fn check(whole: RawRequestOf<Self>, domain: &'static Domain) -> Result<Request, Fault>;
}

/// A request as its domain has it.
type RawRequestOf<F> =
    RawRequest<<F as RequestForm>::Context, <F as RequestForm>::Candidate, <F as RequestForm>::Profile>;

/// The form of the domain that is built in.
#[derive(Debug)]
pub(super) struct TipsForm;

impl RequestForm for TipsForm {
    type Context = Context;
    type Candidate = Candidate;
    type Profile = Profile;

    fn check(whole: RawRequest, _: &'static Domain) -> Result<Request, Fault> {
        Request::try_from(whole)
    }
}

/// The form of a domain that a file declares.
#[derive(Debug)]
pub(super) struct DeclaredForm;

impl RequestForm for DeclaredForm {
    type Context = RawDeclared;
    type Candidate = RawDeclared;
    type Profile = RawDeclared;

    fn check(whole: RawDeclaredRequest, domain: &'static Domain) -> Result<Request, Fault> {
        whole.check(domain)
    }
}

/// A reward as JSON states it: the request in it or beside the other fields.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "F: RequestForm"))]
pub(super) struct RawReward<'a, F: RequestForm = TipsForm> {
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
    request: Option<Object<RawRequestOf<F>>>,
    #[serde(default)]
    context: Option<Object<F::Context>>,
    #[serde(default)]
    candidates: Option<Vec<Object<F::Candidate>>>,
    #[serde(default)]
    profile_features: Option<F::Profile>,
    /// A request that was checked already.
    #[serde(skip)]
    checked: Option<Request>,
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
        if service.policies().domain_of(given, text).is_tips() {
            Self::parse_form::<TipsForm>(service, text, origin, given)
        } else {
            Self::parse_form::<DeclaredForm>(service, text, origin, given)
        }
    }

    fn parse_form<F: RequestForm>(
        service: &Service,
        text: &[u8],
        origin: &str,
        given: &Given,
    ) -> Result<Self> {
        let raw: RawReward<F> = read::json(text, origin)?;
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
        let mut raw = RawReward::<TipsForm> {
            decision: stated.decision.map(Text::from),
            reaction: stated.reaction.map(Text::from),
            reward: stated.reward,
            dwell_seconds: stated.dwell_seconds,
            chosen: stated.chosen.map(Text::from),
            event_id: stated.event_id.map(Text::from),
            policy: None,
            user: None,
            request: None,
            context: None,
            candidates: None,
            profile_features: None,
            checked: None,
            _seed: None,
            _prompt_version: None,
            _prompt_digest: None,
        };
        raw.check(COMMAND_LINE)?;
        if raw.decision.is_some() {
            return raw.into_call(service, COMMAND_LINE, COMMAND_LINE, given);
        }
        let (text, origin) = request()?;
        let domain = service.policies().domain_of(given, &text);
        raw.checked = Some(Request::from_json_of(domain, &text, &origin)?);
        raw.into_call(service, &origin, COMMAND_LINE, given)
    }
}

impl RewardCall {
    /// What deserves attention.
    pub fn warnings(&self) -> &[Warning] {
        if let Self::Whole { warnings, .. } = self { warnings } else { &[] }
    }
}

impl<F: RequestForm> RawReward<'_, F> {
    /// Whether it is one of the two forms, before anything is looked up.
    fn check(&self, origin: &str) -> Result<()> {
        let options = origin == COMMAND_LINE;
        let refused = |message| Err(form(origin, message));
        match (&self.reaction, self.reward) {
            (Some(_), Some(_)) => return refused("a reaction or a reward, not both"),
            (None, None) if options => return refused("give --reaction, or --reward"),
            (None, None) => return refused("no reaction and no reward: give one of them"),
            (Some(_), None) | (None, Some(_)) => {}
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
    fn take_request(&mut self) -> Option<RawRequestOf<F>> {
        self.request.take().map(|Object(whole)| whole).or_else(|| {
            let (Object(context), candidates) = (self.context.take()?, self.candidates.take()?);
            let candidates = candidates.into_iter().map(|Object(candidate)| candidate).collect();
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
        let reaction: Option<SmolStr> = self.reaction.as_deref().map(SmolStr::from);
        let (reward, dwell_seconds) = (self.reward, self.dwell_seconds);
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
        let request = match (self.checked.take(), request) {
            (Some(checked), _) => checked,
            (None, whole) => {
                let policies = service.policies();
                let name = policy.or(policies.default_policy().map(|policy| policy.name()));
                let domain = name.and_then(|name| policies.find(name).ok());
                let domain = domain.map_or_else(Domain::tips, |policy| policy.features().domain());
                F::check(whole.expect("checked"), domain).map_err(|fault| fault.at(origin))?
            }
        };
        let by = |is_beside: bool| if is_beside { GivenBy::Beside } else { given.by };
        let (by_user, by_policy) = (by(self.user.is_some()), by(self.policy.is_some()));
        let user: SmolStr = resolve("user", by_user, user, request.user(), origin)?.into();
        let policy = Arc::clone(service.policies().resolve(by_policy, policy, request.policy(), origin)?);
        in_domain(&policy, &request, origin)?;
        state_file(&user, policy.name()).map_err(|fault| fault.at(origin))?;
        let warnings = unknown_names(&request);
        let chosen = self.chosen.as_deref().expect("checked");
        let ids = || request.candidates().iter().take(20).map(|candidate| candidate.id.as_str());
        let chosen =
            request.position(chosen).map_err(|_| Fault::unknown("chosen", chosen, ids()).at(stated))?;
        let worth = |reaction: &SmolStr| request.domain().reward_of(reaction);
        let reward = reward.map_or_else(|| worth(reaction.as_ref().expect("checked")), Ok);
        let reward = reward.map_err(|fault| fault.at(stated))?;
        let event = RewardEvent::new(request, chosen, reward, self.event_id.map(SmolStr::from));
        let event = event.and_then(|event| RewardEvent { reaction, dwell_seconds, ..event }.check());
        let event = Arc::new(event.map_err(|fault| fault.at(stated))?);
        Ok(RewardCall::Whole { user, policy, event, warnings })
    }
}

fn form(origin: &str, message: &'static str) -> Error {
    Error::because(ServiceError::Form { origin: origin.to_owned(), message })
}
