//! A log in many segments says what the same log says in one piece.

use crate::util::Dir;
use serde_json::{Value, json};

/// Decisions for forty people in parts, each part rewarded two parts later, so that rewards lie in other segments than
/// their decisions. The last ones are not rewarded.
fn record(segment_bytes: &str) -> Dir {
    let dir = Dir::new();
    let rest = ["--segment-bytes", segment_bytes];
    let mut parts: Vec<Vec<Value>> = Vec::new();
    for part in 0..12 {
        let line = |i: u32| {
            let candidate =
                |id: &str, priority: f64| json!({"id": id, "kind": "focus", "priority": priority});
            let user = format!("user {i}");
            json!({"user": user, "policy": "uniform", "seed": part * 100 + i,
                   "context": {"hour": i % 24, "weekday": part % 7},
                   "candidates": [candidate("a", 0.1), candidate("b", 0.9), candidate("c", 0.2)]})
        };
        let lines: Vec<String> = (0..40).map(|i| line(i).to_string()).collect();
        let score = [&["score", "--jsonl"][..], &rest].concat();
        parts.push(dir.run_with(&score, lines.join("\n")).ok().jsonl());
        let Some(earlier) = part.checked_sub(2) else { continue };
        let rewards = parts[earlier as usize].iter().map(|decision| {
            let reaction = if decision["chosen"] == "b" { "completed" } else { "ignored" };
            json!({"decision": decision["decision_id"], "reaction": reaction, "dwell_seconds": 3}).to_string()
        });
        let reward = [&["reward", "--jsonl"][..], &rest].concat();
        dir.run_with(&reward, rewards.collect::<Vec<_>>().join("\n")).ok();
    }
    dir
}

fn evaluate(dir: &Dir, logs: &[&str]) -> Value {
    let policies = ["--policy", "egreedy-v1", "--policy", "uniform", "--json"];
    dir.run(&[&["evaluate"], logs, &policies].concat()).ok().json()
}

fn sealed(dir: &Dir, log: &str) -> Vec<String> {
    let manifest = dir.json(&format!("state/{log}.manifest.json"));
    let files = manifest["sealed"].as_array().unwrap().iter();
    files.map(|segment| format!("state/{}", segment["file"].as_str().unwrap())).collect()
}

#[test]
fn all_segments_of_a_state_directory_are_one_log() {
    let (many, one) = (record("20000"), record("100000000"));
    let decisions = sealed(&many, "decisions");
    assert!(decisions.len() >= 3 && sealed(&many, "rewards").len() >= 3, "{decisions:?}");
    let expected = evaluate(&one, &["state/decisions.jsonl"]);
    assert_eq!(expected["rows"], 400);
    assert_eq!(evaluate(&one, &["state"]), expected);
    assert_eq!(evaluate(&many, &["state"]), expected);
    // The same by name, the rewards found in whatever segment they are.
    let mut files: Vec<&str> = decisions.iter().map(String::as_str).collect();
    files.push("state/decisions.jsonl");
    assert_eq!(evaluate(&many, &files), expected);
    let text = many.run(&["evaluate", "state", "--policy", "uniform"]).ok();
    assert!(text.stdout().starts_with("state: 400 decisions"), "{}", text.stdout());
    assert!(text.stderr().contains("state: 80 decisions (16.7%) have no reward"), "{}", text.stderr());

    let compare = |dir: &Dir, log: &str| {
        let settings = ["--scenario", "steady", "--users", "2", "--replicates", "100", "--json"];
        dir.run(&[&["compare-reality", "--log", log], &settings[..]].concat()).ok().json()
    };
    let expected = compare(&one, "state/decisions.jsonl");
    assert_eq!((&expected["users"], &expected["reactions"]), (&40.into(), &400.into()));
    assert_eq!(compare(&many, "state"), expected);
}

#[test]
fn a_segment_that_is_gone_is_said_and_a_folder_without_a_log_refused() {
    let dir = record("20000");
    let gone = sealed(&dir, "decisions").remove(0);
    std::fs::remove_file(dir.join(&gone)).unwrap();
    let run = dir.run(&["evaluate", "state", "--policy", "uniform", "--estimator", "snips", "--force"]);
    let said = format!("{gone} is listed in the manifest and not there; what it held is left out");
    assert!(run.stderr().contains(&said), "{}", run.stderr());
    std::fs::create_dir(dir.join("empty")).unwrap();
    let refused = ["empty: no decisions.jsonl in it, and no part of one"];
    dir.run(&["evaluate", "empty", "--policy", "uniform"]).refused(&refused);
    dir.run(&["compare-reality", "--log", "empty"]).refused(&refused);
    // A bad line is named with the segment that it stands in.
    let second = sealed(&dir, "decisions").remove(1);
    let text = dir.read(&second).replacen("\"propensity\":0.3", "\"propensity\":1.3", 1);
    dir.write(&second, text);
    let place = format!("{second}, line 1, column ");
    dir.run(&["evaluate", "state", "--policy", "uniform"]).refused(&[&place, "checksum ", " is stated"]);
}

#[test]
fn the_same_log_in_two_folders_counts_once() {
    let dir = record("20000");
    std::process::Command::new("cp")
        .args(["-r", "state", "copy"])
        .current_dir(dir.join("."))
        .status()
        .unwrap();
    let refused =
        ["copy/decisions.0", ", line 1, column ", "decision_id is ", "again; allowed: each decision once"];
    dir.run(&["evaluate", "state", "copy", "--policy", "uniform"]).refused(&refused);
    std::fs::create_dir(dir.join("other")).unwrap();
    for (log, id) in [("decisions", "decision_id"), ("rewards", "decision_id")] {
        let all = dir.read(&format!("copy/{log}.jsonl"));
        // Without checksums, under other ids.
        let line = |line: &str| {
            let mut value: Value = serde_json::from_str(line).unwrap();
            value[id] = format!("other {}", value[id].as_str().unwrap_or("")).into();
            value.as_object_mut().unwrap().retain(|key, _| key != "crc" && key != "check" && key != "sum");
            value.to_string() + "\n"
        };
        dir.write(&format!("other/{log}.jsonl"), all.lines().map(line).collect::<String>());
    }
    let three = dir.run(&["evaluate", "state", "other", "copy", "--policy", "uniform"]);
    three.refused(&["copy/decisions.0", "again; allowed: each decision once"]);
}
