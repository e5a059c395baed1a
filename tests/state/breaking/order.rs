//! The order in which a reward is made durable, as the system sees it. Kills alone would not tell
//! whether anything was synced: what a killed process wrote is still in the system's memory.

use super::strace::{Call, available, calls, traced};
use super::{Case, copied, line};
use crate::util::Dir;

/// Where the first call after `from` stands whose line has all of these.
fn find(calls: &[Call], from: usize, parts: &[&str]) -> usize {
    let found = calls.iter().skip(from).position(|call| parts.iter().all(|part| call.text.contains(part)));
    let shown = || calls.iter().map(|call| call.text.as_str()).collect::<Vec<_>>().join("\n");
    from + found.unwrap_or_else(|| panic!("no {parts:?} after call {from}:\n{}", shown()))
}

#[test]
fn a_reward_is_locked_prepared_committed_shown_and_then_acknowledged() {
    if !available() {
        return;
    }
    let case = Case::all().swap_remove(1);
    assert_eq!(case.name, "a reward");
    let dir = copied(&case.prepared);
    let calls = calls(&dir, &case.args, &case.input);
    // The lock is on a file of its own, taken before anything is read that the reward depends on.
    let locked = find(&calls, 0, &["flock(", "rewards.lock", "LOCK_EX"]);
    let read = find(&calls, locked, &["open", "u_egreedy_v2.json"]);
    let written = find(&calls, read, &["write(", "/new."]);
    let synced = find(&calls, written, &["fdatasync(", "/new."]);
    let appended = find(&calls, synced, &["write(", "rewards.jsonl"]);
    let committed = find(&calls, appended, &["fdatasync(", "rewards.jsonl"]);
    let renamed = find(&calls, committed, &["rename", "u_egreedy_v2.json"]);
    find(&calls, renamed, &["write(1<", "updates"]);
    let before = &calls[..locked];
    assert!(
        before.iter().all(|call| !call.text.contains("rewards.jsonl") && !call.text.contains("u_egreedy"))
    );
    // It is held from then on: what was looked up under a lock that was let go may have changed since.
    let locks = calls[..committed].iter().filter(|c| c.name == "flock" && c.text.contains("rewards.lock"));
    assert_eq!(locks.count(), 1);
    // The lock's file is never replaced or removed.
    assert!(calls.iter().all(|call| !(call.name.starts_with("rename") || call.name.starts_with("unlink"))
        || !call.text.contains("rewards.lock")));
}

#[test]
fn a_duplicate_is_durable_before_it_is_said() {
    if !available() {
        return;
    }
    let case = Case::all().swap_remove(1);
    let dir = copied(&case.prepared);
    dir.run_with(&case.args, &case.input).ok();
    let calls = calls(&dir, &case.args, &case.input);
    let synced = find(&calls, 0, &["fdatasync(", "rewards.jsonl"]);
    find(&calls, synced, &["write(1<", "\\\"duplicate\\\":true"]);
}

#[test]
fn a_reset_is_committed_before_files_go() {
    if !available() {
        return;
    }
    let case = Case::all().swap_remove(2);
    let dir = copied(&case.prepared);
    let calls = calls(&dir, &case.args, &case.input);
    let committed = find(&calls, 0, &["fdatasync(", "rewards.jsonl"]);
    let removed = find(&calls, committed, &["unlink", "u_egreedy_v2.json"]);
    // A checkpoint follows: what it says of the log, of which others may have written the end, is durable first.
    let synced = find(&calls, removed, &["fdatasync(", "rewards.jsonl"]);
    let noted = find(&calls, synced, &["rename", "rewards.manifest.json"]);
    find(&calls, noted, &["write(1<", "removed"]);
}

#[test]
fn each_of_many_states_is_synced_before_it_takes_its_place() {
    if !available() {
        return;
    }
    let case = Case::all().into_iter().find(|case| case.name == "a crowd").unwrap();
    let calls = calls(&copied(&case.prepared), &case.args, &case.input);
    let mut shown = 0;
    for renamed in (0..calls.len()).filter(|i| calls[*i].name.starts_with("rename")) {
        let text = &calls[renamed].text;
        let Some((_, new)) = text.split_once("/new.").filter(|_| text.contains("_egreedy_v2.json")) else {
            continue;
        };
        let new = format!("/new.{}", new.split('"').next().unwrap());
        let is_write = |call: &Call| call.name == "write" && call.text.contains(&format!("{new}>"));
        let written = calls[..renamed].iter().rposition(is_write).expect("it was written");
        // With everything else; or alone, in a group of few that came before the others.
        let syncs = |call: &Call| match call.name.as_str() {
            "syncfs" => true,
            "fdatasync" => call.text.contains(&format!("{new}>")),
            _ => false,
        };
        assert!(calls[written..renamed].iter().any(syncs), "{text}");
        shown += 1;
    }
    assert!(shown >= 80 && calls.iter().any(|call| call.name == "syncfs"), "{shown} files");
}

/// What locks and syncs do there is not what they do here.
#[test]
fn a_network_file_system_is_warned_of() {
    if !available() {
        return;
    }
    let (dir, next) = (Dir::new(), line("u", "next", 1.0));
    // The system says that it is NFS, whatever it is.
    let nfs = ["-e", "trace=statfs", "-e", "inject=statfs:poke_exit=@arg2=6969000000000000"];
    for (args, input) in [
        (&["reward", "--jsonl"][..], next.as_str()),
        (&["score", "--policy", "linucb", "--user", "u"], crate::state::REQUEST),
        (&["rebuild"], ""),
        (&["reset", "--user", "u"], ""),
        (&["rebuild", "--into", "other/place"], ""),
    ] {
        let ran = traced(&dir, &nfs, args, input).ok();
        assert!(ran.stderr().contains("is on NFS: "), "{args:?}: {}", ran.stderr());
        assert_eq!(ran.stderr().lines().count(), 1, "{args:?}");
        assert!(!dir.run_with(args, input).stderr().contains("NFS"));
    }
}

#[test]
fn readers_take_no_lock() {
    if !available() {
        return;
    }
    let dir = copied(&Case::all()[1].prepared);
    let calls = calls(&dir, &["stats"], "");
    assert!(calls.iter().all(|call| call.name != "flock"));
    let score = ["score", "--policy", "egreedy-v2", "--user", "u"];
    let calls = super::strace::calls(&dir, &score, crate::state::REQUEST);
    assert!(calls.iter().all(|call| call.name != "flock" || call.text.contains("decisions.lock")));
}
