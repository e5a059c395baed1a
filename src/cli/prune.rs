//! `rehearsal prune`: the log is kept bounded.

use super::moment::Moment;
use super::store_args::{Global, publish};
use super::verify::loaded;
use super::{exit, output};
use crate::base::error::{Fault, Result};
use crate::service::prune;
use crate::store::Pace;
use jiff::Timestamp;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Remove what is older: a date, a time such as 2026-11-30T08:00Z (without a zone it is UTC), or an age such as 90d; none in
    /// the future
    #[arg(long, value_name = "TIME")]
    before: Moment,
    /// The file of a policy that is a program: what it learned by then is made again by it. Of programs that are not named
    /// no reward is removed
    #[arg(long = "policy", value_name = "FILE")]
    policies: Vec<String>,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<u8> {
    check_past(args.before)?;
    let programs = loaded(&args.policies)?;
    let service = global.plain_service(global.to_change(Pace::Bulk)?)?;
    let run = service.begin_sweep();
    let pruned = prune(service.store(), args.before.millis(), &programs)?;
    output::json(&pruned)?;
    publish(&service, run)?;
    Ok(if pruned.lost.is_empty() { exit::DONE } else { exit::ERROR })
}

/// A moment to come is a slip, and would leave nothing of the log.
fn check_past(before: Moment) -> Result<()> {
    let at = Timestamp::from_millisecond(before.millis() as i64).unwrap_or(Timestamp::MAX);
    if at > Timestamp::now() {
        return Err(Fault::new("--before", at, "a moment that is past").at("command line"));
    }
    Ok(())
}
