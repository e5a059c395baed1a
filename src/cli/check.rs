//! `rehearsal check`: whether files are what a command would take them for, and all that is wrong with them.

use super::gate_inputs::is_default;
use super::project::Project;
use super::prompt_args::PromptArgs;
use super::registry_args::RegistryArgs;
use super::{exit, output};
use crate::base::error::{Error, Result};
use crate::base::read;
use crate::domain::Domain;
use crate::experiment::Experiments;
use crate::features::FeatureSet;
use crate::gate::GateSpec;
use crate::gate::promotion::Inputs;
use crate::people::persona::Persona;
use crate::people::scenario::Scenario;
use crate::policy::{NAMED, Policy};
use crate::prompt::Prompt;
use crate::service::{ActiveExperiments, Policies};
use std::path::{Path, PathBuf};

#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// Files of gates, scenarios, personas, policies, domains, feature sets, experiments, prompts, or a project's rehearsal.toml
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// What the files are [default: what their fields say]
    #[arg(long = "as", value_name = "WHAT")]
    kind: Option<FileKind>,
    /// The personas of gates and scenarios: those of this folder instead of the built-in ones [default: as rehearsal.toml says]
    #[arg(long, value_name = "DIR")]
    personas: Option<PathBuf>,
    #[command(flatten)]
    registry: RegistryArgs,
    #[command(flatten)]
    prompts: PromptArgs,
}

impl Args {
    /// The people whom gates and scenarios are about.
    fn people(&self) -> Result<Vec<Persona>> {
        let of_project = || Ok(Project::load()?.personas);
        let folder = self.personas.clone().map_or_else(of_project, |folder| Ok(Some(folder)))?;
        folder.as_deref().map_or_else(Persona::shipped, Persona::load_dir)
    }

    /// Whether a gate can be asked, of two policies that are there.
    fn check_gate(&self, path: &Path) -> Result<()> {
        let [baseline, challenger, ..] = NAMED;
        let policies = (Policy::named(baseline)?, Policy::named(challenger)?);
        Inputs::new(GateSpec::load(path)?, self.people()?, policies.0, policies.1)?.check()
    }

    /// Whether all is there that a project's file names; its paths are relative to where it is.
    fn check_project(&self, path: &Path, text: &str, origin: &str) -> Result<()> {
        let Project { store: _, gate, personas, policies } = Project::from_toml(text, origin)?;
        let dir = path.parent().unwrap_or(Path::new(""));
        let named = |field: &str| Error::named_by(format!("{origin}: {field}"));
        let personas = personas.map(|folder| dir.join(folder));
        personas.as_deref().map_or(Ok(Vec::new()), Persona::load_dir).map_err(named("personas"))?;
        for (i, name) in policies.iter().enumerate() {
            let name = if read::is_path(name) { dir.join(name).display().to_string() } else { name.clone() };
            self.registry.policy(&name).map_err(named(&format!("policies[{i}]")))?;
        }
        match gate.filter(|gate| !is_default(gate)) {
            Some(gate) => {
                let people = personas.or_else(|| self.personas.clone());
                let of_project = Self { personas: people, ..self.clone() };
                of_project.check_gate(&dir.join(gate)).map_err(named("gate"))
            }
            None => Ok(()),
        }
    }
}

/// What a file may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum FileKind {
    /// Criteria and the chances to be wrong.
    Gate,
    /// What simulated people live through.
    Scenario,
    /// A sort of simulated people.
    Persona,
    /// An explorer with its parameters.
    Policy,
    /// What may be known and what can happen.
    Domain,
    /// How a request becomes a vector.
    FeatureSet,
    /// Which users meet what.
    Experiment,
    /// How a language model is asked for a tip.
    Prompt,
    /// What is given each time: `rehearsal.toml`.
    Project,
}

