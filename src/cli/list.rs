//! `rehearsal list`: what there is by name, with what it is.

use super::error::UsageError;
use super::{Takes, exit, output};
use crate::base::error::{Error, Result};
use crate::evaluation::Estimator;
use crate::people::persona::Persona;
use crate::people::scenario::Scenario;
use crate::policy::{NAMED, Policy};
use serde::Serialize;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to list
    what: What,
    /// With personas: those of this folder instead of the built-in ones
    #[arg(long, value_name = "DIR")]
    personas: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What there is by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// Simulated people.
    Personas,
    /// What they live through.
    Scenarios,
    /// Policies that are built in.
    Policies,
    /// How `evaluate` estimates.
    Estimators,
}

/// A name and what it is.
#[derive(Serialize)]
struct Listed {
    name: String,
    description: String,
}

impl Args {
    /// What a project's file may give: nothing but personas are in a folder.
    pub(super) fn takes(&mut self) -> Takes<'_> {
        Takes {
            personas: Some(&mut self.personas).filter(|_| self.what == What::Personas),
            ..Takes::default()
        }
    }
}

pub(super) fn run(args: &Args) -> Result<u8> {
    if args.personas.is_some() && args.what != What::Personas {
        let (options, remedy) = ("--personas", "is for `list personas`; nothing else is in that folder");
        return Err(Error::because(UsageError::Options { options, remedy }));
    }
    let listed = match args.what {
        What::Personas => {
            let personas = args.personas.as_deref().map_or_else(Persona::shipped, Persona::load_dir)?;
            let described = |p: &Persona| (p.name().to_owned(), p.raw().description.clone());
            personas.iter().map(described).collect()
        }
        What::Scenarios => {
            let described =
                |name| Scenario::load(name).map(|s| (s.name().to_owned(), s.raw().description.clone()));
            Scenario::names().map(described).collect::<Result<Vec<_>>>()?
        }
        What::Policies => {
            let described = |name| Policy::named(name).map(|policy| (name.to_owned(), policy.description()));
            NAMED.into_iter().map(described).collect::<Result<Vec<_>>>()?
        }
        What::Estimators => {
            let described = |e: Estimator| (e.name().to_owned(), e.description().to_owned());
            Estimator::ALL.map(described).to_vec()
        }
    };
    let listed: Vec<Listed> =
        listed.into_iter().map(|(name, description)| Listed { name, description }).collect();
    if args.json {
        output::pretty_json(&listed)?;
    } else {
        let width = listed.iter().map(|one| one.name.chars().count()).max().unwrap_or(0);
        let line = |one: &Listed| format!("{:width$}  {}\n", one.name, one.description);
        output::text(&listed.iter().map(line).collect::<String>())?;
    }
    Ok(exit::DONE)
}
