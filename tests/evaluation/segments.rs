//! A log in many segments says what the same log says in one piece, and what the store says that it was printed from.

use crate::util::Dir;
use serde_json::{Value, json};
use std::fs;

/// A store with decisions for forty people in parts, each part rewarded two parts later, so that rewards lie in other
/// segments than their decisions. The last ones are not rewarded.
fn record() -> Dir {
    let dir = Dir::new();
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
        parts.push(dir.run_with(&["score", "--jsonl"], lines.join("\n")).ok().jsonl());
        let Some(earlier) = part.checked_sub(2) else { continue };
        let rewards = parts[earlier as usize].iter().map(|decision| {
            let reaction = if decision["chosen"] == "b" { "completed" } else { "ignored" };
            json!({"decision": decision["decision_id"], "reaction": reaction, "dwell_seconds": 3}).to_string()
        });
        dir.run_with(&["reward", "--jsonl"], rewards.collect::<Vec<_>>().join("\n")).ok();
    }
    dir
}

/// Writes what the store's log says into `folder`, in files of so many lines, as version 0.1 named them.
fn split(dir: &Dir, folder: &str, lines: usize) -> Vec<String> {
    fs::create_dir(dir.join(folder)).unwrap();
    let mut decisions = Vec::new();
    for log in ["decisions", "rewards"] {
        let text = dir.run(&["log", log]).ok().stdout();
        let all: Vec<&str> = text.lines().collect();
        let count = all.len().div_ceil(lines);
        for (i, lines) in all.chunks(lines).enumerate() {
            let number = if i + 1 == count { String::new() } else { format!(".{:06}", i + 1) };
            let name = format!("{folder}/{log}{number}.jsonl");
            dir.write(&name, lines.join("\n") + "\n");
            if log == "decisions" {
                decisions.push(name);
            }
        }
    }
    decisions
}

fn evaluate(dir: &Dir, logs: &[&str]) -> Value {
    let policies = ["--policy", "egreedy-v1", "--policy", "uniform", "--json"];
    dir.run(&[&["evaluate"], logs, &policies].concat()).ok().json()
}

#[test]
fn all_segments_of_a_folder_are_one_log_and_say_what_the_store_says() {
    let dir = record();
    split(&dir, "one", usize::MAX);
    let files = split(&dir, "many", 90);
    assert!(files.len() >= 4, "{files:?}");
    let expected = evaluate(&dir, &["one/decisions.jsonl"]);
    assert_eq!(expected["rows"], 400);
    for log in ["one", "many", "state"] {
        assert_eq!(evaluate(&dir, &[log]), expected, "{log}");
    }
    // The same by name, the rewards found in whatever segment they are.
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    assert_eq!(evaluate(&dir, &files), expected);
    for log in ["many", "state"] {
        let text = dir.run(&["evaluate", log, "--policy", "uniform"]).ok();
        assert!(text.stdout().starts_with(&format!("{log}: 400 decisions")), "{}", text.stdout());
        let said = format!("{log}: 80 decisions (16.7%) have no reward");
        assert!(text.stderr().contains(&said), "{}", text.stderr());
    }
    let compare = |log: &str| {
        let settings = ["--scenario", "steady", "--users", "2", "--replicates", "100", "--json"];
        dir.run(&[&["compare-reality", "--log", log], &settings[..]].concat()).ok().json()
    };
    let expected = compare("one/decisions.jsonl");
    assert_eq!((&expected["users"], &expected["reactions"]), (&40.into(), &400.into()));
    assert_eq!(compare("many"), expected);
    assert_eq!(compare("state"), expected);
}

#[test]
fn a_folder_without_a_log_is_refused_and_a_bad_line_is_named_with_its_segment() {
    let dir = record();
    fs::create_dir(dir.join("empty")).unwrap();
    let refused = ["empty: no decisions.jsonl in it, and no part of one"];
    dir.run(&["evaluate", "empty", "--policy", "uniform"]).refused(&refused);
    dir.run(&["compare-reality", "--log", "empty"]).refused(&refused);
    let second = split(&dir, "many", 90).remove(1);
    let text = dir.read(&second).replacen("\"propensity\":0.3", "\"propensity\":1.3", 1);
    dir.write(&second, text);
    let place = format!("{second}, line 1, column ");
    dir.run(&["evaluate", "many", "--policy", "uniform"]).refused(&[&place, "propensity is 1.3"]);
}

#[test]
fn the_same_log_in_two_folders_counts_once() {
    let dir = record();
    split(&dir, "copy", 90);
    let again =
        ["copy/decisions.0", ", line 1, column ", "decision_id is ", "again; allowed: each decision once"];
    dir.run(&["evaluate", "state", "copy", "--policy", "uniform"]).refused(&again);
    // Under other ids it is another log.
    fs::create_dir(dir.join("other")).unwrap();
    for log in ["decisions", "rewards"] {
        let all = dir.run(&["log", log]).ok().stdout();
        let line = |line: &str| {
            let mut value: Value = serde_json::from_str(line).unwrap();
            value["decision_id"] = format!("other {}", value["decision_id"].as_str().unwrap_or("")).into();
            value.to_string() + "\n"
        };
        dir.write(&format!("other/{log}.jsonl"), all.lines().map(line).collect::<String>());
    }
    assert_eq!(evaluate(&dir, &["state", "other"])["rows"], 800);
    let three = dir.run(&["evaluate", "state", "other", "copy", "--policy", "uniform"]);
    three.refused(&["copy/decisions.0", "again; allowed: each decision once"]);
}

/// A heading is one line, whatever the files are called that the log and a policy stand in.
#[test]
fn names_of_files_are_one_line_in_what_people_read() {
    let dir = Dir::new();
    let (log, table) = ("a\n::error::log.csv", "new\n::error::\u{202e}policy.csv");
    dir.write(log, format!("action,reward,propensity\n{}", "a,1,0.5\nb,0,0.5\n".repeat(50)));
    dir.write(table, "item,probability\na,0.8\nb,0.2\n");
    let text = dir.run(&["evaluate", log, "--policy", table, "--force"]).stdout();
    assert!(text.starts_with("a ::error::log.csv: 100 decisions"), "{text}");
    assert!(text.lines().any(|line| line.starts_with("new ::error:: policy")), "{text}");
    assert!(!text.contains("\n::error::"), "{text}");
}
