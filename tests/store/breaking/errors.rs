//! When the system refuses a call, the command says so, and has done all or nothing.

use super::{Case, answers, copied};
use crate::util::strace::{Call, available, calls, some, traced};
use crate::util::{Dir, Ran};

/// Calls that change something.
const CHANGES: [&str; 14] = [
    "fallocate",
    "fchmod",
    "fdatasync",
    "fsync",
    "ftruncate",
    "mkdir",
    "mkdirat",
    "pwrite64",
    "rename",
    "renameat",
    "renameat2",
    "syncfs",
    "unlink",
    "write",
];

/// Calls that decide about a change. What cannot be read may not be needed.
const DECIDES: [&str; 8] = ["fcntl", "flock", "mmap", "open", "openat", "pread64", "read", "unlinkat"];

/// An error in the command: exit code 2 and one line, or nothing to speak of. What was answered for before that is
/// said in another line.
pub(super) fn said(ran: &Ran, what: &str) {
    if ran.code() != 0 && ran.code() != 2 {
        ran.fail(&format!("{what}: expected exit code 0 or 2"));
    }
    if ran.code() == 0 && answers(ran) == 0 {
        ran.fail(&format!("{what}: neither done nor refused"));
    }
    let said = ran.stderr().lines().count();
    let refused = ran.stdout().lines().filter(|line| line.contains("\"error\"")).count();
    let most = if answers(ran) > 0 { 2 } else { 1 };
    if ran.code() == 2 && (said > most || said + refused == 0) {
        ran.fail(&format!("{what}: expected {most} line"));
    }
}

/// How often a command is run anew that did not come to the call: on a busy machine many lines may arrive in two
/// pieces, which are two transactions, with more calls.
const ATTEMPTS: usize = 10;

/// Whether the command ended with exit code 2.
fn fails_at(case: &Case, call: &Call, error: &str) -> bool {
    let inject = format!("inject={}:error={error}:when={}", call.name, call.n);
    let what = format!("{}: {error} in {}", case.name, call.text);
    let attempt = || {
        let dir = copied(&case.prepared);
        let ran = traced(&dir, &["-e", &inject], &case.args, &case.input);
        (dir, ran)
    };
    let reached = |(dir, _): &(Dir, Ran)| dir.read("trace").contains("(INJECTED)");
    let (dir, ran) = (1..ATTEMPTS).map(|_| attempt()).find(reached).unwrap_or_else(attempt);
    // Calls are counted in each thread: a worker's first read is the main thread's first one too, and there
    // it is that of the loader, before the program begins.
    if ran.code() == 127 && ran.stderr().contains("loading shared libraries") {
        return true;
    }
    // They are also counted anew for each thread: the very line that says so may be what is refused.
    // A write that is done ends with how many bytes were written.
    let refused = |line: &str| line.contains("write(2<") && !line.ends_with(|c: char| c.is_ascii_digit());
    let silenced = ran.stderr().is_empty() && dir.read("trace").lines().any(refused);
    if !silenced {
        said(&ran, &what);
    }
    // What is not in the log of the database, or perhaps not on disk, is never answered for.
    let commits = CHANGES.contains(&call.name.as_str()) && call.text.contains("rehearsal.db-wal>");
    if commits && call.before_answer && ran.code() != 2 {
        ran.fail(&format!("{what}: expected exit code 2"));
    }
    case.check(&dir, &ran, &what);
    ran.code() == 2
}

/// How many errors were injected, and how many of them ended the command.
fn every_call(case: &Case, errors: &[&str], most: usize) -> (usize, usize) {
    let dir = copied(&case.prepared);
    let mut calls = calls(&dir, &case.args, &case.input);
    calls.retain(|call| {
        // A lock that cannot be given back is waited for as long as any other: half a minute each.
        let decides = CHANGES.iter().chain(&DECIDES).any(|name| *name == call.name);
        decides && call.text.contains("/state") && !call.text.contains("F_UNLCK")
    });
    let calls = some(calls, most);
    let all = calls.iter().flat_map(|call| errors.iter().map(move |error| (call, error)));
    let failed = all.filter(|(call, error)| fails_at(case, call, error)).count();
    (calls.len() * errors.len(), failed)
}

#[test]
fn an_error_in_any_call_is_said_and_survived() {
    if !available() {
        return;
    }
    for case in Case::all().into_iter().filter(|case| case.name != "a crowd") {
        let most = if case.name == "a reward" { 24 } else { 5 };
        assert!(every_call(&case, &["EIO"], most).1 > 0, "{}", case.name);
    }
}

#[test]
#[ignore = "long"]
fn breaking_every_error_in_every_call() {
    if !available() {
        return;
    }
    for case in Case::all() {
        let errors = ["EIO", "ENOSPC", "EDQUOT", "EACCES", "EROFS"];
        let (injected, failed) = every_call(&case, &errors, usize::MAX);
        let harmless = injected - failed;
        println!("{}: {injected} errors injected, {failed} with exit code 2, {harmless} harmless", case.name);
    }
}
