//! What a policy has learned about one user, and how it learns.

use crate::base::error::{Fault, Result, storable, within};
use crate::domain::reaction::MAX_REWARD;
use crate::domain::request::{Request, Shown};
use crate::policy::program::{LearnCall, Program, WhichCall};
use crate::policy::{Learns, Model, Policy, Scratch};
use smol_str::SmolStr;
use std::sync::Arc;

/// Longest dwell in seconds: some thirty years.
pub const MAX_DWELL_SECONDS: f64 = 1e9;
/// Longest event id in bytes.
const MAX_EVENT_BYTES: usize = 256;

/// What one policy has learned about one user.
#[derive(Debug, Clone)]
pub struct State {
    /// The user.
    pub user: SmolStr,
    /// The policy. Its model, not how it chooses, is what the state depends on.
    pub policy: Arc<Policy>,
    /// What has been learned.
    pub model: Model,
    /// Counts every change, resets and rebuilds among them: a larger one is newer.
    pub revision: u64,
}

impl State {
    /// The state of a user of whom nothing is known.
    pub fn new(user: &str, policy: &Arc<Policy>) -> Self {
        Self { user: user.into(), policy: Arc::clone(policy), model: policy.new_model(), revision: 0 }
    }

    /// Refuses a state that contradicts itself: it says how much was learned, and nobody can have learned that from so
    /// many rewards.
    ///
    /// # Errors
    /// A sum of rewards that so many do not have; a model that has learned without a reward.
    pub fn check_learned(&self) -> Result<(), Fault> {
        let (updates, sum) = (self.model.updates(), self.model.reward_sum());
        // A sum of doubles has a rounding error of its own.
        if sum.abs() > updates as f64 * MAX_REWARD * (1.0 + 1e-9) {
            let allowed = format!("at most {MAX_REWARD} in size for each of the {updates} updates");
            return Err(Fault::new("reward_sum", sum, allowed));
        }
        for kind in self.model.kind_models().iter().filter(|kind| kind.ridge.updates() == 0) {
            let (own, blank) = (kind.ridge.numbers(), self.policy.new_ridge(kind.kind.as_deref()).numbers());
            if (&own.a, &own.b) != (&blank.a, &blank.b) {
                let allowed = "the number of rewards that A and b were learned from, at least 1";
                return Err(Fault::new("updates", 0, allowed));
            }
        }
        Ok(())
    }
}

/// What there is to learn: one candidate that was shown earned a reward.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// The candidate, its moment, and what held for it of the user's profile.
    pub shown: Shown,
    /// What it earned, at most [`MAX_REWARD`] in size.
    pub reward: f64,
}

/// Learns: the state after an observation. It depends on the state before and on the observation alone, so that
/// whoever replays the same rewards has the same bits. A program is asked by itself, with what errors call its reward.
///
/// Under a policy that learns nothing the model stays as it was.
///
/// # Errors
/// Those of a program; then the model is as it was.
pub fn apply(
    model: &mut Model,
    policy: &Policy,
    observation: &Observation,
    scratch: &mut Scratch,
) -> Result<()> {
    if let Some(program) = policy.program() {
        let which = WhichCall { user: "", number: model.updates() + 1 };
        return learn_by(program, &mut [Taught { which, model, observation }]).pop().unwrap_or(Ok(()));
    }
    if policy.learns() == Learns::Nothing {
        return Ok(());
    }
    let kind = model.kind_index(observation.shown.candidate().kind.as_deref());
    scratch.with_block(policy.features(), observation.shown.offered(), |block, _| {
        model.learn(block, 0, kind, observation.reward);
    });
    Ok(())
}

/// A reward that a program is to learn, and the model of its user.
pub struct Taught<'a> {
    /// What errors call it.
    pub which: WhichCall<'a>,
    /// What is known of the user.
    pub model: &'a mut Model,
    /// What there is to learn.
    pub observation: &'a Observation,
}

/// Lets a program learn rewards of different users; a model whose reward it cannot learn stays as it was.
pub fn learn_by(program: &Program, taught: &mut [Taught]) -> Vec<Result<()>> {
    let requests: Vec<String> = taught.iter().map(|taught| taught.observation.shown.policy_text()).collect();
    let call = |(taught, request)| {
        let Taught { which, model, observation }: &Taught = taught;
        let request: &String = request;
        LearnCall {
            which: *which,
            state: model.program_state(),
            request,
            chosen: &observation.shown.candidate().id,
            reward: observation.reward,
        }
    };
    let calls: Vec<LearnCall> = taught.iter().zip(&requests).map(call).collect();
    let states = program.learn(&calls);
    let learned = taught.iter_mut().zip(states).map(|(taught, state)| {
        taught.model.replace_program_state(state?, taught.observation.reward);
        Ok(())
    });
    learned.collect()
}

/// A reward as somebody reported it, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct RewardEvent {
    /// What there is to learn.
    pub observation: Observation,
    /// It is learned at most once for each event of a state; without one, every time.
    pub event: Option<SmolStr>,
    /// Whether the event is a decision, whose id it is then.
    pub answers_decision: bool,
    /// The reaction that the reward was made from.
    pub reaction: Option<SmolStr>,
    /// How long the tip was looked at, in seconds, in [0, 1e9].
    pub dwell_seconds: Option<f64>,
    /// When it came, in milliseconds since 1970; now, if nothing is said.
    pub at: Option<u64>,
}

impl RewardEvent {
    /// The event that candidate `chosen` of `request` earned `reward`.
    ///
    /// # Errors
    /// A [`Fault`] for a reward, a dwell time or an event id that is out of range.
    pub fn new(request: Request, chosen: usize, reward: f64, event: Option<SmolStr>) -> Result<Self, Fault> {
        let observation = Observation { shown: request.shown(chosen), reward };
        let (reaction, dwell_seconds, at) = (None, None, None);
        Self { observation, event, answers_decision: false, reaction, dwell_seconds, at }.check()
    }

    /// The same, if every value is in range.
    ///
    /// # Errors
    /// A [`Fault`] for a reward, a dwell time or an event id that is out of range.
    pub fn check(self) -> Result<Self, Fault> {
        within("reward", self.observation.reward, -MAX_REWARD, MAX_REWARD)?;
        if let Some(dwell) = self.dwell_seconds {
            within("dwell_seconds", dwell, 0.0, MAX_DWELL_SECONDS)?;
        }
        if let Some(id) = self.event.as_ref().filter(|id| id.is_empty() || id.len() > MAX_EVENT_BYTES) {
            let value = format!("a text of {} bytes", id.len());
            return Err(Fault::new("event_id", value, format!("1 to {MAX_EVENT_BYTES} bytes")));
        }
        self.event.as_deref().map(|id| storable("event_id", id)).transpose()?;
        Ok(self)
    }
}
