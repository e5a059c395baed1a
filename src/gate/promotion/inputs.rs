//! Everything that a verdict depends on, put together and told apart from everything else by digests.

use super::log_findings::files_of_log;
use crate::base::digest::{self, Digests};
use crate::base::error::{Error, Result};
use crate::gate::claim::Claim;
use crate::gate::refusal::GateRefusal;
use crate::gate::spec::GateSpec;
use crate::people::digest::of_people;
use crate::people::persona::Persona;
use crate::people::scenario::Scenario;
use crate::policy::Policy;
use std::path::PathBuf;

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
    /// The files and folders that the gate names, as far as they are there: scenarios, logs and states.
    ///
    /// # Errors
    /// A log that cannot be read.
    pub fn files(&self) -> Result<Vec<PathBuf>> {
        let mut files: Vec<PathBuf> = self.gate.scenarios().into_iter().map(PathBuf::from).collect();
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
        let load = |name| Scenario::load(name).map_err(Error::named_by(gate.place_of(name)));
        let scenarios = gate.scenarios().into_iter().map(load).collect::<Result<Vec<_>>>()?;
        for (i, scenario) in scenarios.iter().enumerate() {
            if scenarios[..i].iter().any(|s| s.name() == scenario.name()) {
                let name = scenario.name().to_owned();
                return Err(Error::because(GateRefusal::ScenariosOfOneName { name }));
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

    pub(super) fn policies(&self) -> [Policy; 2] {
        [self.baseline.clone(), self.challenger.clone()]
    }
}
