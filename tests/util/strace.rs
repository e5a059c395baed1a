//! Running a command under strace: what it asks of the system, and with one of these calls spoiled.

use super::{Dir, OUTSIDE, Ran, run, skip};
use std::collections::HashMap;
use std::process::{Command, Stdio};

/// Calls that only look, or that concern memory and threads: being killed there is being killed before
/// the next one.
const LOOKS: [&str; 27] = [
    "brk",
    "close",
    "exit",
    "exit_group",
    "fcntl",
    "fstat",
    "futex",
    "geteuid",
    "getpid",
    "getrandom",
    "lseek",
    "lstat",
    "madvise",
    "mmap",
    "mprotect",
    "mremap",
    "munmap",
    "newfstatat",
    "pread64",
    "read",
    "readlink",
    "rseq",
    "sched_getaffinity",
    "sched_yield",
    "set_robust_list",
    "stat",
    "statx",
];

/// One system call of a traced command.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub(crate) name: String,
    /// It is the n-th call of this name in its process, from 1.
    pub(crate) n: usize,
    /// The whole line.
    pub(crate) text: String,
    /// Whether the command had not answered yet.
    pub(crate) before_answer: bool,
}

/// Whether strace is there and allowed to trace; else why the test is skipped is printed.
pub(crate) fn available() -> bool {
    let traced =
        Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    let available = traced.is_ok_and(|status| status.success());
    if !available {
        skip("strace is not there, or may not trace");
    }
    available
}

/// The command under strace with these options.
pub(crate) fn traced(dir: &Dir, options: &[&str], args: &[&str], input: &str) -> Ran {
    let plain = dir.command(args);
    let mut command = Command::new("strace");
    command
        .args(["-f", "-y", "-qq", "-s", "4096", "-o", "trace"])
        .args(options)
        .arg("--")
        .arg(plain.get_program());
    command.args(args).current_dir(dir.path());
    for name in OUTSIDE {
        command.env_remove(name);
    }
    // One worker thread, so that calls come in the same order every time.
    command.env("RAYON_NUM_THREADS", "1");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    run(command, input.as_bytes())
}

/// What the command asks of the system from its first look at the store on.
pub(crate) fn calls(dir: &Dir, args: &[&str], input: &str) -> Vec<Call> {
    traced(dir, &[], args, input).ok();
    let trace = dir.read("trace");
    let mut counts = HashMap::new();
    let mut calls = Vec::new();
    let (mut begun, mut before_answer) = (false, true);
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
            let text = rest.trim_start().to_owned();
            before_answer &= !text.starts_with("write(1<");
            calls.push(Call { name: name.to_owned(), n: *n, text, before_answer });
        }
    }
    calls
}

/// Every so many of these, at most about `most`.
pub(crate) fn some(calls: Vec<Call>, most: usize) -> Vec<Call> {
    let step = calls.len().div_ceil(most).max(1);
    calls.into_iter().step_by(step).collect()
}

/// Whether a call may change anything that outlives its process. What is shared in memory is made again by whoever comes next.
pub(crate) fn changes(call: &Call) -> bool {
    !LOOKS.contains(&call.name.as_str()) && !call.text.contains("-shm>")
}
