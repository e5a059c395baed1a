//! The `rehearsal` command: parse, run, exit.

use std::process::ExitCode;

/// Threads that hand on what others allocated wait for each other in the system's allocator. SQLite takes this one too
/// (`override` in Cargo.toml): the system's grows by a page at a time in all threads but the first, and each time has every
/// thread wait that touches new memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    rehearsal::cli::main()
}
