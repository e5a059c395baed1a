//! `rehearsal verify`: is everything in the store what was written there?

use super::store_args::Global;
use super::{exit, output};
use crate::base::error::{Fault, Result};
use crate::policy::Policy;
use crate::service::verify;
use std::sync::Arc;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file of a policy that is a program: its states are checked by it. Those of programs that are not named are
    /// counted as `unasked`
    #[arg(long = "policy", value_name = "FILE")]
    policies: Vec<String>,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<u8> {
    let programs = loaded(&args.policies)?;
    let verified = verify(&*global.to_read()?, &programs)?;
    output::json(&verified)?;
    if verified.unasked > 0 {
        output::note(&format!(
            "unasked: {}; states of programs, whose files --policy names",
            verified.unasked
        ));
    }
    match verified.problems.len() {
        0 => return Ok(exit::DONE),
        1 => output::complain(&"1 problem; it says what to do"),
        count => output::complain(&format!("{count} problems; each says what to do")),
    }
    Ok(exit::ERROR)
}

/// These policies, by name or as files, each of them a program.
pub(super) fn loaded(names: &[String]) -> Result<Vec<Arc<Policy>>> {
    let policies: Vec<_> =
        names.iter().map(|name| Policy::load(name).map(Arc::new)).collect::<Result<_>>()?;
    check_programs(&policies)?;
    Ok(policies)
}

/// Refuses policies whose states are made without being asked: to name one would change nothing.
pub(super) fn check_programs(policies: &[Arc<Policy>]) -> Result<()> {
    match policies.iter().find(|policy| policy.program().is_none()) {
        Some(other) => {
            let allowed = "the file of a policy that is a program; all others are known without being named";
            Err(Fault::new("--policy", format!("{:?}", other.name()), allowed).at("command line"))
        }
        None => Ok(()),
    }
}
