//! `rehearsal train`: rewards of everybody become a policy's prior.

use super::destination::Taken;
use super::folder::Pending;
use super::registry_args::RegistryArgs;
use super::{exit, output};
use crate::base::error::Result;
use crate::model::{TrainingData, TrainingSettings, train};
use crate::policy::{DecisionRng, Prior, TrainingRecord};
use serde::Serialize;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The policy that is to start from the prior: a name, or a TOML file
    #[arg(long, value_name = "POLICY")]
    policy: String,
    /// Whose rewards: a store, a folder with a log, or a file of it; repeatable
    #[arg(long, value_name = "STORE|LOG", required = true)]
    from: Vec<PathBuf>,
    /// Where the prior is written, for `prior = FILE` in a policy's file
    #[arg(long, value_name = "MODEL")]
    out: PathBuf,
    /// Seed of the choice of the users who are held out
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..DecisionRng::SEEDS))]
    seed: u64,
    /// Print what was learned from what as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    registry: RegistryArgs,
    #[command(flatten)]
    threads: super::Threads,
}

/// What is printed.
#[derive(Serialize)]
struct Trained<'a> {
    /// SHA-256 of the prior.
    digest: &'a str,
    feature_set: &'a str,
    kinds: usize,
    imports_passed_over: u64,
    /// Rewards that stand there again, which count once.
    repeats: u64,
    #[serde(flatten)]
    training: Option<TrainingRecord>,
}

pub(super) fn run(args: &Args) -> Result<u8> {
    let policy = args.registry.policy(&args.policy)?;
    // The policy's prior may be learned anew in its place; the policy stays.
    let mut taken = Taken::default();
    [Path::new(&args.policy), &args.out].into_iter().try_for_each(|path| taken.claim(path))?;
    Taken::by(args.from.iter().cloned()).claim(&args.out)?;
    let out = Pending::open(&args.out)?;
    args.threads.apply()?;
    let data = TrainingData::read(&policy, &args.from)?;
    let prior = train(&policy, &data, TrainingSettings { seed: args.seed })?;
    out.write(|out| out.write_all(prior.to_json().as_bytes()))?;
    if args.json {
        let training = prior.training().cloned();
        let training = training.map(|training| TrainingRecord { user_hashes: Vec::new(), ..training });
        output::pretty_json(&Trained {
            digest: prior.digest(),
            feature_set: &prior.raw().feature_set,
            kinds: prior.raw().kinds.len(),
            imports_passed_over: data.imports(),
            repeats: data.repeats(),
            training,
        })?;
    } else {
        output::text(&text(args, &prior, &data))?;
    }
    Ok(exit::DONE)
}

fn text(args: &Args, prior: &Prior, data: &TrainingData) -> String {
    let mut text = format!("{}: a prior of feature set {}\n", args.out.display(), prior.raw().feature_set);
    let Some(training) = prior.training() else { return text };
    let TrainingRecord { rows, users, noise, iterations, converged, .. } = training;
    text += &format!("learned from   {rows} rewards of {users} users, noise {noise:.4}\n");
    let end = if *converged { "" } else { ", the most that it makes: it had not quite settled" };
    text += &format!("steps          {iterations}{end}\n");
    match &training.held_out {
        None => text += "held out       nobody: too few users\n",
        Some(held) => {
            text += &format!("held out       {} rewards of {} users\n", held.rows, held.users);
            text += &format!(
                "  squared error {:.4} before anything is known of a user; {:.4} expecting 0\n",
                held.squared_error, held.squared_error_plain
            );
            text += &format!(
                "  log loss      {:.4} a reward; {:.4} under the plain ridge\n",
                held.log_loss, held.log_loss_plain
            );
            let slope = held.slope.map_or_else(|| "unknown".to_owned(), |slope| format!("{slope:.3}"));
            text +=
                &format!("  calibration   slope {slope}, dispersion {:.3}; 1 is right\n", held.dispersion);
        }
    }
    if data.repeats() > 0 {
        let repeats = data.repeats();
        text += &format!(
            "told again     {repeats} rewards, by another policy or another export: each counts once\n"
        );
    }
    let imports = data.imports();
    if imports > 0 {
        text += &format!("passed over    {imports} imported states, which have no rewards behind them\n");
    }
    text += &format!("digest         {}\n", prior.digest());
    text
}
