//! The gate on simulated people: its inputs, the seed that follows from their digests, and the run.

mod logged;

use crate::base::digest::{self, Digests};
use crate::base::error::{Error, Result};
use crate::gate::evidence::{Evidence, Tally, Thinned};
use crate::gate::{
    Decision, GateSpec, Kind, PairedUser, Pool, Provenance, SeedSource, Setting, Trial, Verdict,
};
use crate::people::digest::of_people;
use crate::people::persona::Persona;
use crate::people::scenario::Scenario;
use crate::policy::Policy;
use crate::simulation::parts::{PartHeader, RunParts};
use crate::simulation::{BLOCK_USERS, Block, Simulation};
use logged::Logged;
use rayon::prelude::*;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

/// Users of each persona whose decisions are timed.
const TIMED_USERS: u64 = 10;

/// Everything that a verdict depends on.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// The gate.
    pub gate: GateSpec,
    /// All personas; each scenario's population chooses among them.
    pub personas: Vec<Persona>,
    /// The scenarios that the gate names, in its order.
    pub scenarios: Vec<Scenario>,
    /// The policy in charge.
    pub baseline: Policy,
    /// The policy that wants its place.
    pub challenger: Policy,
}

/// What a gate decided, and what it saw.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The decision and what it rests on.
    pub verdict: Verdict,
    /// What else was seen on the way.
    pub evidence: Evidence,
}

/// Where simulated users come from.
#[derive(Debug)]
pub enum Source {
    /// They are simulated now, under this seed or under the one that follows from the inputs.
    Simulation(Option<u64>),
    /// They were simulated before, for this very gate.
    Records(RunParts),
}

/// Blocks of users as a run asks for them.
enum Supply<'a> {
    Simulated(Vec<Simulation<'a>>),
    Recorded(RunParts),
}

impl Inputs {
    /// The files and folders that the gate names, as far as they are there: scenarios, logs and states.
    ///
    /// # Errors
    /// A log that cannot be read.
    pub fn files(&self) -> Result<Vec<PathBuf>> {
        let mut files: Vec<PathBuf> = self.gate.scenarios().into_iter().map(PathBuf::from).collect();
        for (i, log) in self.gate.logs().iter().enumerate() {
            files.extend(self.files_of_log(i)?);
            files.extend(log.states.iter().map(PathBuf::from));
        }
        Ok(files)
    }

    /// Puts the inputs together, loading the scenarios that the gate names.
    ///
    /// # Errors
    /// A scenario that is unknown, cannot be read or is not allowed; two scenarios of one name; two policies of one
    /// name.
    pub fn new(gate: GateSpec, personas: Vec<Persona>, baseline: Policy, challenger: Policy) -> Result<Self> {
        if baseline.name() == challenger.name() && baseline.digest() != challenger.digest() {
            return Err(Error::Refused(format!(
                "baseline and challenger are different policies, both named {:?}: change `name` in one of the files",
                challenger.name()
            )));
        }
        let load = |name| Scenario::load(name).map_err(Error::named_by(gate.place_of(name)));
        let scenarios = gate.scenarios().into_iter().map(load).collect::<Result<Vec<_>>>()?;
        for (i, scenario) in scenarios.iter().enumerate() {
            if scenarios[..i].iter().any(|s| s.name() == scenario.name()) {
                return Err(Error::Refused(format!(
                    "the gate has two scenarios named {:?}",
                    scenario.name()
                )));
            }
        }
        Ok(Self { gate, personas, scenarios, baseline, challenger })
    }

    /// Digests of every input.
    pub fn digests(&self) -> Digests {
        let mut digests = of_people(&self.personas, &self.scenarios);
        digests.insert("gate".to_owned(), self.gate.digest());
        for (role, policy) in [("baseline", &self.baseline), ("challenger", &self.challenger)] {
            digests.insert(role.to_owned(), policy.digest());
        }
        digests
    }

    /// The seed that follows from the digests: running again until the verdict pleases is no way through.
    pub fn seed(&self) -> u64 {
        digest::seed(&self.digests())
    }

