//! The command line: arguments become checked settings, settings become library calls, and what those
//! return becomes text on stdout and an exit code.
//!
//! In: arguments and standard input. Out: text, and an exit code of [`exit`]. A new command is a file here, and its variant of
//! `Command`; what several commands take is in a file that ends in `_args`.

mod analyze;
mod assign;
mod backup;
mod calibrate;
mod check;
mod choice;
mod collector;
mod compare_reality;
mod context;
mod destination;
mod display;
mod error;
mod estimator_choice;
mod evaluate;
pub mod exit;
mod experiment_args;
mod export;
mod features;
mod features_compute;
mod features_fit;
mod folder;
mod gate_inputs;
mod generate;
mod import;
mod input;
mod line_reader;
mod list;
mod log;
mod log_args;
mod manual;
mod merge;
mod moment;
mod needs;
mod output;
mod patience;
mod policy;
mod progress;
mod project;
mod promote_check;
mod promotion;
mod prompt;
mod prompt_args;
mod prune;
mod rebuild;
mod registry;
mod registry_args;
mod reports;
mod reset;
mod reward;
mod rollout;
mod rollout_rehearsal;
mod schema;
mod score;
mod serve;
mod shell;
mod signals;
mod simulate;
mod stats;
mod store_args;
mod table;
mod train;
mod verify;
mod warned;

use crate::base::error::Result;
use crate::base::threads;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use display::Display;
use error::UsageError;
use project::Project;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;
use store_args::Global;

/// Rehearse contextual-bandit policies on simulated people before they meet real ones.
#[derive(Debug, Parser)]
#[command(name = "rehearsal", version, max_term_width = 100, propagate_version = true, after_help = AFTER_HELP)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(flatten)]
    display: Display,
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Exit codes: 0 done, or promote; 1 reject; 2 wrong use, bad input, I/O; 3 inconclusive.
Start with: rehearsal promote-check";

// How many threads a long run uses; the output does not depend on it. As documentation it would become that of each
// command that has it.
#[derive(Debug, clap::Args)]
struct Threads {
    /// Number of threads [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

impl Threads {
    fn apply(&self) -> Result<()> {
        let Some(threads) = self.threads.map(usize::from) else { return ready() };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
        pool.map_err(|e| UsageError::system(format!("start {threads} threads"))(std::io::Error::other(e)))
    }
}

/// Makes sure that a long run has threads, as many as the system starts.
fn ready() -> Result<()> {
    threads::ready().map_err(UsageError::system("start threads"))
}

// Only the one that is run is built: a fresh process should not wait for the options of all others.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
enum Command {
    /// Decide whether a challenger may replace the policy in charge
    PromoteCheck(promote_check::Args),
    /// Measure how often a gate promotes what it must not, and what it should
    Calibrate(calibrate::Args),
    /// Run policies on simulated people
    Simulate(simulate::Args),
    /// Keep versions of models, and say which one is in charge
    Registry(registry::Args),
    /// What policies look at
    Features(features::Args),
    /// Learn a policy's prior from everybody's rewards
    Train(train::Args),
    /// Choose a tip: a request becomes a decision
    Score(score::Args),
    /// Learn from what happened after a decision
    Reward(reward::Args),
    /// Write tips for a person, by a language model or ready ones
    Generate(generate::Args),
    /// Print what a prompt is told of a person
    Context(context::Args),
    /// List, show, render and check versions of the prompt, and say what differs
    Prompt(prompt::Args),
    /// Answer requests over HTTP
    Serve(serve::Args),
    /// Print what is known of users
    Stats(stats::Args),
    /// Forget a user
    Reset(reset::Args),
    /// Judge policies on decisions that were logged with their propensities
    Evaluate(evaluate::Args),
    /// Compare groups of real users: variants, prompts, policies
    Analyze(analyze::Args),
    /// Say which variant of an experiment a user has
    Assign(assign::Args),
    /// Give a challenger more users in steps, on evidence
    Rollout(rollout::Args),
    /// Say how far simulated people are from those of a log
    CompareReality(compare_reality::Args),
    /// Print the log of decisions, or of rewards
    Log(log::Args),
    /// Check everything in the store
    Verify(verify::Args),
    /// Make states again from the log of rewards
    Rebuild(rebuild::Args),
    /// Copy the store while others go on
    Backup(backup::Args),
    /// Remove what is old from the log
    Prune(prune::Args),
    /// Check a policy's file, and the program that it names
    Policy(policy::Args),
    /// Print states as JSON lines
    Export(export::Args),
    /// Take in states that `export` printed, or a directory of version 0.1
    Import(import::Args),
    /// Put parts of a simulation together
    Merge(merge::Args),
    /// List personas, scenarios, policies or estimators, with what they are
    List(list::Args),
    /// Say all that is wrong with files of gates, scenarios, personas or policies
    Check(check::Args),
    /// Print a JSON Schema, or compare the profile features with a registry
    Schema(schema::Args),
    /// Print a completion script for a shell
    Completions(manual::CompletionsArgs),
    /// Print the manual page
    Man,
}

/// Forgets the variables of ours that are set to nothing: whoever starts programs by a template sets those so that have
/// nothing to say, and an option that is not given has its default.
fn forget_empty_variables() {
    let is_ours = |name: &str| name.starts_with("REHEARSAL_") || name == "DEFAULT_PROMPT_VERSION";
    let empty =
        std::env::vars_os().filter(|(name, value)| value.is_empty() && name.to_str().is_some_and(is_ours));
    for (name, _) in empty.collect::<Vec<_>>() {
        // SAFETY: the process has one thread yet, so that nobody reads the environment meanwhile.
        #[allow(unsafe_code)]
        unsafe {
            std::env::remove_var(name);
        }
    }
}

/// Parses the process's arguments, runs the command and returns its exit code.
pub fn main() -> ExitCode {
    forget_empty_variables();
    let command = command().color(display::for_arguments(std::env::args_os()));
    let matches = command.get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    cli.display.set();
    let code =
        match needs::check(&matches).and_then(|()| signals::no_file_too_large()).and_then(|()| run(cli)) {
            Ok(code) => code,
            Err(error) if error.is_broken_pipe() => exit::DONE,
            Err(error) => {
                output::complain(&error);
                exit::ERROR
            }
        };
    ExitCode::from(code)
}

/// The command line.
fn command() -> clap::Command {
    Cli::command()
}

/// Runs one command; its exit code is one of [`exit`].
fn run(cli: Cli) -> Result<u8> {
    let Cli { mut global, display, mut command } = cli;
    crate::policy::program::pass_stderr_to(match command {
        Command::Serve(_) => |policy, line| tracing::info!(policy, line, "a program says"),
        _ => |policy, line| output::note(&format!("{policy}: {line}")),
    });
    let begun = Instant::now();
    if let Some(given) = command.takes_from_a_project(&mut global) {
        given.take(&Project::load()?);
    }
    let done = run_command(command, &global, display);
    output::detail(|| format!("took {:.3} s", begun.elapsed().as_secs_f64()));
    done
}

/// What a project's file may give, where nobody gave it by an option or a variable.
#[derive(Default)]
struct Takes<'a> {
    store: Option<&'a mut Option<PathBuf>>,
    gate: Option<&'a mut Option<PathBuf>>,
    personas: Option<&'a mut Option<PathBuf>>,
    policies: Option<&'a mut Vec<String>>,
}

