//! `rehearsal verify`: is everything in the store what was written there?

use super::store_args::Global;
use super::{exit, output};
use crate::base::error::Result;
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

/// These policies, by name or as files.
pub(super) fn loaded(names: &[String]) -> Result<Vec<Arc<Policy>>> {
    names.iter().map(|name| Policy::load(name).map(Arc::new)).collect()
}
