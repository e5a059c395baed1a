//! States that come from elsewhere or go there, and what else is said of what the logs do not tell.

use super::breaking::line;
use super::meddled::{FILE, changed, reward, seal, updates};
use super::upkeep::verified;
use super::{REQUEST, score};
use crate::util::{Dialogue, Dir};
use serde_json::Value;
use std::fs::{self, File};

/// Rewards of these events for a user, in one group.
fn learned(dir: &Dir, user: &str, events: impl Iterator<Item = usize>) {
    let lines: Vec<String> = events.map(|i| line(user, &format!("e{i}"), 1.0)).collect();
    dir.run_with(&["reward", "--jsonl"], lines.join("\n")).ok();
}

fn is_duplicate(dir: &Dir, event: usize) -> Value {
    reward(dir, "alice", &format!("e{event}"))["duplicate"].clone()
}

/// Rewards that cancel leave weights of which nothing but rounding is left.
#[test]
fn rewards_that_cancel_leave_a_sound_state() {
    for policy in ["egreedy-v1", "egreedy-v2", "linucb-v2"] {
        let dir = Dir::new();
        for reaction in ["dismissed", "dismissed", "completed"] {
            let request = r#"{"context":{"hour":9,"weekday":1},"candidates":[{"id":"a"}]}"#;
            let decision = score(&dir, policy, "alice", request);
            super::reward(&dir, super::id(&decision), reaction);
        }
        assert_eq!((updates(&dir, "alice"), verified(&dir)), (3, vec![]));
        let exported = dir.run(&["export"]).ok().stdout();
        dir.run(&["reset", "--user", "alice"]).ok();
        dir.run_with(&["import"], exported).ok();
        assert_eq!((updates(&dir, "alice"), verified(&dir)), (3, vec![]));
    }
}

#[test]
fn events_that_a_state_brought_with_it_stay_known() {
    let from = Dir::new();
    learned(&from, "alice", 0..2);
    let exported = from.run(&["export"]).ok().stdout();
    for checkpointed in [false, true] {
        for reset in [false, true] {
            let dir = Dir::new();
            dir.run_with(&["import"], &exported).ok();
            if checkpointed {
                seal(&dir, "w");
            }
            learned(&dir, "alice", 2..300);
            if reset {
                dir.run(&["reset", "--user", "alice"]).ok();
            }
            let known = if reset { 0 } else { 300 };
            assert_eq!((is_duplicate(&dir, 0), updates(&dir, "alice")), (true.into(), known));
            dir.run(&["rebuild"]).ok();
            fs::remove_file(dir.join("state/rewards.index")).unwrap();
            assert_eq!((is_duplicate(&dir, 1), updates(&dir, "alice")), (true.into(), known));
            assert_eq!(verified(&dir), [""; 0]);
        }
    }
    // One that a rebuild took into the log for a line that cannot be read.
    let dir = Dir::new();
    learned(&dir, "alice", 0..2);
    changed(&dir, "state/rewards.jsonl", "\"event\":\"e0\"", "\"event\":\"x0\"");
    dir.run(&["rebuild"]).ok();
    learned(&dir, "alice", 2..300);
    assert_eq!((is_duplicate(&dir, 0), updates(&dir, "alice")), (true.into(), 300));
}

/// The log has lost the line of a reset; then the rebuild that finds it fails before it can say so in the log.
#[test]
fn a_rebuild_that_fails_halfway_takes_no_reset_back() {
    let dir = Dir::new();
    for user in ["alice", "bob"] {
        reward(&dir, user, "e");
    }
    dir.run(&["rebuild"]).ok();
    dir.run(&["reset", "--user", "alice"]).ok();
    let log = dir.read("state/rewards.jsonl");
    let cut = log.trim_end().rfind('\n').unwrap() + 1;
    dir.write("state/rewards.jsonl", &log[..cut]);
    let in_the_way = dir.join("state/new.rewards");
    fs::create_dir(&in_the_way).unwrap();
    dir.run(&["rebuild"]).exits(2);
    fs::remove_dir(in_the_way).unwrap();
    let report = dir.run(&["rebuild"]).exits(2).json();
    assert_eq!(report["forgotten"], serde_json::json!(["alice_egreedy_v2.json"]), "{report}");
    assert_eq!((updates(&dir, "alice"), updates(&dir, "bob"), verified(&dir)), (0, 1, vec![]));
    // What became of it is told now, and asked no more.
    assert_eq!(dir.run(&["rebuild"]).ok().json()["forgotten"], serde_json::json!([]));
}

