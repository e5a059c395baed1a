//! The command line: arguments become checked settings, settings become library calls, and what those
//! return becomes text on stdout and an exit code. One file per command.

pub mod exit;
mod export;
mod given;
mod import;
mod input;

mod output;
mod rebuild;
mod reset;
mod reward;
mod schema;
mod score;
mod signals;
mod stats;
mod verify;

use crate::error::Result;
use crate::state::{SEGMENT_BYTES, Store};
use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

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
struct Global {
    /// Where policy states and logs are kept
    #[arg(long, global = true, value_name = "DIR", env = "REHEARSAL_STATE_DIR", default_value = "./state")]
    state_dir: PathBuf,
    /// Size at which the logs in the state directory are sealed and begun anew
    #[arg(long, global = true, value_name = "BYTES", env = "REHEARSAL_SEGMENT_BYTES",
          default_value_t = SEGMENT_BYTES, value_parser = clap::value_parser!(u64).range(1..=1 << 39),
          hide_short_help = true)]
    segment_bytes: u64,
}

impl Global {
    /// The state directory of a command that writes to it.
    fn writable_store(&self) -> Store {
        let store = self.store();
        if let Some(warning) = store.warning() {
            output::warn(&warning);
        }
        store
    }

    /// The state directory of the command.
    fn store(&self) -> Store {
        Store::new(&self.state_dir).with_segment_bytes(self.segment_bytes)
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Choose a tip: a request becomes a decision
    Score(score::Args),
    /// Learn from what happened after a decision
    Reward(reward::Args),
    /// Print what is known of users
    Stats(stats::Args),
    /// Forget a user
    Reset(reset::Args),
    /// Make every state again from the logs
    Rebuild(rebuild::Args),
    /// Check every file of the state directory
    Verify(verify::Args),
    /// Print states as JSON lines
    Export(export::Args),
    /// Take in states that `export` printed
    Import(import::Args),
    /// Print the profile features as JSON Schema, or compare them with a registry
    Schema(schema::Args),
}

/// Parses the process's arguments, runs the command and returns its exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let code = match signals::no_file_too_large().and_then(|()| run(cli)) {
        Ok(code) => code,
        Err(error) if error.is_broken_pipe() => exit::DONE,
        Err(error) => {
            output::complain(&error);
            exit::ERROR
        }
    };
    ExitCode::from(code)
}

/// Runs one command; its exit code is one of [`exit`].
fn run(cli: Cli) -> Result<u8> {
    let Cli { global, command } = cli;
    match command {
        Command::Score(args) => score::run(&args, &global),
        Command::Reward(args) => reward::run(&args, &global),
        Command::Stats(args) => stats::run(&args, &global),
        Command::Reset(args) => reset::run(&args, &global),
        Command::Rebuild(args) => rebuild::run(&args, &global),
        Command::Verify(args) => verify::run(&args, &global),
        Command::Export(args) => export::run(&args, &global),
        Command::Import(args) => import::run(&args, &global),
        Command::Schema(args) => schema::run(&args),
    }
}
