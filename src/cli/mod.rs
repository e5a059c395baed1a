//! The command line: arguments become checked settings, settings become library calls, and what those
//! return becomes text on stdout and an exit code. One file per command.

pub mod exit;
mod folder;
mod output;
mod progress;
mod promote_check;
mod reports;
mod schema;
mod shell;

use crate::error::{Error, Result};
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
    /// Print a JSON Schema, or compare the profile features with a registry
    Schema(schema::Args),
}

/// Parses the process's arguments, runs the command and returns its exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let code = match run(cli) {
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
    let Cli { global: _, command } = cli;
    match command {
        Command::PromoteCheck(args) => promote_check::run(&args),
        Command::Schema(args) => schema::run(&args),
    }
}
