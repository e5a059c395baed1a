//! `rehearsal rebuild`: states are made again from the log of rewards, here, elsewhere, or for another policy.

use super::error::UsageError;
use super::registry_args::RegistryArgs;
use super::store_args::{Global, publish};
use super::verify::check_programs;
use super::{exit, output};
use crate::base::error::{Error, Result};
use crate::policy::Policy;
use crate::service::{Problem, Source, rebuild, retrain};
use crate::store::{self, Access, Pace};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    registry: RegistryArgs,
    /// Write the states, with all that they were made from, into another store, and leave this one alone
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
    /// With --from, teach this policy, a name or a TOML file, all that --from learned: how a new policy starts warm.
    /// Without it, the file of a policy that is a program, whose states are made again by it; repeatable
    #[arg(long = "policy", value_name = "NAME|FILE")]
    policies: Vec<String>,
    /// The policy whose rewards --policy learns from
    #[arg(long, value_name = "NAME", requires = "policies")]
    from: Option<String>,
}

/// What is printed when states are taught to another policy or written into another store.
#[derive(Serialize)]
struct Written {
    written: u64,
    lost: Vec<Problem>,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<u8> {
    let programs: Vec<_> =
        args.policies.iter().map(|name| args.registry.policy(name).map(Arc::new)).collect::<Result<_>>()?;
    let source = match (&programs[..], &args.from) {
        ([policy], Some(from)) => Some(Source::Policy(from.clone(), Arc::clone(policy))),
        (_, Some(_)) => {
            let (options, remedy) = ("--from", "goes with one --policy, which learns what it learned");
            return Err(Error::because(UsageError::Options { options, remedy }));
        }
        (_, None) => {
            check_programs(&programs)?;
            args.into.is_some().then_some(Source::Everything)
        }
    };
    let Some(source) = source else { return in_place(global, &programs) };
    let store = if args.into.is_some() { global.to_read()? } else { global.to_change(Pace::Bulk)? };
    let open = |dir: &PathBuf| {
        store::check_place(dir).map_err(|fault| fault.at("--into"))?;
        store::open(dir, Access::Write, Pace::Bulk)
    };
    let target = args.into.as_ref().map(open).transpose()?;
    let into = target.as_ref().unwrap_or(&store);
    let (written, lost) = retrain(&*store, &source, &**into, global.has_views(), &programs)?;
    let code = code_of(&lost);
    output::json(&Written { written, lost })?;
    let service = global.plain_service(target.unwrap_or(store))?;
    let run = service.begin_sweep();
    publish(&service, run)?;
    service.store().tidy()?;
    Ok(code)
}

fn in_place(global: &Global, programs: &[Arc<Policy>]) -> Result<u8> {
    let service = global.plain_service(global.to_change(Pace::Bulk)?)?;
    let run = service.begin_sweep();
    let rebuilt = rebuild(service.store(), programs)?;
    output::json(&rebuilt)?;
    publish(&service, run)?;
    service.store().tidy()?;
    Ok(code_of(&rebuilt.lost))
}

fn code_of(lost: &[Problem]) -> u8 {
    if lost.is_empty() {
        return exit::DONE;
    }
    output::complain(&format!("the log does not tell all of what is listed as lost: {}", lost.len()));
    exit::ERROR
}
