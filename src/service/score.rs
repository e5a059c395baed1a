//! Score: a request becomes a decision.

use super::active_experiments::Participation;
use super::asked_programs::AskedPrograms;
use super::decide::{ScoredChoice, decide};
use super::error::ServiceError;
use super::given::{Given, GivenBy, resolve};
use super::ids::{self, decision_id};
use super::shared::{Service, now_ms};
use crate::base::error::{Error, Fault, Result, shortened};
use crate::base::threads::{MANY, each};
use crate::domain::labels::DecisionLabels;
use crate::domain::request::Request;
use crate::policy::{Learns, Model, Policy, Scratch};
use crate::store::{DecisionRecord, Durability, StateRecord, fits, read, state_file};
use serde::Serialize;
use smol_str::{SmolStr, ToSmolStr};
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use uuid::Uuid;

/// Unknown names of a profile that are warned of one by one, at most.
const MOST_NAMED: usize = 20;

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Longest request in bytes.
const MAX_BYTES: usize = 32 << 20;

/// A request of a user, checked; who decides on it may depend on what it says.
#[derive(Debug, Clone)]
pub struct UserRequest {
    /// The user.
    pub user: SmolStr,
    /// The request.
    pub request: Request,
    /// What came of asking a feature store for what the request did not say of the profile; `None` where nobody asked.
    pub profile_lookup: Option<SmolStr>,
}

/// A request that is to be decided, checked.
#[derive(Debug, Clone)]
pub struct ScoreCall {
    /// The user.
    pub user: SmolStr,
    /// Who decides.
    pub policy: Arc<Policy>,
    /// The request.
    pub request: Request,
    /// Seed of the exploration, below 2^53.
    pub seed: u64,
    /// What the decision carries for who analyses it.
    pub labels: DecisionLabels,
    /// The decision that is shown instead of this one, if that is known for sure.
    shown: Option<SmolStr>,
}

/// Something that deserves attention but stops nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Warning(pub String);

/// A candidate with what the policy made of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScoredCandidate {
    /// Its id.
    pub id: SmolStr,
    /// What the policy expects of it, by which it ranks them.
    pub score: f64,
    /// Its probability of being chosen, if it is known.
    pub propensity: Option<f64>,
}

/// What a shadow would have shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShadowReply {
    /// The shadow.
    pub policy: SmolStr,
    /// Id of the candidate that it chose.
    pub chosen: SmolStr,
    /// The probability with which it chose it, if it is known.
    pub propensity: Option<f64>,
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScoreReply {
    /// Its id, to report a reward.
    pub decision_id: SmolStr,
    /// The user.
    pub user: SmolStr,
    /// Who decided.
    pub policy: SmolStr,
    /// The experiment that its user is in; left out of JSON if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experiment: Option<SmolStr>,
    /// The variant that its user has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<SmolStr>,
    /// What came of asking a feature store for what the request did not say of the profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile_lookup: Option<SmolStr>,
    /// Id of the candidate that was chosen.
    pub chosen: SmolStr,
    /// The probability with which it was chosen, if it is known.
    pub propensity: Option<f64>,
    /// Whether chance rather than the scores decided.
    pub explored: bool,
    /// Every candidate, in the order of the request.
    pub candidates: Vec<ScoredCandidate>,
    /// What the shadows would have shown.
    pub shadows: Vec<ShadowReply>,
    /// What deserves attention; left out of JSON if there is nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

/// A decision that is made and yet to be kept.
#[derive(Debug, Clone)]
pub struct Decided {
    /// What is answered once it is kept.
    pub reply: ScoreReply,
    /// The decision, and those of its shadows after it.
    records: Vec<DecisionRecord>,
}

/// What is known of users, each read and understood once.
struct Models {
    known: HashMap<(SmolStr, SmolStr), Known>,
    /// What each policy knows of a user of whom nothing is known, once somebody asks for it.
    blank: Vec<(Arc<Policy>, OnceLock<Model>)>,
}

/// A state that the store has.
enum Known {
    /// What the policy with which it was begun has learned.
    Model(Arc<Policy>, Model),
    /// Bytes that are no model.
    Damaged(Box<StateRecord>),
}

impl Models {
    fn of(&self, user: &SmolStr, policy: &Arc<Policy>, origin: &Path) -> Result<Cow<'_, Model>> {
        let own = policy.learns().state_user(user);
        let key = || (SmolStr::from(own), policy.name().to_smolstr());
        let known = if policy.learns() == Learns::Nothing { None } else { self.known.get(&key()) };
        match known {
            Some(Known::Model(own, model)) => {
                fits(own, policy).map_err(|fault| fault.at(format!("the state of {user:?}")))?;
                if own.prior() == policy.prior() {
                    return Ok(Cow::Borrowed(model));
                }
                Ok(Cow::Owned(policy.take_over(model)))
            }
            Some(Known::Damaged(record)) => {
                Err(record.model(origin).expect_err("it was not understood before"))
            }
            None => {
                let blank = self.blank.iter().find(|(own, _)| Arc::ptr_eq(own, policy));
                let (policy, model) = blank.expect("there is one of each policy");
                Ok(Cow::Borrowed(model.get_or_init(|| policy.new_model())))
            }
        }
    }
}