impl Takes<'_> {
    fn take(self, project: &Project) {
        let Project { store, gate, personas, policies } = project;
        for (taken, given) in [(self.store, store), (self.gate, gate), (self.personas, personas)] {
            if let Some(taken) = taken.filter(|taken| taken.is_none()) {
                taken.clone_from(given);
            }
        }
        if let Some(taken) = self.policies.filter(|taken| taken.is_empty()) {
            taken.clone_from(policies);
        }
    }
}

impl Command {
    /// What of a project's file the command looks at; `None` if it looks at none.
    fn takes_from_a_project<'a>(&'a mut self, global: &'a mut Global) -> Option<Takes<'a>> {
        let store = Some(global.project_store());
        Some(match self {
            Self::PromoteCheck(args) => args.takes(),
            Self::Calibrate(args) => args.takes(),
            Self::Simulate(args) => args.takes(),
            Self::CompareReality(args) => Takes { personas: Some(&mut args.personas), ..Takes::default() },
            Self::List(args) => args.takes(),
            Self::Score(args) => Takes { store, policies: Some(&mut args.policies), ..Takes::default() },
            Self::Reward(args) => Takes { store, policies: Some(&mut args.policies), ..Takes::default() },
            Self::Serve(args) => Takes { store, policies: Some(&mut args.policies), ..Takes::default() },
            Self::Evaluate(args) => Takes { store, policies: Some(&mut args.policies), ..Takes::default() },
            Self::Stats(_)
            | Self::Reset(_)
            | Self::Log(_)
            | Self::Verify(_)
            | Self::Rebuild(_)
            | Self::Backup(_)
            | Self::Prune(_)
            | Self::Export(_)
            | Self::Import(_)
            | Self::Context(_)
            | Self::Prompt(_)
            | Self::Generate(_)
            | Self::Analyze(_)
            | Self::Rollout(_) => Takes { store, ..Takes::default() },
            Self::Merge(_)
            | Self::Check(_)
            | Self::Schema(_)
            | Self::Registry(_)
            | Self::Features(_)
            | Self::Train(_)
            | Self::Assign(_)
            | Self::Policy(_)
            | Self::Completions(_)
            | Self::Man => {
                return None;
            }
        })
    }
}

fn run_command(command: Command, global: &Global, display: Display) -> Result<u8> {
    match command {
        Command::PromoteCheck(args) => promote_check::run(&args, display),
        Command::Calibrate(args) => calibrate::run(&args),
        Command::Simulate(args) => simulate::run(&args, display),
        Command::Merge(args) => merge::run(&args),
        Command::Registry(args) => registry::run(&args),
        Command::Features(args) => features::run(&args),
        Command::Train(args) => train::run(&args),
        Command::Score(args) => score::run(&args, global),
        Command::Reward(args) => reward::run(&args, global),
        Command::Generate(args) => generate::run(&args, global),
        Command::Context(args) => context::run(&args, global),
        Command::Prompt(args) => prompt::run(&args, global),
        Command::Serve(args) => serve::run(&args, global),
        Command::Stats(args) => stats::run(&args, global),
        Command::Reset(args) => reset::run(&args, global),
        Command::Evaluate(args) => ready().and_then(|()| evaluate::run(&args, global)),
        Command::Analyze(args) => ready().and_then(|()| analyze::run(&args, global)),
        Command::Assign(args) => assign::run(&args),
        Command::Rollout(args) => rollout::run(&args, global),
        Command::CompareReality(args) => compare_reality::run(&args),
        Command::Log(args) => log::run(&args, global),
        Command::Backup(args) => backup::run(&args, global),
        Command::Prune(args) => prune::run(&args, global),
        Command::Rebuild(args) => rebuild::run(&args, global),
        Command::Verify(args) => verify::run(&args, global),
        Command::Policy(args) => policy::run(&args),
        Command::Export(args) => export::run(&args, global),
        Command::Import(args) => import::run(&args, global),
        Command::List(args) => list::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::Completions(args) => manual::completions(&args),
        Command::Man => manual::man(),
    }
}
