//! A scenario with its policies, cut into blocks of users that are run on all cores.
//!
//! Work is cut into fixed blocks of users. A block depends on nothing but its number, so blocks can be
//! computed anywhere and in any order; folded in the order of their numbers they give the same bytes for
//! any number of threads.

use super::metrics::{UserRecord, UserTally};
use super::rollout::Rollout;
use super::run_sums::{PersonaSums, RunSums};
use super::step_loop::{run_batch, trace_batch};
use crate::base::error::{Cause, Error, ErrorKind, Result};
use crate::base::vector::LANES;
use crate::domain::Domain;
use crate::domain::request::Request;
use crate::people::PersonaSimulator;
use crate::people::digest::of_character;
use crate::people::persona::Persona;
use crate::people::scenario::Scenario;
use crate::policy::{DecisionRng, Learns, Policy, Scratch};
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
///
/// ```
/// use rehearsal::people::persona::Persona;
/// use rehearsal::people::scenario::Scenario;
/// use rehearsal::policy::Policy;
/// use rehearsal::simulation::Simulation;
/// use rehearsal::simulation::metrics::Metric;
///
/// let (scenario, personas) = (Scenario::load("steady")?.with_steps(20).expect("in range"), Persona::shipped()?);
/// let policies = [Policy::named("uniform")?, Policy::named("egreedy-v2")?];
/// let simulation = Simulation::new(&scenario, &personas, &policies, 0)?;
/// let mut rewards = [0.0_f64; 2];
/// simulation.run(0..4, |block| {
///     for users in block.records.chunks(policies.len()) {
///         for (sum, record) in rewards.iter_mut().zip(users) {
///             *sum += record.mean(Metric::Reward).unwrap_or_default();
///         }
///     }
///     true
/// })?;
/// assert!(rewards.iter().all(|reward| reward.is_finite()));
/// # Ok::<(), rehearsal::base::error::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Simulation<'a> {
    scenario: &'a Scenario,
    pub(super) simulators: Vec<PersonaSimulator<'a>>,
    pub(super) shares: Vec<f64>,
    pub(super) policies: &'a [Policy],
    pub(super) seed: u64,
    /// Positions of the policies that are no programs: those are in the one loop, in this order.
    in_loop: Vec<usize>,
}

/// Why policies cannot be simulated.
#[derive(Debug, thiserror::Error)]
pub enum SimulationError {
    /// There is none.
    #[error("no policy to simulate: name at least one with --policy")]
    NoPolicy,
    /// It looks at inputs that simulated people do not have.
    #[error(
        "{policy}: it looks at inputs of domain {domain}, and this version has simulated people of {} alone, also for gates; `rehearsal \
         evaluate` judges it on a log, `rehearsal rollout` with real users", Domain::tips().label()
    )]
    OtherDomain {
        /// The policy.
        policy: String,
        /// Its domain.
        domain: String,
    },
    /// There is none or there are several, where a log is of one.
    #[error("a log is of one policy: name one with --policy")]
    NotOnePolicy,
    /// It has one model for all users, who are independent here.
    #[error(
        "{policy}: learns is \"everybody\"; allowed: user, nothing: simulated people are independent and lived through \
         side by side, so there is no order in which one model could learn from all of them; `train` learns from \
         everybody beforehand, as a prior"
    )]
    LearnsFromEverybody {
        /// The policy's name.
        policy: String,
    },
}

impl Cause for SimulationError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }
}

/// The results of one block of users.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// Numbers of its users; the same for each persona.
    pub users: Range<u64>,
    /// One record per user, persona and policy, the policy changing fastest.
    pub records: Vec<UserRecord>,
    /// What was counted of its users' decisions.
    pub sums: RunSums,
}

impl Block {
    /// The part of this block that lies in `users`; its sums stay those of all of it.
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

/// The personas of a population, each with how many of its like come before: those with a larger share, else the earlier.
fn twins<'p>(population: &[(&'p Persona, f64)]) -> impl Iterator<Item = (&'p Persona, usize)> {
    let digests: Vec<String> = population.iter().map(|(persona, _)| of_character(persona)).collect();
    let before = |i: usize, j: usize| {
        let (share, other) = (population[i].1, population[j].1);
        digests[i] == digests[j] && (other > share || other == share && j < i)
    };
    let twin = |i: usize| (0..population.len()).filter(|j| before(i, *j)).count();
    let twins: Vec<_> = population.iter().enumerate().map(|(i, (persona, _))| (*persona, twin(i))).collect();
    twins.into_iter()
}

