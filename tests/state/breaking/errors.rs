//! When the system refuses a call, the command says so in one line, and has done all or nothing.

use super::strace::{Call, available, calls, traced};
use super::{Case, answers, copied};
use crate::util::run;
use std::process::{Command, Stdio};

/// Calls that change something, or decide about it.
const CHANGES: [&str; 17] = [
    "fallocate",
    "fchmod",
    "fdatasync",
    "flock",
    "fsync",
    "ftruncate",
    "mkdir",
    "open",
    "openat",
    "pread64",
    "pwrite64",
    "read",
    "rename",
    "renameat",
    "unlink",
    "unlinkat",
    "write",
];

fn fails_at(case: &Case, call: &Call, error: &str) {
    let dir = copied(&case.prepared);
    let inject = format!("inject={}:error={error}:when={}", call.name, call.n);
    let ran = traced(&dir, &["-e", &inject], &case.args, &case.input);
    let acknowledged = answers(&ran) > 0;
    let what = format!("{error} in {}", call.text);
    match ran.code() {
        0 => assert!(acknowledged, "{}: {what}: neither done nor refused", case.name),
        2 => {
            let lines = ran.stderr().lines().count() + usize::from(ran.stdout().contains("\"error\""));
            if !acknowledged && lines != 1 {
                ran.fail(&format!("{}: {what}: expected one line", case.name));
            }
        }
        // Calls are counted in each thread: a worker's first read is the main thread's first one too, and
        // there it is that of the loader, before the program begins.
        127 if ran.stderr().contains("loading shared libraries") => return,
        _ => ran.fail(&format!("{}: {what}: expected exit code 0 or 2", case.name)),
    }
    case.check(&dir, &ran, &what);
}

fn every_call(case: &Case, errors: &[&str]) -> usize {
    let dir = copied(&case.prepared);
    let mut calls = calls(&dir, &case.args, &case.input);
    calls.retain(|call| CHANGES.contains(&call.name.as_str()) && call.text.contains("/state"));
    for call in &calls {
        for error in errors {
            fails_at(case, call, error);
        }
    }
    calls.len()
}

#[test]
fn an_error_in_any_call_is_said_and_survived() {
    if !available() {
        return;
    }
    for case in Case::all().into_iter().filter(|case| case.name != "a crowd") {
        assert!(every_call(&case, &["EIO"]) > 5, "{}", case.name);
    }
}

#[test]
#[ignore = "long"]
fn breaking_every_error_in_every_call() {
    if !available() {
        return;
    }
    for case in Case::all() {
        println!(
            "{}: {} system calls",
            case.name,
            every_call(&case, &["EIO", "ENOSPC", "EDQUOT", "EACCES", "EROFS"])
        );
    }
}

#[test]
fn a_file_that_may_not_grow_is_an_error_like_any_other() {
    for case in Case::all() {
        for kilobytes in [0, 1, 2, 4, 8, 16, 32, 64, 128] {
            let dir = copied(&case.prepared);
            let plain = dir.command(&case.args);
            let mut command = Command::new("sh");
            let script = format!("ulimit -f {kilobytes}; exec \"$@\"");
            command.args(["-c", &script, "sh"]).arg(plain.get_program()).args(&case.args);
            command.current_dir(dir.path()).env_remove("REHEARSAL_STATE_DIR");
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let ran = run(command, case.input.as_bytes());
            let what = format!("limit {kilobytes}");
            if ran.code() != 0 && ran.code() != 2 {
                ran.fail(&format!("{}: {what}: expected exit code 0 or 2", case.name));
            }
            case.check(&dir, &ran, &what);
        }
    }
}
