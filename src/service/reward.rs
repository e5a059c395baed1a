//! Reward: what happened after a decision is learned, once.
//!
//! All that belongs to a call happens in one transaction: its decision is found, the event is looked up among those that
//! its state has learned, the reward is added to the log, the state learns. It is answered once that is committed. Only
//! programs are asked before, so that nobody waits for them who wants to write.

use super::error::ServiceError;
use super::prepared_rewards::PreparedRewards;
use super::reward_call::RewardCall;
use super::score::Warning;
use super::shared::{Service, now_ms};
use crate::base::error::{Error, Result, shortened};
use crate::base::threads::{MANY, each};
use crate::domain::request::{Request, Shown};
use crate::policy::{Learns, Policy, Scratch};
use crate::store::{
    Change, DecisionRecord, Durability, RewardEvent, RewardRecord, Snapshot, StateRecord, Transaction, apply,
    encode, fits,
};
use serde::Serialize;
use smol_str::SmolStr;
use std::collections::HashMap;
use std::sync::Arc;

/// What became of a reward.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RewardReply {
    /// The user.
    pub user: SmolStr,
    /// The policy that learned.
    pub policy: SmolStr,
    /// The reward.
    pub reward: f64,
    /// Rewards that its state has learned from, this one included.
    pub updates: u64,
    /// Whether it had been learned before, and so was not learned again.
    pub duplicate: bool,
    /// What deserves attention; left out of JSON if there is nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

/// A reward and whose it is, once its decision is found.
pub(super) struct Attributed {
    pub(super) user: SmolStr,
    pub(super) policy: Arc<Policy>,
    pub(super) event: Arc<RewardEvent>,
}

/// The rewards of one state, in the order of the calls.
pub(super) struct StateBatch<'a> {
    pub(super) state: StateRecord,
    /// Position of the call, the reward, and what was learned for its event before.
    pub(super) rewards: Vec<(usize, &'a Attributed, Option<f64>)>,
}

/// What a state made of its rewards.
struct Learned {
    /// The state, if it is to be written.
    state: Option<StateRecord>,
    records: Vec<(usize, RewardRecord)>,
    outcomes: Vec<(usize, Result<RewardReply>)>,
}

impl Service {
    /// Learns from each call, in one transaction; then publishes the files of states that changed.
    ///
    /// # Errors
    /// A store that cannot be read or written; then nothing is learned. What is wrong with one call is in its place. If
    /// only a file cannot be written, its error is the second value: what was learned is kept.
    pub fn reward(&self, calls: &[RewardCall]) -> Result<(Vec<Result<RewardReply>>, Result<()>)> {
        let replies = self.learn(calls)?;
        Ok((replies, self.publish()))
    }

    /// Learns from each call, in one transaction, and publishes nothing yet.
    ///
    /// # Errors
    /// As [`Self::reward`].
    pub fn learn(&self, calls: &[RewardCall]) -> Result<Vec<Result<RewardReply>>> {
        if calls.is_empty() {
            return Ok(Vec::new());
        }
        self.commit(Durability::Power, &[], calls)
    }

    pub(super) fn learn_within(
        &self,
        transaction: &mut dyn Transaction,
        calls: &[RewardCall],
        prepared: &PreparedRewards,
    ) -> Result<Vec<Result<RewardReply>>> {
        let attributed = self.attributed(transaction, calls)?;
        let batches = batches(transaction, &attributed)?;
        let many = calls.len() >= MANY;
        let mut learned = each(batches, many, |batch| self.learn_batch(batch, prepared))
            .into_iter()
            .collect::<Result<Vec<_>>>()?;
        // A state comes before the rewards that name it.
        let mut states: Vec<StateRecord> = Vec::with_capacity(learned.len());
        let mut records = Vec::with_capacity(calls.len());
        for batch in &mut learned {
            // A state that learned nothing is written too if it had learned an event before. That a reward is known may
            // be known from a commit that a killed process had not synced; with this one it is.
            if let Some(state) = batch.state.take() {
                let place = states.len();
                states.push(state);
                records.extend(batch.records.drain(..).map(|(call, record)| (call, place, record)));
            }
        }
        transaction.write_states(&mut states)?;
        records.sort_by_key(|(call, ..)| *call);
        let records: Vec<RewardRecord> = records
            .into_iter()
            .map(|(_, place, record)| RewardRecord { state: states[place].id, ..record })
            .collect();
        transaction.add_rewards(&records)?;
        let mut replies: Vec<Option<Result<RewardReply>>> = (0..calls.len()).map(|_| None).collect();
        for (call, outcome) in learned.into_iter().flat_map(|batch| batch.outcomes) {
            replies[call] = Some(outcome);
        }
        for ((reply, attributed), call) in replies.iter_mut().zip(attributed).zip(calls) {
            match (attributed, reply) {
                (Err(error), reply) => *reply = Some(Err(error)),
                (Ok(_), Some(Ok(reply))) => reply.warnings = call.warnings().to_vec(),
                _ => {}
            }
        }
        Ok(replies.into_iter().map(|reply| reply.expect("each call has one")).collect())
    }

