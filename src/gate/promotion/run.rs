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
use crate::gate::segment::{Setting, without_effect};
use crate::gate::sensitivity::{FACTORS, Knob, Moved};
use crate::gate::trial::{Trial, TriedUser, Wanted};
use crate::gate::verdict::{Parties, Provenance, SeedSource, Verdict};
use crate::people::digest::are_among;
use crate::people::persona::Persona;
use crate::people::scenario::Scenario;
use crate::policy::Policy;
use crate::simulation::parts::PartHeader;
use crate::simulation::{Block, Simulation};
use std::ops::Range;
use std::time::Duration;

/// Users of each persona whose decisions are timed.
const TIMED_USERS: u64 = 10;

/// A name as it may stand in a report: nothing in it moves a cursor or begins a line.
fn printable(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// A name as one word of a POSIX shell.
fn word(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    if name.chars().all(plain) {
        name.to_owned()
    } else {
        format!("'{}'", printable(name).replace('\'', "'\\''"))
    }
}

/// Whether two populations are the same people in the same shares, but for the last digits that a file keeps of them.
fn are_one(one: &[(String, f64)], other: &[(String, f64)]) -> bool {
    let same =
        |((a, share), (b, other)): (&(String, f64), &(String, f64))| a == b && (share - other).abs() < 1e-12;
    one.len() == other.len() && one.iter().zip(other).all(same)
}

/// Users of each persona whose decisions show the least propensity.
const PROPENSITY_USERS: u64 = 2;

/// What a gate decided, and what it saw.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The decision and what it rests on.
    pub verdict: Verdict,
    /// What else was seen on the way.
    pub evidence: Evidence,
    /// What was judged, and on whom.
    pub inputs: Inputs,
}