impl FileKind {
    const ALL: [Self; 9] = [
        Self::Gate,
        Self::Scenario,
        Self::Persona,
        Self::Policy,
        Self::Domain,
        Self::FeatureSet,
        Self::Experiment,
        Self::Prompt,
        Self::Project,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Gate => "gate",
            Self::Scenario => "scenario",
            Self::Persona => "persona",
            Self::Policy => "policy",
            Self::Domain => "domain",
            Self::FeatureSet => "feature-set",
            Self::Experiment => "experiment",
            Self::Prompt => "prompt",
            Self::Project => "project",
        }
    }

    /// Fields that files of this sort have, and others have not.
    fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Gate => &[
                "criteria",
                "logs",
                "beta",
                "minimum_effect",
                "reference",
                "max_users",
                "batch",
                "decision_time",
                "propensity",
            ],
            Self::Scenario => &[
                "steps",
                "population",
                "moments",
                "candidates",
                "history",
                "change",
                "rewards",
                "traits",
                "bends",
                "leaving",
            ],
            Self::Persona => {
                &["weight", "response", "receptive", "kinds", "refusal", "dwell", "spread", "changeability"]
            }
            Self::Policy => &[
                "explorer",
                "features",
                "structure",
                "forgetting",
                "lambda",
                "epsilon",
                "prior",
                "learns",
                "command",
                "time_limit_seconds",
                "start_limit_seconds",
            ],
            Self::Domain => &["inputs", "outcomes", "default_outcome", "wait_hours"],
            Self::FeatureSet => &["dimensions", "domain"],
            Self::Experiment => {
                &["key", "salt", "hash_by", "coverage", "namespace", "who", "ramp", "guardrails", "variants"]
            }
            // Its first line says what it is.
            Self::Prompt => &[],
            Self::Project => &["store", "state_dir", "gate", "personas", "policies"],
        }
    }

    /// The sort whose fields most of the top-level keys of `text` are.
    fn of(path: &Path, text: &str) -> Option<Self> {
        if path.file_name().is_some_and(|name| name == super::project::FILE) {
            return Some(Self::Project);
        }
        if text.trim_start_matches('\u{feff}').starts_with("+++") {
            return Some(Self::Prompt);
        }
        let keys = top_level(text);
        let count = |kind: Self| keys.iter().filter(|key| kind.fields().contains(&key.as_str())).count();
        let best = Self::ALL.into_iter().max_by_key(|kind| (count(*kind), std::cmp::Reverse(*kind as u8)))?;
        (count(best) > 0).then_some(best)
    }

    fn check(self, path: &Path, text: &str, args: &Args) -> Result<()> {
        let origin = &path.display().to_string();
        match self {
            Self::Gate => args.check_gate(path),
            Self::Scenario => {
                let scenario = Scenario::from_toml(text, origin)?;
                scenario.population(&args.people()?).map(drop).map_err(Error::named_by(origin))
            }
            Self::Persona => Persona::from_toml(text, origin).map(drop),
            // What it names stands beside it; a program is not started.
            Self::Policy if read::is_path(origin) => Policy::load(origin).map(drop),
            Self::Policy => Policy::from_toml(text, origin).map(drop),
            Self::Experiment => {
                // Its policies and its prompt versions are to be there, too.
                let experiments = Experiments::new(vec![Experiments::file(path)?])?;
                args.prompts.load()?.check_experiments(&experiments)?;
                ActiveExperiments::new(experiments, &mut Policies::new::<&str>(&[])?).map(drop)
            }
            Self::Domain => Domain::from_toml(text, origin).map(drop),
            Self::FeatureSet => {
                let folder = Path::new(origin).parent().unwrap_or(Path::new(""));
                FeatureSet::from_toml(text, origin, folder).map(drop)
            }
            Self::Prompt => Prompt::from_text(text, origin).map(drop),
            Self::Project => args.check_project(path, text, origin),
        }
    }
}

/// The names at the top of a text that may be no TOML yet.
fn top_level(text: &str) -> Vec<String> {
    let mut within = false;
    let name = |word: &str| word.trim().trim_matches(['[', ']', '"']).split('.').next().map(str::to_owned);
    let mut names = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            within = true;
            names.extend(name(line));
        } else if let Some((key, _)) = line.split_once('=').filter(|_| !within && !line.starts_with('#')) {
            names.extend(name(key));
        }
    }
    names
}

pub(super) fn run(args: &Args) -> Result<u8> {
    let mut code = exit::DONE;
    for path in &args.files {
        match check(path, args) {
            Ok(kind) => output::text(&format!("{}: a sound {}\n", path.display(), kind.name()))?,
            Err(error) => {
                code = exit::ERROR;
                // One fault a line: who mends a file reads them one after the other.
                if let Error::Several { first, others } = &error {
                    output::complain(first);
                    others.iter().for_each(|other| output::complain(&format!("{}: {other}", path.display())));
                } else {
                    output::complain(&error);
                }
            }
        }
    }
    Ok(code)
}

fn check(path: &Path, args: &Args) -> Result<FileKind> {
    let (text, origin) = (read::text(path)?, path.display().to_string());
    let kind = args.kind.or_else(|| FileKind::of(path, &text)).ok_or_else(|| {
        let known = FileKind::ALL.map(FileKind::name).join(", ");
        let message = format!("nothing in it says what it is; --as says it: {known}");
        Error::Malformed { origin: origin.clone(), message }
    })?;
    kind.check(path, &text, args)?;
    Ok(kind)
}
