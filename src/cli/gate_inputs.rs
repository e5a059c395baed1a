//! What `promote-check` and `calibrate` have in common: the gate and what it is about.

use super::registry_args::RegistryArgs;
use super::shell;
use crate::base::error::{Error, Result};
use crate::gate::promotion::Inputs;
use crate::gate::{GateRefusal, GateSpec};
use crate::people::persona::Persona;
use crate::policy::DecisionRng;
use crate::report::Cast;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct GateInputs {
    #[command(flatten)]
    pub(super) registry: RegistryArgs,
    /// The policy in charge: a name, or a TOML file
    #[arg(long, value_name = "POLICY", default_value = "egreedy-v1")]
    baseline: String,
    /// The policy that wants its place; several, each with this option, are ranked
    #[arg(long = "challenger", value_name = "POLICY", default_value = "linucb-v2-by-kind")]
    challengers: Vec<String>,
    /// The gate, `default` or a file [default: the built-in scenarios/gate.toml]
    #[arg(long, value_name = "FILE")]
    gate: Option<PathBuf>,
    /// Take the personas from this folder instead of the built-in ones
    #[arg(long, value_name = "DIR")]
    personas: Option<PathBuf>,
    /// Use this seed instead of the one that follows from the inputs; a verdict says so
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..DecisionRng::SEEDS))]
    pub(super) seed: Option<u64>,
}

/// Who and what a gate is about, for pages.
pub(super) fn cast(inputs: &Inputs) -> Cast<'_> {
    let reference = inputs.reference.as_ref().map(|policy| ("reference", policy));
    let both = [("in charge", &inputs.baseline), ("challenger", &inputs.challenger)];
    let policies = both.into_iter().chain(reference).collect();
    Cast::new(policies, inputs.scenarios.iter().collect(), &inputs.personas, Some(&inputs.gate))
}

/// Whether the built-in gate is meant.
pub(super) fn is_default(path: &Path) -> bool {
    path == Path::new("default")
}

/// The gate of that name: `default`, or a file.
pub(super) fn gate_at(path: &Path) -> Result<GateSpec> {
    if is_default(path) { GateSpec::shipped() } else { GateSpec::load(path) }
}

impl GateInputs {
    /// The files in which these are, as far as they are files.
    pub(super) fn files(&self) -> Result<Vec<PathBuf>> {
        let personas = self.personas.as_deref().map_or_else(|| Ok(Vec::new()), Persona::files)?;
        let policies = [&self.baseline].into_iter().chain(&self.challengers).map(PathBuf::from);
        Ok(self.gate.clone().into_iter().chain(policies).chain(personas).collect())
    }

    /// Reads and checks everything, of `what`, which is about one challenger.
    pub(super) fn load(&self, what: &'static str) -> Result<Inputs> {
        let challengers = self.challengers.len();
        match self.load_all()?.pop() {
            Some(inputs) if challengers == 1 => Ok(inputs),
            _ => Err(Error::because(GateRefusal::ManyChallengers { challengers, what })),
        }
    }

    /// The same for each challenger.
    pub(super) fn load_all(&self) -> Result<Vec<Inputs>> {
        let gate = self.gate.as_deref().map_or_else(GateSpec::shipped, gate_at)?;
        let personas = self.personas.as_deref().map_or_else(Persona::shipped, Persona::load_dir)?;
        let baseline = self.registry.policy(&self.baseline)?;
        let of = |challenger: &String| {
            let policy = self.registry.policy(challenger)?;
            // Before an attempt is counted, and before anybody is simulated.
            [&baseline, &policy].into_iter().try_for_each(crate::policy::Policy::conforms)?;
            let inputs = Inputs::new(gate.clone(), personas.clone(), baseline.clone(), policy)?;
            let named = |name| shell::option("--policy", name);
            let mut options = vec![named(&self.baseline), named(challenger)];
            options.extend(self.personas.as_ref().map(|path| shell::option("--personas", path)));
            let people =
                self.personas.as_ref().map_or_else(|| inputs.people.clone(), |p| p.display().to_string());
            Ok(Inputs { people, options: options.join(" "), ..inputs })
        };
        self.challengers.iter().map(of).collect()
    }

    /// How many challengers there are.
    pub(super) fn challengers(&self) -> usize {
        self.challengers.len()
    }

    /// The command that does the same again for the `i`-th challenger.
    pub(super) fn command(&self, name: &str, i: usize) -> String {
        let mut words = vec![format!("rehearsal {name}")];
        words.push(shell::option("--baseline", &self.baseline));
        words.push(shell::option("--challenger", &self.challengers[i]));
        words.extend(self.gate.as_ref().map(|path| shell::option("--gate", path)));
        words.extend(self.personas.as_ref().map(|path| shell::option("--personas", path)));
        words.extend(self.seed.map(|seed| format!("--seed {seed}")));
        words.join(" ")
    }
}
