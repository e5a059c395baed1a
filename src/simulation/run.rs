//! The one loop in which a policy meets an environment.
//!
//! Work is cut into fixed blocks of users. A block depends on nothing but its number, so blocks can be
//! computed anywhere and in any order; folded in the order of their numbers they give the same bytes for
//! any number of threads.
//!
//! All policies of a run meet the same person: moment, candidates and luck are drawn once per step, before
//! any of them chooses (common random numbers), so that a difference between them is theirs.

mod log;
mod rollout;

pub use rollout::Rollout;

use crate::base::error::{Error, Result};
use crate::base::vector::{Cell, Kernel, LANES, Lanes, Vector, each};
use crate::domain::reaction::Reaction;
use crate::domain::request::Request;
use crate::features::FeatureBlock;
use crate::people::persona::Persona;
use crate::people::scenario::Scenario;
use crate::people::{Outcome, PersonaSimulator, UserBatch};
use crate::policy::{DecisionRng, Policy, Scratch};
use crate::simulation::metrics::{Curve, Tally, UserRecord};
use rayon::prelude::*;
use std::hint::black_box;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Users of each persona in one block.
pub const BLOCK_USERS: u64 = 32;

/// Blocks handed to the threads at a time; as many again wait in memory to be folded.
const BATCH: usize = 32;

/// Policies in a scenario, ready to run.
#[derive(Debug, Clone)]
pub struct Simulation<'a> {
    scenario: &'a Scenario,
    stages: Vec<PersonaSimulator<'a>>,
    shares: Vec<f64>,
    policies: &'a [Policy],
}

/// The results of one block of users.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// Numbers of its users; the same for each persona.
    pub users: Range<u64>,
    /// One record per user, persona and policy, the policy changing fastest.
    pub records: Vec<UserRecord>,
    /// Learning curves, summed over its users.
    pub curve: Curve,
}

impl Block {
    /// The part of this block that lies in `users`; the learning curve stays that of all of it.
    #[must_use]
    pub fn cut(mut self, users: &Range<u64>) -> Self {
        let count = self.users.end - self.users.start;
        let each = self.records.len() / count as usize;
        let (from, to) = (users.start.max(self.users.start), users.end.min(self.users.end));
        let at = |user: u64| (user - self.users.start) as usize * each;
        self.records = self.records[at(from)..at(to)].to_vec();
        self.users = from..to;
        self
    }
}

impl<'a> Simulation<'a> {
    /// `policies` in `scenario`, among those of `personas` that its population has, under `seed`.
    ///
    /// # Errors
    /// No policy, or a population that names a persona that is not there.
    pub fn new(
        scenario: &'a Scenario,
        personas: &'a [Persona],
        policies: &'a [Policy],
        seed: u64,
    ) -> Result<Self> {
        if policies.is_empty() {
            return Err(Error::Refused("no policy to simulate: name at least one with --policy".to_owned()));
        }
        let population = scenario.population(personas)?;
        let stages =
            population.iter().map(|(persona, _)| PersonaSimulator::new(scenario, persona, seed)).collect();
        let shares = population.iter().map(|(_, share)| *share).collect();
        Ok(Self { scenario, stages, shares, policies })
    }

    /// The scenario.
    pub fn scenario(&self) -> &Scenario {
        self.scenario
    }

    /// Names of the personas, in the order of the records, with their shares of the population.
    pub fn personas(&self) -> impl ExactSizeIterator<Item = (&str, f64)> {
        self.stages.iter().zip(&self.shares).map(|(stage, share)| (stage.persona().name(), *share))
    }

    /// Number of kinds of tip.
    pub fn kinds(&self) -> usize {
        self.stages[0].kinds().len()
    }

    /// The policies, in the order of the records.
    pub fn policies(&self) -> &[Policy] {
        self.policies
    }

    /// Decisions that one user of each persona makes, over all policies.
    pub fn decisions_per_user(&self) -> u64 {
        self.stages.len() as u64 * self.policies.len() as u64 * u64::from(self.scenario.raw().steps)
    }

    /// Runs `users` of each persona and hands their blocks, in order, to `fold`, until that returns false.
    /// Blocks have fixed places: where the range begins or ends inside one, that one is cut short.
    ///
    /// The calling thread folds what there is while the others compute what comes next.
    pub fn run(&self, users: Range<u64>, mut fold: impl FnMut(Block) -> bool) {
        let blocks = users.start / BLOCK_USERS..users.end.div_ceil(BLOCK_USERS);
        let run = |i: u64| self.block(users.start.max(i * BLOCK_USERS)..users.end.min((i + 1) * BLOCK_USERS));
        let (mut ready, wanted) = (Vec::new(), AtomicBool::new(true));
        for start in blocks.clone().step_by(BATCH) {
            let batch: Vec<u64> = (start..blocks.end.min(start + BATCH as u64)).collect();
            let mut next = Vec::new();
            rayon::in_place_scope(|scope| {
                scope.spawn(|_| {
                    let wanted = |_: &u64| wanted.load(Relaxed);
                    next = batch.into_par_iter().with_max_len(1).filter(wanted).map(run).collect();
                });
                if !ready.drain(..).all(&mut fold) {
                    wanted.store(false, Relaxed);
                }
            });
            if !wanted.load(Relaxed) {
                return;
            }
            ready = next;
        }
        ready.into_iter().all(fold);
    }

