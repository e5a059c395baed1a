//! Logs that the program itself wrote.

use super::{complaint, json, run, stderr, stdout};
use serde_json::Value;
use serde_json::json as value;
use std::io::Write;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Answers of a command to JSON lines.
fn ask(dir: &TempDir, args: &[&str], lines: &[Value]) -> Vec<Value> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_rehearsal"))
        .args(args)
        .arg("--state-dir")
        .arg(dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let text = lines.iter().map(Value::to_string).collect::<Vec<_>>().join("\n") + "\n";
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success(), "{args:?}: {}", stdout(&output));
    stdout(&output).lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

fn request(seed: u64) -> Value {
    let candidate = |id: &str, priority: f64| value!({"id": id, "priority": priority});
    value!({"user": format!("user {}", seed % 36), "context": {"hour": 8, "weekday": 1}, "seed": seed,
        "candidates": [candidate("a", 0.1), candidate("b", 0.9), candidate("c", 0.2)]})
}

#[test]
fn what_score_and_reward_wrote_is_read_and_policies_learn_from_it_or_are_taken_as_they_are() {
    let dir = TempDir::new().unwrap();
    let requests: Vec<Value> = (0..900).map(request).collect();
    let decisions = ask(&dir, &["score", "--jsonl", "--policy", "uniform"], &requests);
    let rewards: Vec<Value> = decisions[..800]
        .iter()
        .map(|d| {
            let reaction = if d["chosen"] == "b" { "completed" } else { "ignored" };
            value!({"decision": d["decision_id"], "reaction": reaction})
        })
        .collect();
    ask(&dir, &["reward", "--jsonl"], &rewards);
    let log = dir.path().display().to_string();
    let args = [&log, "--policy", "egreedy-v2", "--estimator", "doubly_robust", "--state-dir"];
    let state_dir = dir.path().display().to_string();
    let args = [&args[..], &[state_dir.as_str()]].concat();

    let output = run(&args);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("100 decisions (11.1%) have no reward"), "{}", stderr(&output));
    assert!(!stderr(&output).contains("belong to no decision"), "{}", stderr(&output));
    let result = json(&args, 0);
    assert_eq!(result["rows"], 800);
    let learning = result["policies"][0]["estimates"][0]["value"].as_f64().unwrap();
    assert!((0.75..0.96).contains(&learning), "{learning}");

    let frozen = [&args[..], &["--frozen"]].concat();
    assert!(complaint(&frozen).contains("no state of it for any user of this log"));
    let lesson = |user: u64, chosen: &str, reward: f64| {
        value!({"policy": "egreedy-v2", "user": format!("user {user}"), "chosen": chosen, "reward": reward,
            "request": {"context": {"hour": 8, "weekday": 1}, "candidates": request(0)["candidates"]}})
    };
    let all = |user| [lesson(user, "a", 1.0), lesson(user, "b", -1.0), lesson(user, "c", 0.5)];
    ask(&dir, &["reward", "--jsonl"], &(0..34).flat_map(all).collect::<Vec<_>>());
    assert_eq!(json(&frozen, 0)["policies"][0]["users_without_state"], 2);
    assert!(stdout(&run(&frozen)).contains("  2 of the log's users have no state of it"));
    ask(&dir, &["reward", "--jsonl"], &(34..36).flat_map(all).collect::<Vec<_>>());
    // What it was taught is wrong: b, which alone earns, is its last choice.
    let result = json(&frozen, 0);
    let value = result["policies"][0]["estimates"][0]["value"].as_f64().unwrap();
    assert!((value - 0.1 / 3.0).abs() < 0.01, "{value}");
}
