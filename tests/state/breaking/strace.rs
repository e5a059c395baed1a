//! Running a command under strace: what it asks of the system, and with one of these calls spoiled.

use crate::util::{Dir, Ran, run};
use std::process::{Command, Stdio};

/// One system call of a traced command.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::state) struct Call {
    pub(in crate::state) name: String,
    /// It is the n-th call of this name in its process, from 1.
    pub(in crate::state) n: usize,
    /// The whole line.
    pub(in crate::state) text: String,
}

/// Whether strace is there and allowed to trace; else why the test is skipped is printed.
pub(in crate::state) fn available() -> bool {
    let traced =
        Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    let available = traced.is_ok_and(|status| status.success());
    if !available {
        println!("skipped: strace is not there, or may not trace");
    }
    available
}

/// The command under strace with these options.
pub(in crate::state) fn traced(dir: &Dir, options: &[&str], args: &[&str], input: &str) -> Ran {
    let plain = dir.command(args);
    let mut command = Command::new("strace");
    command
        .args(["-f", "-y", "-qq", "-s", "4096", "-o", "trace"])
        .args(options)
        .arg("--")
        .arg(plain.get_program());
    command.args(args).current_dir(dir.path()).env_remove("REHEARSAL_STATE_DIR");
    // One worker thread, so that calls come in the same order every time.
    command.env("RAYON_NUM_THREADS", "1");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    run(command, input.as_bytes())
}

/// What the command asks of the system from its first look at the state directory on.
pub(in crate::state) fn calls(dir: &Dir, args: &[&str], input: &str) -> Vec<Call> {
    traced(dir, &[], args, input).ok();
    let trace = dir.read("trace");
    let mut counts = std::collections::HashMap::new();
    let mut calls = Vec::new();
    let mut begun = false;
    for text in trace.lines() {
        // `1234  write(5</path>, ...) = 7`, or the second half of a call that was interrupted.
        let Some((pid, rest)) = text.split_once(' ') else { continue };
        let Some((name, _)) = rest.trim_start().split_once('(') else { continue };
        if !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
            continue;
        }
        let n = counts.entry((pid.to_owned(), name.to_owned())).or_insert(0);
        *n += 1;
        begun |= text.contains("./state");
        if begun {
            calls.push(Call { name: name.to_owned(), n: *n, text: rest.trim_start().to_owned() });
        }
    }
    calls
}
