//! `rehearsal rebuild`: states are made again from the logs, here, elsewhere, or for another policy.

use super::verify::Listed;
use super::{Global, exit, output};
use crate::base::error::{Error, Result};
use crate::policy::Policy;
use crate::state::{Problem, Rebuilt, Store, UserState};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Write the states into another directory, and leave this one alone
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
    /// Teach this policy, a name or a TOML file, all that --from learned: how a new policy starts warm
    #[arg(long, value_name = "NAME|FILE", requires = "from")]
    policy: Option<String>,
    /// The policy whose rewards --policy learns from
    #[arg(long, value_name = "NAME", requires = "policy")]
    from: Option<String>,
}

/// What is printed for a rebuild in place.
#[derive(Serialize)]
struct Answer<'a> {
    unchanged: usize,
    rebuilt: &'a [String],
    adopted: &'a [String],
    forgotten: &'a [String],
    set_aside: Vec<Moved<'a>>,
    lost: Vec<Listed<'a>>,
}

#[derive(Serialize)]
struct Moved<'a> {
    file: &'a str,
    now: &'a str,
}

/// What is printed when states are taught to another policy or written into another directory.
#[derive(Serialize)]
struct Written<'a> {
    written: usize,
    lost: Vec<Listed<'a>>,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<u8> {
    let target = args.into.as_ref().map(|dir| global.writable_store_at(dir));
    let there = global.store_that_is_there()?;
    let store = if target.is_some() { there } else { global.writable_store() };
    let (states, lost) = match (&args.policy, &args.from) {
        (Some(policy), Some(from)) => store.relearn(from, &Arc::new(Policy::load(policy)?))?,
        _ if target.is_some() => store.replayed()?,
        _ => return in_place(&store),
    };
    let written = write(target.as_ref().unwrap_or(&store), states)?;
    output::json(&Written { written, lost: Listed::all(&lost) })?;
    Ok(code_of(&lost))
}

fn in_place(store: &Store) -> Result<u8> {
    let Rebuilt { unchanged, rebuilt, adopted, forgotten, set_aside, lost } = store.rebuild()?;
    let (uncertain, set_aside) =
        (forgotten.len(), set_aside.iter().map(|(file, now)| Moved { file, now }).collect());
    let (rebuilt, adopted, forgotten) = (&rebuilt, &adopted, &forgotten);
    output::json(&Answer { unchanged, rebuilt, adopted, forgotten, set_aside, lost: Listed::all(&lost) })?;
    if uncertain > 0 {
        output::complain(&format!(
            "{uncertain} states are gone, and records that may have reset them too: they are taken as forgotten"
        ));
        return Ok(exit::ERROR);
    }
    Ok(code_of(&lost))
}

/// Writes states that must not be there yet; how many.
fn write(target: &Store, states: Vec<UserState>) -> Result<usize> {
    let users = target.view()?.users()?;
    for state in &states {
        let (user, policy) = (state.user(), state.policy().name());
        if users.get(user).is_some_and(|policies| policies.contains(policy)) {
            let message =
                format!("{user:?} has a state under {policy} already; `rehearsal reset` forgets it");
            return Err(Error::Refused(message));
        }
    }
    let (written, mut ledger) = (states.len(), target.ledger());
    for outcome in ledger.import(states, false)? {
        outcome?;
    }
    ledger.settle(true)?;
    Ok(written)
}

fn code_of(lost: &[Problem]) -> u8 {
    if lost.is_empty() {
        return exit::DONE;
    }
    output::complain(&format!("the logs do not tell all of what is listed as lost: {}", lost.len()));
    exit::ERROR
}
