//! The gate on simulated people: its inputs, their digests, the seed that follows from them, and the run.

use crate::error::{Error, Result};
use crate::evidence::{Evidence, Tally, Thinned};
use crate::gate::{Decision, GateSpec, Kind, PairedUser, Provenance, SeedSource, Trial, Verdict};
use crate::persona::Persona;
use crate::policy::{Luck, Policy};
use crate::scenario::Scenario;
use crate::simulate::Simulation;
use rayon::prelude::*;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

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

    /// Runs the gate under `seed`, or under the one that follows from the digests. `progress` is told after
    /// each batch of users.
    ///
    /// # Errors
    /// Evidence that cannot be judged.
    pub fn run(
        &self,
        seed: Option<u64>,
        command: String,
        mut progress: impl FnMut(&Trial),
    ) -> Result<Judgement> {
        let digests = self.digests();
        let (seed, seed_source) = match seed {
            Some(seed) => (seed, SeedSource::Given),
            None => (seed_of(&digests), SeedSource::Inputs),
        };
        let policies = [self.baseline.clone(), self.challenger.clone()];
        let simulation = |scenario| Simulation::new(scenario, &self.personas, &policies, seed);
        let simulations = self.scenarios.iter().map(simulation).collect::<Result<Vec<_>>>()?;
        let mut trial = self.trial(&simulations)?;
        let primary = self.primary();
        let mut tallies: Vec<Tally> = simulations
            .iter()
            .enumerate()
            .map(|(s, simulation)| Tally::new(simulation, s == primary))
            .collect();
        let draw = |open: &[usize], users: std::ops::Range<u64>| {
            let pairs = |(s, tally): (usize, &mut Tally)| {
                let mut pairs = Vec::new();
                simulations[s].run(users.clone(), |block| {
                    tally.observe(&block);
                    let records = block.records.chunks_exact(2);
                    pairs.extend(records.map(|r| PairedUser { baseline: r[0], challenger: r[1] }));
                    true
                });
                pairs
            };
            let drawn = tallies.par_iter_mut().enumerate().filter(|(s, _)| open.contains(s));
            Ok(drawn.map(pairs).collect())
        };
        let mut rejection = Thinned::new();
        let decision = if policy_digest(&self.baseline) == policy_digest(&self.challenger) {
            // Nothing can be shown of a policy against itself: there is no evidence to wait for.
            Decision::Inconclusive
        } else {
            trial.run(draw, |trial| {
                rejection.push(trial.users(), trial.rejection_evidence());
                progress(trial);
            })?
        };
        let provenance =
            Provenance { seed, seed_source, digests, version: env!("CARGO_PKG_VERSION"), command };
        let mut verdict =
            Verdict::new(&trial, decision, self.baseline.name(), self.challenger.name(), provenance);
        if trial.users() == 0 {
            verdict.reason =
                "baseline and challenger are the same policy: there is nothing to judge".to_owned();
        }
        let evidence = Evidence::new(&trial, &simulations, tallies, primary, rejection);
        Ok(Judgement { verdict, evidence })
    }

    /// Position of the primary scenario: the one in which superiority is claimed first.
    fn primary(&self) -> usize {
        let claims = &self.gate.raw().criteria;
        let claim = claims.iter().find(|c| c.kind == Kind::Superior);
        let name = claim.map(|c| c.scenarios[0].as_str());
        self.gate.scenarios().iter().position(|s| Some(*s) == name).unwrap_or_default()
    }

    /// A trial of this gate over these simulations, without users yet.
    fn trial(&self, simulations: &[Simulation]) -> Result<Trial<'_>> {
        let names: Vec<String> = self.scenarios.iter().map(|s| s.name().to_owned()).collect();
        let personas: Vec<Vec<String>> =
            simulations.iter().map(|s| s.personas().map(|(name, _)| name.to_owned()).collect()).collect();
        let shares = simulations.iter().map(|s| s.personas().map(|(_, share)| share).collect()).collect();
        Ok(Trial::new(&self.gate, self.gate.criteria(&names, &personas)?, shares))
    }
}

/// SHA-256, in hexadecimal, of a value's JSON.
fn digest(value: &impl Serialize) -> String {
    let json = serde_json::to_vec(value).expect("checked values are plain data");
    Sha256::digest(json).iter().map(|byte| format!("{byte:02x}")).collect()
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