    /// How long each decision of the first policy took for some users: one at a time, features included, as `score` makes
    /// it once the request is read.
    pub fn decision_times(&self, users: Range<u64>) -> Vec<Duration> {
        let (policy, mut scratch, mut times) = (&self.policies[0], Scratch::default(), Vec::new());
        for (user, stage) in users.flat_map(|user| self.stages.iter().map(move |stage| (user, stage))) {
            let mut lives = [Rollout::new(policy, stage)];
            watch(&mut stage.batch(user..user + 1), &mut lives, &mut stage.block(), &mut |party, life, _| {
                let (model, parts) =
                    (life.model(0), life.parts.iter().map(|parts| parts[0]).collect::<Vec<_>>());
                let request = party.person(0).request(life.history(0));
                let request = Request::try_from(request).expect("simulated requests are in range");
                let mut luck = DecisionRng::new(party.person(0).seed());
                let start = Instant::now();
                scratch.with_block(policy.features(), request.offered(), |block, scratch| {
                    black_box(policy.decide(&model, block, &parts, &mut luck, scratch))
                });
                times.push(start.elapsed());
            });
        }
        times
    }

    /// Runs one block, its personas side by side.
    fn block(&self, users: Range<u64>) -> Block {
        let (personas, policies) = (self.stages.len(), self.policies.len());
        let count = (users.end - users.start) as usize;
        let steps = self.scenario.raw().steps as usize;
        let mut curve = Curve::zeros((personas, policies, steps, Reaction::ALL.len()));
        let curves = curve.as_slice_mut().expect("an array made in one piece");
        let of_persona = self.stages.par_iter().zip(curves.par_chunks_exact_mut(curves.len() / personas));
        let records: Vec<_> = of_persona
            .with_max_len(1)
            .map(|(stage, curve)| self.persona(stage, users.clone(), curve))
            .collect();
        let of_user = |i: usize| records.iter().flat_map(move |of| &of[i * policies..][..policies]);
        let records = (0..count).flat_map(of_user).copied().collect();
        Block { users, records, curve }
    }

    /// Runs the users of one persona: their records, the policy changing fastest. Counts their reactions in
    /// `curve`, by policy and step.
    fn persona(&self, stage: &PersonaSimulator, users: Range<u64>, curve: &mut [u64]) -> Vec<UserRecord> {
        let steps = self.scenario.raw().steps as usize;
        let mut records = Vec::with_capacity((users.end - users.start) as usize * self.policies.len());
        let mut lives: Vec<Rollout> = self.policies.iter().map(|p| Rollout::new(p, stage)).collect();
        let mut block = stage.block();
        let mut tallies = vec![[Tally::default(); LANES]; lives.len()];
        for first in users.clone().step_by(LANES) {
            tallies.fill([Tally::default(); LANES]);
            let mut party = stage.batch(first..users.end.min(first + LANES as u64));
            live(&mut party, &mut lives, &mut block, |d| {
                let event = &d.outcome.event;
                tallies[d.policy][d.lane].observe(d.step, event.kind, event.reaction, d.regret);
                curve[(d.policy * steps + d.step) * Reaction::ALL.len() + event.reaction as usize] += 1;
            });
            for lane in 0..party.len() {
                let (kinds, traits) = (stage.kinds().len(), party.person(lane).traits());
                records.extend(tallies.iter().map(|tallies| tallies[lane].record(kinds, traits)));
            }
        }
        records
    }
}

/// One decision of one policy, as [`live`] tells it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decided {
    /// Position of the policy.
    pub policy: usize,
    /// The user's place in the party.
    pub lane: usize,
    /// The step, from 0.
    pub step: usize,
    /// Position of the candidate that was shown.
    pub chosen: usize,
    /// What became of it.
    pub outcome: Outcome,
    /// What the oracle's tip was expected to earn more.
    pub regret: f64,
}

/// Lives the lives of a party under each policy, telling `observe` of every decision.
///
/// This is the hot loop: nothing in it allocates but rewards that are delayed and a model's exact solves. All of it is one
/// kernel: whatever it calls with a level is compiled once for each instruction set.
pub fn live(
    party: &mut UserBatch,
    lives: &mut [Rollout],
    block: &mut FeatureBlock<Lanes>,
    mut observe: impl FnMut(&Decided),
) {
    Lanes::run(Live {
        party,
        lives,
        block,
        observe: |_: &UserBatch, _: &Rollout, decided: &Decided| observe(decided),
    });
}

/// The same, showing `observe` also the party and the policy's life, as they are at the decision, before anything is
/// learned from it.
pub fn watch(
    party: &mut UserBatch,
    lives: &mut [Rollout],
    block: &mut FeatureBlock<Lanes>,
    observe: &mut dyn FnMut(&UserBatch, &Rollout, &Decided),
) {
    Lanes::run(Live { party, lives, block, observe });
}

