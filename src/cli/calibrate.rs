//! `rehearsal calibrate`: the gate's error rates, measured.

use super::destination::{HtmlFile, said_and_written, write_page};
use super::gate_inputs::{GateInputs, cast};
use super::{Takes, exit, output, progress};
use crate::base::error::{Error, Result};
use crate::gate::{GateRefusal, SCALES, calibrate};
use crate::report::{calibration_page, calibration_text};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    inputs: GateInputs,
    /// Gate runs per null and per effect size
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u64).range(100..=1_000_000))]
    runs: u64,
    /// Simulated users of each persona from which the runs are drawn
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u64).range(50..=1_000_000))]
    pool: u64,
    #[command(flatten)]
    html: HtmlFile,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threads: super::Threads,
}

impl Args {
    /// What a project's file may give.
    pub(super) fn takes(&mut self) -> Takes<'_> {
        self.inputs.takes()
    }
}

pub(super) fn run(args: &Args) -> Result<u8> {
    let inputs = args.inputs.load("calibrate")?;
    if inputs.is_against_itself() {
        return Err(Error::because(GateRefusal::OnePolicy));
    }
    let html = args.html.open(args.inputs.files()?.into_iter().chain(inputs.files()?))?;
    args.threads.apply()?;
    let seed = args.inputs.seed.unwrap_or(0);
    let pools = inputs.pools(args.inputs.seed, args.pool)?;
    let bar = progress::runs(args.runs * (pools.len() + SCALES.len()) as u64);
    let calibration = calibrate(&inputs.gate, &pools, args.runs, seed, || bar.inc(1));
    bar.finish_and_clear();
    let written = write_page(html, |command| calibration_page(&calibration, &cast(&inputs), command));
    let said = if args.json {
        output::pretty_json(&calibration)
    } else {
        output::text(&calibration_text(&calibration))
    };
    said_and_written(said, written)?;
    Ok(if calibration.keeps { exit::DONE } else { exit::REJECT })
}
