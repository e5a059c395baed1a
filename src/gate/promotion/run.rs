//! One run of the gate: users are drawn until it is decided, and logs are asked.

use super::inputs::Inputs;
use super::log_findings::{LogFindings, ask_logs};
use super::supply::{Supply, UserSource, tried};
use crate::base::digest::Digests;
use crate::base::error::{Error, Result};
use crate::gate::evidence::{Evidence, ScenarioSums, Thinned};
use crate::gate::outcome::GateOutcome;
use crate::gate::pool::Pool;
use crate::gate::refusal::GateRefusal;
use crate::gate::segment::Setting;
use crate::gate::trial::{Trial, TriedUser};
use crate::gate::verdict::{Parties, Provenance, SeedSource, Verdict};
use crate::policy::Policy;
use crate::simulation::parts::PartHeader;
use crate::simulation::{Block, Simulation};
use std::ops::Range;
use std::time::Duration;

/// Users of each persona whose decisions are timed.
const TIMED_USERS: u64 = 10;

/// What a gate decided, and what it saw.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The decision and what it rests on.
    pub verdict: Verdict,
    /// What else was seen on the way.
    pub evidence: Evidence,
}

impl Inputs {
    /// Runs the gate and returns what it decided. `command` is the one that does so again; `progress` is told
    /// after each batch of users.
    ///
    /// # Errors
    /// Evidence that cannot be judged; records that were not made for this gate and these inputs.
    pub fn run(
        &self,
        source: UserSource,
        command: String,
        mut progress: impl FnMut(&Trial),
    ) -> Result<Judgement> {
        let digests = self.digests();
        let derived = self.seed()?;
        let policies = self.policies();
        let (header, mut supply, users) = match source {
            UserSource::Simulation(seed) => {
                let users = self.gate.raw().max_users;
                let simulations = self.simulations(&policies, seed.unwrap_or(derived))?;
                let header = PartHeader::new(&simulations, users, seed.unwrap_or(derived), digests.clone());
                (header, Supply::Simulated(simulations), users)
            }
            UserSource::Records(parts) => {
                self.refuse_others(parts.header())?;
                let header = parts.header().clone();
                (header.clone(), Supply::Recorded(parts), header.users.min(self.gate.raw().max_users))
            }
        };
        // Before anybody is simulated: a bad line is found at once.
        let logged = if self.is_against_itself() {
            LogFindings::default()
        } else {
            ask_logs(&self.gate, self.level(), [&self.baseline, &self.challenger], header.seed)?
        };
        let mut trial = self.trial(&header)?;
        let primary = self.primary();
        let mut tallies: Vec<ScenarioSums> =
            (0..header.scenarios.len()).map(|s| ScenarioSums::new(&header, s, s == primary)).collect();
        let mut rejection = Thinned::new();
        let outcome = if self.is_against_itself() {
            // Nothing can be shown of a policy against itself: there is no evidence to wait for.
            GateOutcome::Inconclusive
        } else {
            let draw = |open: &[usize], users: Range<u64>| {
                let drawn = supply.draw(open, &users)?;
                let tried = |(s, blocks): (&usize, &Vec<Block>)| {
                    blocks.iter().for_each(|block| tallies[*s].observe(block));
                    blocks.iter().flat_map(|block| tried(block, policies.len())).collect()
                };
                Ok(open.iter().zip(&drawn).map(tried).collect())
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
        let ran_out = outcome == GateOutcome::Inconclusive && users < self.gate.raw().max_users;
        let recorded_users = (ran_out && trial.users() > 0).then_some(users);
        let provenance =
            Provenance { seed: header.seed, seed_source, digests, version, recorded_users, command };
        let parties = Parties {
            gate: self.gate.origin().to_owned(),
            people: self.people.clone(),
            baseline: self.baseline.name().to_owned(),
            challenger: self.challenger.name().to_owned(),
            reference: self.reference.as_ref().map(|policy| policy.name().to_owned()),
            attempt: self.attempt.number(),
        };
        let mut verdict = Verdict::new(&trial, outcome, parties, provenance);
        if trial.users() == 0 {
            "baseline and challenger are the same policy: there is nothing to judge"
                .clone_into(&mut verdict.reason);
        } else if !trial.differs() {
            "baseline and challenger did the same in every decision: there is nothing to judge"
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
        let seed = seed.map_or_else(|| self.seed(), Ok)?;
        let policies = self.policies();
        let simulations = self.simulations(&policies, seed)?;
        let header = PartHeader::new(&simulations, users, seed, Digests::new());
        let mut trial = self.trial(&header)?;
        let all: Vec<usize> = (0..simulations.len()).collect();
        for (s, blocks) in Supply::Simulated(simulations).draw(&all, &(0..users))?.iter().enumerate() {
            let tried: Vec<TriedUser> =
                blocks.iter().flat_map(|block| tried(block, policies.len())).collect();
            for user in tried.chunks_exact(header.scenarios[s].personas.len()) {
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

    /// Largest probability of a wrong promotion by this attempt.
    pub fn level(&self) -> f64 {
        self.attempt.level(self.gate.raw().alpha)
    }

    fn simulations<'a>(&'a self, policies: &'a [Policy], seed: u64) -> Result<Vec<Simulation<'a>>> {
        self.scenarios.iter().map(|s| Simulation::new(s, &self.personas, policies, seed)).collect()
    }

    /// Refuses records that do not carry the digests of exactly these inputs.
    fn refuse_others(&self, header: &PartHeader) -> Result<()> {
        let (own, theirs) = (self.digests(), &header.digests);
        let differs = |name: &&String| own.get(*name) != theirs.get(*name);
        let names: Vec<&str> = own.keys().chain(theirs.keys()).filter(differs).map(String::as_str).collect();
        match names.first() {
            None => Ok(()),
            Some(name) => Err(Error::because(GateRefusal::OtherRecords { input: (*name).to_owned() })),
        }
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
        let criteria = self.gate.criteria(&settings, self.reference.is_some())?;
        let shares = settings.iter().map(|s| s.personas.iter().map(|(_, share)| *share).collect()).collect();
        Ok(Trial::new(&self.gate, self.level(), criteria, shares))
    }
}
