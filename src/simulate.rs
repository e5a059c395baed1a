//! The one loop in which a policy meets an environment.
//!
//! Work is cut into fixed blocks of users. A block depends on nothing but its number, so blocks can be
//! computed anywhere and in any order; folded in the order of their numbers they give the same bytes for
//! any number of threads.
//!
//! All policies of a run meet the same person: moment, candidates and luck are drawn once per step, before
//! any of them chooses (common random numbers), so that a difference between them is theirs.

mod log;

use crate::environment::{Outcome, Person, Stage};
use crate::error::{Error, Result};
use crate::features::FeatureBlock;
use crate::history::History;
use crate::metrics::{Curve, Tally, UserRecord};
use crate::persona::Persona;
use crate::policy::{Luck, Model, Policy, Scratch, Structure};
use crate::reaction::Reaction;
use crate::scenario::Scenario;
use rayon::prelude::*;
use std::collections::VecDeque;
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
    stages: Vec<Stage<'a>>,
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
        let stages = population.iter().map(|(persona, _)| Stage::new(scenario, persona, seed)).collect();
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

    /// How long each decision of the first policy took for some users, features included.
    pub fn decision_times(&self, users: Range<u64>) -> Vec<Duration> {
        let mut times = Vec::new();
        for (user, stage) in users.flat_map(|user| self.stages.iter().map(move |stage| (user, stage))) {
            let (mut person, mut block) = (stage.person(user), stage.block());
            let mut life = Life::new(&self.policies[0], stage);
            begin(&mut person, std::slice::from_mut(&mut life), &mut block);
            for _ in 0..self.scenario.raw().steps {
                person.advance(&mut block);
                let start = Instant::now();
                life.look(&person, &mut block);
                life.choose(&person, &block);
                times.push(start.elapsed());
                life.hear(person.react(life.chosen), None);
            }
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
    fn persona(&self, stage: &Stage, users: Range<u64>, curve: &mut [u64]) -> Vec<UserRecord> {
        let steps = self.scenario.raw().steps as usize;
        let mut records = Vec::with_capacity((users.end - users.start) as usize * self.policies.len());
        let mut lives: Vec<Life> = self.policies.iter().map(|p| Life::new(p, stage)).collect();
        let mut block = stage.block();
        let mut tallies = vec![Tally::default(); lives.len()];
        for user in users {
            tallies.fill(Tally::default());
            let mut person = stage.person(user);
            live(&mut person, &mut lives, &mut block, |d| {
                let event = &d.outcome.event;
                tallies[d.policy].observe(d.step, event.kind, event.reaction, d.regret);
                curve[(d.policy * steps + d.step) * Reaction::ALL.len() + event.reaction as usize] += 1;
            });
            records.extend(tallies.iter().map(|tally| tally.record(stage.kinds().len(), person.traits())));
        }
        records
    }
}

/// One decision of one policy, as [`live`] tells it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decided {
    /// Position of the policy.
    pub policy: usize,
    /// The step, from 0.
    pub step: usize,
    /// Position of the candidate that was shown.
    pub chosen: usize,
    /// What became of it.
    pub outcome: Outcome,
    /// What the oracle's tip was expected to earn more.
    pub regret: f64,
}

/// One policy's part in a simulated user's life.
#[derive(Debug, Clone)]
pub struct Life<'a> {
    policy: &'a Policy,
    model: Model,
    history: History,
    /// Whether the history is kept: where nobody asks for a profile it is not.
    remembers: bool,
    /// The model's part for each kind, and for each candidate of the step.
    part_of_kind: Vec<usize>,
    parts: Vec<usize>,
    /// Rewards that have not arrived yet, oldest first.
    pending: VecDeque<Pending>,
    /// The candidate chosen last, and its vector.
    chosen: usize,
    x: Vec<f64>,
    scratch: Scratch,
}

/// A reward on its way.
#[derive(Debug, Clone)]
struct Pending {
    due: u32,
    x: Vec<f64>,
    part: usize,
    outcome: Outcome,
}

impl<'a> Life<'a> {
    /// A policy that has met nobody, for users of any persona with the kinds of this stage.
    pub fn new(policy: &'a Policy, stage: &Stage) -> Self {
        let mut model = policy.new_model();
        let part_of_kind = stage.kinds().iter().map(|kind| model.part(Some(kind))).collect();
        let x = model.blank_vector();
        Self {
            policy,
            model,
            history: History::new(stage.kinds().len()),
            remembers: policy.features().uses_profile(),
            part_of_kind,
            parts: Vec::new(),
            pending: VecDeque::new(),
            chosen: 0,
            x,
            scratch: Scratch::default(),
        }
    }

