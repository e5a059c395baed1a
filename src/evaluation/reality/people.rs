//! Both sides of the comparison as [`Observed`] reactions: simulated people, and those of a log.

use super::cells::Observed;
use crate::domain::profile::{PROFILE_FEATURES, Profile};
use crate::domain::reaction::Reaction;
use crate::domain::request::{Candidate, Context};
use crate::evaluation::log::Reacted;
use crate::people::persona::Persona;
use crate::people::scenario::Scenario;
use crate::people::{Person, PersonaSimulator};
use crate::policy::Policy;
use crate::simulation::{Rollout, trace_batch};
use std::collections::{BTreeMap, VecDeque};

/// People of each persona who predict reactions.
const PANEL: u64 = 12;
/// The first of them: nobody whom a comparison simulates.
const PANEL_FROM: u64 = 1 << 40;
/// The first user of those who are compared: nobody whom `simulate` writes into a log, whatever the seed.
pub(super) const COMPARED_FROM: u64 = 1 << 41;

/// A day in milliseconds.
const DAY_MS: u64 = 86_400_000;

/// A scenario's personas, ready to live and to be asked.
pub(super) struct People<'a> {
    simulators: &'a [PersonaSimulator<'a>],
    /// Share of each persona in the population.
    pub(super) shares: Vec<f64>,
    panel: Vec<(f64, Person<'a>)>,
}

/// The stages of a scenario's population, with their shares.
pub(super) fn simulators<'a>(
    scenario: &'a Scenario,
    population: &[(&'a Persona, f64)],
    seed: u64,
) -> (Vec<PersonaSimulator<'a>>, Vec<f64>) {
    let simulators =
        population.iter().map(|(persona, _)| PersonaSimulator::new(scenario, persona, seed)).collect();
    (simulators, population.iter().map(|(_, share)| *share).collect())
}

impl<'a> People<'a> {
    pub(super) fn new(simulators: &'a [PersonaSimulator<'a>], shares: Vec<f64>) -> Self {
        let of = |(simulator, share): (&'a PersonaSimulator<'a>, &f64)| {
            let share = share / PANEL as f64;
            (PANEL_FROM..PANEL_FROM + PANEL).map(move |user| (share, simulator.person(user)))
        };
        let panel = simulators.iter().zip(&shares).flat_map(of).collect();
        Self { simulators, shares, panel }
    }

    /// Names of the kinds, in the order of their indices.
    pub(super) fn kinds(&self) -> &[String] {
        self.simulators[0].kinds()
    }

    /// Number of personas.
    pub(super) fn personas(&self) -> usize {
        self.simulators.len()
    }

    /// The first `length` reactions of one simulated user under `policy`.
    pub(super) fn live(&self, persona: usize, user: u64, length: usize, policy: &Policy) -> Vec<Observed> {
        let simulator = &self.simulators[persona];
        let mut rollouts = [Rollout::new(policy, simulator).remembering()];
        let mut observed = Vec::with_capacity(length);
        trace_batch(
            &mut simulator.batch(user..user + 1),
            &mut rollouts,
            &mut simulator.block(),
            &mut |batch, rollout, decided| {
                if observed.len() == length {
                    return;
                }
                let person = batch.person(0);
                let request = person.request(rollout.history(0));
                let candidate = &request.candidates[decided.chosen];
                let event = &decided.outcome.event;
                observed.push(Observed {
                    dwell_seconds: Some(event.dwell_seconds),
                    reward: decided.outcome.reward,
                    ..self.observe(
                        candidate,
                        request.context,
                        request.profile_features.as_ref(),
                        (event.reaction, person.recent()),
                    )
                });
            },
        );
        observed
    }

    /// A logged reaction, after `recent` other tips in the 24 hours before.
    pub(super) fn logged(&self, reacted: &Reacted, recent: usize) -> Observed {
        let shown = &reacted.shown;
        let reaction = (reacted.reaction, recent);
        Observed {
            dwell_seconds: reacted.dwell_seconds,
            reward: reacted.reward,
            ..self.observe(shown.candidate(), shown.context(), shown.profile(), reaction)
        }
    }

    fn observe(
        &self,
        candidate: &Candidate,
        context: Context,
        profile: Option<&Profile>,
        (reaction, recent): (Reaction, usize),
    ) -> Observed {
        let named = candidate.kind.as_ref();
        let kind = named.and_then(|kind| self.kinds().iter().position(|k| k == kind));
        let predicted = kind.map(|kind| {
            let of = |(share, person): &(f64, Person)| {
                share * person.would(kind, candidate, context, recent)[Reaction::Completed as usize]
            };
            self.panel.iter().map(of).sum()
        });
        let unknown = [None; PROFILE_FEATURES.len()];
        Observed {
            kind,
            hour: context.hour,
            reaction,
            dwell_seconds: None,
            reward: reaction.reward(),
            profile: profile.map_or(unknown, |p| p.values_for(candidate.kind.as_deref()).0),
            predicted,
        }
    }
}

/// How many tips each user of a log was shown in the last 24 hours.
#[derive(Debug, Default)]
pub(super) struct Recent(BTreeMap<usize, VecDeque<u64>>);

impl Recent {
    /// The number before this one, which then counts itself.
    pub(super) fn before(&mut self, user: usize, time_ms: u64) -> usize {
        let times = self.0.entry(user).or_default();
        while times.front().is_some_and(|t| t.saturating_add(DAY_MS) <= time_ms) {
            times.pop_front();
        }
        times.push_back(time_ms);
        times.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_24_hours() {
        let mut recent = Recent::default();
        let day = 86_400_000;
        let counts: Vec<usize> =
            [0, 1, day - 1, day, day + 1, 3 * day].iter().map(|t| recent.before(0, *t)).collect();
        assert_eq!(counts, [0, 1, 2, 2, 2, 0]);
        assert_eq!(recent.before(1, 5), 0);
    }
}