impl<'a> Simulation<'a> {
    /// `policies` in `scenario`, among those of `personas` that its population has, under `seed`.
    ///
    /// # Errors
    /// No policy, a population that names a persona that is not there, a program that does not answer the same to the same.
    pub fn new(
        scenario: &'a Scenario,
        personas: &'a [Persona],
        policies: &'a [Policy],
        seed: u64,
    ) -> Result<Self> {
        Self::check_policies(policies)?;
        policies.iter().try_for_each(Policy::conforms)?;
        let in_loop = (0..policies.len()).filter(|p| policies[*p].program().is_none()).collect();
        let population = scenario.population(personas)?;
        let simulators = twins(&population)
            .map(|(persona, twin)| PersonaSimulator::of_twin(scenario, persona, seed, twin))
            .collect();
        let shares = population.iter().map(|(_, share)| *share).collect();
        Ok(Self { scenario, simulators, shares, policies, seed, in_loop })
    }

    /// Makes sure that simulated people can meet these policies; none of them is started.
    ///
    /// # Errors
    /// No policy, one that looks at what simulated people do not have, or that learns from everybody.
    pub fn check_policies(policies: &[Policy]) -> Result<()> {
        if policies.is_empty() {
            return Err(Error::because(SimulationError::NoPolicy));
        }
        if let Some(policy) = policies.iter().find(|policy| !policy.features().domain().is_tips()) {
            let (policy, domain) = (policy.name().to_owned(), policy.features().domain().label());
            return Err(Error::because(SimulationError::OtherDomain { policy, domain }));
        }
        if let Some(policy) = policies.iter().find(|policy| policy.learns() == Learns::Everybody) {
            let policy = policy.name().to_owned();
            return Err(Error::because(SimulationError::LearnsFromEverybody { policy }));
        }
        Ok(())
    }

    /// The scenario.
    pub fn scenario(&self) -> &Scenario {
        self.scenario
    }

    /// Names of the personas, in the order of the records, with their shares of the population.
    pub fn personas(&self) -> impl ExactSizeIterator<Item = (&str, f64)> {
        self.simulators
            .iter()
            .zip(&self.shares)
            .map(|(simulator, share)| (simulator.persona().name(), *share))
    }

    /// Number of kinds of tip.
    pub fn kinds(&self) -> usize {
        self.kind_names().len()
    }

    /// Names of the kinds of tip.
    pub fn kind_names(&self) -> &[String] {
        self.simulators[0].kinds()
    }

    /// The policies, in the order of the records.
    pub fn policies(&self) -> &[Policy] {
        self.policies
    }

    /// Decisions that one user of each persona makes, over all policies.
    pub fn decisions_per_user(&self) -> u64 {
        self.simulators.len() as u64 * self.policies.len() as u64 * u64::from(self.scenario.raw().steps)
    }

    /// Runs `users` of each persona and hands their blocks, in order, to `fold`, until that returns false.
    /// Blocks have fixed places: where the range begins or ends inside one, that one is cut short.
    ///
    /// The calling thread folds what there is while the others compute what comes next.
    ///
    /// # Errors
    /// Those of programs; what was folded before is of blocks that are whole.
    pub fn run(&self, users: Range<u64>, fold: impl FnMut(Block) -> bool) -> Result<()> {
        self.run_those(&vec![true; self.simulators.len()], users, fold)
    }

