//! Damage on damage: lines taken out, states of other directories, and what is missing once only.

use super::REQUEST;
use super::breaking::line;
use super::meddled::{FILE, changed, reward, seal, updates};
use super::upkeep::verified;
use crate::util::Dir;
use serde_json::json;
use std::fs;

/// The text of the log without its n-th line.
fn without_line(text: &str, n: usize) -> String {
    text.split_inclusive('\n').enumerate().filter(|(i, _)| *i != n).map(|(_, line)| line).collect()
}

#[test]
fn a_state_that_began_anew_is_not_traded_for_the_one_before() {
    for cut in [true, false] {
        let dir = Dir::new();
        dir.run_with(&["reward", "--jsonl"], line("bob", "b1", 1.0) + "\n" + &line("alice", "e1", 1.0)).ok();
        let two = dir.read("state/rewards.jsonl");
        dir.run(&["reset", "--user", "alice"]).ok();
        dir.run_with(&["reward", "--jsonl"], line("alice", "e2", 1.0)).ok();
        let good = dir.json(FILE)["theta"].clone();
        if cut {
            dir.write("state/rewards.jsonl", two);
        } else {
            changed(&dir, "state/rewards.jsonl", "\"op\":\"reset\"", "\"op\":\"reses\"");
            changed(&dir, "state/rewards.jsonl", "\"event\":\"e2\"", "\"event\":\"x2\"");
        }
        let report = dir.run(&["rebuild"]).ok().json();
        assert_eq!(report["adopted"], json!(["alice_egreedy_v2.json"]), "{report}");
        assert_eq!((dir.json(FILE)["theta"].clone(), verified(&dir)), (good, vec![]));
        let again = dir.run_with(&["reward", "--jsonl"], line("alice", "e2", 1.0)).json();
        assert_eq!(again["duplicate"], true, "{again}");
    }
}

/// A line that was taken out: another one stands at the place that the index names.
#[test]
fn a_line_that_was_taken_out_undoes_no_reset_and_lets_no_event_be_learned_again() {
    let dir = Dir::new();
    for (user, event) in [("bob", "b1"), ("alice", "e1")] {
        dir.run_with(&["reward", "--jsonl"], line(user, event, 1.0)).ok();
    }
    dir.run(&["reset", "--user", "alice"]).ok();
    dir.run_with(&["reward", "--jsonl"], line("carol", "c1", 1.0)).ok();
    let log = dir.read("state/rewards.jsonl");
    dir.write("state/rewards.jsonl", without_line(&log, 2));
    let warm = ["rebuild", "--into", "warm", "--from", "egreedy-v2", "--policy", "linucb"];
    assert_eq!(dir.run(&warm).json()["written"], 2);
    dir.run(&["rebuild"]);
    assert_eq!((updates(&dir, "alice"), updates(&dir, "bob"), verified(&dir)), (0, 1, vec![]));

    let dir = Dir::new();
    let lines: Vec<String> = (0..300).map(|i| line("u", &format!("e{i}"), 1.0)).collect();
    dir.run_with(&["reward", "--jsonl"], lines.join("\n")).ok();
    seal(&dir, "w");
    let log = dir.read("state/rewards.000001.jsonl");
    dir.write("state/rewards.000001.jsonl", without_line(&log, 2));
    for mended in [false, true] {
        if mended {
            dir.run(&["rebuild"]).ok();
        }
        let answer = reward(&dir, "u", "e2");
        assert!(answer["error"].as_str().unwrap().contains("may have been learned"), "{answer}");
        assert_eq!(updates(&dir, "u"), 300);
    }
}

#[test]
fn a_user_whose_reset_is_not_retained_may_begin_anew_after_a_rebuild() {
    let dir = Dir::new();
    reward(&dir, "alice", "e1");
    dir.run(&["reset", "--user", "alice", "--segment-bytes", "1"]).ok();
    reward(&dir, "z", "e1");
    fs::remove_file(dir.join("state/rewards.000001.jsonl")).unwrap();
    assert!(reward(&dir, "alice", "e2")["error"].as_str().unwrap().contains("rehearsal rebuild"));
    assert!(verified(&dir).iter().any(|p| p.starts_with("rewards.index: 1 states")));
    // That one is in no file, and what became of it cannot be told, is said once.
    let run = dir.run(&["rebuild"]);
    assert_eq!((run.code(), &run.json()["lost"][0]["file"]), (2, &json!("rewards.index")));
    dir.run(&["rebuild"]).ok();
    assert_eq!((&reward(&dir, "alice", "e2")["updates"], verified(&dir)), (&json!(1), vec![]));
}

