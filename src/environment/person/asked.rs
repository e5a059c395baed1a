//! What a simulated person is asked from outside their life: when it is, and what they would do.

use super::character::{KindTaste, quarters};
use super::{Answer, DAY, Person};
use crate::features::{effort, priority, urgency, weekend};
use crate::reaction::Reaction;
use crate::request::{Candidate, Context};

impl Person<'_> {
    /// When this step is, in milliseconds since their first Monday began.
    pub fn time_ms(&self) -> u64 {
        u64::from(self.times.last().copied().unwrap_or(0)) * 15 * 60_000
    }

    /// How many tips the person was shown in the 24 hours before this step.
    pub fn recent(&self) -> usize {
        self.times.len() - self.day_old - 1
    }

    /// Probabilities of each reaction, in the order of [`Reaction::ALL`], were this person, with unchanged
    /// tastes, shown a tip of the kind of this index after `recent` others in the last 24 hours.
    pub fn would(&self, kind: usize, candidate: &Candidate, context: Context, recent: usize) -> [f64; 4] {
        let (stage, t) = (self.stage, &self.character);
        let now = quarters(context.hour);
        let tip = candidate.hour.map_or(now, quarters);
        let KindTaste { taste, offset, .. } = t.kinds[kind];
        let u = t.base
            + stage.receptivity[((now + DAY - t.shift) % DAY) as usize]
            + t.weekend * weekend(context.weekday)
            - t.fatigue * recent as f64
            + taste
            + t.timing * stage.alignment.at((tip + u32::from(offset)) as usize)
            + t.priority * (2.0 * priority(candidate.priority) - 1.0)
            + t.urgency * urgency(candidate.due_in_days)
            + t.effort * effort(candidate.effort_minutes);
        let Answer { completed, dismissed, .. } = self.answer(u);
        let (missed, snooze) = (1.0 - completed, stage.persona.raw().refusal.snooze);
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
