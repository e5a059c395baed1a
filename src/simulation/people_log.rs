//! Simulated people as a log: `decisions.jsonl` and `rewards.jsonl` as they would have been written, for
//! `evaluate` and `compare-reality`. Lines have no checksums: this is no state directory.

use super::blocks::{Simulation, SimulationError};
use super::rollout::Rollout;
use super::step_loop::trace_batch;
use crate::base::error::{Error, Result};
use crate::domain::request::{RawRequest, Request, Shown};
use crate::store::log_line::{DecisionLine, Op, RewardLine};
use serde::Serialize;
use std::io::{self, Write};

/// Milliseconds from 1970 to its first Monday, when every simulated user begins.
const FIRST_MONDAY_MS: u64 = 4 * 86_400_000;

impl Simulation<'_> {
    /// Writes what `users` people do of the most common persona, and of the others as many as their
    /// shares say, under the only policy. A reward has the time of its decision; lost ones are not written.
    ///
    /// # Errors
    /// More than one policy, and those of the writers.
    pub fn write_log(&self, users: u64, decisions: &mut dyn Write, rewards: &mut dyn Write) -> Result<()> {
        let [policy] = self.policies else {
            return Err(Error::because(SimulationError::NotOnePolicy));
        };
        let most = self.shares.iter().copied().fold(0.0, f64::max);
        for (simulator, share) in self.simulators.iter().zip(&self.shares) {
            let count = (users as f64 * share / most).round().max(1.0) as u64;
            let mut block = simulator.block();
            let mut rollouts = [Rollout::new(policy, simulator).remembering()];
            for number in 0..count {
                let user = format!("{}-{number}", simulator.persona().name());
                let mut written = Ok(());
                trace_batch(
                    &mut simulator.batch(number..number + 1),
                    &mut rollouts,
                    &mut block,
                    &mut |batch, rollout, decided| {
                        let person = batch.person(0);
                        let request = RawRequest { seed: None, ..person.request(rollout.history(0)) };
                        let id = format!("{user}-{}", decided.step);
                        let propensities = rollout.propensities(0);
                        let line = DecisionLine {
                            decision_id: id.as_str().into(),
                            shadow_of: None,
                            user: user.as_str().into(),
                            policy: policy.name().into(),
                            spec: None,
                            shadow: false,
                            chosen: request.candidates[decided.chosen].id.as_str().into(),
                            propensity: propensities.as_ref().map(|p| p[decided.chosen]),
                            explored: None,
                            scores: None,
                            propensities,
                            seed: None,
                            time_ms: FIRST_MONDAY_MS + person.time_ms(),
                            request: &request,
                        };
                        let event = &decided.outcome.event;
                        let shown = shown(request.clone(), decided.chosen);
                        let reward = (!person.reward_is_lost()).then(|| RewardLine::<_, ()> {
                            user: Some(user.as_str().into()),
                            policy: Some(policy.name().into()),
                            event: Some(id.as_str().into()),
                            reward: Some(decided.outcome.reward),
                            decision_id: Some(id.as_str().into()),
                            reaction: Some(event.reaction.name().into()),
                            dwell_seconds: Some(event.dwell_seconds),
                            request: Some(&shown),
                            ..RewardLine::new(Op::Reward, line.time_ms)
                        });
                        if written.is_ok() {
                            written = put(decisions, &line)
                                .and_then(|()| reward.map_or(Ok(()), |line| put(rewards, &line)));
                        }
                    },
                );
                written.map_err(Error::io("write", "the log"))?;
            }
        }
        Ok(())
    }
}

/// What a reward says of the request.
fn shown(request: RawRequest, chosen: usize) -> Shown {
    Request::try_from(request).expect("simulated requests are in range").shown(chosen)
}

fn put(out: &mut dyn Write, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}
