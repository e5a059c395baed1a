//! `rehearsal promote-check`: the promotion gate.

use super::gate_inputs::GateInputs;
use super::{exit, output, progress, reports, shell};
use crate::base::error::Result;
use crate::gate::promotion::{Inputs, Judgement, UserSource};
use crate::gate::{Provenance, Ruling, SeedSource, plan};
use crate::report::{Json, Text, VerdictFormat, plan_text};
use crate::simulation::parts::RunParts;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    inputs: GateInputs,
    /// Only say what the gate can show with the users it may draw, and draw none but a few pilots
    #[arg(long, conflicts_with_all = ["out", "summary", "card", "from"])]
    plan: bool,
    /// Decide on the records of users who were simulated before, by `simulate --gate --out DIR` or `merge`
    #[arg(long, value_name = "DIR", conflicts_with = "seed")]
    from: Option<PathBuf>,
    /// What an inconclusive verdict does to the exit code
    #[arg(long, value_name = "HOW", default_value = "fail")]
    inconclusive: Inconclusive,
    #[command(flatten)]
    reports: reports::Destinations,
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
        return args.print_plan(&inputs);
    }
    let records = args.from.as_ref().map(|dir| dir.join("records.jsonl"));
    let source = match &records {
        Some(records) => UserSource::Records(RunParts::open(std::slice::from_ref(records))?),
        None => UserSource::Simulation(args.inputs.seed),
    };
    let read = args.inputs.files()?.into_iter().chain(inputs.files()?).chain(records);
    let reports = args.reports.open(&inputs, read)?;
    args.threads.apply()?;
    let bar = progress::criteria();
    let judgement = inputs.run(source, args.inputs.command("promote-check"), |trial| {
        let (established, all) = trial.established();
        bar.set_length(all as u64);
        bar.set_position(established as u64);
        bar.set_message(format!("{} users of each persona", trial.users()));
    })?;
    bar.finish_and_clear();
    let mut judgement = decision_time(&inputs, judgement)?;
    if let Some(dir) = &args.from {
        say_again(&mut judgement.verdict.provenance, dir);
    }
    reports.write(&judgement)?;
    let mut text = Vec::new();
    let format: &dyn VerdictFormat = if args.json { &Json } else { &Text };
    format.write(&judgement, &mut text).expect("memory takes everything");
    match output::bytes(&text) {
        // A reader that has seen enough does not change the verdict.
        Err(error) if !error.is_broken_pipe() => return Err(error),
        _ => {}
    }
    Ok(match (judgement.verdict.verdict, args.inconclusive) {
        (Ruling::Promote, _) | (Ruling::Inconclusive, Inconclusive::Pass) => exit::DONE,
        (Ruling::Reject, _) => exit::REJECT,
        (Ruling::Inconclusive, Inconclusive::Fail) => exit::INCONCLUSIVE,
    })
}

impl Args {
    fn print_plan(&self, inputs: &Inputs) -> Result<u8> {
        self.threads.apply()?;
        let plans = plan(&inputs.gate, inputs.level(), &inputs.pools(self.inputs.seed, PILOT_USERS)?);
        if self.json {
            output::pretty_json(&plans)?;
        } else {
            output::text(&plan_text(&inputs.gate, &plans, PILOT_USERS))?;
        }
        Ok(exit::DONE)
    }
}

/// Records without which the verdict cannot be had again are part of the command that gives it; else their seed, if it
/// does not follow from the inputs.
fn say_again(made_from: &mut Provenance, records: &Path) {
    let option = match made_from {
        Provenance { recorded_users: Some(_), .. } => shell::option("--from", records),
        Provenance { seed_source: SeedSource::Given, seed, .. } => format!("--seed {seed}"),
        Provenance { seed_source: SeedSource::Inputs, .. } => return,
    };
    made_from.command = format!("{} {option}", made_from.command);
}

/// Measures how long the challenger takes to decide, where the gate asks for it: on stderr, since times are
/// never the same twice, and in the verdict only where a challenger that is too slow must not be promoted.
fn decision_time(inputs: &Inputs, judgement: Judgement) -> Result<Judgement> {
    let Some(limit) = inputs.gate.raw().decision_time else { return Ok(judgement) };
    let p99 = inputs.decision_time_p99(judgement.verdict.provenance.seed)?;
    let within = p99.as_secs_f64() * 1e3 <= limit.p99_ms;
    let relation = if within { "within" } else { "above" };
    output::note(&format!(
        "one decision takes {p99:?} at the 99th percentile, {relation} {} ms",
        limit.p99_ms
    ));
    if within || !limit.required {
        return Ok(judgement);
    }
    let reason = format!("one decision takes longer than {} ms at the 99th percentile", limit.p99_ms);
    Ok(Judgement { verdict: judgement.verdict.withheld(reason), ..judgement })
}