impl UserRequest {
    /// The request in JSON. The user may be given beside it, but not otherwise than in it.
    ///
    /// # Errors
    /// A text that is no request, a user whom nobody names; `origin` is what errors call the text.
    pub fn parse(service: &Service, text: &[u8], origin: &str, given: &Given) -> Result<Self> {
        if text.len() > MAX_BYTES {
            let value = format!("{} bytes", text.len());
            return Err(Fault::new("the request", value, format!("at most {MAX_BYTES} bytes")).at(origin));
        }
        let request = Request::from_json_of(service.policies().domain_of(given, text), text, origin)?;
        if let (Some(option), Some(own)) = (given.seed, request.seed())
            && option != own
        {
            let (value, request, origin) = (option.to_string(), own.to_string(), origin.to_owned());
            let field = given.by.field("seed");
            return Err(Error::because(ServiceError::Disagree { field, value, request, origin }));
        }
        let user = resolve("user", given.by, given.user.as_deref(), request.user(), origin)?.into();
        Ok(Self { user, request, profile_lookup: None })
    }
}

impl ScoreCall {
    /// The call in a JSON request. User, policy and seed may be given beside it, but not otherwise than in it.
    ///
    /// # Errors
    /// Those of [`UserRequest::parse`] and [`ScoreCall::new`].
    pub fn parse(service: &Service, text: &[u8], origin: &str, given: &Given, seed: u64) -> Result<Self> {
        Self::new(service, UserRequest::parse(service, text, origin, given)?, origin, given, seed)
    }

    /// The call that a request is: who decides on it. Policy and seed may be given beside it.
    ///
    /// # Errors
    /// A policy that nobody names or that there is not; `origin` is what errors call the request.
    pub fn new(
        service: &Service,
        asked: UserRequest,
        origin: &str,
        given: &Given,
        seed: u64,
    ) -> Result<Self> {
        let UserRequest { user, request, profile_lookup } = asked;
        let part = participation(service, given, &user, &request);
        let policies = service.policies();
        let policy = match part.as_ref().and_then(|part| part.policy.as_ref()) {
            Some(policy) => policy,
            None => policies.resolve(given.by, given.policy.as_deref(), request.policy(), origin)?,
        };
        in_domain(policy, &request, origin)?;
        state_file(&user, policy.name()).map_err(|fault| fault.at(origin))?;
        let seed = request.seed().unwrap_or(seed);
        let mut labels = DecisionLabels { profile_lookup, ..request.labels() };
        let policy = Arc::clone(policy);
        if let Some(Participation { experiment, variant, prompt_version, .. }) = part {
            (labels.experiment, labels.variant) = (Some(experiment), Some(variant));
            labels.prompt_version = labels.prompt_version.or(prompt_version);
        }
        Ok(Self { user, policy, request, seed, labels, shown: None })
    }

    /// What a shadow is asked about a decision that was just made for this call: the same request, user and seed.
    #[must_use]
    pub fn shadowed(&self, shadow: &Arc<Policy>, decision_id: &SmolStr) -> Self {
        Self { policy: Arc::clone(shadow), shown: Some(decision_id.clone()), ..self.clone() }
    }
}

impl Decided {
    /// What is answered, and what is to be kept.
    pub fn into_parts(self) -> (ScoreReply, Vec<DecisionRecord>) {
        (self.reply, self.records)
    }
}

impl Service {
    /// Decides and keeps the decisions: an answer stands for a decision that is in the store.
    ///
    /// # Errors
    /// A store that cannot be read or written; then none of them is kept. What is wrong with one call is in its place.
    pub fn score(&self, calls: &[ScoreCall]) -> Result<Vec<Result<ScoreReply>>> {
        let decided = self.decide(calls)?;
        self.keep(&decided)?;
        Ok(decided.into_iter().map(|decided| decided.map(|decided| decided.reply)).collect())
    }