#[test]
fn what_the_log_has_lost_is_said_where_states_are_made_for_elsewhere() {
    let dir = Dir::new();
    reward(&dir, "alice", "e1");
    dir.run(&["rebuild"]).ok();
    let log = dir.read("state/rewards.jsonl");
    for (user, event) in [("alice", "e2"), ("alice", "e3"), ("bob", "e1"), ("carol", "e1")] {
        reward(&dir, user, event);
    }
    // The line of carol, whose state shows it, is not among those that are lost.
    dir.run(&["reset", "--user", "carol"]).ok();
    dir.write("state/rewards.jsonl", log);
    for extra in [&[][..], &["--policy", "linucb", "--from", "egreedy-v2"]] {
        let into = if extra.is_empty() { "copy" } else { "warm" };
        let report = dir.run(&[&["rebuild", "--into", into], extra].concat()).exits(2).json();
        assert_eq!(report["written"], 0, "{report}");
        let lost = report["lost"].as_array().unwrap().iter().map(|p| p["file"].as_str().unwrap());
        let lost: Vec<&str> = lost.filter(|file| file.contains("egreedy")).collect();
        assert_eq!(lost, ["alice_egreedy_v2.json", "bob_egreedy_v2.json"]);
        assert!(report.to_string().contains("only up to record 1"), "{report}");
    }
    // Also what became of carol is not told any more: that is said once.
    dir.run(&["rebuild"]).exits(2);
    let report = dir.run(&["rebuild", "--into", "whole"]).ok().json();
    assert_eq!(report["written"], 2, "{report}");
}

/// A segment is gone in which a state ended and began anew; its file goes on from there.
#[test]
fn a_state_that_began_anew_in_a_segment_that_is_gone_is_taken_in() {
    let dir = Dir::new();
    reward(&dir, "alice", "a1");
    seal(&dir, "x");
    dir.run(&["reset", "--user", "alice"]).ok();
    learned(&dir, "alice", 0..1);
    seal(&dir, "z");
    learned(&dir, "alice", 1..2);
    fs::remove_file(dir.join("state/rewards.000002.jsonl")).unwrap();
    // What became of x, whose reset was there too, is not told any more: that is said once.
    let report = dir.run(&["rebuild"]).exits(2).json();
    assert_eq!(report["adopted"], serde_json::json!(["alice_egreedy_v2.json"]), "{report}");
    assert_eq!(dir.run(&["rebuild"]).ok().json()["unchanged"], 1);
    assert_eq!((updates(&dir, "alice"), verified(&dir)), (2, vec![]));
    fs::remove_file(dir.join(FILE)).unwrap();
    dir.run(&["rebuild"]).ok();
    assert_eq!(updates(&dir, "alice"), 2);
}

#[test]
fn errors_of_damage_say_what_mends_it() {
    let dir = Dir::new();
    learned(&dir, "alice", 0..3);
    changed(&dir, FILE, "\"updates\":3", "\"updates\":4");
    dir.run(&["stats"]).refused(&["alice_egreedy_v2.json", "checksum", "`rehearsal rebuild` mends"]);
    dir.run(&["rebuild"]).ok();
    // Its file is gone, and the tail has the latest of its records: what is missing is the file.
    dir.run(&["rebuild"]).ok();
    learned(&dir, "alice", 3..4);
    fs::remove_file(dir.join(FILE)).unwrap();
    dir.run(&["stats", "--user", "alice"])
        .refused(&["alice_egreedy_v2.json: damaged: it is gone", "rehearsal rebuild"]);
    dir.run(&["rebuild"]).ok();
    // The log has lost its end.
    let log = dir.read("state/rewards.jsonl");
    let cut = log.trim_end().rfind('\n').unwrap() + 1;
    dir.write("state/rewards.jsonl", &log[..cut]);
    dir.run_with(&["reward", "--jsonl"], line("alice", "e9", 1.0))
        .refused(&["rewards.jsonl", "`rehearsal rebuild` mends"]);
}

#[test]
fn a_damaged_decision_is_said_once_and_the_next_ones_are_whole() {
    let dir = Dir::new();
    let lost = score(&dir, "egreedy-v2", "alice", REQUEST);
    let kept = score(&dir, "egreedy-v2", "alice", REQUEST);
    changed(&dir, "state/decisions.jsonl", "\"user\":\"alice\"", "\"user\":\"alicf\"");
    assert!(verified(&dir).iter().all(|p| p.starts_with("decisions.jsonl: the line at byte 0")));
    let said = "rehearsal: 1 problem; `rehearsal rebuild` mends states and rewards, and takes note of damaged decisions\n";
    assert_eq!(dir.run(&["verify"]).exits(2).stderr(), said);
    let report = dir.run(&["rebuild"]).exits(2).json();
    assert_eq!(report["lost"][0]["file"], "decisions.jsonl", "{report}");
    assert_eq!(verified(&dir), [""; 0]);
    assert_eq!(dir.run(&["rebuild"]).ok().json()["lost"], serde_json::json!([]));
    let refused = ["reward", "--decision", super::id(&lost), "--reaction", "completed"];
    dir.run(&refused).refused(&["checksum"]);
    super::reward(&dir, super::id(&kept), "completed");
    let next = score(&dir, "egreedy-v2", "alice", REQUEST);
    super::reward(&dir, super::id(&next), "completed");
    // Other damage is news.
    changed(&dir, "state/decisions.000001.jsonl", "\"shadow\":false", "\"shadow\":trues");
    assert_ne!(verified(&dir), [""; 0]);
}