    /// What the policy has learned of the user.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The user's past under this policy, from which an emergent profile follows.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Begins with another user.
    fn begin(&mut self) {
        self.model.clear();
        self.history.clear();
        self.pending.clear();
    }

    /// Makes `block` what this policy sees of the step.
    #[inline(always)]
    fn look(&mut self, person: &Person, block: &mut FeatureBlock) {
        if self.policy.features().uses_profile() {
            person.serve_profile(&self.history, block);
        }
        if self.policy.structure() == Structure::Disjoint {
            self.parts.clear();
            self.parts.extend((0..block.len()).map(|k| self.part_of_kind[person.kind(k)]));
        }
    }

    /// Chooses a candidate of the step.
    #[inline(always)]
    fn choose(&mut self, person: &Person, block: &FeatureBlock) {
        let luck = &mut Luck::new(person.seed());
        let choice = self.policy.decide(&self.model, block, &self.parts, luck, &mut self.scratch);
        self.take(block, choice.index);
    }

    /// Takes candidate `k`, to learn from its vector as this policy sees it.
    #[inline(always)]
    fn take(&mut self, block: &FeatureBlock, k: usize) {
        self.chosen = k;
        self.model.copy_vector(block, k, &mut self.x);
    }

    /// Learns what became of the chosen candidate, at once or when step `due` comes.
    #[inline(always)]
    fn hear(&mut self, outcome: Outcome, due: Option<u32>) {
        let part = self.part_of_kind[outcome.event.kind];
        match due {
            None => {
                self.model.learn_vector(part, &self.x, outcome.reward);
                self.remember(&outcome);
            }
            Some(due) => self.pending.push_back(Pending { due, x: self.x.clone(), part, outcome }),
        }
    }

    /// Learns from what was due by `step`.
    #[inline(always)]
    fn catch_up(&mut self, step: u32) {
        while self.pending.front().is_some_and(|p| p.due <= step) {
            let Some(Pending { x, part, outcome, .. }) = self.pending.pop_front() else { return };
            self.model.learn_vector(part, &x, outcome.reward);
            self.remember(&outcome);
        }
    }

    #[inline(always)]
    fn remember(&mut self, outcome: &Outcome) {
        if self.remembers {
            self.history.observe(&outcome.event);
        }
    }
}

/// Lives one user's life under each policy, telling `observe` of every decision.
///
/// This is the hot loop: nothing in it allocates, unless rewards are delayed.
#[inline(always)]
pub fn live(
    person: &mut Person,
    lives: &mut [Life],
    block: &mut FeatureBlock,
    mut observe: impl FnMut(&Decided),
) {
    watch(person, lives, block, |_, _, _, decided| observe(decided));
}

/// The same, showing `observe` also the person, the policy's life and the block, as they are at the decision,
/// before anything is learned from it. The block is as the last of the policies saw it.
///
/// First every policy chooses, then the person answers all of them: what one policy waits for is computed beside
/// what the others wait for.
#[inline(always)]
pub fn watch(
    person: &mut Person,
    lives: &mut [Life],
    block: &mut FeatureBlock,
    mut observe: impl FnMut(&Person, &Life, &FeatureBlock, &Decided),
) {
    let scenario = person.scenario();
    begin(person, lives, block);
    for step in 0..scenario.steps {
        person.advance(block);
        for life in lives.iter_mut() {
            life.look(person, block);
            life.choose(person, block);
        }
        person.consider(lives.iter().map(|life| life.chosen));
        let best = person.best_expected();
        for (policy, life) in lives.iter_mut().enumerate() {
            let chosen = life.chosen;
            let outcome = person.react_to_chosen(policy, chosen);
            let regret = best - outcome.expected;
            observe(person, life, block, &Decided { policy, step: step as usize, chosen, outcome, regret });
            life.catch_up(step);
            if !person.reward_is_lost() {
                let delay = scenario.rewards.delay;
                life.hear(outcome, (delay > 0).then_some(step + delay));
            }
        }
    }
}

/// Lives the random decisions that lie behind the user, and hands every policy the past that they make.
#[inline(always)]
fn begin(person: &mut Person, lives: &mut [Life], block: &mut FeatureBlock) {
    for life in &mut *lives {
        life.begin();
    }
    let history = person.scenario().history;
    for _ in 0..person.history_steps() {
        if !history.learn {
            let outcome = person.pass();
            for life in &mut *lives {
                life.remember(&outcome);
            }
            continue;
        }
        person.advance(block);
        let shown = person.random_candidate();
        let outcome = person.react(shown);
        for life in lives.iter_mut() {
            life.look(person, block);
            life.take(block, shown);
            life.hear(outcome, None);
        }
    }
}
