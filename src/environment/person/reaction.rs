//! How a simulated person reacts to a tip that is shown.

use super::super::logit::sigmas;
use super::{Outcome, Person};
use crate::features::{LANES, Lanes};
use crate::history::Event;
use crate::persona::Refusal;
use crate::reaction::Reaction;
use multiversion::multiversion;

/// What becomes of a tip by luck: bit 0 of the index says that it would be completed, bit 1 that it would be
/// dismissed if it is not, bit 2 snoozed if neither.
const REACTIONS: [Reaction; 8] = {
    use Reaction::{Completed, Dismissed, Ignored, Snoozed};
    [Ignored, Completed, Dismissed, Completed, Snoozed, Completed, Dismissed, Completed]
};

/// What the person makes of a tip.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer {
    /// Probability that it is completed.
    pub(super) completed: f64,
    /// Probability that it is dismissed if it is not completed.
    pub(super) dismissed: f64,
    /// Its expected reward.
    expected: f64,
}

/// The same of several tips.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Answers {
    completed: Lanes,
    dismissed: Lanes,
    expected: Lanes,
}

/// Expected reward of a tip with these probabilities, where `mild` is that of one that is neither completed nor
/// dismissed.
#[inline(always)]
fn expected(mild: f64, completed: f64, dismissed: f64) -> f64 {
    let refused = dismissed * Reaction::Dismissed.reward() + (1.0 - dismissed) * mild;
    completed * Reaction::Completed.reward() + (1.0 - completed) * refused
}

/// What a person who refuses so makes of tips with these u: the same bits as [`Person::answer`] gives. u by value:
/// they come from registers, and go into one.
#[multiversion(targets("x86_64+avx2"))]
fn answers(refusal: &Refusal, mild: f64, a: f64, b: f64, c: f64, d: f64, answers: &mut Answers) {
    let u = [a, b, c, d];
    let (mut v, mut of_all) = ([0.0; LANES], [0.0; LANES]);
    for l in 0..LANES {
        v[l] = refusal.base - refusal.relief * u[l];
    }
    let (completed, dismissed) = (sigmas(u), sigmas(v));
    for l in 0..LANES {
        of_all[l] = expected(mild, completed[l], dismissed[l]);
    }
    *answers = Answers { completed, dismissed, expected: of_all };
}

impl Person<'_> {
    /// Makes up the person's mind on the best candidate and on those `chosen`, several at a time.
    #[inline(always)]
    pub fn consider(&mut self, chosen: impl ExactSizeIterator<Item = usize>) {
        let groups = (1 + chosen.len()).div_ceil(LANES);
        if self.answers.len() != groups {
            self.answers.resize(groups, Answers::default());
        }
        let (refusal, mild) = (&self.stage.persona.raw().refusal, self.stage.mild_reward);
        let us = self.u.as_flattened();
        let mut asked = std::iter::once(self.best_u).chain(chosen.map(|k| us[k]));
        let mut next = || asked.next().unwrap_or(0.0);
        for group in &mut self.answers {
            answers(refusal, mild, next(), next(), next(), next(), group);
        }
    }

    /// Expected reward of the best candidate: what an oracle that knows the person would get. Once
    /// [`Self::consider`] was called.
    #[inline(always)]
    pub fn best_expected(&self) -> f64 {
        self.answers[0].expected[0]
    }

    /// How the person reacts when candidate `k` is shown, the `i`-th of those that [`Self::consider`] was called
    /// with.
    #[inline(always)]
    pub fn react_to_chosen(&self, i: usize, k: usize) -> Outcome {
        let (group, lane) = (&self.answers[(i + 1) / LANES], (i + 1) % LANES);
        let (completed, dismissed) = (group.completed[lane], group.dismissed[lane]);
        self.react_by(k, Answer { completed, dismissed, expected: group.expected[lane] })
    }

    /// How the person reacts when candidate `k` is shown.
    pub fn react(&self, k: usize) -> Outcome {
        self.react_by(k, self.answer(self.u.as_flattened()[k]))
    }

    /// What the person makes of a tip with this u.
    #[inline(always)]
    pub(super) fn answer(&self, u: f64) -> Answer {
        let refusal = &self.stage.persona.raw().refusal;
        let [completed, dismissed] = sigmas([u, refusal.base - refusal.relief * u]);
        Answer { completed, dismissed, expected: expected(self.stage.mild_reward, completed, dismissed) }
    }

    /// How the person reacts to candidate `k`, of which they make this.
    #[inline(always)]
    pub(super) fn react_by(&self, k: usize, answer: Answer) -> Outcome {
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

#[cfg(test)]
mod tests {
    use super::super::super::Stage;
    use crate::persona::Persona;
    use crate::scenario::Scenario;

    /// Calls `check` with every shipped persona's first people, in a scenario in which tastes change.
    fn people(check: impl Fn(&Stage, u64)) {
        let scenario = Scenario::load("drift").unwrap();
        for persona in Persona::shipped().unwrap() {
            (0..3).for_each(|user| check(&Stage::new(&scenario, &persona, 7), user));
        }
    }

    #[test]
    fn several_reactions_are_those_of_one_by_one() {
        people(|stage, user| {
            let (mut person, mut block) = (stage.person(user), stage.block());
            for step in 0..50 {
                person.advance(&mut block);
                let count = step % (block.len() + 1);
                let chosen = || (0..count).map(|i| (i * 7 + step) % block.len());
                person.consider(chosen());
                for (i, k) in chosen().enumerate() {
                    assert_eq!(person.react_to_chosen(i, k), person.react(k));
                }
                let all = (0..block.len()).map(|k| person.react(k).expected);
                assert_eq!(person.best_expected(), all.fold(f64::NEG_INFINITY, f64::max));
            }
        });
    }

    #[test]
    fn a_step_passed_is_one_lived_at_random() {
        people(|stage, user| {
            let (mut passing, mut living, mut block) =
                (stage.person(user), stage.person(user), stage.block());
            for _ in 0..100 {
                living.advance(&mut block);
                assert_eq!(passing.pass(), living.react(living.random_candidate()));
            }
        });
    }
}
