//! Several things go wrong at once, or somebody's hand was in the directory: what was acknowledged is kept, what was
//! forgotten stays forgotten, and where neither can be told it is said.

use super::breaking::line;
use super::breaking::strace::{available, traced};
use super::upkeep::verified;
use super::{REQUEST, score};
use crate::util::{Dialogue, Dir};
use serde_json::{Value, json};
use std::fs;

pub(super) const FILE: &str = "state/alice_egreedy_v2.json";

pub(super) fn reward(dir: &Dir, user: &str, event: &str) -> Value {
    dir.run_with(&["reward", "--jsonl", "--segment-bytes", "1"], line(user, event, 1.0)).jsonl().remove(0)
}

/// Seals a segment: with the reset of a user who was not there before comes a checkpoint.
pub(super) fn seal(dir: &Dir, user: &str) {
    assert_eq!(reward(dir, user, "e")["duplicate"], false);
    dir.run(&["reset", "--user", user, "--segment-bytes", "1"]).ok();
}

pub(super) fn updates(dir: &Dir, user: &str) -> u64 {
    let stats = dir.run(&["stats", "--user", user]).ok().json();
    stats["policies"][0]["updates"].as_u64().unwrap_or(0)
}

pub(super) fn changed(dir: &Dir, name: &str, from: &str, to: &str) {
    let text = dir.read(name);
    assert!(text.contains(from), "{from} in {name}: {text}");
    dir.write(name, text.replacen(from, to, 1));
}

/// The text of a state with something else in it, and a checksum that holds.
fn resealed(state: &str, from: &str, to: &str) -> String {
    assert!(state.contains(from), "{from} in {state}");
    let text = state.replacen(from, to, 1);
    let content = text.rsplit_once(",\"crc\"").unwrap().0;
    format!("{content},\"crc\":\"{:08x}\"}}\n", crc32fast::hash(content.as_bytes()))
}

#[test]
fn a_rebuild_of_states_whose_beginning_is_gone_takes_in_what_their_files_do_not_show() {
    let dir = Dir::new();
    let users: Vec<String> = (0..20).map(|i| format!("u{i}")).collect();
    let lines = |event: &str| users.iter().map(|u| line(u, event, 1.0)).collect::<Vec<_>>();
    let sealing = ["reward", "--jsonl", "--segment-bytes", "1"];
    dir.run_with(&sealing, [lines("a1"), lines("a2")].concat().join("\n")).ok();
    // A group that leaves its files to the checkpoint, which does not come: the process is killed.
    let mut learner = Dialogue::new(&dir, &["reward", "--jsonl"]);
    assert!(learner.ask_all(&lines("b1")).iter().all(|answer| answer["updates"] == 3));
    drop(learner);
    let behind = dir.json("state/u1_egreedy_v2.json")["updates"].as_u64();
    fs::remove_file(dir.join("state/rewards.000001.jsonl")).unwrap();
    let report = dir.run(&["rebuild"]).ok().json();
    assert_eq!(report["adopted"].as_array().unwrap().len(), 20, "{report}");
    assert_eq!((updates(&dir, "u1"), verified(&dir)), (3, vec![]));
    assert_eq!(behind, Some(2), "the files did show it");
    assert_eq!(reward(&dir, "u1", "b1")["duplicate"], true);
}

/// Where file and log do not go together, neither is taken for the whole.
#[test]
fn an_old_file_beside_a_broken_log_is_named_and_left_alone() {
    let dir = Dir::new();
    reward(&dir, "alice", "e1");
    let old = dir.read(FILE);
    reward(&dir, "alice", "e2");
    seal(&dir, "z");
    reward(&dir, "alice", "e3");
    seal(&dir, "y");
    changed(&dir, "state/rewards.000001.jsonl", "\"event\":\"e2\"", "\"event\":\"x2\"");
    dir.write(FILE, &old);
    assert!(verified(&dir).iter().any(|p| p.starts_with("alice_egreedy_v2.json: it holds record 1")));
    let run = dir.run(&["rebuild"]);
    assert_eq!((run.code(), &run.json()["lost"][0]["file"]), (2, &json!("alice_egreedy_v2.json")));
    assert_eq!(dir.read(FILE), old);
}