    /// Runs the gate and returns what it decided. `command` is the one that does so again; `progress` is told
    /// after each batch of users.
    ///
    /// # Errors
    /// Evidence that cannot be judged; records that were not made for this gate and these inputs.
    pub fn run(
        &self,
        source: Source,
        command: String,
        mut progress: impl FnMut(&Trial),
    ) -> Result<Judgement> {
        let digests = self.digests();
        let derived = digest::seed(&digests);
        let policies = self.policies();
        let (header, mut supply, users) = match source {
            Source::Simulation(seed) => {
                let users = self.gate.raw().max_users;
                let simulations = self.simulations(&policies, seed.unwrap_or(derived))?;
                let header = PartHeader::new(&simulations, users, seed.unwrap_or(derived), digests.clone());
                (header, Supply::Simulated(simulations), users)
            }
            Source::Records(parts) => {
                self.refuse_others(parts.header())?;
                let header = parts.header().clone();
                (header.clone(), Supply::Recorded(parts), header.users.min(self.gate.raw().max_users))
            }
        };
        // Before anybody is simulated: a bad line is found at once.
        let logged = if self.is_against_itself() { Logged::default() } else { self.ask_logs(header.seed)? };
        let mut trial = self.trial(&header)?;
        let primary = self.primary();
        let mut tallies: Vec<Tally> =
            (0..header.scenarios.len()).map(|s| Tally::new(&header, s, s == primary)).collect();
        let mut rejection = Thinned::new();
        let decision = if self.is_against_itself() {
            // Nothing can be shown of a policy against itself: there is no evidence to wait for.
            Decision::Inconclusive
        } else {
            let draw = |open: &[usize], users: Range<u64>| {
                let drawn = supply.draw(open, &users)?;
                let pairs = |(s, blocks): (&usize, &Vec<Block>)| {
                    blocks.iter().for_each(|block| tallies[*s].observe(block));
                    blocks.iter().flat_map(pairs_of).collect()
                };
                Ok(open.iter().zip(&drawn).map(pairs).collect())
            };
            trial.run(users, draw, |trial| {
                rejection.push(trial.users(), trial.rejection_evidence());
                progress(trial);
            })?
        };
        if let (Supply::Recorded(parts), 1..) = (&supply, trial.users()) {
            tallies[primary].replace_curve(parts.curve(primary), header.users);
        }
        let seed_source = if header.seed == derived { SeedSource::Inputs } else { SeedSource::Given };
        let version = env!("CARGO_PKG_VERSION");
        let digests = digests.into_iter().chain(logged.digests).collect();
        let ran_out = decision == Decision::Inconclusive && users < self.gate.raw().max_users;
        let recorded_users = (ran_out && trial.users() > 0).then_some(users);
        let provenance =
            Provenance { seed: header.seed, seed_source, digests, version, recorded_users, command };
        let mut verdict =
            Verdict::new(&trial, decision, self.baseline.name(), self.challenger.name(), provenance);
        if trial.users() == 0 {
            "baseline and challenger are the same policy: there is nothing to judge"
                .clone_into(&mut verdict.reason);
        }
        let evidence = Evidence::new(&trial, &header, tallies, primary, rejection);
        let verdict = verdict.with_logs(evidence.beside(logged.assessments));
        Ok(Judgement { verdict, evidence })
    }

    /// The gains of `users` of each persona on every criterion that the decision rests on, for calibration
    /// and planning: no decision is taken.
    ///
    /// # Errors
    /// Evidence that cannot be judged.
    pub fn pools(&self, seed: Option<u64>, users: u64) -> Result<Vec<Pool>> {
        let seed = seed.unwrap_or_else(|| self.seed());
        let policies = self.policies();
        let simulations = self.simulations(&policies, seed)?;
        let header = PartHeader::new(&simulations, users, seed, Digests::new());
        let mut trial = self.trial(&header)?;
        let all: Vec<usize> = (0..simulations.len()).collect();
        for (s, blocks) in Supply::Simulated(simulations).draw(&all, &(0..users))?.iter().enumerate() {
            let pairs: Vec<PairedUser> = blocks.iter().flat_map(pairs_of).collect();
            for user in pairs.chunks_exact(header.scenarios[s].personas.len()) {
                trial.observe(s, user)?;
            }
        }
        Ok(trial.pools())
    }

