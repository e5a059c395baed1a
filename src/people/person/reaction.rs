//! How a simulated person reacts to a tip that is shown.

use super::super::logit::sigmas;
use super::candidates::Offer;
use super::{Outcome, Person};
use crate::domain::reaction::Reaction;
use crate::features::profile_history::Event;
use crate::people::persona::Refusal;

/// What becomes of a tip by luck: bit 0 of the index says that it would be completed, bit 1 that it would be
/// dismissed if it is not, bit 2 snoozed if neither.
const REACTIONS: [Reaction; 8] = {
    use Reaction::{Completed, Dismissed, Ignored, Snoozed};
    [Ignored, Completed, Dismissed, Completed, Snoozed, Completed, Dismissed, Completed]
};

/// What the person makes of a tip.
#[derive(Debug, Clone, Copy)]
pub(in crate::people) struct Answer {
    /// Probability that it is completed.
    pub(in crate::people) completed: f64,
    /// Probability that it is dismissed if it is not completed.
    pub(in crate::people) dismissed: f64,
    /// Its expected reward.
    pub(in crate::people) expected: f64,
}

/// What people who refuse so make of tips with these u: their `completed`, `dismissed` and `expected`. `mild` is the
/// expected reward of a tip that is neither completed nor dismissed.
#[inline(always)]
pub(in crate::people) fn answers<const N: usize>(refusal: &Refusal, mild: f64, u: [f64; N]) -> [[f64; N]; 3] {
    let (mut v, mut expected) = ([0.0; N], [0.0; N]);
    for i in 0..N {
        v[i] = refusal.base - refusal.relief * u[i];
    }
    let (completed, dismissed) = (sigmas(u), sigmas(v));
    for i in 0..N {
        let refused = dismissed[i] * Reaction::Dismissed.reward() + (1.0 - dismissed[i]) * mild;
        expected[i] = completed[i] * Reaction::Completed.reward() + (1.0 - completed[i]) * refused;
    }
    [completed, dismissed, expected]
}

impl Person<'_> {
    /// What the person makes of a tip with this u.
    #[inline(always)]
    pub(in crate::people) fn answer(&self, u: f64) -> Answer {
        let refusal = &self.stage.persona.raw().refusal;
        let [[completed], [dismissed], [expected]] = answers(refusal, self.stage.mild_reward, [u]);
        Answer { completed, dismissed, expected }
    }

    /// How the person reacts to a candidate of which they make this.
    #[inline(always)]
    pub(in crate::people) fn react_by(&self, Offer { kind, quarter }: Offer, answer: Answer) -> Outcome {
        // One of eight cases, looked up: branches on luck cannot be predicted.
        let case = usize::from(self.completed_luck < answer.completed)
            | usize::from(self.dismissed_luck < answer.dismissed) << 1
            | usize::from(self.snoozed_luck < self.stage.persona.raw().refusal.snooze) << 2;
        let reaction = REACTIONS[case];
        let event = Event {
            kind: kind.into(),
            hour: self.stage.hour.at(quarter.into()),
            reaction,
            dwell_seconds: self.dwell[reaction as usize],
        };
        Outcome { event, reward: reaction.reward(), expected: answer.expected }
    }
}