    /// Whose reward each call is, and what there is to learn.
    pub(super) fn attributed(
        &self,
        transaction: &dyn Snapshot,
        calls: &[RewardCall],
    ) -> Result<Vec<Result<Attributed>>> {
        let ids: Vec<&str> = calls
            .iter()
            .filter_map(
                |call| if let RewardCall::OfDecision { id, .. } = call { Some(id.as_str()) } else { None },
            )
            .collect();
        let mut found = transaction.decisions(&ids)?.into_iter();
        let with_decisions: Vec<(&RewardCall, Option<DecisionRecord>)> = calls
            .iter()
            .map(|call| {
                let of_decision = matches!(call, RewardCall::OfDecision { .. });
                (call, if of_decision { found.next().flatten() } else { None })
            })
            .collect();
        let many = calls.len() >= MANY;
        Ok(each(with_decisions, many, |(call, decision)| self.attribute(call, decision)))
    }

    fn attribute(&self, call: &RewardCall, decision: Option<DecisionRecord>) -> Result<Attributed> {
        let (id, stated_user, stated_policy, origin) = match call {
            RewardCall::Whole { user, policy, event, .. } => {
                let (user, policy, event) = (user.clone(), self.running(policy)?, Arc::clone(event));
                return Ok(Attributed { user, policy, event });
            }
            RewardCall::OfDecision { id, user, policy, origin, .. } => (id, user, policy, origin),
        };
        let Some(decision) = decision else {
            let store = self.store().origin().display().to_string();
            return Err(Error::because(ServiceError::NoDecision { id: shortened(id.to_string()), store }));
        };
        let disagree = |what, value: &str, request: &str| {
            let (value, request, field) = (value.to_owned(), request.to_owned(), format!("{origin}: {what}"));
            let origin = format!("decision {id}");
            Err(Error::because(ServiceError::Disagree { field, value, request, origin }))
        };
        if let Some(user) = stated_user.as_deref().filter(|user| *user != decision.user) {
            return disagree("user", user, &decision.user);
        }
        if let Some(policy) = stated_policy {
            if policy.name() != decision.policy.name() {
                return disagree("policy", policy.name(), decision.policy.name());
            }
            if !policy.has_model_but_for_prior(&decision.policy) {
                let (name, id) = (policy.name().to_owned(), id.to_string());
                return Err(Error::because(ServiceError::Redefined { name, id }));
            }
        }
        if let Some(shown) = &decision.shadow_of {
            let (id, shown) = (id.to_string(), shown.to_string());
            return Err(Error::because(ServiceError::OfShadow { id, shown }));
        }
        let domain = decision.policy.features().domain();
        let request = Request::from_json_of(domain, decision.request.as_bytes(), &format!("decision {id}"))?;
        let chosen = request.position(&decision.chosen)?;
        let RewardCall::OfDecision { reward, reaction, dwell_seconds, .. } = call else { unreachable!() };
        let (reaction, dwell_seconds) = (reaction.clone(), *dwell_seconds);
        let reward = match (reward, &reaction) {
            (Some(reward), _) => *reward,
            // What an outcome is worth is the business of the domain that the decision was made in.
            (None, reaction) => {
                domain.reward_of(reaction.as_deref().unwrap_or_default()).map_err(|fault| fault.at(origin))?
            }
        };
        let event = RewardEvent::new(request, chosen, reward, Some(id.clone()));
        let event =
            event.and_then(|e| RewardEvent { answers_decision: true, reaction, dwell_seconds, ..e }.check());
        let event = Arc::new(event.map_err(|fault| fault.at(origin))?);
        Ok(Attributed { user: decision.user, policy: self.running(&decision.policy)?, event })
    }

