//! `rehearsal rollout`: a challenger's share grows in steps, each on the evidence of the one before it.

use super::analyze::now_ms;
use super::experiment_args::ExperimentsFolder;
use super::store_args::Global;
use super::{exit, output};
use crate::base::error::Result;
use crate::gate::live::{
    RolloutAction, RolloutEvidence, RolloutRuling, RolloutStep, advance_rollout, rollout_history,
    start_rollout, stop_rollout,
};
use crate::report::rollout_text;
use crate::store::{Pace, read};
use serde::Serialize;
use smol_str::SmolStr;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Give the second variant its first share
    Start(One),
    /// Say how far rollouts are, and what each step rested on
    Status(Status),
    /// Look at the evidence: take one step, wait, or fall back
    Advance(One),
    /// Give everybody the first variant again
    Stop(One),
}

#[derive(Debug, clap::Args)]
struct One {
    /// The experiment: a name, or a TOML file
    #[arg(value_name = "NAME|FILE")]
    experiment: String,
    #[command(flatten)]
    folder: ExperimentsFolder,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Status {
    /// The experiment, by name [default: all that ever had a rollout]
    #[arg(value_name = "NAME")]
    experiment: Option<String>,
    /// Print JSON, one experiment per line
    #[arg(long)]
    json: bool,
}

/// What is printed of one experiment.
#[derive(Serialize)]
struct History<'a> {
    experiment: &'a str,
    /// The share of the second variant now; `null` before the first step.
    share: Option<f64>,
    running: bool,
    steps: &'a [RolloutStep],
}

/// What is printed of a look.
#[derive(Serialize)]
struct Look<'a> {
    experiment: SmolStr,
    ruling: RolloutRuling,
    evidence: &'a RolloutEvidence,
    /// The step that was taken; `null` while it waits.
    step: Option<&'a RolloutStep>,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<u8> {
    match &args.command {
        Command::Start(one) => {
            let experiment = one.folder.find(&one.experiment)?;
            let store = global.to_write(Pace::Single)?;
            let step = start_rollout(&*store, &experiment, now_ms())?;
            one.print(experiment.key(), &step)
        }
        Command::Stop(one) => {
            let experiment = one.folder.find(&one.experiment)?;
            let store = global.to_change(Pace::Single)?;
            let step = stop_rollout(&*store, &experiment, now_ms())?;
            one.print(experiment.key(), &step)
        }
        Command::Advance(one) => advance(one, global),
        Command::Status(status) => print_status(status, global),
    }
}

impl One {
    fn print(&self, experiment: &str, step: &RolloutStep) -> Result<u8> {
        if self.json {
            output::json(step)?;
        } else {
            output::text(&rollout_text(experiment, std::slice::from_ref(step)))?;
        }
        Ok(exit::DONE)
    }
}

fn advance(one: &One, global: &Global) -> Result<u8> {
    let experiment = one.folder.find(&one.experiment)?;
    let store = global.to_change(Pace::Single)?;
    let history = rollout_history(&*store, experiment.key())?;
    // Who asks again after the end is told how it ended.
    if let Some(last) = history.last().filter(|last| !last.action.is_running()) {
        let code = match last.action {
            RolloutAction::Finish => Some(exit::DONE),
            RolloutAction::FallBack => Some(exit::REJECT),
            _ => None,
        };
        if let Some(code) = code {
            one.print(experiment.key(), last)?;
            return Ok(code);
        }
    }
    let (evidence, ruling, step) = advance_rollout(&store, &experiment, now_ms())?;
    if one.json {
        let experiment = experiment.key().clone();
        output::json(&Look { experiment, ruling, evidence: &evidence, step: step.as_ref() })?;
    } else {
        let key = experiment.key();
        let lead = match (ruling, &step) {
            (_, Some(step)) => rollout_text(key, std::slice::from_ref(step)),
            (RolloutRuling::Mismatch, None) => {
                format!(
                    "{key}: waits, for users are not where they were to be: `rehearsal analyze --by variant --experiment {key}`\n"
                )
            }
            (_, None) => format!("{key}: waits for more users\n"),
        };
        let seen = RolloutStep {
            revision: history.last().map_or(1, |last| last.revision),
            at_ms: evidence.as_of_ms,
            action: RolloutAction::Start,
            share: evidence.share,
            evidence: Some(evidence),
            digest: SmolStr::default(),
        };
        output::text(&lead)?;
        if step.is_none() {
            output::text(rollout_text(key, std::slice::from_ref(&seen)).lines().nth(1).unwrap_or_default())?;
            output::text("\n")?;
        }
    }
    Ok(match step.map(|step| step.action) {
        None => exit::INCONCLUSIVE,
        Some(RolloutAction::FallBack) => exit::REJECT,
        Some(_) => exit::DONE,
    })
}

fn print_status(status: &Status, global: &Global) -> Result<u8> {
    let store = global.to_read()?;
    let names: Vec<SmolStr> = match &status.experiment {
        Some(name) => vec![name.as_str().into()],
        None => {
            let latest = read(&*store, |snapshot| snapshot.rollouts())?;
            latest.into_iter().map(|step| step.experiment).collect()
        }
    };
    for name in &names {
        let steps = rollout_history(&*store, name)?;
        if status.json {
            let last = steps.last();
            output::json(&History {
                experiment: name,
                share: last.map(|last| last.share),
                running: last.is_some_and(|last| last.action.is_running()),
                steps: &steps,
            })?;
        } else {
            output::text(&rollout_text(name, &steps))?;
        }
    }
    Ok(exit::DONE)
}
