//! Everything that a verdict depends on, put together and told apart from everything else by digests.

use super::log_findings::files_of_log;
use crate::base::digest::{self, Digests, of_value};
use crate::base::error::{Error, Result};
use crate::gate::attempt::Attempt;
use crate::gate::claim::Claim;
use crate::gate::criterion::RawCriterion;
use crate::gate::refusal::GateRefusal;
use crate::gate::spec::GateSpec;
use crate::people::digest::{of_character, of_conditions, of_people};
use crate::people::persona::Persona;
use crate::people::scenario::Scenario;
use crate::policy::Policy;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Everything that a verdict depends on.
#[derive(Debug, Clone, PartialEq)]
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
    /// The policy below which nobody may fall, where the gate names one and it is neither of both.
    pub reference: Option<Policy>,
    /// The options with which `simulate` shows the same policies and people.
    pub options: String,
    /// What whoever asked calls the people.
    pub people: String,
    /// Which attempt of a series this is.
    pub attempt: Attempt,
}

impl Inputs {
    /// The files and folders that the gate names, as far as they are there: scenarios, logs and states.
    ///
    /// # Errors
    /// A log that cannot be read.
    pub fn files(&self) -> Result<Vec<PathBuf>> {
        let named = self.gate.scenarios().into_iter().chain(self.gate.raw().reference.as_deref());
        let mut files: Vec<PathBuf> = named.map(|name| PathBuf::from(self.gate.resolved(name))).collect();
        for (i, log) in self.gate.logs().iter().enumerate() {
            files.extend(files_of_log(&self.gate, i)?);
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
            let name = challenger.name().to_owned();
            return Err(Error::because(GateRefusal::PoliciesOfOneName { name }));
        }
        let load = |name| Scenario::load(&gate.resolved(name)).map_err(Error::named_by(gate.place_of(name)));
        let scenarios = gate.scenarios().into_iter().map(load).collect::<Result<Vec<_>>>()?;
        for (i, scenario) in scenarios.iter().enumerate() {
            if scenarios[..i].iter().any(|s| s.name() == scenario.name()) {
                let name = scenario.name().to_owned();
                return Err(Error::because(GateRefusal::ScenariosOfOneName { name }));
            }
        }
        let reference = gate.raw().reference.as_ref().map(|name| {
            Policy::load(&gate.resolved(name))
                .map_err(Error::named_by(format!("{}: reference", gate.origin())))
        });
        let reference = reference
            .transpose()?
            .filter(|policy| ![baseline.digest(), challenger.digest()].contains(&policy.digest()));
        let attempt = Attempt::default();
        let options = format!("--policy {} --policy {}", baseline.name(), challenger.name());
        Ok(Self {
            gate,
            personas,
            scenarios,
            baseline,
            challenger,
            reference,
            options,
            people: "shipped".to_owned(),
            attempt,
        })
    }

    /// Digests of every input.
    pub fn digests(&self) -> Digests {
        let mut digests = of_people(&self.personas, &self.scenarios);
        digests.insert("gate".to_owned(), self.gate.digest());
        let reference = self.reference.as_ref().map(|policy| ("reference", policy));
        for (role, policy) in
            [("baseline", &self.baseline), ("challenger", &self.challenger)].into_iter().chain(reference)
        {
            digests.insert(role.to_owned(), policy.digest());
        }
        digests
    }

    /// The seed that follows from what personas and scenarios mean and from the number of the attempt. Policies, criteria,
    /// names, paths, shares and the order of anything have no part in it: none of them draws other people.
    ///
    /// # Errors
    /// A population that names a persona that is not there.
    pub fn seed(&self) -> Result<u64> {
        let conditions: BTreeSet<String> = self.scenarios.iter().map(of_conditions).collect();
        let mut characters = BTreeSet::new();
        for scenario in &self.scenarios {
            characters.extend(scenario.population(&self.personas)?.iter().map(|(p, _)| of_character(p)));
        }
        Ok(digest::seed(&(conditions, characters, self.attempt.number())))
    }

    /// Digest of what an attempt is about: everything but names, paths, order and how far one goes. Who tries the same again
    /// under another name has no new attempt.
    ///
    /// # Errors
    /// A population that names a persona that is not there.
    pub fn question(&self) -> Result<String> {
        let order = self.gate.scenarios();
        let mut conditions = BTreeMap::new();
        for (name, scenario) in order.iter().zip(&self.scenarios) {
            let shares = scenario.population(&self.personas)?;
            let mut shares: Vec<String> =
                shares.iter().map(|(p, share)| format!("{} {share}", of_character(p))).collect();
            shares.sort();
            conditions.insert(*name, of_value(&(of_conditions(scenario), shares)));
        }
        let raw = self.gate.raw();
        let mut criteria = Vec::new();
        for entry in &raw.criteria {
            for name in &entry.scenarios {
                let one =
                    RawCriterion { scenarios: vec![conditions[name.as_str()].clone()], ..entry.clone() };
                criteria.push(of_value(&one));
            }
        }
        criteria.sort();
        let levels = [raw.alpha, raw.beta, raw.minimum_effect];
        let policies = [Some(&self.baseline), Some(&self.challenger), self.reference.as_ref()]
            .map(|p| p.map(Policy::digest));
        Ok(of_value(&(criteria, levels, policies, &raw.logs)))
    }

    /// Position of the primary scenario: the one in which superiority is claimed first.
    pub(super) fn primary(&self) -> usize {
        let claims = &self.gate.raw().criteria;
        let claim = claims.iter().find(|c| c.kind == Claim::Superior);
        let name = claim.map(|c| c.scenarios[0].as_str());
        self.gate.scenarios().iter().position(|s| Some(*s) == name).unwrap_or_default()
    }

    /// Whether baseline and challenger do the same.
    pub fn is_against_itself(&self) -> bool {
        self.baseline.digest() == self.challenger.digest()
    }

    /// The policies whose users are simulated, in the order of their records: baseline, challenger, and the reference where
    /// it is another one.
    pub fn policies(&self) -> Vec<Policy> {
        let both = [&self.baseline, &self.challenger];
        both.into_iter().chain(&self.reference).cloned().collect()
    }
}