    /// Lets one state learn its rewards.
    fn learn_batch(&self, batch: StateBatch, prepared: &PreparedRewards) -> Result<Learned> {
        let StateBatch { mut state, rewards } = batch;
        let mut model = state.model(self.store().origin())?;
        // What the operator has now is under the newer prior, also where a decision of before is answered.
        let policies = self.policies();
        let now_named = |own: &Policy| {
            let named = policies.find(own.name()).ok();
            named.filter(|named| named.has_model_but_for_prior(own) && named.prior() != own.prior())
        };
        if let Some(named) = now_named(&state.policy).filter(|_| state.model.is_some()) {
            model = named.take_over(&model);
            state.policy = Arc::clone(named);
        }
        let (mut records, mut outcomes) = (Vec::new(), Vec::with_capacity(rewards.len()));
        let mut learned_here: HashMap<&str, f64> = HashMap::new();
        let (mut scratch, now) = (Scratch::default(), now_ms());
        for (call, Attributed { user, policy, event }, prior) in rewards {
            // A user who was forgotten begins anew, under whatever the policy is now.
            if state.model.is_none() && records.is_empty() {
                state.policy = Arc::clone(now_named(policy).unwrap_or(policy));
                model = state.policy.new_model();
            }
            if let Err(fault) = fits(&state.policy, policy) {
                outcomes.push((call, Err(fault.at(format!("the state of {user:?}")))));
                continue;
            }
            let reward = event.observation.reward;
            let id = event.event.as_deref();
            let before = prior.or_else(|| learned_here.get(id?).copied());
            if let Some(before) = before.filter(|before| *before != reward) {
                let event = id.unwrap_or_default().to_owned();
                outcomes
                    .push((call, Err(Error::because(ServiceError::OtherReward { event, reward, before }))));
                continue;
            }
            if before.is_none() {
                let learned = match policy.program() {
                    Some(program) => prepared.teach(program, (call, user), &mut model, &event.observation),
                    None => apply(&mut model, &state.policy, &event.observation, &mut scratch),
                };
                if let Err(error) = learned {
                    outcomes.push((call, Err(error)));
                    continue;
                }
                state.number += 1;
                if let Some(id) = id {
                    learned_here.insert(id, reward);
                }
                let change = Change::Reward {
                    event: event.event.clone(),
                    answers_decision: event.answers_decision,
                    reaction: event.reaction.clone(),
                    dwell_seconds: event.dwell_seconds,
                    reward,
                    shown: shown_text(&event.observation.shown, user, policy),
                };
                let at = event.at.unwrap_or(now);
                records.push((call, RewardRecord { state: state.id, number: state.number, at, change }));
            }
            outcomes.push((
                call,
                Ok(RewardReply {
                    user: user.clone(),
                    policy: policy.name().into(),
                    reward,
                    updates: model.updates(),
                    duplicate: before.is_some(),
                    warnings: Vec::new(),
                }),
            ));
        }
        if !records.is_empty() {
            state.updates = model.updates();
            state.model = Some(encode(&model));
            state.revision += 1;
            state.published = state.published.or(self.has_views().then_some(0));
        }
        let has_duplicate =
            outcomes.iter().any(|(_, outcome)| outcome.as_ref().is_ok_and(|reply| reply.duplicate));
        let is_written = !records.is_empty() || has_duplicate;
        Ok(Learned { state: is_written.then_some(state), records, outcomes })
    }
}

/// What was shown, as the log has it. Where all users have one state it says whose reward it is.
fn shown_text(shown: &Shown, user: &SmolStr, policy: &Policy) -> String {
    #[derive(Serialize)]
    struct OfUser<'a> {
        user: &'a str,
        #[serde(flatten)]
        shown: &'a Shown,
    }
    let text = match policy.learns() {
        Learns::Everybody => serde_json::to_string(&OfUser { user, shown }),
        Learns::User | Learns::Nothing => serde_json::to_string(shown),
    };
    text.expect("plain values always serialize")
}

/// The rewards by state, with what each state is and what it learned for their events before.
pub(super) fn batches<'a>(
    transaction: &dyn Snapshot,
    attributed: &'a [Result<Attributed>],
) -> Result<Vec<StateBatch<'a>>> {
    let mut places: HashMap<(&str, &str), usize> = HashMap::new();
    let (mut keys, mut rewards) = (Vec::new(), Vec::<Vec<(usize, &Attributed)>>::new());
    let good = attributed.iter().enumerate().filter_map(|(i, a)| Some((i, a.as_ref().ok()?)));
    for (call, attributed) in good {
        let user = attributed.policy.learns().state_user(&attributed.user);
        let key = (user, attributed.policy.name());
        let place = *places.entry(key).or_insert_with(|| {
            keys.push((key, &attributed.policy));
            rewards.push(Vec::new());
            keys.len() - 1
        });
        rewards[place].push((call, attributed));
    }
    let names: Vec<(&str, &str)> = keys.iter().map(|(key, _)| *key).collect();
    let found = transaction.states(&names)?;
    let states: Vec<StateRecord> = keys
        .iter()
        .zip(found)
        .map(|(((user, _), policy), state)| state.unwrap_or_else(|| StateRecord::new(user, policy)))
        .collect();
    let mut lookups: Vec<(usize, &str, i64)> = Vec::new();
    for (state, rewards) in states.iter().zip(&rewards).filter(|(state, _)| state.id != 0) {
        let events = rewards.iter().filter_map(|(call, a)| Some((*call, a.event.event.as_deref()?)));
        lookups.extend(events.map(|(call, event)| (call, event, state.id)));
    }
    // In the order of the calls, which is nearly that of the index.
    lookups.sort_unstable_by_key(|(call, ..)| *call);
    let events: Vec<(&str, i64)> = lookups.iter().map(|(_, event, state)| (*event, *state)).collect();
    let mut priors: HashMap<usize, f64> = HashMap::new();
    for ((call, ..), prior) in lookups.iter().zip(transaction.prior_rewards(&events)?) {
        priors.extend(prior.map(|prior| (*call, prior)));
    }
    let batch = |(state, rewards): (StateRecord, Vec<(usize, &'a Attributed)>)| {
        let rewards = rewards.into_iter().map(|(call, a)| (call, a, priors.get(&call).copied())).collect();
        StateBatch { state, rewards }
    };
    Ok(states.into_iter().zip(rewards).map(batch).collect())
}
