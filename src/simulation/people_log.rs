//! Simulated people as a log: `decisions.jsonl` and `rewards.jsonl` as they would have been written, for
//! `evaluate` and `compare-reality`. Lines have no checksums: this is no state directory.

use super::blocks::{Simulation, SimulationError};
use super::rollout::Rollout;
use super::step_loop::{SimulatedDecision, trace_batch};
use crate::base::error::{Error, Result};
use crate::domain::request::{RawRequest, Request, Shown};
use crate::people::Person;
use crate::people::digest::{of_character, of_conditions};
use crate::policy::{Policy, SimulatedPeople};
use crate::store::log_line::{DecisionLine, Op, RewardLine};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Milliseconds from 1970 to its first Monday, when every simulated user begins.
const FIRST_MONDAY_MS: u64 = 4 * 86_400_000;

/// A step of somebody's life, to be written.
pub(super) struct LoggedStep<'a> {
    pub(super) policy: &'a Policy,
    pub(super) user: String,
    pub(super) request: RawRequest,
    pub(super) propensities: Option<Vec<f64>>,
}

impl Simulation<'_> {
    /// Who the people of [`Self::write_log`] are: what their random streams follow from.
    pub fn people(&self, users: u64) -> SimulatedPeople {
        let mut characters = BTreeMap::new();
        for (simulator, share) in self.simulators.iter().zip(&self.shares) {
            let count = characters.entry(of_character(simulator.persona())).or_insert(0);
            *count = self.logged_users(users, *share).max(*count);
        }
        SimulatedPeople { seed: self.seed, conditions: of_conditions(self.scenario()), characters }
    }

    /// How many people of a persona with this share a log has, if it has `users` of the most common one.
    fn logged_users(&self, users: u64, share: f64) -> u64 {
        let most = self.shares.iter().copied().fold(0.0, f64::max);
        (users as f64 * share / most).round().max(1.0) as u64
    }

    /// Writes what `users` people do of the most common persona, and of the others as many as their
    /// shares say, under the only policy. A reward has the time of its decision; lost ones are not written.
    ///
    /// # Errors
    /// More than one policy, those of a program, and those of the writers.
    pub fn write_log(&self, users: u64, decisions: &mut dyn Write, rewards: &mut dyn Write) -> Result<()> {
        let [policy] = self.policies else {
            return Err(Error::because(SimulationError::NotOnePolicy));
        };
        let counts: Vec<u64> = self.shares.iter().map(|share| self.logged_users(users, *share)).collect();
        if policy.program().is_some() {
            return self.write_program_log(&counts, decisions, rewards);
        }
        for (simulator, count) in self.simulators.iter().zip(counts) {
            let mut block = simulator.block();
            let mut rollouts = [Rollout::new(policy, simulator).remembering()];
            for number in 0..count {
                let mut written = Ok(());
                trace_batch(
                    &mut simulator.batch(number..number + 1),
                    &mut rollouts,
                    &mut block,
                    &mut |batch, rollout, decided| {
                        let person = batch.person(0);
                        let step = LoggedStep {
                            policy,
                            user: format!("{}-{number}", simulator.persona().name()),
                            request: RawRequest { seed: None, ..person.request(rollout.history(0)) },
                            propensities: rollout.propensities(0),
                        };
                        if written.is_ok() {
                            written = put_step(&step, person, decided, decisions, rewards);
                        }
                    },
                );
                written.map_err(Error::io("write", "the log"))?;
            }
        }
        Ok(())
    }
}

/// Writes a decision, and its reward unless that is lost.
pub(super) fn put_step(
    step: &LoggedStep,
    person: &Person,
    decided: &SimulatedDecision,
    decisions: &mut dyn Write,
    rewards: &mut dyn Write,
) -> io::Result<()> {
    let LoggedStep { policy, user, request, propensities } = step;
    let id = format!("{user}-{}", decided.step);
    let line = DecisionLine {
        decision_id: id.as_str().into(),
        shadow_of: None,
        experiment: None,
        variant: None,
        prompt_version: None,
        prompt_digest: None,
        model_version: None,
        profile_lookup: None,
        user: user.as_str().into(),
        policy: policy.name().into(),
        spec: None,
        shadow: false,
        chosen: request.candidates[decided.chosen].id.as_str().into(),
        propensity: propensities.as_ref().map(|p| p[decided.chosen]),
        explored: None,
        scores: None,
        propensities: propensities.clone(),
        seed: None,
        time_ms: FIRST_MONDAY_MS + person.time_ms(),
        request,
    };
    put(decisions, &line)?;
    if person.reward_is_lost() {
        return Ok(());
    }
    let event = &decided.outcome.event;
    let shown = shown(request.clone(), decided.chosen);
    let reward = RewardLine::<_, ()> {
        user: Some(user.as_str().into()),
        policy: Some(policy.name().into()),
        event: Some(id.as_str().into()),
        reward: Some(decided.outcome.reward),
        decision_id: Some(id.as_str().into()),
        reaction: Some(event.reaction.name().into()),
        dwell_seconds: Some(event.dwell_seconds),
        request: Some(&shown),
        ..RewardLine::new(Op::Reward, line.time_ms)
    };
    put(rewards, &reward)
}

/// What a reward says of the request.
fn shown(request: RawRequest, chosen: usize) -> Shown {
    Request::try_from(request).expect("simulated requests are in range").shown(chosen)
}

fn put(out: &mut dyn Write, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}
