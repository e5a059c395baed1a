//! The `rehearsal` command: parse, run, exit.

use std::process::ExitCode;

fn main() -> ExitCode {
    rehearsal::cli::main()
}
