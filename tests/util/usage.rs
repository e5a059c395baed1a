//! What a command takes of the machine, as the system counts it: processor time and memory, and never how long somebody waits.

use super::{Dir, Ran, run};
use std::process::Command;

/// Runs what follows and says on a last line of stderr what it took.
const MEASURE: &str = "import resource, subprocess, sys\n\
                       code = subprocess.run(sys.argv[1:]).returncode\n\
                       used = resource.getrusage(resource.RUSAGE_CHILDREN)\n\
                       print(used.ru_utime + used.ru_stime, used.ru_maxrss, file=sys.stderr)\n\
                       sys.exit(code)";

/// Seconds of processor time, and the most memory at once, in KB.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Usage {
    pub(crate) seconds: f64,
    pub(crate) memory: f64,
}

/// Whether a command can be measured here.
pub(crate) fn is_measurable() -> bool {
    let python = Command::new("python3").args(["-c", "import resource"]).output();
    python.is_ok_and(|output| output.status.success())
}

/// Runs a command, and what it took.
pub(crate) fn measured(dir: &Dir, args: &[&str], input: &[u8]) -> (Ran, Usage) {
    let plain = dir.command(args);
    let mut command = Command::new("python3");
    command.args(["-c", MEASURE]).arg(plain.get_program()).args(plain.get_args()).current_dir(dir.path());
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let ran = run(command, input);
    let said = ran.stderr();
    let numbers = said.lines().last().and_then(|line| {
        let (seconds, memory) = line.split_once(' ')?;
        Some(Usage { seconds: seconds.parse().ok()?, memory: memory.parse().ok()? })
    });
    let usage = numbers.unwrap_or_else(|| ran.fail("expected numbers on the last line"));
    (ran, usage)
}