#[test]
fn a_reset_that_the_log_has_lost_stays_in_force() {
    for damage in ["cut", "flip"] {
        let dir = Dir::new();
        dir.run_with(&["reward", "--jsonl"], line("bob", "b1", 1.0) + "\n" + &line("alice", "e1", 1.0)).ok();
        dir.run(&["reset", "--user", "alice"]).ok();
        if damage == "cut" {
            let log = dir.read("state/rewards.jsonl");
            let two: Vec<&str> = log.split_inclusive('\n').take(2).collect();
            dir.write("state/rewards.jsonl", two.concat());
        } else {
            changed(&dir, "state/rewards.jsonl", "\"op\":\"reset\"", "\"op\":\"reses\"");
        }
        assert!(!verified(&dir).is_empty(), "{damage}");
        let run = dir.run(&["rebuild", "--into", "other"]);
        assert_eq!((run.code(), &run.json()["written"]), (2, &json!(1)), "{damage}");
        let warm = ["rebuild", "--into", "warm", "--policy", "linucb", "--from", "egreedy-v2"];
        let run = dir.run(&warm);
        assert_eq!((run.code(), &run.json()["written"]), (2, &json!(1)), "{damage}");
        dir.run(&["rebuild"]);
        assert_eq!(
            (updates(&dir, "alice"), updates(&dir, "bob"), verified(&dir)),
            (0, 1, vec![]),
            "{damage}"
        );
    }
}

#[test]
fn a_log_that_is_cut_short_or_gone_is_found() {
    let dir = Dir::new();
    seal(&dir, "z");
    dir.run_with(&["reward", "--jsonl"], line("y", "e", 1.0)).ok();
    dir.run(&["reset", "--user", "y"]).ok();
    let log = dir.read("state/rewards.jsonl");
    for left in [None, Some(0), Some(1)] {
        match left {
            None => fs::remove_file(dir.join("state/rewards.jsonl")).unwrap(),
            Some(n) => {
                dir.write("state/rewards.jsonl", log.split_inclusive('\n').take(n).collect::<String>());
            }
        }
        let problems = verified(&dir);
        assert!(problems.iter().any(|p| p.starts_with("rewards.jsonl: ")), "{left:?}: {problems:?}");
    }
}

/// What a rebuild made up for is known; what comes on top is not.
#[test]
fn new_damage_does_not_hide_behind_old() {
    let dir = Dir::new();
    reward(&dir, "alice", "e1");
    reward(&dir, "carol", "c1");
    seal(&dir, "z");
    changed(&dir, "state/rewards.000001.jsonl", "\"event\":\"c1\"", "\"event\":\"x1\"");
    dir.run(&["rebuild"]).ok();
    assert_eq!(verified(&dir), [""; 0]);
    let segment = dir.read("state/rewards.000001.jsonl");
    for content in [None, Some("")] {
        match content {
            None => fs::remove_file(dir.join("state/rewards.000001.jsonl")).unwrap(),
            Some(content) => dir.write("state/rewards.000001.jsonl", content),
        }
        assert!(verified(&dir).iter().any(|p| p.starts_with("rewards.000001.jsonl")));
    }
    dir.write("state/rewards.000001.jsonl", segment);
    assert_eq!(verified(&dir), [""; 0]);
}

#[test]
fn a_reset_that_is_repeated_is_durable_before_it_is_said() {
    if !available() {
        return;
    }
    let dir = Dir::new();
    reward(&dir, "alice", "e1");
    let args = ["reset", "--user", "alice"];
    let ran = traced(&dir, &["-e", "inject=fdatasync:signal=KILL:when=1"], &args, "");
    assert_ne!(ran.code(), 0);
    assert!(dir.join(FILE).exists());
    let calls = super::breaking::strace::calls(&dir, &args, "");
    let synced =
        calls.iter().position(|c| c.name == "fdatasync" && c.text.contains("rewards.jsonl")).unwrap();
    let answered = calls.iter().position(|c| c.text.contains("write(1<")).unwrap();
    assert!(synced < answered);
    assert!(!dir.join(FILE).exists());
}

/// A file from before a reset, or of another tool, in the place of what the log knows.
#[test]
fn a_file_that_does_not_go_with_the_log_is_not_written_on() {
    let dir = Dir::new();
    reward(&dir, "alice", "e1");
    let old = dir.read(FILE);
    dir.run(&["reset", "--user", "alice"]).ok();
    dir.write(FILE, &old);
    let refused = reward(&dir, "alice", "e2");
    assert!(refused["error"].as_str().unwrap().contains("ended with record 2"), "{refused}");
    dir.run(&["rebuild"]).ok();
    assert_eq!(reward(&dir, "alice", "e2")["updates"], 1);

    let mut foreign: Value = serde_json::from_str(&old).unwrap();
    for field in ["seq", "events", "crc", "A_inverse", "theta"] {
        foreign.as_object_mut().unwrap().remove(field);
    }
    foreign["format_version"] = json!(1);
    seal(&dir, "z");
    dir.write(FILE, foreign.to_string());
    let refused = reward(&dir, "alice", "e3");
    assert!(refused["error"].as_str().unwrap().contains("no record number"), "{refused}");
    dir.run(&["rebuild"]).ok();
    assert_eq!((&reward(&dir, "alice", "e3")["updates"], verified(&dir)), (&json!(2), vec![]));
}

