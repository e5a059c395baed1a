//! What a simulated person is asked that changes nothing for them: when it is, and what they would do.

use super::character::{KindTaste, quarters};
use super::odds::ReactionOdds;
use super::steps::Person;
use crate::domain::reaction::Reaction;
use crate::domain::request::{Candidate, Context};
use crate::features::{effort, priority, urgency, weekend};

impl Person<'_> {
    /// When this step is, in milliseconds since their first Monday began.
    pub fn time_ms(&self) -> u64 {
        self.times.last().copied().unwrap_or(0) * 15 * 60_000
    }

    /// How many tips the person was shown in the 24 hours before this step.
    pub fn recent(&self) -> usize {
        self.times.len() - self.day_old - 1
    }

    /// Probabilities of each reaction, in the order of [`Reaction::ALL`], were this person, with unchanged
    /// tastes, shown a tip of the kind of this index after `recent` others in the last 24 hours.
    pub fn would(&self, kind: usize, candidate: &Candidate, context: Context, recent: usize) -> [f64; 4] {
        let (simulator, person) = (self.simulator, &self.character);
        let now = quarters(context.hour);
        let quarter = candidate.hour.map_or(now, quarters);
        let KindTaste { taste, offset, .. } = person.kinds[kind];
        let bent = simulator.scenario.raw().bends.of(
            priority(candidate.priority),
            candidate.effort_minutes.unwrap_or(0.0),
            now,
        );
        let u = person.u(
            person.u_of_moment(simulator, now, weekend(context.weekday), recent as f64),
            person.u_of_kind(simulator, taste, offset, quarter as u8) + bent,
            [priority(candidate.priority), urgency(candidate.due_in_days), effort(candidate.effort_minutes)],
        );
        let ReactionOdds { completed, dismissed, .. } = self.odds(u);
        let (missed, snooze) = (1.0 - completed, simulator.persona.raw().refusal.snooze);
        let mild = missed * (1.0 - dismissed);
        let of = |reaction| match reaction {
            Reaction::Completed => completed,
            Reaction::Dismissed => missed * dismissed,
            Reaction::Snoozed => mild * snooze,
            Reaction::Ignored => mild * (1.0 - snooze),
        };
        Reaction::ALL.map(of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::request::RawRequest;
    use crate::features::profile_history::ProfileHistory;
    use crate::people::persona::Persona;
    use crate::people::scenario::Scenario;
    use crate::people::{PersonaSimulator, UserBatch};

    /// The probabilities of the reactions, found out by trying draws: the limit below which each of them
    /// decides, with the others set so that it does.
    fn probabilities_behind_react(batch: &mut UserBatch, k: usize) -> [f64; 4] {
        let limit = |gives: &mut dyn FnMut(f64) -> bool| {
            let (mut below, mut above) = (0.0, 1.0);
            for _ in 0..60 {
                let middle = f64::midpoint(below, above);
                *(if gives(middle) { &mut below } else { &mut above }) = middle;
            }
            below
        };
        let mut reacts = |draws: [f64; 3], with: Reaction| {
            let person = &mut batch.people[0];
            [person.completed_draw, person.dismissed_draw, person.snoozed_draw] = draws;
            batch.react(0, k).event.reaction == with
        };
        let completed = limit(&mut |draw| reacts([draw, 1.0, 1.0], Reaction::Completed));
        let dismissed = limit(&mut |draw| reacts([1.0, draw, 1.0], Reaction::Dismissed));
        let snoozed = limit(&mut |draw| reacts([1.0, 1.0, draw], Reaction::Snoozed));
        Reaction::ALL.map(|reaction| match reaction {
            Reaction::Completed => completed,
            Reaction::Dismissed => (1.0 - completed) * dismissed,
            Reaction::Snoozed => (1.0 - completed) * (1.0 - dismissed) * snoozed,
            Reaction::Ignored => (1.0 - completed) * (1.0 - dismissed) * (1.0 - snoozed),
        })
    }

    #[test]
    fn what_a_person_would_do_is_what_they_do() {
        let scenario = Scenario::load("steady").unwrap();
        for persona in Persona::shipped().unwrap() {
            let simulator = PersonaSimulator::new(&scenario, &persona, 7);
            for user in 0..3 {
                let (mut batch, mut block) = (simulator.batch(user..user + 1), simulator.block());
                for _ in 0..30 {
                    batch.advance(&mut block);
                    let person = &batch.people[0];
                    let RawRequest { context, candidates, .. } =
                        person.request(&ProfileHistory::new(simulator.kinds().len()));
                    for (k, candidate) in candidates.iter().enumerate() {
                        let person = &batch.people[0];
                        let kind = batch.kinds(k)[0] as usize;
                        let would = person.would(kind, candidate, context, person.recent());
                        let does = probabilities_behind_react(&mut batch, k);
                        let near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-14;
                        assert!(would.iter().zip(&does).all(near), "{would:?} is not {does:?}");
                    }
                }
            }
        }
    }
}
