//! `rehearsal merge`: parts become the run that they are parts of.

use super::collector::{RUN_FILES, ResultWriter};
use super::destination::{Taken, said_and_written};
use super::{exit, output};
use crate::base::error::Result;
use crate::simulation::parts::RunParts;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Parts that `simulate --blocks` wrote: together every block once, in any order
    #[arg(value_name = "PART", required = true)]
    parts: Vec<PathBuf>,
    /// Write summary.json, users.csv, curve.csv and records.jsonl into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print the results as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<u8> {
    let mut taken = Taken::by(args.parts.iter().cloned());
    args.out.iter().try_for_each(|dir| taken.claim_in(dir, RUN_FILES))?;
    let mut parts = RunParts::open(&args.parts)?;
    let header = parts.header().clone();
    let mut collector = ResultWriter::new(&header, args.out.as_deref())?;
    for s in 0..header.scenarios.len() {
        for block in 0..header.all_blocks() {
            collector.block(s, parts.block(s, block)?)?;
        }
        collector.add_sums(s, parts.sums(s));
    }
    let (results, written) = collector.finish(None);
    let said = if args.json { output::pretty_json(&results.json()) } else { output::text(&results.text()) };
    said_and_written(said, written)?;
    Ok(exit::DONE)
}