    /// How long the challenger takes for one decision, features included, at the 99th percentile, in the
    /// primary scenario, with users whom no verdict has seen.
    ///
    /// # Errors
    /// A population that names a persona that is not there.
    pub fn decision_time_p99(&self, seed: u64) -> Result<Duration> {
        let policies = [self.challenger.clone()];
        let scenario = &self.scenarios[self.primary()];
        let simulation = Simulation::new(scenario, &self.personas, &policies, seed)?;
        let first = self.gate.raw().max_users;
        let mut times = simulation.decision_times(first..first + TIMED_USERS);
        times.sort_unstable();
        Ok(times[(times.len() - 1) * 99 / 100])
    }

    /// Position of the primary scenario: the one in which superiority is claimed first.
    fn primary(&self) -> usize {
        let claims = &self.gate.raw().criteria;
        let claim = claims.iter().find(|c| c.kind == Kind::Superior);
        let name = claim.map(|c| c.scenarios[0].as_str());
        self.gate.scenarios().iter().position(|s| Some(*s) == name).unwrap_or_default()
    }

    /// Whether baseline and challenger do the same.
    pub fn is_against_itself(&self) -> bool {
        self.baseline.digest() == self.challenger.digest()
    }

    fn policies(&self) -> [Policy; 2] {
        [self.baseline.clone(), self.challenger.clone()]
    }

    fn simulations<'a>(&'a self, policies: &'a [Policy], seed: u64) -> Result<Vec<Simulation<'a>>> {
        self.scenarios.iter().map(|s| Simulation::new(s, &self.personas, policies, seed)).collect()
    }

    /// Refuses records that do not carry the digests of exactly these inputs.
    fn refuse_others(&self, header: &PartHeader) -> Result<()> {
        let (own, theirs) = (self.digests(), &header.digests);
        let differs = |name: &&String| own.get(*name) != theirs.get(*name);
        let names: Vec<&str> = own.keys().chain(theirs.keys()).filter(differs).map(String::as_str).collect();
        if names.is_empty() {
            return Ok(());
        }
        Err(Error::Refused(format!(
            "these records were not made for this gate: they differ in {}; \
             make them with `rehearsal simulate --gate`",
            names[0]
        )))
    }

    /// A trial of this gate over the scenarios of a run, without users yet.
    fn trial(&self, header: &PartHeader) -> Result<Trial<'_>> {
        let settings: Vec<Setting> = header
            .scenarios
            .iter()
            .zip(&self.scenarios)
            .map(|(header, scenario)| Setting {
                name: header.name.clone(),
                personas: header.personas.clone(),
                traits: scenario.raw().traits,
            })
            .collect();
        let criteria = self.gate.criteria(&settings)?;
        let shares = settings.iter().map(|s| s.personas.iter().map(|(_, share)| *share).collect()).collect();
        Ok(Trial::new(&self.gate, criteria, shares))
    }
}

impl Supply<'_> {
    /// The users of a range in some of the scenarios.
    fn draw(&mut self, open: &[usize], users: &Range<u64>) -> Result<Vec<Vec<Block>>> {
        match self {
            Self::Simulated(simulations) => {
                let run = |s: &usize| {
                    let mut blocks = Vec::new();
                    simulations[*s].run(users.clone(), |block| {
                        blocks.push(block);
                        true
                    });
                    blocks
                };
                Ok(open.par_iter().map(run).collect())
            }
            Self::Recorded(parts) => {
                let numbers = users.start / BLOCK_USERS..users.end.div_ceil(BLOCK_USERS);
                let mut of = |s: &usize| {
                    let blocks = numbers.clone().map(|number| Ok(parts.block(*s, number)?.cut(users)));
                    blocks.collect()
                };
                open.iter().map(&mut of).collect()
            }
        }
    }
}

/// The users of a block of baseline and challenger.
fn pairs_of(block: &Block) -> impl Iterator<Item = PairedUser> + '_ {
    block.records.chunks_exact(2).map(|pair| PairedUser { baseline: pair[0], challenger: pair[1] })
}