struct Live<'p, 'a, 'l, F> {
    party: &'p mut UserBatch<'a>,
    lives: &'p mut [Rollout<'l>],
    block: &'p mut FeatureBlock<Lanes>,
    observe: F,
}

impl<F: FnMut(&UserBatch, &Rollout, &Decided)> Kernel<Lanes> for Live<'_, '_, '_, F> {
    type Output = ();

    /// First every policy chooses for everybody, then they answer all of them: what one policy waits for is computed
    /// beside what the others wait for.
    #[inline(always)]
    fn run<V: Vector<Cell = Lanes>>(self, level: V::Level) {
        let Self { party, lives, block, mut observe } = self;
        let scenario = party.scenario();
        begin::<V>(level, party, lives, block);
        for step in 0..scenario.steps {
            party.advance_those::<V>(level, [true; LANES], block);
            for life in lives.iter_mut() {
                life.look::<V>(level, party, block);
                life.choose::<V>(level, party, block);
            }
            party.consider::<V>(level, lives.iter().map(|life| life.chosen));
            let best = party.best_expected();
            let arrives = each!(lane => !party.person(lane).reward_is_lost());
            for (policy, life) in lives.iter_mut().enumerate() {
                let chosen = life.chosen;
                let outcomes = each!(lane => party.react_to_chosen(policy, lane, chosen[lane]));
                for lane in 0..party.len() {
                    let (chosen, outcome) = (chosen[lane], outcomes[lane]);
                    let regret = best[lane] - outcome.expected;
                    let step = step as usize;
                    observe(party, life, &Decided { policy, lane, step, chosen, outcome, regret });
                }
                life.catch_up::<V>(level, step);
                match scenario.rewards.delay {
                    0 => life.hear::<V>(level, arrives, &outcomes),
                    delay => life.expect(step + delay, arrives, &outcomes),
                }
            }
        }
    }
}

/// Lives the random decisions that lie behind the users, and hands every policy the past that they make.
#[inline(always)]
fn begin<V: Vector<Cell = Lanes>>(
    level: V::Level,
    party: &mut UserBatch,
    lives: &mut [Rollout],
    block: &mut FeatureBlock<Lanes>,
) {
    for life in &mut *lives {
        life.begin();
    }
    let history = party.scenario().history;
    if !history.learn {
        for lane in 0..party.len() {
            for _ in 0..party.person(lane).history_steps() {
                let outcome = party.pass(lane);
                for life in lives.iter_mut().filter(|life| life.remembers) {
                    life.histories[lane].observe(&outcome.event);
                }
            }
        }
        return;
    }
    let has_past: [bool; LANES] = std::array::from_fn(|lane| party.person(lane).history_steps() > 0);
    for _ in 0..history.steps {
        party.advance_those::<V>(level, has_past, block);
        let shown: [usize; LANES] = std::array::from_fn(|lane| party.person(lane).random_candidate());
        let outcomes = std::array::from_fn(|lane| party.react(lane, shown[lane]));
        for life in lives.iter_mut() {
            life.look::<V>(level, party, block);
            life.take(block, shown);
            life.hear::<V>(level, has_past, &outcomes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::RawPolicy;

    /// Rewards that are lost and late, users with a past and without one, models per kind, forgetting: in each of these
    /// some of a party learn and others do not.
    #[test]
    fn users_live_as_they_would_in_a_party_of_their_own() {
        let scenario = "name = \"hard\"\ndescription = \"hard\"\nsteps = 40\nhistory = { steps = 20, learn = true }\n\
                        [rewards]\nlost = 0.3\ndelay = 2\n[traits]\nnew = 0.5\nno_profile = 0.5\n";
        let scenario = Scenario::from_toml(scenario, "scenario").unwrap();
        let personas = Persona::shipped().unwrap();
        let own = |rest: &str| {
            let text = format!("name = \"own\"\nfeatures = \"v2\"\n{rest}");
            Policy::try_from(toml::from_str::<RawPolicy>(&text).unwrap()).unwrap()
        };
        let policies = [
            own("explorer = \"lints\"\nstructure = \"disjoint\""),
            own("explorer = \"squarecb\"\nstructure = \"disjoint\"\nforgetting = 0.98"),
            own("explorer = \"linucb\""),
            own("explorer = \"egreedy\"\nforgetting = 0.95"),
        ];
        let simulation = Simulation::new(&scenario, &personas[..2], &policies, 3).unwrap();
        let records = |users: Range<u64>| {
            let mut records = Vec::new();
            simulation.run(users, |block| {
                records.extend(block.records);
                true
            });
            records
        };
        let together = records(0..7);
        let alone: Vec<UserRecord> = (0..7).flat_map(|user| records(user..user + 1)).collect();
        assert_eq!(together, alone);
        let differs = |trait_of: fn(&UserRecord) -> bool| {
            together.iter().any(trait_of) && !together.iter().all(trait_of)
        };
        assert!(differs(|record| record.traits.new) && differs(|record| record.traits.no_profile));
    }
}
