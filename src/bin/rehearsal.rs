//! The `rehearsal` command: parse, run, exit.

use std::process::ExitCode;

/// Threads that hand on what others allocated wait for each other in the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    rehearsal::cli::main()
}
