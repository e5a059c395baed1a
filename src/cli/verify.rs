//! `rehearsal verify`: is everything in the store what was written there?

use super::store_args::Global;
use super::{exit, output};
use crate::base::error::Result;
use crate::service::verify;

#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_: &Args, global: &Global) -> Result<u8> {
    let verified = verify(&*global.to_read()?)?;
    output::json(&verified)?;
    match verified.problems.len() {
        0 => return Ok(exit::DONE),
        1 => output::complain(&"1 problem; it says what to do"),
        count => output::complain(&format!("{count} problems; each says what to do")),
    }
    Ok(exit::ERROR)
}