    /// Decides, and keeps nothing yet.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn decide(&self, calls: &[ScoreCall]) -> Result<Vec<Result<Decided>>> {
        let models = self.models(calls)?;
        let shown = self.shown(calls)?;
        // In the order of the calls, whichever thread decides them.
        let (now, together) = (now_ms(), 1 + self.shadows().len());
        let ids = (0..together * calls.len()).map(|_| decision_id(now)).collect::<Result<Vec<Uuid>>>()?;
        let many = calls.len() >= MANY;
        let asked = self.ask_programs(calls, |call, policy| {
            self.checked_shadow(call, &shown)?;
            models.of(&call.user, policy, self.store().origin())
        });
        let numbered = calls.chunks(MANY).zip(ids.chunks(together * MANY)).zip(asked.into_groups(MANY));
        let groups = each(numbered, many, |((calls, ids), mut asked)| {
            let mut scratch = SCRATCH.take();
            let decided = calls.iter().zip(ids.chunks(together)).enumerate().map(|(i, (call, ids))| {
                self.checked_shadow(call, &shown)?;
                self.decide_one(call, ids, &models, &mut asked, i, &mut scratch)
            });
            let decided: Vec<_> = decided.collect();
            SCRATCH.set(scratch);
            decided
        });
        Ok(groups.into_iter().flatten().collect())
    }

    /// Keeps decisions.
    ///
    /// # Errors
    /// A store that cannot be written; then none of them is kept.
    pub fn keep(&self, decided: &[Result<Decided>]) -> Result<()> {
        let records: Vec<&DecisionRecord> =
            decided.iter().flatten().flat_map(|decided| &decided.records).collect();
        if records.is_empty() {
            return Ok(());
        }
        self.commit(Durability::Process, &records, &[]).map(drop)
    }

    /// What these calls and their shadows need to know.
    fn models(&self, calls: &[ScoreCall]) -> Result<Models> {
        let mut wanted: HashSet<(&str, &str)> = HashSet::with_capacity(calls.len());
        let (mut keys, mut blank) = (Vec::new(), Vec::<(Arc<Policy>, OnceLock<Model>)>::new());
        for call in calls {
            for policy in [&call.policy].into_iter().chain(self.shadows()) {
                if !blank.iter().any(|(own, _)| Arc::ptr_eq(own, policy)) {
                    blank.push((Arc::clone(policy), OnceLock::new()));
                }
                if policy.learns() == Learns::Nothing {
                    continue;
                }
                let key = (policy.learns().state_user(&call.user), policy.name());
                if wanted.insert(key) {
                    keys.push(key);
                }
            }
        }
        let found = self.store().states(&keys)?;
        let records: Vec<StateRecord> = found.into_iter().flatten().filter(|r| r.model.is_some()).collect();
        let many = records.len() >= MANY;
        let known = each(records, many, |record| {
            let key = (record.user.clone(), record.policy.name().to_smolstr());
            let model = record.model(self.store().origin());
            (
                key,
                model.map_or_else(
                    |_| Known::Damaged(Box::new(record.clone())),
                    |m| Known::Model(record.policy.clone(), m),
                ),
            )
        });
        Ok(Models { known: known.into_iter().collect(), blank })
    }

    /// The decisions that calls of callers who run their shadows themselves name.
    fn shown(&self, calls: &[ScoreCall]) -> Result<HashMap<SmolStr, DecisionRecord>> {
        let ids: Vec<&str> = calls.iter().filter_map(|call| call.request.shadow_of()).collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let found = read(self.store(), |snapshot| snapshot.decisions(&ids))?;
        Ok(found.into_iter().flatten().map(|decision| (decision.id.clone(), decision)).collect())
    }

    /// Whether a call that is a shadow is that of a decision which its user was shown.
    fn checked_shadow(&self, call: &ScoreCall, shown: &HashMap<SmolStr, DecisionRecord>) -> Result<()> {
        let Some(id) = call.request.shadow_of() else { return Ok(()) };
        let Some(decision) = shown.get(id) else {
            let store = self.store().origin().display().to_string();
            return Err(Error::because(ServiceError::NoDecision { id: shortened(id.to_owned()), store }));
        };
        if decision.user != call.user || decision.shadow_of.is_some() {
            let (id, user) = (id.to_owned(), call.user.to_string());
            return Err(Error::because(ServiceError::NotShown { id, user }));
        }
        Ok(())
    }

    /// Decides with the shadows.
    fn decide_one(
        &self,
        call: &ScoreCall,
        ids: &[Uuid],
        models: &Models,
        asked: &mut AskedPrograms,
        place: usize,
        scratch: &mut Scratch,
    ) -> Result<Decided> {
        let ScoreCall { user, policy, request, seed, labels, shown } = call;
        // A shadow that the server asks afterwards may be of another one.
        in_domain(policy, request, "the request")?;
        let mut choose = |policy: &Arc<Policy>| {
            if policy.program().is_some() {
                return asked.take(place, policy, *seed);
            }
            let model = models.of(user, policy, self.store().origin())?;
            Ok::<_, Error>(decide(policy, &model, request, *seed, scratch))
        };
        let choice = choose(policy)?;
        let mut warnings = unknown_names(request);
        let candidates = request.candidates();
        let text: Arc<str> = request.offer_text().into();
        let own_id = ids::text(ids[0]);
        let record = |id: SmolStr,
                      policy: &Arc<Policy>,
                      choice: &ScoredChoice,
                      shadow_of: Option<SmolStr>| DecisionRecord {
            id,
            at: now_ms(),
            user: user.clone(),
            policy: Arc::clone(policy),
            seed: *seed,
            request: Arc::clone(&text),
            scores: numbers(&choice.scores),
            propensities: choice.propensities.as_deref().map(numbers),
            chosen: candidates[choice.chosen].id.clone(),
            propensity: choice.propensity(),
            explored: choice.explored,
            shadow_of,
            labels: DecisionLabels { model_version: policy.version().cloned(), ..labels.clone() },
        };
        let mut records = vec![record(
            own_id.clone(),
            policy,
            &choice,
            shown.clone().or_else(|| request.shadow_of().map(SmolStr::from)),
        )];
        let mut shadows = Vec::with_capacity(self.shadows().len());
        for (shadow, id) in self.shadows().iter().zip(&ids[1..]) {
            // In the log and in the answer the two could not be told apart.
            if shadow.name() == policy.name() && shadow != policy {
                let message =
                    format!("shadow {}: the policy of this name that decides is another", shadow.name());
                warnings.push(Warning(message));
                continue;
            }
            if shadow.features().domain() != request.domain() {
                let (name, own) = (shadow.name(), shadow.features().domain().label());
                let message = format!(
                    "shadow {name}: it is of domain {own}, the request of {}",
                    request.domain().label()
                );
                warnings.push(Warning(message));
                continue;
            }
            match choose(shadow) {
                Ok(choice) => {
                    let shown = ShadowReply {
                        policy: shadow.name().into(),
                        chosen: candidates[choice.chosen].id.clone(),
                        propensity: choice.propensity(),
                    };
                    shadows.push(shown);
                    records.push(record(ids::text(*id), shadow, &choice, Some(own_id.clone())));
                }
                // Its failure is its own: the answer stands.
                Err(error) => warnings.push(Warning(format!("shadow {}: {error}", shadow.name()))),
            }
        }
        let scored = candidates.iter().enumerate().map(|(k, candidate)| ScoredCandidate {
            id: candidate.id.clone(),
            score: choice.scores[k],
            propensity: choice.propensities.as_ref().map(|p| p[k]),
        });
        let reply = ScoreReply {
            decision_id: own_id,
            user: user.clone(),
            policy: policy.name().into(),
            experiment: labels.experiment.clone(),
            variant: labels.variant.clone(),
            profile_lookup: labels.profile_lookup.clone(),
            chosen: candidates[choice.chosen].id.clone(),
            propensity: choice.propensity(),
            explored: choice.explored,
            candidates: scored.collect(),
            shadows,
            warnings,
        };
        Ok(Decided { reply, records })
    }
}