    /// The same for the personas of whom it is true; the records of the others are blank.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn run_those(
        &self,
        those: &[bool],
        users: Range<u64>,
        mut fold: impl FnMut(Block) -> bool,
    ) -> Result<()> {
        let blocks = users.start / BLOCK_USERS..users.end.div_ceil(BLOCK_USERS);
        let run = |i: u64| {
            self.block(those, users.start.max(i * BLOCK_USERS)..users.end.min((i + 1) * BLOCK_USERS))
        };
        let (mut ready, wanted) = (Vec::<Result<Block>>::new(), AtomicBool::new(true));
        let mut failure = None;
        // Blocks are folded in their order up to the first that failed.
        let mut fold = |block: Result<Block>| match block {
            Ok(block) => fold(block),
            Err(error) => {
                failure = Some(error);
                false
            }
        };
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
                return failure.map_or(Ok(()), Err);
            }
            ready = next;
        }
        ready.into_iter().all(fold);
        failure.map_or(Ok(()), Err)
    }

    /// Measures how long each decision of the first policy takes for some users: one at a time, features included, as `score` makes
    /// it once the request is read.
    ///
    /// # Errors
    /// Those of a program.
    pub fn decision_times(&self, users: Range<u64>) -> Result<Vec<Duration>> {
        let (policy, mut scratch, mut times) = (&self.policies[0], Scratch::default(), Vec::new());
        if policy.program().is_some() {
            self.each_alone(users, &mut |decided| times.push(decided.asked))?;
            return Ok(times);
        }
        for (user, simulator) in
            users.flat_map(|user| self.simulators.iter().map(move |simulator| (user, simulator)))
        {
            let mut rollouts = [Rollout::new(policy, simulator)];
            trace_batch(
                &mut simulator.batch(user..user + 1),
                &mut rollouts,
                &mut simulator.block(),
                &mut |batch, rollout, _| {
                    let (model, kinds) =
                        (rollout.model(0), rollout.kinds.iter().map(|kinds| kinds[0]).collect::<Vec<_>>());
                    let request = batch.person(0).request(rollout.history(0));
                    let request = Request::try_from(request).expect("simulated requests are in range");
                    let mut rng = DecisionRng::new(batch.person(0).seed());
                    let start = Instant::now();
                    scratch.with_block(policy.features(), request.offered(), |block, scratch| {
                        black_box(policy.decide(&model, block, &kinds, &mut rng, scratch))
                    });
                    times.push(start.elapsed());
                },
            );
        }
        Ok(times)
    }

    /// The least probability with which the first policy would have shown any candidate of these users' decisions; `None`
    /// where it has none to tell.
    ///
    /// # Errors
    /// Those of a program.
    pub fn least_propensity(&self, users: Range<u64>) -> Result<Option<f64>> {
        let (policy, mut least) = (&self.policies[0], Some(1.0_f64));
        if policy.program().is_some() {
            let mut least = 1.0_f64;
            self.each_alone(users, &mut |decided| {
                least = decided.probabilities.iter().copied().fold(least, f64::min);
            })?;
            return Ok(Some(least));
        }
        for (user, simulator) in users.flat_map(|user| self.simulators.iter().map(move |s| (user, s))) {
            let mut rollouts = [Rollout::new(policy, simulator)];
            let mut batch = simulator.batch(user..user + 1);
            trace_batch(&mut batch, &mut rollouts, &mut simulator.block(), &mut |_, rollout, _| {
                let smallest = rollout.propensities(0).map(|p| p.into_iter().fold(1.0, f64::min));
                least = least.zip(smallest).map(|(a, b)| a.min(b));
            });
        }
        Ok(least)
    }

    /// Runs one block, its personas side by side.
    fn block(&self, those: &[bool], users: Range<u64>) -> Result<Block> {
        let (personas, policies) = (self.simulators.len(), self.policies.len());
        let count = (users.end - users.start) as usize;
        let steps = self.scenario.raw().steps as usize;
        let mut sums = RunSums::blank(personas, policies, steps, self.kinds());
        let of_persona = self.simulators.par_iter().zip(sums.personas_mut());
        let mut records: Vec<Vec<UserRecord>> = of_persona
            .zip(those)
            .with_max_len(1)
            .map(|((simulator, sums), wanted)| match wanted {
                true => self.persona(simulator, users.clone(), sums),
                false => vec![UserRecord::default(); count * policies],
            })
            .collect();
        for policy in (0..policies).filter(|p| !self.in_loop.contains(p)) {
            self.block_of_program(policy, those, users.clone(), &mut records, &mut sums.personas_mut())?;
        }
        let of_user = |i: usize| records.iter().flat_map(move |of| &of[i * policies..][..policies]);
        let records = (0..count).flat_map(of_user).copied().collect();
        Ok(Block { users, records, sums })
    }

    /// Runs the users of one persona: their records, the policy changing fastest. Counts their decisions in `sums`. Those
    /// under programs are blank, and counted elsewhere.
    fn persona(
        &self,
        simulator: &PersonaSimulator,
        users: Range<u64>,
        mut sums: PersonaSums,
    ) -> Vec<UserRecord> {
        let steps = self.scenario.raw().steps as usize;
        let mut records = Vec::with_capacity((users.end - users.start) as usize * self.policies.len());
        let policies = self.in_loop.iter().map(|p| &self.policies[*p]);
        let mut rollouts: Vec<Rollout> = policies.map(|p| Rollout::new(p, simulator)).collect();
        if rollouts.is_empty() {
            let count = (users.end - users.start) as usize * self.policies.len();
            records.resize(count, UserRecord::default());
            return records;
        }
        let mut block = simulator.block();
        let mut tallies = vec![[UserTally::new(steps); LANES]; rollouts.len()];
        for first in users.clone().step_by(LANES) {
            tallies.fill([UserTally::new(steps); LANES]);
            let mut batch = simulator.batch(first..users.end.min(first + LANES as u64));
            run_batch(&mut batch, &mut rollouts, &mut block, |d| {
                let event = &d.outcome.event;
                tallies[d.policy][d.lane].observe(d.step, event.kind, event.reaction, d.regret);
                sums.observe(self.in_loop[d.policy], d.step, event.kind, event.reaction, d.regret);
            });
            for lane in 0..batch.len() {
                let (kinds, traits) = (simulator.kinds().len(), batch.person(lane).traits());
                let from = records.len();
                records.resize(from + self.policies.len(), UserRecord::default());
                for (policy, tallies) in self.in_loop.iter().zip(&tallies) {
                    records[from + policy] = tallies[lane].record(kinds, traits);
                }
            }
        }
        records
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::RawPolicy;

    /// Rewards that are lost and late, users with a past and without one, models per kind, forgetting: in each of these
    /// some of a batch learn and others do not.
    #[test]
    fn users_do_as_they_would_in_a_batch_of_their_own() {
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
            let all = |block: Block| {
                records.extend(block.records);
                true
            };
            simulation.run(users, all).unwrap();
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
