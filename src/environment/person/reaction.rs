//! How a simulated person reacts to a tip that is shown.

use super::super::logit::sigmas;
use super::{Outcome, Person};
use crate::history::Event;
use crate::reaction::Reaction;

/// What becomes of a tip by luck: bit 0 of the index says that it would be completed, bit 1 that it would be
/// dismissed if it is not, bit 2 snoozed if neither.
const REACTIONS: [Reaction; 8] = {
    use Reaction::{Completed, Dismissed, Ignored, Snoozed};
    [Ignored, Completed, Dismissed, Completed, Snoozed, Completed, Dismissed, Completed]
};

/// What the person makes of a tip.
#[derive(Debug, Clone, Copy)]
pub(in crate::environment) struct Answer {
    /// Probability that it is completed.
    pub(in crate::environment) completed: f64,
    /// Probability that it is dismissed if it is not completed.
    pub(in crate::environment) dismissed: f64,
    /// Its expected reward.
    pub(in crate::environment) expected: f64,
}

/// Expected reward of a tip with these probabilities, where `mild` is that of one that is neither completed nor
/// dismissed.
#[inline(always)]
pub(in crate::environment) fn expected(mild: f64, completed: f64, dismissed: f64) -> f64 {
    let refused = dismissed * Reaction::Dismissed.reward() + (1.0 - dismissed) * mild;
    completed * Reaction::Completed.reward() + (1.0 - completed) * refused
}

impl Person<'_> {
    /// What the person makes of a tip with this u.
    #[inline(always)]
    pub(in crate::environment) fn answer(&self, u: f64) -> Answer {
        let refusal = &self.stage.persona.raw().refusal;
        let [completed, dismissed] = sigmas([u, refusal.base - refusal.relief * u]);
        Answer { completed, dismissed, expected: expected(self.stage.mild_reward, completed, dismissed) }
    }

    /// How the person reacts to candidate `k`, of which they make this.
    #[inline(always)]
    pub(in crate::environment) fn react_by(&self, k: usize, answer: Answer) -> Outcome {
        // One of eight cases, looked up: branches on luck cannot be predicted.
        let case = usize::from(self.completed_luck < answer.completed)
            | usize::from(self.dismissed_luck < answer.dismissed) << 1
            | usize::from(self.snoozed_luck < self.stage.persona.raw().refusal.snooze) << 2;
        let reaction = REACTIONS[case];
        let drawn = self.drawn(k);
        let event = Event {
            kind: drawn.kind,
            hour: f64::from(drawn.meant_for.quarter(self.moment.now)) / 4.0,
            reaction,
            dwell_seconds: self.dwell[reaction as usize],
        };
        Outcome { event, reward: reaction.reward(), expected: answer.expected }
    }
}
