//! `rehearsal verify`: is everything in the state directory what was written there?

use super::{Global, exit, output};
use crate::base::error::Result;
use crate::state::{Problem, Verified};
use serde::Serialize;

#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// What is printed.
#[derive(Serialize)]
struct Answer<'a> {
    states: usize,
    records: u64,
    decisions: u64,
    problems: Vec<Listed<'a>>,
}

/// A problem as it is printed.
#[derive(Serialize)]
pub(super) struct Listed<'a> {
    file: &'a str,
    problem: &'a str,
}

impl<'a> Listed<'a> {
    pub(super) fn all(problems: &'a [Problem]) -> Vec<Self> {
        problems.iter().map(|p| Self { file: &p.file, problem: &p.problem }).collect()
    }
}

pub(super) fn run(_: &Args, global: &Global) -> Result<u8> {
    let Verified { states, records, decisions, problems } = global.store_that_is_there()?.verify()?;
    output::json(&Answer { states, records, decisions, problems: Listed::all(&problems) })?;
    if problems.is_empty() {
        return Ok(exit::DONE);
    }
    let count = match problems.len() {
        1 => "1 problem".to_owned(),
        count => format!("{count} problems"),
    };
    let remedy = "`rehearsal rebuild` mends states and rewards, and takes note of damaged decisions";
    output::complain(&format!("{count}; {remedy}"));
    Ok(exit::ERROR)
}
