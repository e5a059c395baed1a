//! `rehearsal schema`: the contract with the service that computes profile features.

use super::{exit, output};
use crate::error::{Error, Result};
use crate::{profile, state};
use std::fs;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Compare with a registry exported by that service: a JSON array of {"name", "dtype"}
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
    /// Print the schema of state files instead
    #[arg(long, conflicts_with = "check")]
    state: bool,
}

pub(super) fn run(args: &Args) -> Result<u8> {
    match &args.check {
        None if args.state => output::pretty_json(&state::schema())?,
        None => output::pretty_json(&profile::schema())?,
        Some(path) => {
            let text = fs::read(path).map_err(Error::io("read", path))?;
            profile::check_registry(&text, &path.display().to_string())?;
            output::text(&format!("{}: the same profile features\n", path.display()))?;
        }
    }
    Ok(exit::DONE)
}
