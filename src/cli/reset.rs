//! `rehearsal reset`: a user is forgotten.

use super::store_args::{Global, policy_name};
use super::{exit, output};
use crate::base::error::Result;
use crate::store::Pace;
use clap::builder::NonEmptyStringValueParser;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The person
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    user: String,
    /// Only what this policy learned: a name, or a TOML file; else what every policy learned
    #[arg(long, value_name = "NAME|FILE")]
    policy: Option<String>,
    /// Remove their decisions and rewards from the log, too
    #[arg(long)]
    erase: bool,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<u8> {
    let service = global.plain_service(global.to_change(Pace::Single)?)?;
    let policy = args.policy.as_deref().map(policy_name).transpose()?;
    if let Some(policy) = &policy {
        service.knows(&args.user, policy)?;
    }
    let policy = policy.as_deref();
    let done = if args.erase { service.erase(&args.user, policy) } else { service.reset(&args.user, policy) };
    output::json(&done?)?;
    Ok(exit::DONE)
}