/// Also where the record with which it began cannot be read, or the index is gone.
#[test]
fn a_state_that_is_gone_is_missed_whatever_else_is() {
    for what in ["segment", "line", "index"] {
        let dir = Dir::new();
        reward(&dir, "alice", "e1");
        seal(&dir, "z");
        reward(&dir, "alice", "e2");
        seal(&dir, "y");
        match what {
            "segment" => fs::remove_file(dir.join("state/rewards.000001.jsonl")).unwrap(),
            "line" => changed(&dir, "state/rewards.000001.jsonl", "\"event\":\"e1\"", "\"event\":\"x1\""),
            _ => fs::remove_file(dir.join("state/rewards.index")).unwrap(),
        }
        fs::remove_file(dir.join(FILE)).unwrap();
        let refused = reward(&dir, "alice", "e9");
        assert!(refused["error"].as_str().unwrap().contains("it is gone"), "{what}: {refused}");
        if what == "index" {
            for args in [&["stats"][..], &["export"]] {
                dir.run(args).refused(&["alice_egreedy_v2.json", "it is gone"]);
            }
            fs::remove_file(dir.join("state/rewards.index")).unwrap();
            assert_eq!(dir.run(&["reset", "--user", "alice"]).ok().json()["removed"], json!(["egreedy-v2"]));
            dir.run(&["rebuild"]).ok();
            assert_eq!((updates(&dir, "alice"), verified(&dir)), (0, vec![]));
        }
    }
}

#[test]
fn a_state_that_the_log_tells_whole_is_not_taken_as_forgotten() {
    let dir = Dir::new();
    reward(&dir, "alice", "e1");
    reward(&dir, "bob", "b1");
    seal(&dir, "z");
    fs::remove_file(dir.join(FILE)).unwrap();
    changed(&dir, "state/rewards.000001.jsonl", "\"event\":\"b1\"", "\"event\":\"x1\"");
    let report = dir.run(&["rebuild"]).ok().json();
    assert_eq!((&report["forgotten"], updates(&dir, "alice")), (&json!([]), 1), "{report}");

    // Nor is one whose file is of another directory, be its number ever so high.
    let other = Dir::new();
    (0..9).for_each(|i| drop(reward(&other, "alice", &format!("other{i}"))));
    let dir = Dir::new();
    for user in ["alice", "bob"] {
        reward(&dir, user, "e1");
    }
    seal(&dir, "z");
    fs::remove_file(dir.join("state/bob_egreedy_v2.json")).unwrap();
    dir.write(FILE, other.read(FILE));
    let report = dir.run(&["rebuild"]).ok().json();
    assert_eq!((updates(&dir, "alice"), updates(&dir, "bob")), (1, 1), "{report}");
    assert_eq!(report["set_aside"][0]["file"], "alice_egreedy_v2.json");
    assert_eq!(verified(&dir), [""; 0]);
}

#[test]
fn a_rebuild_finishes_a_reset_that_was_cut_short() {
    let dir = Dir::new();
    reward(&dir, "alice", "e1");
    reward(&dir, "bob", "b1");
    let before = [FILE, "state/rewards.manifest.json"].map(|file| (file, fs::read(dir.join(file)).ok()));
    dir.run(&["reset", "--user", "alice"]).ok();
    // As if it had been killed before it removed the file.
    for (file, content) in before {
        match content {
            Some(content) => dir.write(file, content),
            None => fs::remove_file(dir.join(file)).unwrap(),
        }
    }
    let report = dir.run(&["rebuild"]).ok().json();
    assert_eq!((&report["set_aside"], dir.join(FILE).exists()), (&json!([]), false), "{report}");
    assert_eq!((updates(&dir, "bob"), verified(&dir)), (1, vec![]));

    // What is put there after the reset was finished is none of the log's.
    dir.write(
        FILE,
        resealed(&dir.read("state/bob_egreedy_v2.json"), "\"user\":\"bob\"", "\"user\":\"alice\""),
    );
    let report = dir.run(&["rebuild"]).ok().json();
    assert_eq!(report["set_aside"][0]["file"], "alice_egreedy_v2.json", "{report}");
}

#[test]
fn numbers_that_no_record_has_are_refused() {
    let dir = Dir::new();
    reward(&dir, "alice", "e1");
    reward(&dir, "bob", "b1");
    let good = dir.read(FILE);
    dir.write(FILE, resealed(&good, "\"seq\":1,", "\"seq\":18446744073709551615,"));
    let report = dir.run(&["rebuild"]).ok().json();
    assert_eq!(report["set_aside"][0]["file"], "alice_egreedy_v2.json");
    assert_eq!((dir.read(FILE), verified(&dir)), (good, vec![]));
    assert_eq!(reward(&dir, "bob", "b2")["updates"], 2);
}

