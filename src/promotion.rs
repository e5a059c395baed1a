//! The gate on simulated people: its inputs, their digests, the seed that follows from them, and the run.

use crate::error::{Error, Result};
use crate::gate::{Decision, GateSpec, PairedUser, Pool, Provenance, SeedSource, Setting, Trial, Verdict};
use crate::persona::Persona;
use crate::policy::{Luck, Policy};
use crate::scenario::Scenario;
use crate::simulate::Simulation;
use rayon::prelude::*;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::ops::Range;
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

impl Inputs {
    /// Puts the inputs together, loading the scenarios that the gate names.
    ///
    /// # Errors
    /// A scenario that is unknown, cannot be read or is not allowed; two scenarios of one name.
    pub fn new(gate: GateSpec, personas: Vec<Persona>, baseline: Policy, challenger: Policy) -> Result<Self> {
        let scenarios = gate.scenarios().into_iter().map(Scenario::load).collect::<Result<Vec<_>>>()?;
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

    /// SHA-256 of every input as it was understood, by name: what has no effect on the verdict
    /// (descriptions, comments, the names of policies) has none on the digests.
    pub fn digests(&self) -> BTreeMap<String, String> {
        let mut gate = self.gate.raw().clone();
        gate.description.clear();
        let mut digests = BTreeMap::from([("gate".to_owned(), digest(&gate))]);
        for persona in &self.personas {
            let mut raw = persona.raw().clone();
            raw.description.clear();
            digests.insert(format!("persona/{}", persona.name()), digest(&raw));
        }
        for scenario in &self.scenarios {
            let mut raw = scenario.raw().clone();
            raw.description.clear();
            digests.insert(format!("scenario/{}", scenario.name()), digest(&raw));
        }
        for (role, policy) in [("baseline", &self.baseline), ("challenger", &self.challenger)] {
            digests.insert(role.to_owned(), policy_digest(policy));
        }
        digests
    }

    /// The seed that follows from the digests, or the one that was given.
    fn seed(&self, given: Option<u64>) -> (u64, SeedSource) {
        given.map_or_else(|| (seed_of(&self.digests()), SeedSource::Inputs), |seed| (seed, SeedSource::Given))
    }

    /// Runs the gate under `seed`, or under the one that follows from the digests, and returns its verdict.
    /// `progress` is told after each batch of users.
    ///
    /// # Errors
    /// Evidence that cannot be judged.
    pub fn run(&self, seed: Option<u64>, command: String, progress: impl FnMut(&Trial)) -> Result<Verdict> {
        let (seed, seed_source) = self.seed(seed);
        let policies = self.policies();
        let simulations = self.simulations(&policies, seed)?;
        let mut trial = self.trial(&simulations)?;
        let decision = if self.is_against_itself() {
            // Nothing can be shown of a policy against itself: there is no evidence to wait for.
            Decision::Inconclusive
        } else {
            trial.run(|open, users| Ok(draw(&simulations, open, &users)), progress)?
        };
        let version = env!("CARGO_PKG_VERSION");
        let provenance = Provenance { seed, seed_source, digests: self.digests(), version, command };
        let mut verdict =
            Verdict::new(&trial, decision, self.baseline.name(), self.challenger.name(), provenance);
        if trial.users() == 0 {
            "baseline and challenger are the same policy: there is nothing to judge"
                .clone_into(&mut verdict.reason);
        }
        Ok(verdict)
    }

    /// The gains of `users` of each persona on every criterion that the decision rests on, for calibration
    /// and planning: no decision is taken.
    ///
    /// # Errors
    /// Evidence that cannot be judged.
    pub fn pools(&self, seed: Option<u64>, users: u64) -> Result<Vec<Pool>> {
        let policies = self.policies();
        let simulations = self.simulations(&policies, self.seed(seed).0)?;
        let mut trial = self.trial(&simulations)?;
        let all: Vec<usize> = (0..simulations.len()).collect();
        for (scenario, pairs) in draw(&simulations, &all, &(0..users)).iter().enumerate() {
            for user in pairs.chunks_exact(simulations[scenario].personas().len()) {
                trial.observe(scenario, user)?;
            }
        }
        Ok(trial.pools())
    }

    /// How long the challenger takes for one decision, features included, at the 99th percentile, in the
    /// first scenario of the gate, with users whom no verdict has seen.
    ///
    /// # Errors
    /// A population that names a persona that is not there.
    pub fn decision_time_p99(&self, seed: u64) -> Result<Duration> {
        let policies = [self.challenger.clone()];
        let simulation = Simulation::new(&self.scenarios[0], &self.personas, &policies, seed)?;
        let fresh = self.gate.raw().max_users..self.gate.raw().max_users + TIMED_USERS;
        let mut times = simulation.decision_times(fresh);
        times.sort_unstable();
        Ok(times[(times.len() - 1) * 99 / 100])
    }

    /// Whether baseline and challenger do the same.
    fn is_against_itself(&self) -> bool {
        policy_digest(&self.baseline) == policy_digest(&self.challenger)
    }

    fn policies(&self) -> [Policy; 2] {
        [self.baseline.clone(), self.challenger.clone()]
    }

    fn simulations<'a>(&'a self, policies: &'a [Policy], seed: u64) -> Result<Vec<Simulation<'a>>> {
        self.scenarios.iter().map(|s| Simulation::new(s, &self.personas, policies, seed)).collect()
    }

    /// A trial of this gate over these simulations, without users yet.
    fn trial(&self, simulations: &[Simulation]) -> Result<Trial<'_>> {
        let setting = |s: &Simulation| Setting {
            name: s.scenario().name().to_owned(),
            personas: s.personas().map(|(name, share)| (name.to_owned(), share)).collect(),
            traits: s.scenario().raw().traits,
        };
        let settings: Vec<Setting> = simulations.iter().map(setting).collect();
        let criteria = self.gate.criteria(&settings)?;
        let shares = settings.iter().map(|s| s.personas.iter().map(|(_, share)| *share).collect()).collect();
        Ok(Trial::new(&self.gate, criteria, shares))
    }
}

/// The users of a range in some of the scenarios, as pairs.
fn draw(simulations: &[Simulation], open: &[usize], users: &Range<u64>) -> Vec<Vec<PairedUser>> {
    let pairs = |s: &usize| {
        let mut pairs = Vec::new();
        simulations[*s].run(users.clone(), |block| {
            let records = block.records.chunks_exact(2);
            pairs.extend(records.map(|r| PairedUser { baseline: r[0], challenger: r[1] }));
            true
        });
        pairs
    };
    open.par_iter().map(pairs).collect()
}

/// SHA-256, in hexadecimal, of a value's JSON.
fn digest(value: &impl Serialize) -> String {
    let json = serde_json::to_vec(value).expect("checked values are plain data");
    let hexadecimal = |mut text: String, byte: &u8| {
        text += &format!("{byte:02x}");
        text
    };
    Sha256::digest(json).iter().fold(String::new(), hexadecimal)
}

/// Digest of what a policy does, whatever it is called.
fn policy_digest(policy: &Policy) -> String {
    let mut raw = policy.to_raw();
    raw.name.clear();
    digest(&raw)
}

/// The seed that follows from digests: below 2^53, so that any JSON reader holds it whole.
fn seed_of(digests: &BTreeMap<String, String>) -> u64 {
    let hash = Sha256::digest(digest(digests));
    u64::from_be_bytes(hash[..8].try_into().expect("eight of 32 bytes")) % Luck::SEEDS
}
