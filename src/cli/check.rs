//! `rehearsal check`: whether files are what a command would take them for, and all that is wrong with them.

use super::project::Project;
use super::prompt_args::PromptArgs;
use super::{exit, output};
use crate::base::error::{Error, Result};
use crate::base::read;
use crate::domain::Domain;
use crate::experiment::Experiments;
use crate::features::FeatureSet;
use crate::gate::GateSpec;
use crate::people::persona::Persona;
use crate::people::scenario::Scenario;
use crate::policy::Policy;
use crate::prompt::Prompt;
use crate::service::{ActiveExperiments, Policies};
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files of gates, scenarios, personas, policies, domains, feature sets, experiments, prompts, or a project's rehearsal.toml
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// What the files are [default: what their fields say]
    #[arg(long = "as", value_name = "WHAT")]
    kind: Option<FileKind>,
    #[command(flatten)]
    prompts: PromptArgs,
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

    fn check(self, path: &Path, text: &str, prompts: &PromptArgs) -> Result<()> {
        let origin = &path.display().to_string();
        match self {
            Self::Gate => GateSpec::from_toml(text, origin).map(drop),
            Self::Scenario => Scenario::from_toml(text, origin).map(drop),
            Self::Persona => Persona::from_toml(text, origin).map(drop),
            // What it names stands beside it; a program is not started.
            Self::Policy if read::is_path(origin) => Policy::load(origin).map(drop),
            Self::Policy => Policy::from_toml(text, origin).map(drop),
            Self::Experiment => {
                // Its policies and its prompt versions are to be there, too.
                let experiments = Experiments::new(vec![Experiments::file(path)?])?;
                prompts.load()?.check_experiments(&experiments)?;
                ActiveExperiments::new(experiments, &mut Policies::new::<&str>(&[])?).map(drop)
            }
            Self::Domain => Domain::from_toml(text, origin).map(drop),
            Self::FeatureSet => {
                let folder = Path::new(origin).parent().unwrap_or(Path::new(""));
                FeatureSet::from_toml(text, origin, folder).map(drop)
            }
            Self::Prompt => Prompt::from_text(text, origin).map(drop),
            Self::Project => Project::from_toml(text, origin).map(drop),
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
        match check(path, args.kind, &args.prompts) {
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

fn check(path: &Path, kind: Option<FileKind>, prompts: &PromptArgs) -> Result<FileKind> {
    let (text, origin) = (read::text(path)?, path.display().to_string());
    let kind = kind.or_else(|| FileKind::of(path, &text)).ok_or_else(|| {
        let known = FileKind::ALL.map(FileKind::name).join(", ");
        let message = format!("nothing in it says what it is; --as says it: {known}");
        Error::Malformed { origin: origin.clone(), message }
    })?;
    kind.check(path, &text, prompts)?;
    Ok(kind)
}