impl Inputs {
    /// The verdicts on these people and on people who are a little different, one thing moved at a time. They are one draw of
    /// people each, at the gate's own level: they say where a verdict turns, and decide nothing.
    ///
    /// # Errors
    /// Evidence that cannot be judged.
    pub fn sensitivity(&self, mut progress: impl FnMut()) -> Result<Vec<Moved>> {
        let mut judge = |knob: Option<Knob>, factor: f64| {
            let of = |persona: &Persona| match knob {
                Some(knob) => knob.moved(persona, factor).map_err(|fault| fault.at(persona.name())),
                None => Ok(persona.clone()),
            };
            let personas = self.personas.iter().map(of).collect::<Result<_>>()?;
            let inputs = Self { personas, ..self.clone() };
            let judgement = inputs.run(UserSource::Simulation(None), String::new(), |_| {})?;
            progress();
            Ok(Moved::new(knob, factor, &judgement.verdict))
        };
        let as_they_are = judge(None, 1.0)?;
        let moved = Knob::ALL.into_iter().flat_map(|knob| FACTORS.map(|factor| (Some(knob), factor)));
        [Ok(as_they_are)].into_iter().chain(moved.map(|(knob, factor)| judge(knob, factor))).collect()
    }

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
        self.refuse_people_of_priors(header.seed)?;
        // Before anybody is simulated: a bad line is found at once.
        let logged = if self.is_against_itself() {
            LogFindings::default()
        } else {
            ask_logs(&self.gate, self.level(), [&self.baseline, &self.challenger], header.seed)?
        };
        let mut trial = self.trial()?;
        let primary = self.primary();
        let mut tallies: Vec<ScenarioSums> =
            (0..header.scenarios.len()).map(|s| ScenarioSums::new(&header, s, s == primary)).collect();
        let mut rejection = Thinned::new();
        let outcome = if self.is_against_itself() {
            // Nothing can be shown of a policy against itself: there is no evidence to wait for.
            GateOutcome::Inconclusive
        } else {
            let draw = |open: &[Wanted], users: Range<u64>| {
                let drawn = supply.draw(open, &users)?;
                let tried = |(wanted, blocks): (&Wanted, &Vec<Block>)| {
                    if wanted.is_whole() {
                        blocks.iter().for_each(|block| tallies[wanted.scenario].observe(block));
                    }
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
            tallies[primary].replace_decisions(parts.sums(primary));
        }
        let seed_source = if header.seed == derived { SeedSource::Inputs } else { SeedSource::Given };
        let version = env!("CARGO_PKG_VERSION");
        let digests = digests.into_iter().chain(logged.digests).collect();
        let ran_out = outcome == GateOutcome::Inconclusive && users < self.gate.raw().max_users;
        let recorded_users = (ran_out && trial.users() > 0).then_some(users);
        let provenance =
            Provenance { seed: header.seed, seed_source, digests, version, recorded_users, command };
        let parties = Parties {
            gate: printable(self.gate.origin()),
            people: printable(&self.people),
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
        let decided = verdict.criteria.iter().find(|c| verdict.decided_by.as_ref() == Some(&c.id));
        verdict.look = decided.map(|criterion| {
            let scenarios = self.scenarios.iter().zip(self.gate.scenarios());
            let named = scenarios.clone().find(|(s, _)| s.name() == criterion.scenario);
            let scenario =
                named.map_or_else(|| criterion.scenario.clone(), |(_, name)| self.gate.resolved(name));
            format!("rehearsal simulate {} {}", word(&scenario), self.options)
        });
        let evidence = Evidence::new(&trial, &header, tallies, primary, rejection);
        let verdict = verdict.with_logs(evidence.beside(logged.assessments));
        let verdict = if trial.differs() { self.with_propensity(verdict)? } else { verdict };
        Ok(Judgement { verdict, evidence, inputs: self.clone() })
    }

    /// The verdict with what is to be said of the least probability with which the challenger shows a candidate.
    fn with_propensity(&self, verdict: Verdict) -> Result<Verdict> {
        let Some(wanted) = self.gate.raw().propensity else { return Ok(verdict) };
        let policies = [self.challenger.clone()];
        let scenario = &self.scenarios[self.primary()];
        let simulation = Simulation::new(scenario, &self.personas, &policies, verdict.provenance.seed)?;
        let name = self.challenger.name();
        let warning = match simulation.least_propensity(0..PROPENSITY_USERS)? {
            Some(least) if least >= wanted.least => return Ok(verdict),
            Some(0.0) => format!(
                "{name} shows some candidates with probability 0: its log cannot tell what they would have done"
            ),
            Some(least) => format!(
                "{name} shows some candidates with a probability of only {least:.1e}: its log tells little of them"
            ),
            None => format!(
                "{name} does not know with which probability it shows a candidate: its log cannot be evaluated"
            ),
        };
        let withheld = wanted.required.then(|| warning.clone());
        let verdict = Verdict { warnings: [verdict.warnings.clone(), vec![warning]].concat(), ..verdict };
        Ok(match withheld {
            Some(reason) => verdict.withheld(reason),
            None => verdict,
        })
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
        let mut trial = self.trial()?;
        let all: Vec<Wanted> = (0..simulations.len()).map(|s| trial.whole(s)).collect();
        for (s, blocks) in Supply::Simulated(simulations).draw(&all, &(0..users))?.iter().enumerate() {
            let tried: Vec<TriedUser> =
                blocks.iter().flat_map(|block| tried(block, policies.len())).collect();
            for user in tried.chunks_exact(header.scenarios[s].personas.len()) {
                trial.observe(&all[s], user)?;
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
        let mut times = simulation.decision_times(first..first + TIMED_USERS)?;
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

    /// Refuses a policy whose prior was learned from the very people that it is to be judged on.
    fn refuse_people_of_priors(&self, seed: u64) -> Result<()> {
        for policy in self.policies() {
            let Some(training) = policy.prior().and_then(|prior| prior.training()) else { continue };
            let same = |scenario: &&Scenario| {
                training.simulated.iter().any(|people| are_among(people, seed, scenario, &self.personas))
            };
            if let Some(scenario) = self.scenarios.iter().find(same) {
                let (policy, scenario) = (policy.name().to_owned(), scenario.name().to_owned());
                return Err(Error::because(GateRefusal::PeopleOfPrior { policy, scenario, seed }));
            }
        }
        Ok(())
    }

    /// Refuses records that do not carry the digests of exactly these inputs.
    fn refuse_others(&self, header: &PartHeader) -> Result<()> {
        let (own, theirs) = (self.digests(), &header.digests);
        let differs = |name: &&String| own.get(*name) != theirs.get(*name);
        let names: Vec<&str> = own.keys().chain(theirs.keys()).filter(differs).map(String::as_str).collect();
        let input = names.first().copied().unwrap_or("personas");
        // What a header says of its people besides is no more to be believed than that.
        let settings = self.settings()?;
        let same = header.scenarios.len() == settings.len()
            && header
                .scenarios
                .iter()
                .zip(&settings)
                .all(|(theirs, own)| are_one(&theirs.personas, &own.personas));
        if names.is_empty() && same {
            return Ok(());
        }
        Err(Error::because(GateRefusal::OtherRecords { input: input.to_owned() }))
    }

    /// Makes sure that this gate can be asked about these policies, as far as that shows before anybody is simulated and
    /// any log is read: those may be still to come.
    ///
    /// # Errors
    /// What a run would refuse at once.
    pub fn check(&self) -> Result<()> {
        Simulation::check_policies(&self.policies())?;
        self.trial().map(drop)
    }

    /// The scenarios as the gate needs to know them.
    fn settings(&self) -> Result<Vec<Setting>> {
        let setting = |scenario: &Scenario| {
            let personas = scenario.population(&self.personas)?;
            let personas = personas.iter().map(|(persona, share)| (persona.name().to_owned(), *share));
            Ok(Setting {
                name: scenario.name().to_owned(),
                personas: personas.collect(),
                traits: scenario.raw().traits,
                without_effect: without_effect(scenario.raw()),
            })
        };
        self.scenarios.iter().map(setting).collect()
    }

    /// A trial of this gate over its scenarios, without users yet.
    fn trial(&self) -> Result<Trial<'_>> {
        let settings = self.settings()?;
        let criteria = self.gate.criteria(&settings, self.reference.is_some())?;
        let shares = settings.iter().map(|s| s.personas.iter().map(|(_, share)| *share).collect()).collect();
        Ok(Trial::new(&self.gate, self.level(), criteria, shares))
    }
}