#[test]
fn a_state_of_a_policy_from_a_file_is_missed_like_any_other() {
    let dir = Dir::new();
    dir.write("mine.toml", "name = \"mine\"\nexplorer = \"uniform\"\nfeatures = \"v2\"\n");
    let args = |event: &'static str| {
        [
            "reward",
            "--policy",
            "mine.toml",
            "--user",
            "u",
            "--chosen",
            "t1",
            "--reward",
            "1",
            "--event-id",
            event,
        ]
    };
    dir.run_with(&args("e1"), REQUEST).ok();
    seal(&dir, "w");
    dir.run_with(&args("e2"), REQUEST).ok();
    let exported = dir.run(&["export", "--user", "u"]).ok().stdout();
    fs::remove_file(dir.join("state/u_mine.json")).unwrap();
    for command in [&["stats"][..], &["export"], &["stats", "--user", "u"]] {
        assert_eq!(dir.run(command).code(), 2, "{command:?}");
    }
    assert_eq!(dir.run_with(&["import"], &exported).code(), 2);
    // It stops nobody else.
    seal(&dir, "y");
    seal(&dir, "x");
    dir.run(&["stats", "--user", "u"]).refused(&["u_mine.json", "it is gone"]);
    dir.run(&["rebuild"]).ok();
    assert_eq!((updates(&dir, "u"), verified(&dir)), (2, vec![]));
}

#[test]
fn a_state_of_another_definition_that_replaced_one_is_the_state() {
    let policy = |lambda: &str| {
        format!("name = \"mine\"\nexplorer = \"uniform\"\nfeatures = \"v2\"\nlambda = {lambda}\n")
    };
    let args = ["reward", "--policy", "p.toml", "--user", "u", "--chosen", "t1", "--reward", "1"];
    let (dir, other) = (Dir::new(), Dir::new());
    for (dir, lambda) in [(&dir, "1.0"), (&other, "50.0")] {
        dir.write("p.toml", policy(lambda));
        dir.run_with(&args, REQUEST).ok();
    }
    let exported = other.run(&["export"]).ok().stdout();
    assert_eq!(dir.run_with(&["import"], &exported).code(), 2);
    dir.run_with(&["import", "--replace"], &exported).ok();
    dir.write("p.toml", policy("50.0"));
    dir.run_with(&args, REQUEST).ok();
    assert_eq!((updates(&dir, "u"), verified(&dir)), (2, vec![]));
}

#[test]
fn verify_names_a_file_that_no_command_would_take() {
    let dir = Dir::new();
    dir.run_with(&["reward", "--jsonl"], line("alice", "e1", 1.0)).ok();
    let old = dir.read(FILE);
    dir.run(&["reset", "--user", "alice"]).ok();
    dir.run_with(&["reward", "--jsonl"], line("alice", "e2", 1.0)).ok();
    dir.write(FILE, &old);
    let score_alice = ["score", "--policy", "egreedy-v2", "--user", "alice"];
    assert_eq!(dir.run_with(&score_alice, REQUEST).code(), 2);
    assert!(verified(&dir).iter().any(|p| p.starts_with("alice_egreedy_v2.json")), "{:?}", verified(&dir));
    let report = dir.run(&["rebuild"]).ok().json();
    assert_eq!(report["set_aside"][0]["file"], "alice_egreedy_v2.json");
    assert_eq!((updates(&dir, "alice"), verified(&dir)), (1, vec![]));
}

/// One of another directory, without events or with others, is not taken for the log's.
#[test]
fn a_foreign_file_does_not_beat_a_whole_log() {
    let (dir, other) = (Dir::new(), Dir::new());
    let args = |user: &'static str| {
        ["reward", "--policy", "egreedy-v2", "--user", user, "--chosen", "t1", "--reward", "1"]
    };
    for (dir, users) in [(&dir, vec!["alice", "alice", "bob", "bob", "bob"]), (&other, vec!["alice"; 4])] {
        users.into_iter().for_each(|user| drop(dir.run_with(&args(user), REQUEST).ok()));
    }
    dir.write(FILE, other.read(FILE));
    let report = dir.run(&["rebuild"]).ok().json();
    assert_eq!(report["set_aside"][0]["file"], "alice_egreedy_v2.json", "{report}");
    assert_eq!((updates(&dir, "alice"), verified(&dir)), (2, vec![]));
}