/// The user's part in an experiment. Whoever names a policy in a request or a URL asks for that one, and a shadow is no
/// part of anything.
fn participation(service: &Service, given: &Given, user: &str, request: &Request) -> Option<Participation> {
    let is_named = request.policy().is_some() || (given.by == GivenBy::Url && given.policy.is_some());
    let experiments = service.experiments().filter(|_| !is_named && request.shadow_of().is_none())?;
    experiments.participation(user, request)
}

/// Whether a request has the inputs of its policy's domain.
pub(super) fn in_domain(policy: &Policy, request: &Request, origin: &str) -> Result<()> {
    let (own, found) = (policy.features().domain(), request.domain());
    if own == found {
        return Ok(());
    }
    let allowed = format!("{}, that of policy {}", own.label(), policy.name());
    Err(Fault::new("domain", found.label(), allowed).at(origin))
}

/// Warnings about names in the request's profile that the contract does not have, the first of them by name.
pub(super) fn unknown_names(request: &Request) -> Vec<Warning> {
    let mut unknown = request.unknown_names();
    let warning = |name: &str| {
        let name = shortened(name.to_owned());
        Warning(format!("profile_features.{name} is not known here and is not looked at"))
    };
    let mut warnings: Vec<Warning> = unknown.by_ref().take(MOST_NAMED).map(warning).collect();
    let others = unknown.count();
    if others > 0 {
        let warning = format!("profile_features has {others} more names that are not known here");
        warnings.push(Warning(warning));
    }
    warnings
}

fn numbers(values: &[f64]) -> String {
    serde_json::to_string(values).expect("plain values always serialize")
}
