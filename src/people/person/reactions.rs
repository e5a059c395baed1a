//! How a simulated person reacts to a tip that is shown.

use super::candidates::{Offer, utility_of};
use super::odds::{Outcome, ReactionOdds, odds_of};
use super::steps::Person;
use crate::domain::reaction::Reaction;
use crate::features::profile_history::TipEvent;

/// What becomes of a tip by the draws of its step: bit 0 of the index says that it would be completed, bit 1 that it would be
/// dismissed if it is not, bit 2 snoozed if neither.
const REACTIONS: [Reaction; 8] = {
    use Reaction::{Completed, Dismissed, Ignored, Snoozed};
    [Ignored, Completed, Dismissed, Completed, Snoozed, Completed, Dismissed, Completed]
};

impl Person<'_> {
    /// Goes on to the next step, at which a random candidate is shown and the others are not computed: gives how
    /// the person reacts to it.
    #[inline(always)]
    pub(in crate::people) fn pass(&mut self) -> Outcome {
        self.draw_moment();
        let shown = self.random_candidate();
        let drawn = self.drawn(shown);
        let u = utility_of(drawn, self.simulator, &self.character, self.moment);
        self.react_by(drawn.offer(self.moment.now), self.odds(u))
    }

    /// What the person makes of a tip with this u.
    #[inline(always)]
    pub(in crate::people) fn odds(&self, u: f64) -> ReactionOdds {
        let refusal = &self.simulator.persona.raw().refusal;
        let [[completed], [dismissed], [expected]] = odds_of(refusal, self.simulator.mild_reward, [u]);
        ReactionOdds { completed, dismissed, expected }
    }

    /// How the person reacts to a candidate of which they make this.
    #[inline(always)]
    pub(in crate::people) fn react_by(&self, Offer { kind, quarter }: Offer, odds: ReactionOdds) -> Outcome {
        // It is one of eight cases in a table: branches on random draws cannot be predicted.
        let case = usize::from(self.completed_draw < odds.completed)
            | usize::from(self.dismissed_draw < odds.dismissed) << 1
            | usize::from(self.snoozed_draw < self.simulator.persona.raw().refusal.snooze) << 2;
        let reaction = REACTIONS[case];
        let event = TipEvent {
            kind: kind.into(),
            hour: self.simulator.hour.at(quarter.into()),
            reaction,
            dwell_seconds: self.dwell[reaction as usize],
        };
        Outcome { event, reward: reaction.reward(), expected: odds.expected }
    }
}
