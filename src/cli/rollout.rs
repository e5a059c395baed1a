//! `rehearsal rollout`: a challenger's share grows in steps, each on the evidence of the one before it.

use super::analyze::now_ms;
use super::experiment_args::ExperimentsFolder;
use super::folder::Pending;
use super::promotion::registered_card;
use super::registry_args::RegistryArgs;
use super::store_args::Global;
use super::{exit, output};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::read as base_read;
use crate::experiment::Experiment;
use crate::gate::live::{
    RolloutAction, RolloutEvidence, RolloutRuling, RolloutStep, advance_rollout, rollout_history,
    start_rollout, stop_rollout,
};
use crate::model::registry::{Artifacts, CARD_FILE, ModelAddress, ModelRegistry, resolve};
use crate::report::{check_card, rollout_text, with_rollout};
use crate::store::{Pace, Store, read};
use serde::Serialize;
use smol_str::SmolStr;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;

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
    #[command(flatten)]
    card: CardArgs,
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
    #[command(flatten)]
    card: CardArgs,
}

// The model card that tells of a rollout.
#[derive(Debug, clap::Args)]
struct CardArgs {
    /// Also write the steps so far into the challenger's model card: a Markdown file, or the card of a version in the registry
    #[arg(long, value_name = "FILE|registry:NAME@ALIAS", requires = "experiment")]
    card: Option<String>,
    #[command(flatten)]
    registry: RegistryArgs,
}

/// A card that can be written.
enum CardPlace {
    File(Pending),
    /// The one of a version in a registry.
    Version(Box<dyn ModelRegistry>, ModelAddress, u64),
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
            let card = one.card.open()?;
            let step = start_rollout(&*store, &experiment, now_ms())?;
            one.print(experiment.key(), &step)?;
            write_card(card, &*store, experiment.key())?;
            Ok(exit::DONE)
        }
        Command::Stop(one) => {
            // The store knows what runs, whatever has become of the file.
            let key = key_of(&one.experiment);
            let store = global.to_change(Pace::Single)?;
            let card = one.card.open()?;
            let step = stop_rollout(&*store, key, now_ms())?;
            one.print(key, &step)?;
            write_card(card, &*store, key)?;
            Ok(exit::DONE)
        }
        Command::Advance(one) => advance(one, global),
        Command::Status(status) => print_status(status, global),
    }
}

/// The name of the experiment that is named by it or by its file, which is called so.
fn key_of(name: &str) -> &str {
    let stem = || Path::new(name).file_stem().and_then(OsStr::to_str);
    if base_read::is_path(name) { stem().unwrap_or(name) } else { name }
}

impl CardArgs {
    /// Makes sure that the card can be written, before anything is done.
    fn open(&self) -> Result<Option<CardPlace>> {
        let Some(card) = &self.card else { return Ok(None) };
        if let Some(address) = RegistryArgs::address(card)? {
            let registry = self.registry.open()?;
            let version = resolve(&*registry, &address)?;
            let text = registered_card(&*registry, &address.name, version)?.unwrap_or_default();
            check_card(&text, &card_of(&address, version))?;
            return Ok(Some(CardPlace::Version(registry, address, version)));
        }
        let path = Path::new(card);
        let file = Pending::open(path)?;
        check_card(&card_text(path)?, card)?;
        Ok(Some(CardPlace::File(file)))
    }
}

/// What errors call the card of a version in a registry.
fn card_of(address: &ModelAddress, version: u64) -> String {
    format!("{CARD_FILE} of {}@{version}", address.name)
}

/// What a card's file has in it; nothing, where there is none.
fn card_text(path: &Path) -> Result<String> {
    match base_read::text(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        text => text,
    }
}

/// Writes the steps that the store has into the card.
fn write_card(card: Option<CardPlace>, store: &dyn Store, experiment: &str) -> Result<()> {
    let Some(card) = card else { return Ok(()) };
    let steps = rollout_history(store, experiment)?;
    match card {
        CardPlace::File(file) => file.update(|path, out| {
            let after = with_rollout(&card_text(path)?, experiment, &steps, &path.display().to_string())?;
            out.write_all(after.as_bytes()).map_err(Error::io("write", path))
        }),
        CardPlace::Version(registry, address, version) => {
            let before = registered_card(&*registry, &address.name, version)?.unwrap_or_default();
            let after = with_rollout(&before, experiment, &steps, &card_of(&address, version))?;
            let files = Artifacts::from([(CARD_FILE.to_owned(), after.into_bytes())]);
            registry.attach(&address.name, version, &files)
        }
    }
}

impl One {
    fn print(&self, experiment: &str, step: &RolloutStep) -> Result<()> {
        if self.json {
            output::json(step)?;
        } else {
            output::text(&rollout_text(experiment, std::slice::from_ref(step)))?;
        }
        Ok(())
    }
}

fn advance(one: &One, global: &Global) -> Result<u8> {
    let experiment = one.folder.find(&one.experiment)?;
    let store = global.to_change(Pace::Single)?;
    let card = one.card.open()?;
    let code = look(one, &experiment, &store)?;
    write_card(card, &*store, experiment.key())?;
    Ok(code)
}

/// Looks at the evidence, takes a step if there is one to take, and says so; the exit code.
fn look(one: &One, experiment: &Experiment, store: &Arc<dyn Store>) -> Result<u8> {
    let history = rollout_history(&**store, experiment.key())?;
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
    let (evidence, ruling, step) = advance_rollout(store, experiment, now_ms())?;
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
    let mut card = status.card.open()?;
    let names: Vec<SmolStr> = if let Some(name) = &status.experiment {
        vec![name.as_str().into()]
    } else {
        let latest = read(&*store, |snapshot| snapshot.rollouts())?;
        latest.into_iter().map(|step| step.experiment).collect()
    };
    for name in &names {
        let steps = rollout_history(&*store, name)?;
        write_card(card.take(), &*store, name)?;
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
