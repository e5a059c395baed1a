//! `rehearsal reset`: a user is forgotten.

use super::{Global, exit, output, stats};
use crate::base::error::Result;
use serde::Serialize;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The person
    #[arg(long)]
    user: String,
    /// Only what this policy learned: a name, or a TOML file; else what every policy learned
    #[arg(long, value_name = "NAME|FILE")]
    policy: Option<String>,
}

/// What is printed.
#[derive(Serialize)]
struct Answer<'a> {
    user: &'a str,
    removed: Vec<String>,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<u8> {
    let store = global.writable_store();
    let policies = store.view()?.policies_of(&args.user)?;
    let policy = args.policy.as_deref().map(|p| stats::known_name(p, [&policies].into_iter())).transpose()?;
    let removed = store.ledger().reset(&args.user, policy.as_deref())?;
    output::json(&Answer { user: &args.user, removed })?;
    Ok(exit::DONE)
}
