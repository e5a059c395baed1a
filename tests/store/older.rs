//! What version 0.1 left is refused with the command that brings it over, and is brought over to the bit.

use super::{REQUEST, copy, score, verified, views, views_follow};
use crate::util::Dir;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A directory of version 0.1: users with two policies, one of them from a file; shadows, a reset, a state that was
/// imported, an own event, a decision without a reward; in several segments. Beside it what `stats` printed then.
fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/store/older")
}

/// The same in a place of its own, called `old`.
fn older() -> Dir {
    let dir = Dir::new();
    copy(&fixture().join("state"), &dir.join("old"));
    dir.write("mine.toml", fs::read(fixture().join("mine.toml")).unwrap());
    dir
}

/// The lines of one of its logs.
fn lines(dir: &Dir, log: &str) -> Vec<Value> {
    let files = dir.contents("old").into_iter().filter(|(path, _)| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with(log) && path.extension().is_some_and(|extension| extension == "jsonl")
    });
    let texts: Vec<String> = files.map(|(_, content)| String::from_utf8(content).unwrap()).collect();
    texts.iter().flat_map(|text| text.lines()).map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_directory_of_version_0_1_is_refused_with_the_command_that_brings_it_over() {
    let dir = older();
    let before = dir.contents("old");
    for args in [
        &["score", "--policy", "linucb", "--user", "u"][..],
        &["reward", "--policy", "linucb", "--user", "u", "--chosen", "t1", "--reward", "1"],
        &["stats"],
        &["reset", "--user", "ann"],
        &["verify"],
        &["rebuild"],
        &["export"],
        &["log", "rewards"],
        &["import"],
        &["import", "old"],
        &["prune", "--before", "1d"],
        &["backup", "copy.db"],
    ] {
        let args = [args, &["--store", "old"]].concat();
        let command = "`rehearsal import old --store DIR`";
        dir.run_with(&args, REQUEST).refused(&["old: ", "was written by rehearsal 0.1", command]);
    }
    // A state file alone is enough to tell.
    fs::create_dir(dir.join("one")).unwrap();
    fs::copy(dir.join("old/dee_linucb.json"), dir.join("one/dee_linucb.json")).unwrap();
    dir.run_with(&["score", "--policy", "linucb", "--user", "u", "--store", "one"], REQUEST)
        .refused(&["one: dee_linucb.json was written by rehearsal 0.1"]);
    assert_eq!(dir.contents("old"), before);
    assert_eq!(fs::read_dir(dir.join("one")).unwrap().count(), 1);
}

