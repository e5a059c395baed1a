//! `rehearsal schema`: the contract with those who send requests, compute profile features, and read verdicts or states.

use super::error::UsageError;
use super::{exit, output};
use crate::base::error::{Error, Result};
use crate::base::read;
use crate::domain::{Domain, InputOf, profile, request};
use crate::model::feast::definitions;
use crate::policy::program;
use crate::{report, store};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to print the JSON Schema of, or the definitions
    #[arg(long, value_name = "WHAT", default_value = "profile", conflicts_with = "check")]
    of: Of,
    /// Compare with a registry exported by that service: a JSON array of {"name", "dtype"}
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
    /// The domain of which requests and profile features are: a TOML file [default: tips]
    #[arg(long, value_name = "NAME|FILE")]
    domain: Option<String>,
}

/// What there is a schema of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Of {
    /// A request, as `score` takes it.
    Request,
    /// The profile features of a request.
    Profile,
    /// The output of `promote-check --json`.
    Verdict,
    /// A state file.
    State,
    /// The profile features as definitions of the feature store Feast, in Python.
    Feast,
    /// The lines that are exchanged with a program that is a policy.
    Protocol,
}

pub(super) fn run(args: &Args) -> Result<u8> {
    if args.domain.is_some() && args.check.is_none() && matches!(args.of, Of::Verdict | Of::State) {
        let (options, remedy) =
            ("--domain", "is of requests, profiles, Feast and programs: verdicts and states have none");
        return Err(Error::because(UsageError::Options { options, remedy }));
    }
    let domain = args.domain.as_deref().map_or_else(|| Ok(Domain::tips()), Domain::load)?;
    match (&args.check, args.of) {
        (None, Of::Request) => output::pretty_json(&request::schema_of(domain))?,
        (None, Of::Profile) if domain.is_tips() => output::pretty_json(&profile::schema())?,
        (None, Of::Profile) => output::pretty_json(&domain.profile_schema())?,
        (None, Of::Feast) => output::text(&definitions(domain))?,
        (None, Of::Verdict) => output::text(report::VERDICT_SCHEMA)?,
        (None, Of::Protocol) => output::pretty_json(&program::schema(domain))?,
        (None, Of::State) => output::pretty_json(&store::schema())?,
        (Some(path), _) => {
            let text = read::bytes(path)?;
            let text = read::without_mark(&text);
            let own = domain.inputs_of(InputOf::Profile).map(|input| (input.name.as_str(), input.dtype()));
            profile::check_registry_of(&own.collect::<Vec<_>>(), text, &path.display().to_string())?;
            output::text(&format!("{}: the same profile features\n", path.display()))?;
        }
    }
    Ok(exit::DONE)
}
