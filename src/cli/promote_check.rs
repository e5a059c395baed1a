//! `rehearsal promote-check`: the promotion gate.

use super::folder::Folder;
use super::gate_inputs::GateInputs;
use super::{exit, output, progress};
use crate::error::Result;
use crate::gate::Decision;
use crate::report::{Json, Text, VerdictFormat, verdict_formats};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    inputs: GateInputs,
    /// What an inconclusive verdict does to the exit code
    #[arg(long, value_name = "HOW", default_value = "fail")]
    inconclusive: Inconclusive,
    /// Write the verdict in every format into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print the verdict as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threads: super::Threads,
}

/// The exit code of an inconclusive verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Inconclusive {
    /// Exit code 3.
    Fail,
    /// Exit code 0.
    Pass,
}

pub(super) fn run(args: &Args) -> Result<u8> {
    let inputs = args.inputs.load()?;
    let formats = verdict_formats();
    let folder = args
        .out
        .as_deref()
        .map(|dir| Folder::open(dir, formats.iter().map(|f| f.file_name())))
        .transpose()?;
    args.threads.apply()?;
    let bar = progress::criteria();
    let verdict = inputs.run(args.inputs.seed, args.inputs.command("promote-check"), |trial| {
        let (established, all) = trial.established();
        bar.set_length(all as u64);
        bar.set_position(established as u64);
        bar.set_message(format!("{} users of each persona", trial.users()));
    })?;
    bar.finish_and_clear();
    if let Some(mut folder) = folder {
        for (i, format) in formats.iter().enumerate() {
            folder.write(i, |out| format.write(&verdict, out))?;
        }
        folder.finish()?;
    }
    let mut text = Vec::new();
    let format: &dyn VerdictFormat = if args.json { &Json } else { &Text };
    format.write(&verdict, &mut text).expect("memory takes everything");
    output::bytes(&text)?;
    Ok(match (verdict.verdict, args.inconclusive) {
        (Decision::Promote, _) | (Decision::Inconclusive, Inconclusive::Pass) => exit::DONE,
        (Decision::Reject, _) => exit::REJECT,
        (Decision::Inconclusive, Inconclusive::Fail) => exit::INCONCLUSIVE,
    })
}
