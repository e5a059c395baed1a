//! `rehearsal features`: what policies look at.

use super::features_compute;
use crate::base::error::Result;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Compute profile features of users from their rewards
    Compute(features_compute::Args),
}

pub(super) fn run(args: &Args) -> Result<u8> {
    match &args.command {
        Command::Compute(args) => features_compute::run(args),
    }
}
