//! `rehearsal prune`: the log is kept bounded.

use super::moment::Moment;
use super::store_args::{Global, publish};
use super::verify::loaded;
use super::{exit, output};
use crate::base::error::Result;
use crate::service::prune;
use crate::store::Pace;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Remove what is older: a date, a time such as 2026-11-30T08:00Z, or an age such as 90d
    #[arg(long, value_name = "TIME")]
    before: Moment,
    /// The file of a policy that is a program: what it learned by then is made again by it. Of programs that are not named
    /// no reward is removed
    #[arg(long = "policy", value_name = "FILE")]
    policies: Vec<String>,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<u8> {
    let service = global.plain_service(global.to_change(Pace::Bulk)?)?;
    let pruned = prune(service.store(), args.before.millis(), &loaded(&args.policies)?)?;
    output::json(&pruned)?;
    publish(&service)?;
    Ok(if pruned.lost.is_empty() { exit::DONE } else { exit::ERROR })
}