/// As long as no write that was cut short can be.
#[test]
fn a_log_without_end_is_no_endless_search() {
    let dir = Dir::new();
    score(&dir, "egreedy-v2", "alice", REQUEST);
    let log = File::options().append(true).open(dir.join("state/decisions.jsonl")).unwrap();
    log.set_len(100 << 30).unwrap();
    dir.run_with(&["score", "--policy", "uniform", "--user", "u"], REQUEST)
        .refused(&["decisions.jsonl", "no line"]);
}

/// As two processes leave it of which somebody took the lock away.
#[test]
fn a_record_beside_another_one_is_said_to_be_lost_and_can_be_sent_again() {
    let (dir, other) = (Dir::new(), Dir::new());
    for (dir, event) in [(&dir, "e1"), (&other, "e1"), (&dir, "e2"), (&other, "e3")] {
        reward(dir, "alice", event);
    }
    let (log, others) = (dir.read("state/rewards.jsonl"), other.read("state/rewards.jsonl"));
    dir.write("state/rewards.jsonl", log + others.split_inclusive('\n').nth(1).unwrap());
    let report = dir.run(&["rebuild"]).exits(2).json();
    assert!(report["lost"][0]["problem"].as_str().unwrap().contains("\"e3\""), "{report}");
    assert_eq!((updates(&dir, "alice"), verified(&dir)), (2, vec![]));
    assert_eq!(dir.run(&["rebuild"]).ok().json()["lost"], serde_json::json!([]));
    assert_eq!((reward(&dir, "alice", "e3")["duplicate"].clone(), updates(&dir, "alice")), (false.into(), 3));
}

/// A rebuild beside a writer that goes on: what that has opened is not what stands there any more.
#[test]
fn a_rebuild_beside_a_writer_leaves_an_index_of_everything() {
    let dir = Dir::new();
    let lines = |from: usize| -> Vec<String> {
        (from..from + 500).map(|i| line("alice", &format!("e{i}"), 1.0)).collect()
    };
    let mut teacher = Dialogue::new(&dir, &["reward", "--jsonl"]);
    teacher.ask_all(&lines(0));
    // It is answered after the checkpoint that follows the answers before.
    assert_eq!(teacher.ask_all(&lines(0)[..1])[0]["duplicate"], true);
    assert!(dir.json("state/rewards.manifest.json")["checkpoint"]["seq"].as_u64() > Some(0));
    dir.run(&["rebuild"]).ok();
    teacher.ask_all(&lines(500));
    assert_eq!(teacher.ask_all(&lines(0)[..1])[0]["duplicate"], true);
    assert_eq!((updates(&dir, "alice"), verified(&dir)), (1000, vec![]));
}

/// With an old manifest the segments after those that it lists would not be read: a reset would be taken back.
#[test]
fn an_old_manifest_is_damage() {
    let dir = Dir::new();
    for (user, events) in [("zed", 0..1), ("alice", 0..2)] {
        learned(&dir, user, events);
    }
    dir.run(&["rebuild"]).ok();
    score(&dir, "egreedy-v2", "alice", REQUEST);
    let manifests = ["state/rewards.manifest.json", "state/decisions.manifest.json"];
    let old = dir.read(manifests[0]);
    for user in ["zed", "alice"] {
        dir.run(&["reset", "--user", user, "--segment-bytes", "1"]).ok();
    }
    let decide = ["score", "--policy", "egreedy-v2", "--user", "u", "--segment-bytes", "1"];
    (0..2).for_each(|_| drop(dir.run_with(&decide, REQUEST).ok()));
    let decided = dir.read(manifests[1]);
    (0..2).for_each(|_| drop(dir.run_with(&decide, REQUEST).ok()));
    dir.write(manifests[1], decided);
    let unlisted = ["decisions.manifest.json", "does not list decisions.0000", "rehearsal rebuild"];
    dir.run_with(&decide, REQUEST).refused(&unlisted);
    dir.write(manifests[0], old);
    dir.run(&["stats"]).refused(&[
        "rewards.manifest.json",
        "does not list rewards.0000",
        "rehearsal rebuild",
    ]);
    dir.run(&["rebuild"]).ok();
    assert_eq!((updates(&dir, "alice"), verified(&dir)), (0, vec![]));
    let decision = dir.run_with(&decide, REQUEST).ok().json();
    super::reward(&dir, super::id(&decision), "completed");
}

#[test]
fn a_request_of_many_lines_is_logged_in_one_and_in_utf8() {
    let dir = Dir::new();
    let request = REQUEST.replace('\n', &"\n".repeat(1 << 20)).replace("  ", "\r\n");
    let decision = score(&dir, "egreedy-v2", "alice", &request);
    super::reward(&dir, super::id(&decision), "completed");
    assert_eq!(dir.read("state/decisions.jsonl").lines().count(), 1);
    let unread = [&REQUEST.as_bytes()[..REQUEST.len() - 2], br#", "newer": ""#, b"\xff\"}}"].concat();
    dir.run_with(&["score", "--policy", "uniform", "--user", "u"], unread).refused(&["utf-8"]);
}
