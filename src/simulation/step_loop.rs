//! The one loop in which a policy meets an environment.
//!
//! All policies of a run meet the same person: moment, candidates and all random numbers are drawn once per step, before
//! any of them chooses (common random numbers), so that a difference between them is theirs.

use super::rollout::Rollout;
use crate::base::vector::{Cell, Kernel, LANES, Lanes, Vector, each};
use crate::features::FeatureBlock;
use crate::people::{Outcome, UserBatch};

/// One decision of one policy, as [`run_batch`] tells it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SimulatedDecision {
    /// Position of the policy.
    pub policy: usize,
    /// The user's place in the batch.
    pub lane: usize,
    /// The step, from 0.
    pub step: usize,
    /// Position of the candidate that was shown.
    pub chosen: usize,
    /// What became of that candidate.
    pub outcome: Outcome,
    /// How much more the oracle's tip was expected to earn.
    pub regret: f64,
}

/// Takes a batch of users through every step of their scenario under each policy, telling `observe` of every decision.
///
/// This is the hot loop: nothing in it allocates but rewards that are delayed and a model's exact solves. All of it is one
/// kernel: whatever it calls with a level is compiled once for each instruction set.
pub fn run_batch(
    batch: &mut UserBatch,
    rollouts: &mut [Rollout],
    block: &mut FeatureBlock<Lanes>,
    mut observe: impl FnMut(&SimulatedDecision),
) {
    Lanes::run(RunBatch {
        batch,
        rollouts,
        block,
        observe: |_: &UserBatch, _: &Rollout, decided: &SimulatedDecision| observe(decided),
    });
}

/// The same as [`run_batch`], showing `observe` also the batch and the policy's rollout, as they are at the decision,
/// before anything is learned from it.
pub fn trace_batch(
    batch: &mut UserBatch,
    rollouts: &mut [Rollout],
    block: &mut FeatureBlock<Lanes>,
    observe: &mut dyn FnMut(&UserBatch, &Rollout, &SimulatedDecision),
) {
    Lanes::run(RunBatch { batch, rollouts, block, observe });
}

/// The kernel of [`run_batch`] and [`trace_batch`].
struct RunBatch<'p, 'a, 'l, F> {
    batch: &'p mut UserBatch<'a>,
    rollouts: &'p mut [Rollout<'l>],
    block: &'p mut FeatureBlock<Lanes>,
    observe: F,
}

impl<F: FnMut(&UserBatch, &Rollout, &SimulatedDecision)> Kernel<Lanes> for RunBatch<'_, '_, '_, F> {
    type Output = ();

    /// First every policy chooses for every user, then the users react to all of them: what one policy waits for is computed
    /// beside what the others wait for.
    #[inline(always)]
    fn run<V: Vector<Cell = Lanes>>(self, level: V::Level) {
        let Self { batch, rollouts, block, mut observe } = self;
        let scenario = batch.scenario();
        begin::<V>(level, batch, rollouts, block);
        for step in 0..scenario.steps {
            batch.advance_those::<V>(level, [true; LANES], block);
            for rollout in rollouts.iter_mut() {
                rollout.featurize::<V>(level, batch, block);
                rollout.choose::<V>(level, batch, block);
            }
            batch.consider::<V>(level, rollouts.iter().map(|rollout| rollout.chosen));
            let best = batch.best_expected();
            let arrives = each!(lane => !batch.person(lane).reward_is_lost());
            for (policy, rollout) in rollouts.iter_mut().enumerate() {
                let chosen = rollout.chosen;
                let mut outcomes = each!(lane => batch.react_to_chosen(policy, lane, chosen[lane]));
                let mut arrives = arrives;
                if let Some(leaving) = scenario.leaving {
                    let gone = rollout.left;
                    rollout.tire(leaving, batch, &mut outcomes, &best);
                    arrives = each!(lane => arrives[lane] && !gone[lane]);
                }
                for lane in 0..batch.len() {
                    let (chosen, outcome) = (chosen[lane], outcomes[lane]);
                    let regret = best[lane] - outcome.expected;
                    let step = step as usize;
                    observe(
                        batch,
                        rollout,
                        &SimulatedDecision { policy, lane, step, chosen, outcome, regret },
                    );
                }
                rollout.deliver_due::<V>(level, step);
                match scenario.rewards.delay {
                    0 => rollout.learn::<V>(level, arrives, &outcomes),
                    delay => rollout.delay(step + delay, arrives, &outcomes),
                }
            }
        }
    }
}

/// Makes the random decisions that lie behind the users, and hands every policy the past that they make.
#[inline(always)]
fn begin<V: Vector<Cell = Lanes>>(
    level: V::Level,
    batch: &mut UserBatch,
    rollouts: &mut [Rollout],
    block: &mut FeatureBlock<Lanes>,
) {
    for rollout in &mut *rollouts {
        rollout.begin();
    }
    let history = batch.scenario().history;
    if !history.learn {
        for lane in 0..batch.len() {
            for _ in 0..batch.person(lane).history_steps() {
                let outcome = batch.pass(lane);
                for rollout in rollouts.iter_mut().filter(|rollout| rollout.remembers) {
                    rollout.histories[lane].observe(&outcome.event);
                }
            }
        }
        return;
    }
    let has_past: [bool; LANES] = std::array::from_fn(|lane| batch.person(lane).history_steps() > 0);
    for _ in 0..history.steps {
        batch.advance_those::<V>(level, has_past, block);
        let shown: [usize; LANES] = std::array::from_fn(|lane| batch.person(lane).random_candidate());
        let outcomes = std::array::from_fn(|lane| batch.react(lane, shown[lane]));
        for rollout in rollouts.iter_mut() {
            rollout.featurize::<V>(level, batch, block);
            rollout.record_choice(block, shown);
            rollout.learn::<V>(level, has_past, &outcomes);
        }
    }
}