#[test]
fn one_damaged_state_stops_nobody_else() {
    let dir = Dir::new();
    reward(&dir, "alice", "e1");
    dir.write(FILE, "x");
    let lines: Vec<String> = (0..700).map(|i| line("erin", &format!("e{i}"), 1.0)).collect();
    dir.run_with(&["reward", "--jsonl"], lines.join("\n")).ok();
    assert!(dir.json("state/rewards.manifest.json")["checkpoint"]["seq"].as_u64() > Some(1));
    dir.run(&["rebuild"]).ok();
    assert_eq!((updates(&dir, "alice"), updates(&dir, "erin"), verified(&dir)), (1, 700, vec![]));
}

#[test]
fn a_policy_that_is_defined_anew_does_not_go_on_with_the_old_ones_records() {
    let dir = Dir::new();
    let policy = |lambda: &str| {
        format!("name = \"mine\"\nexplorer = \"uniform\"\nfeatures = \"v2\"\nlambda = {lambda}\n")
    };
    dir.write("a.toml", policy("1.0"));
    dir.write("b.toml", policy("50.0"));
    let args = |file: &'static str, event: &'static str| {
        ["reward", "--policy", file, "--user", "u", "--chosen", "t1", "--reward", "1", "--event-id", event]
    };
    dir.run_with(&args("a.toml", "e1"), REQUEST).ok();
    // As if it had been killed before the rename.
    fs::remove_file(dir.join("state/u_mine.json")).unwrap();
    dir.run_with(&args("b.toml", "e2"), REQUEST).refused(&["\"mine\" is defined in two ways"]);
    dir.run_with(&args("a.toml", "e2"), REQUEST).ok();
    assert_eq!(verified(&dir), [""; 0]);
}

/// Whoever looks while others forget sees the state, or that there is none.
#[test]
fn a_reset_under_a_readers_hands_is_no_error() {
    if !available() {
        return;
    }
    let dir = Dir::new();
    dir.write("mine.toml", "name = \"mine\"\nexplorer = \"uniform\"\nfeatures = \"v2\"\n");
    let args = ["reward", "--policy", "mine.toml", "--user", "u", "--chosen", "t1", "--reward", "1"];
    dir.run_with(&args, REQUEST).ok();
    reward(&dir, "v", "e1");
    seal(&dir, "z");
    let calls = super::breaking::strace::calls(&dir, &["stats"], "");
    let open = calls.iter().find(|call| call.text.contains("u_mine.json")).unwrap();
    // It waits before it opens the state that it has listed.
    let slow = format!("inject={}:delay_enter=1500000:when={}", open.name, open.n);
    let stats = std::thread::scope(|scope| {
        let stats = scope.spawn(|| traced(&dir, &["-e", &slow], &["stats"], ""));
        std::thread::sleep(std::time::Duration::from_millis(700));
        dir.run(&["reset", "--user", "u"]).ok();
        stats.join().unwrap()
    });
    let lines = stats.ok().jsonl();
    assert_eq!(
        (&lines[0], lines[1]["policies"][0]["updates"].as_u64()),
        (&json!({"user": "u", "policies": []}), Some(1))
    );
}

#[test]
fn a_new_log_is_not_begun_beside_an_old_one() {
    let dir = Dir::new();
    reward(&dir, "alice", "e1");
    seal(&dir, "z");
    seal(&dir, "y");
    for name in ["rewards.000001.jsonl", "rewards.manifest.json", "rewards.jsonl"] {
        let _ = fs::remove_file(dir.join("state").join(name));
    }
    let run = dir.run_with(&["reward", "--jsonl"], line("new", "e1", 1.0));
    assert_eq!(run.code(), 2);
    assert!(run.stderr().contains("rewards.manifest.json: damaged: it is gone"), "{}", run.stderr());
}

#[test]
fn what_is_cited_is_short() {
    let dir = Dir::new();
    score(&dir, "linucb", "u", REQUEST);
    reward(&dir, "alice", "e1");
    let long = format!("\"feature_names\":[\"{}\",", "x".repeat(1 << 20));
    let state = resealed(&dir.read(FILE), "\"feature_names\":[", &long);
    dir.write(FILE, state);
    let run = dir.run(&["stats", "--user", "alice"]);
    assert_eq!((run.code(), run.stderr().lines().count()), (2, 1));
    assert!(run.stderr().len() < 2000, "{} bytes", run.stderr().len());
}
