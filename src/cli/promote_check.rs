//! `rehearsal promote-check`: the promotion gate.

use super::folder::Folder;
use super::gate_inputs::GateInputs;
use super::{exit, output, progress};
use crate::error::Result;
use crate::gate::{Decision, Verdict, plan};
use crate::promotion::Inputs;
use crate::report::{Json, Text, VerdictFormat, plan_text, verdict_formats};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    inputs: GateInputs,
    /// Only say what the gate can show with the users it may draw, and draw none but a few pilots
    #[arg(long, conflicts_with = "out")]
    plan: bool,
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

/// Users of each persona from whom a plan learns how much gains vary.
const PILOT_USERS: u64 = 100;

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
    if args.plan {
        args.threads.apply()?;
        let plans = plan(&inputs.gate, &inputs.pools(args.inputs.seed, PILOT_USERS)?);
        if args.json {
            output::pretty_json(&plans)?;
        } else {
            output::text(&plan_text(&inputs.gate, &plans, PILOT_USERS))?;
        }
        return Ok(exit::DONE);
    }
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
    let verdict = decision_time(&inputs, verdict)?;
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

/// Measures how long the challenger takes to decide, where the gate asks for it: on stderr, since times are
/// never the same twice, and in the verdict only where a challenger that is too slow must not be promoted.
fn decision_time(inputs: &Inputs, verdict: Verdict) -> Result<Verdict> {
    let Some(limit) = inputs.gate.raw().decision_time else { return Ok(verdict) };
    let p99 = inputs.decision_time_p99(verdict.provenance.seed)?;
    let within = p99.as_secs_f64() * 1e3 <= limit.p99_ms;
    let relation = if within { "within" } else { "above" };
    output::note(&format!(
        "one decision takes {p99:?} at the 99th percentile, {relation} {} ms",
        limit.p99_ms
    ));
    if within || !limit.required {
        return Ok(verdict);
    }
    Ok(verdict.withheld(format!("one decision takes longer than {} ms at the 99th percentile", limit.p99_ms)))
}
