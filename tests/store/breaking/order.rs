//! The order in which things are made durable, as the system sees it. Kills alone would not tell whether anything
//! was synced: what a killed process wrote is still in the system's memory.

use super::{Case, copied};
use crate::util::strace::{Call, available, calls};

const WAL: &str = "rehearsal.db-wal>";

/// Where the first call after `from` stands whose line has all of these.
fn find(calls: &[Call], from: usize, parts: &[&str]) -> usize {
    let found = calls.iter().skip(from).position(|call| parts.iter().all(|part| call.text.contains(part)));
    let shown = || calls.iter().map(|call| call.text.as_str()).collect::<Vec<_>>().join("\n");
    from + found.unwrap_or_else(|| panic!("no {parts:?} after call {from}:\n{}", shown()))
}

fn of(case: &Case) -> Vec<Call> {
    calls(&copied(&case.prepared), &case.args, &case.input)
}

/// Whether what stands in the log of the database before this call was synced before it.
fn is_durable(calls: &[Call], before: usize) -> bool {
    let log =
        |name: &str| calls[..before].iter().rposition(|call| call.name == name && call.text.contains(WAL));
    log("fdatasync").or_else(|| log("fsync")) > log("pwrite64").or(Some(0))
}

#[test]
fn a_reward_is_on_disk_before_it_is_answered_for() {
    if !available() {
        return;
    }
    for name in ["the first reward", "a reward"] {
        let calls = of(&Case::named(name));
        let answered = find(&calls, 0, &["write(1<", "updates"]);
        assert!(is_durable(&calls, answered), "{name}");
        // What a duplicate says of an earlier reward was durable when that one was answered for.
        let view = find(&calls, 0, &["rename", "u_egreedy_v2.json"]);
        assert!(is_durable(&calls, view), "{name}: a state file says what may be lost");
        let written = find(&calls, 0, &["write(", "/.view-"]);
        let synced = find(&calls, written, &["sync(", "/.view-"]);
        let locked = find(&calls, 0, &["flock(", "view-locks/", "LOCK_EX"]);
        assert!(locked < written && written < synced && synced < view, "{name}");
        // The file is where it is before the store says so.
        let folder = find(&calls, view, &["fsync(", "/state>"]);
        find(&calls, folder, &["pwrite64(", WAL]);
    }
}

#[test]
fn a_reset_is_on_disk_before_its_file_goes_and_before_it_is_answered_for() {
    if !available() {
        return;
    }
    for name in ["a reset", "an erasure"] {
        let calls = of(&Case::named(name));
        let removed = find(&calls, 0, &["unlink", "u_egreedy_v2.json"]);
        assert!(is_durable(&calls, removed), "{name}");
        let answered = find(&calls, removed, &["write(1<", "removed"]);
        let committed =
            calls[..answered].iter().any(|call| call.name.ends_with("sync") && call.text.contains(WAL));
        assert!(committed, "{name}");
    }
}

#[test]
fn readers_write_nothing_and_wait_for_nobody() {
    if !available() {
        return;
    }
    let prepared = Case::named("a reward").prepared;
    for args in [&["stats"][..], &["export"], &["log", "rewards"], &["verify"]] {
        let calls = calls(&copied(&prepared), args, "");
        let changes = |call: &&Call| {
            let writes =
                ["pwrite64", "ftruncate", "rename", "unlink", "mkdir", "fsync", "fdatasync", "flock"];
            writes.contains(&call.name.as_str())
                && call.text.contains("/state")
                && !call.text.contains("-shm>")
        };
        assert_eq!(calls.iter().find(changes), None, "{args:?}");
    }
}
