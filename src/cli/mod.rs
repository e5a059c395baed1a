//! The command line: arguments become checked settings, settings become library calls, and what those
//! return becomes text on stdout and an exit code. One file per command.

mod calibrate;
mod choice;
mod collector;
mod compare_reality;
mod estimator_choice;
mod evaluate;
pub mod exit;
mod export;
mod folder;
mod gate_inputs;
mod given;
mod import;
mod input;
mod manual;
mod merge;
mod output;
mod progress;
mod promote_check;
mod rebuild;
mod reports;
mod reset;
mod reward;
mod schema;
mod score;
mod shell;
mod signals;
mod simulate;
mod stats;
mod table;
mod verify;

use crate::base::error::{Error, Result};
use crate::state::{SEGMENT_BYTES, Store};
use clap::builder::Resettable;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Variables of the environment.
const STATE_DIR: &str = "REHEARSAL_STATE_DIR";
const SEGMENT_BYTES_VARIABLE: &str = "REHEARSAL_SEGMENT_BYTES";

/// Rehearse contextual-bandit policies on simulated people before they meet real ones.
#[derive(Debug, Parser)]
#[command(name = "rehearsal", version, max_term_width = 100, propagate_version = true, after_help = AFTER_HELP)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Exit codes: 0 done, or promote; 1 reject; 2 wrong use, bad input, I/O; 3 inconclusive.
Start with: rehearsal promote-check";

/// Options of every command; they stand before or after it.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "State directory")]
struct Global {
    /// Where policy states and logs are kept
    #[arg(long, global = true, value_name = "DIR", env = STATE_DIR, default_value = "./state")]
    state_dir: PathBuf,
    /// Size at which the logs in the state directory are sealed and begun anew
    #[arg(long, global = true, value_name = "BYTES", env = SEGMENT_BYTES_VARIABLE,
          default_value_t = SEGMENT_BYTES, value_parser = clap::value_parser!(u64).range(1..=1 << 39),
          hide_short_help = true)]
    segment_bytes: u64,
}

impl Global {
    /// The state directory of a command that writes to it.
    fn writable_store(&self) -> Store {
        self.writable_store_at(&self.state_dir)
    }

    /// Another directory that the command writes states to.
    fn writable_store_at(&self, dir: &Path) -> Store {
        let store = self.store_at(dir);
        if let Some(warning) = store.warning() {
            output::warn(&warning);
        }
        store
    }

    /// The state directory of the command.
    fn store(&self) -> Store {
        self.store_at(&self.state_dir)
    }

    /// The same for a command that is about what is there: a name that is mistyped must not look like a sound one.
    fn store_that_is_there(&self) -> Result<Store> {
        if self.state_dir.is_dir() {
            return Ok(self.store());
        }
        let dir = self.state_dir.display();
        Err(Error::Refused(format!(
            "{dir} is no directory: name the state directory with --state-dir or {STATE_DIR}"
        )))
    }

    fn store_at(&self, dir: &Path) -> Store {
        Store::new(dir).with_segment_bytes(self.segment_bytes)
    }
}

/// How many threads a long run uses; the output does not depend on it.
#[derive(Debug, clap::Args)]
struct Threads {
    /// Number of threads [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

impl Threads {
    fn apply(&self) -> Result<()> {
        let threads = self.threads.map_or(0, usize::from);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
        pool.map_err(|e| Error::Refused(format!("cannot start {threads} threads: {e}")))
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Decide whether a challenger may replace the policy in charge
    PromoteCheck(promote_check::Args),
    /// Measure how often a gate promotes what it must not, and what it should
    Calibrate(calibrate::Args),
    /// Run policies on simulated people
    Simulate(simulate::Args),
    /// Choose a tip: a request becomes a decision
    Score(score::Args),
    /// Learn from what happened after a decision
    Reward(reward::Args),
    /// Print what is known of users
    Stats(stats::Args),
    /// Forget a user
    Reset(reset::Args),
    /// Judge policies on decisions that were logged with their propensities
    Evaluate(evaluate::Args),
    /// Say how far simulated people are from those of a log
    CompareReality(compare_reality::Args),
    /// Make every state again from the logs
    Rebuild(rebuild::Args),
    /// Check every file of the state directory
    Verify(verify::Args),
    /// Print states as JSON lines
    Export(export::Args),
    /// Take in states that `export` printed
    Import(import::Args),
    /// Put parts of a simulation together
    Merge(merge::Args),
    /// Print a JSON Schema, or compare the profile features with a registry
    Schema(schema::Args),
    /// Print a completion script for a shell
    Completions(manual::CompletionsArgs),
    /// Print the manual page
    Man,
}

/// Parses the process's arguments, runs the command and returns its exit code.
pub fn main() -> ExitCode {
    let cli = Cli::from_arg_matches(&command().get_matches()).unwrap_or_else(|error| error.exit());
    let code = match signals::no_file_too_large().and_then(|()| run(cli)) {
        Ok(code) => code,
        Err(error) if error.is_broken_pipe() => exit::DONE,
        Err(error) => {
            let next = match &error {
                Error::Damaged { what, .. } if !what.contains('`') => {
                    "; `rehearsal verify` lists what is damaged, `rehearsal rebuild` mends states and rewards"
                }
                _ => "",
            };
            output::complain(&format!("{error}{next}"));
            exit::ERROR
        }
    };
    ExitCode::from(code)
}

/// The command line. A variable of the environment that is empty is as good as none.
fn command() -> clap::Command {
    let of_environment = [("state_dir", STATE_DIR), ("segment_bytes", SEGMENT_BYTES_VARIABLE)];
    of_environment.into_iter().fold(Cli::command(), |command, (option, variable)| {
        if std::env::var_os(variable).is_some_and(|value| value.is_empty()) {
            command.mut_arg(option, |arg| arg.env(Resettable::Reset))
        } else {
            command
        }
    })
}

/// Runs one command; its exit code is one of [`exit`].
fn run(cli: Cli) -> Result<u8> {
    let Cli { global, command } = cli;
    match command {
        Command::PromoteCheck(args) => promote_check::run(&args),
        Command::Calibrate(args) => calibrate::run(&args),
        Command::Simulate(args) => simulate::run(&args),
        Command::Merge(args) => merge::run(&args),
        Command::Score(args) => score::run(&args, &global),
        Command::Reward(args) => reward::run(&args, &global),
        Command::Stats(args) => stats::run(&args, &global),
        Command::Reset(args) => reset::run(&args, &global),
        Command::Evaluate(args) => evaluate::run(&args, &global),
        Command::CompareReality(args) => compare_reality::run(&args),
        Command::Rebuild(args) => rebuild::run(&args, &global),
        Command::Verify(args) => verify::run(&args, &global),
        Command::Export(args) => export::run(&args, &global),
        Command::Import(args) => import::run(&args, &global),
        Command::Schema(args) => schema::run(&args),
        Command::Completions(args) => manual::completions(&args),
        Command::Man => manual::man(),
    }
}