#[test]
fn it_is_brought_over_to_the_bit_and_its_ids_stay() {
    let dir = older();
    let before = dir.contents("old");
    let (decisions, rewards) = (lines(&dir, "decisions"), lines(&dir, "rewards"));
    let brought = dir.run(&["import", "old"]).ok().json();
    let expected =
        json!({"decisions": decisions.len(), "rewards": rewards.len(), "states": 0, "problems": []});
    assert_eq!(brought, expected);
    assert_eq!(dir.contents("old"), before);

    // What is known is what was known, and every number of every state is the same.
    let stats = fs::read_to_string(fixture().join("stats.jsonl")).unwrap();
    assert_eq!(dir.run(&["stats"]).ok().stdout(), stats);
    let files = views(&dir);
    assert_eq!(files.len(), 7);
    for (name, now) in files {
        let (then, now): (Value, Value) =
            (dir.json(&format!("old/{name}")), serde_json::from_str(&now).unwrap());
        for field in
            ["A", "b", "A_inverse", "theta", "kinds", "updates", "reward_sum", "lambda", "forgetting"]
        {
            assert_eq!(now[field], then[field], "{name}: {field}");
        }
    }
    views_follow(&dir, "brought over");
    assert_eq!(verified(&dir), [""; 0]);

    // Each decision is there under its id.
    let ids = |log: &[Value]| log.iter().map(|d| d["decision_id"].to_string()).collect::<BTreeSet<_>>();
    let log = dir.run(&["log", "decisions"]).ok().jsonl();
    assert_eq!(ids(&log), ids(&decisions));
    let shadow = log.iter().find(|d| d["shadow"] == true).unwrap();
    assert!(decisions.iter().any(|d| d["decision_id"] == shadow["shadow_of"]));
    let rewarded = ids(&rewards);
    let reward = |decision: &Value, reaction: &str| {
        let id = decision["decision_id"].as_str().unwrap();
        dir.run(&["reward", "--decision", id, "--reaction", reaction])
    };
    let mut open = 0;
    for decision in decisions.iter().filter(|d| d["shadow"] == false) {
        if rewarded.contains(&decision["decision_id"].to_string()) {
            // With the reward that it had it is known, with another one it contradicts that.
            let had = rewards.iter().find(|r| r["decision_id"] == decision["decision_id"]).unwrap();
            let reaction = had["reaction"].as_str().unwrap();
            assert_eq!(reward(decision, reaction).ok().json()["duplicate"], true, "{decision}");
            let other = if reaction == "completed" { "dismissed" } else { "completed" };
            reward(decision, other).refused(&["was learned with reward"]);
        } else {
            let answer = reward(decision, "completed").ok().json();
            assert_eq!((&answer["duplicate"], &answer["updates"]), (&json!(false), &json!(4)));
            open += 1;
        }
    }
    assert_eq!(open, 1);
    let own = ["reward", "--policy", "linucb", "--user", "dee", "--chosen", "t2"];
    let again = [&own[..], &["--reward", "-3.25", "--event-id", "own-1"]].concat();
    assert_eq!(dir.run_with(&again, REQUEST).ok().json()["duplicate"], true);
    reward(shadow, "completed").refused(&["is a shadow's"]);

    // And it goes on, also under the policy of the file.
    let line = json!({"user": "eve", "policy": "mine", "chosen": "t1", "reward": 1,
                      "request": serde_json::from_str::<Value>(REQUEST).unwrap()});
    let args = ["reward", "--jsonl", "--policy", "mine.toml"];
    assert_eq!(dir.run_with(&args, line.to_string()).ok().json()["updates"], 4);
    score(&dir, "mine.toml", "ann", REQUEST);
    assert_eq!(dir.run(&["rebuild"]).ok().json()["rebuilt"], json!([]));
    assert_eq!(verified(&dir), [""; 0]);
    // It is brought over once.
    dir.run(&["import", "old"])
        .refused(&["has states and decisions already", "name a directory that is free"]);
}

#[test]
fn a_directory_that_has_nothing_of_it_is_said() {
    let dir = older();
    fs::create_dir(dir.join("odl")).unwrap();
    dir.run(&["import", "odl"]).refused(&["odl: nothing of version 0.1 is there"]);
}

#[test]
fn state_files_alone_are_brought_over_as_they_are() {
    let dir = older();
    for (path, _) in dir.contents("old") {
        if path.extension().is_none_or(|e| e != "json") || path.to_str().unwrap().contains("manifest") {
            fs::remove_file(path).unwrap();
        }
    }
    let brought = dir.run(&["import", "old"]).ok().json();
    assert_eq!(brought, json!({"decisions": 0, "rewards": 0, "states": 7, "problems": []}));
    let stats = fs::read_to_string(fixture().join("stats.jsonl")).unwrap();
    assert_eq!(dir.run(&["stats"]).ok().stdout(), stats);
    assert_eq!(verified(&dir), [""; 0]);
}

#[test]
fn what_is_damaged_is_named_and_the_rest_brought_over() {
    let dir = older();
    let log = dir.read("old/rewards.jsonl");
    dir.write("old/rewards.jsonl", log.replacen("-3.25", "-3.5", 1));
    let state = dir.read("old/ann_mine.json");
    dir.write("old/ann_mine.json", &state[..state.len() / 2]);
    let run = dir.run(&["import", "old"]).exits(2);
    let problems = run.json()["problems"].as_array().unwrap().clone();
    let named: Vec<&str> = problems.iter().map(|problem| problem["file"].as_str().unwrap()).collect();
    // The state of dee is no more what its log makes of it.
    assert_eq!(named, ["ann_mine.json", "dee_linucb.json", "rewards.jsonl"], "{problems:?}");
    assert!(problems[2]["problem"].as_str().unwrap().contains("line 2: "), "{problems:?}");
    assert!(problems[2]["problem"].as_str().unwrap().contains("checksum"), "{problems:?}");
    assert!(
        problems[1]["problem"].as_str().unwrap().contains("`rehearsal import --replace`"),
        "{problems:?}"
    );
    assert_eq!(dir.run(&["stats"]).ok().jsonl().len(), 5);
    assert_eq!(verified(&dir), [""; 0]);
    // The remedy that it names.
    dir.run(&["import", "--replace", "old/dee_linucb.json"]).ok();
    assert_eq!(dir.run(&["stats", "--user", "dee"]).ok().json()["policies"][0]["updates"], 2);
}
