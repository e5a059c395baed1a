//! Killed before any system call, a command has done all or nothing, and the next one goes on.

use super::{Case, copied};
use crate::util::strace::{Call, available, calls, changes, some, traced};

/// Whether the kill struck.
fn killed_at(case: &Case, call: &Call) -> bool {
    let dir = copied(&case.prepared);
    let inject = format!("inject={}:signal=KILL:when={}", call.name, call.n);
    let ran = traced(&dir, &["-e", &inject], &case.args, &case.input);
    case.check(&dir, &ran, &format!("killed at {}", call.text));
    ran.code() != 0
}

/// How many kills struck, and before how many calls. Some calls come at times only: those of threads that wait for
/// each other.
fn every_boundary(case: &Case, all: bool, most: usize) -> (usize, usize) {
    let dir = copied(&case.prepared);
    let mut calls = calls(&dir, &case.args, &case.input);
    calls.retain(|call| all || changes(call));
    let calls = some(calls, most);
    let struck = calls.iter().filter(|call| killed_at(case, call)).count();
    assert!(struck * 5 >= calls.len() * 4, "{}: {struck} of {} kills struck", case.name, calls.len());
    (struck, calls.len())
}

#[test]
fn a_kill_before_any_change_is_survived() {
    if !available() {
        return;
    }
    for case in Case::all().into_iter().filter(|case| case.name != "a crowd") {
        // All of the one that matters most, and some of the others.
        let most = if case.name == "a reward" { 40 } else { 6 };
        assert!(every_boundary(&case, false, most).0 > 4, "{}", case.name);
    }
}

#[test]
#[ignore = "long"]
fn breaking_kill_before_every_call() {
    if !available() {
        return;
    }
    for case in Case::all() {
        let (struck, calls) = every_boundary(&case, true, usize::MAX);
        println!("{}: killed before {struck} of {calls} system calls, nothing is lost or doubled", case.name);
    }
}
