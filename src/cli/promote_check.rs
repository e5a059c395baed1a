//! `rehearsal promote-check`: the promotion gate.

use super::{exit, output, progress, reports, shell};
use crate::error::Result;
use crate::gate::{Decision, GateSpec};
use crate::persona::Persona;
use crate::policy::{Luck, Policy};
use crate::promotion::Inputs;
use crate::report::{Json, Text, VerdictFormat};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The policy in charge: a name, or a TOML file
    #[arg(long, value_name = "POLICY", default_value = "egreedy-v1")]
    baseline: String,
    /// The policy that wants its place
    #[arg(long, value_name = "POLICY", default_value = "egreedy-v2")]
    challenger: String,
    /// The gate [default: the built-in scenarios/gate.toml]
    #[arg(long, value_name = "FILE")]
    gate: Option<PathBuf>,
    /// Take the personas from this folder instead of the built-in ones
    #[arg(long, value_name = "DIR")]
    personas: Option<PathBuf>,
    /// Use this seed instead of the one that follows from the inputs; the report says so
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..Luck::SEEDS))]
    seed: Option<u64>,
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

/// The exit code of an inconclusive verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Inconclusive {
    /// Exit code 3.
    Fail,
    /// Exit code 0.
    Pass,
}

pub(super) fn run(args: &Args) -> Result<u8> {
    let inputs = args.inputs()?;
    let reports = args.reports.open(&inputs)?;
    args.threads.apply()?;
    let bar = progress::criteria();
    let judgement = inputs.run(args.seed, args.command(), |trial| {
        let (established, all) = trial.established();
        bar.set_length(all as u64);
        bar.set_position(established as u64);
        bar.set_message(format!("{} users of each persona", trial.users()));
    })?;
    bar.finish_and_clear();
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
        (Decision::Promote, _) | (Decision::Inconclusive, Inconclusive::Pass) => exit::DONE,
        (Decision::Reject, _) => exit::REJECT,
        (Decision::Inconclusive, Inconclusive::Fail) => exit::INCONCLUSIVE,
    })
}

impl Args {
    fn inputs(&self) -> Result<Inputs> {
        let gate = self.gate.as_deref().map_or_else(GateSpec::shipped, GateSpec::load)?;
        let personas = self.personas.as_deref().map_or_else(Persona::shipped, Persona::load_dir)?;
        Inputs::new(gate, personas, Policy::load(&self.baseline)?, Policy::load(&self.challenger)?)
    }

    /// The command that gives the same verdict again.
    fn command(&self) -> String {
        let mut words = vec!["rehearsal promote-check".to_owned()];
        words.push(shell::option("--baseline", &self.baseline));
        words.push(shell::option("--challenger", &self.challenger));
        words.extend(self.gate.as_ref().map(|path| shell::option("--gate", path)));
        words.extend(self.personas.as_ref().map(|path| shell::option("--personas", path)));
        words.extend(self.seed.map(|seed| format!("--seed {seed}")));
        words.join(" ")
    }
}
