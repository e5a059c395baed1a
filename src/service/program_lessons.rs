//! Rewards that programs are to learn: they are asked before the transaction, many users at once, from what the store says
//! then. Where that has changed until the transaction, the program is asked again in it.

use super::reward::{Attributed, StateBatch, batches};
use super::reward_call::RewardCall;
use super::shared::Service;
use crate::base::error::Result;
use crate::policy::program::{Program, WhichCall};
use crate::policy::{Model, Policy};
use crate::store::{Observation, Taught, fits, learn_by, read};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

/// What a program made of a reward.
struct Lesson {
    /// What it knew before.
    before: Option<Box<str>>,
    after: Result<Box<str>>,
}

/// What programs made of rewards, by the position of the call.
#[derive(Default)]
pub(super) struct ProgramLessons(Mutex<HashMap<usize, Lesson>>);

impl ProgramLessons {
    /// Lets a program learn: as it did before the transaction, if that began from what is known of the user now.
    pub(super) fn teach(
        &self,
        program: &Program,
        (call, user): (usize, &str),
        model: &mut Model,
        observation: &Observation,
    ) -> Result<()> {
        let mut lessons = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lesson) =
            lessons.get(&call).filter(|lesson| lesson.before.as_deref() == model.program_state())
        {
            if let Ok(after) = &lesson.after {
                model.replace_program_state(after.clone(), observation.reward);
                return Ok(());
            }
            // A transaction that is made again asks again.
            if let Some(Lesson { after: Err(error), .. }) = lessons.remove(&call) {
                return Err(error);
            }
        }
        drop(lessons);
        let which = WhichCall { user, number: call as u64 + 1 };
        learn_by(program, &mut [Taught { which, model, observation }]).pop().unwrap_or(Ok(()))
    }
}

/// The rewards of one state that its program has not learned yet, and what it knows of the user meanwhile.
struct Chain<'a> {
    policy: &'a Arc<Policy>,
    model: Model,
    rewards: Vec<(usize, &'a Attributed)>,
}

impl Service {
    /// What programs make of these rewards, from what the store says now.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub(super) fn program_lessons(&self, calls: &[RewardCall]) -> Result<ProgramLessons> {
        let lessons = ProgramLessons::default();
        if calls.is_empty() || !self.policies().given().iter().any(|policy| policy.program().is_some()) {
            return Ok(lessons);
        }
        let attributed = read(self.store(), |snapshot| self.attributed(snapshot, calls))?;
        let batches = read(self.store(), |snapshot| batches(snapshot, &attributed))?;
        let mut chains: Vec<Chain> = batches.iter().filter_map(|batch| self.chain(batch)).collect();
        let longest = chains.iter().map(|chain| chain.rewards.len()).max().unwrap_or(0);
        for round in 0..longest {
            learn_round(&mut chains, round, &lessons);
        }
        Ok(lessons)
    }

    /// What a batch lets a program learn; `None` for what is no program's.
    fn chain<'a>(&self, batch: &StateBatch<'a>) -> Option<Chain<'a>> {
        let (_, first, _) = batch.rewards.first()?;
        let (policy, state) = (&first.policy, &batch.state);
        policy.program()?;
        let model = match &state.model {
            Some(_) if fits(&state.policy, policy).is_ok() => state.model(self.store().origin()).ok()?,
            Some(_) => return None,
            None => policy.new_model(),
        };
        let mut met = HashSet::new();
        let mut is_new = |attributed: &Attributed| {
            attributed.event.event.as_ref().is_none_or(|event| met.insert(event.clone()))
        };
        let new = batch.rewards.iter().filter(|(_, attributed, prior)| prior.is_none() && is_new(attributed));
        Some(Chain {
            policy,
            model,
            rewards: new.map(|(call, attributed, _)| (*call, *attributed)).collect(),
        })
    }
}

/// Lets every chain learn its reward of this number, those of one program together.
fn learn_round(chains: &mut [Chain], round: usize, lessons: &ProgramLessons) {
    let mut policies: Vec<Arc<Policy>> = Vec::new();
    for chain in chains.iter().filter(|chain| round < chain.rewards.len()) {
        if !policies.iter().any(|policy| Arc::ptr_eq(policy, chain.policy)) {
            policies.push(Arc::clone(chain.policy));
        }
    }
    for policy in policies {
        let Some(program) = policy.program() else { continue };
        let own = |chain: &&mut Chain| round < chain.rewards.len() && Arc::ptr_eq(chain.policy, &policy);
        let (mut places, mut before, mut taught) = (Vec::new(), Vec::new(), Vec::new());
        for chain in chains.iter_mut().filter(own) {
            let (call, Attributed { user, event, .. }) = chain.rewards[round];
            places.push(call);
            before.push(chain.model.program_state().map(Box::from));
            let which = WhichCall { user, number: call as u64 + 1 };
            taught.push(Taught { which, model: &mut chain.model, observation: &event.observation });
        }
        let outcomes = learn_by(program, &mut taught);
        let mut known = lessons.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (((call, before), taught), outcome) in places.into_iter().zip(before).zip(&taught).zip(outcomes) {
            let state = || taught.model.program_state().unwrap_or("null").into();
            known.insert(call, Lesson { before, after: outcome.map(|()| state()) });
        }
    }
}
