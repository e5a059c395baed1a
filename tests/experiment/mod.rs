//! Experiments as a user sees them: assignment, analysis, rollouts, and flags for others.

mod analysis;
mod assignment;
mod flags;
mod killed;
mod prompts;
mod rates;
mod rollouts;

use crate::util::Dir;
use serde_json::{Value, json};
use std::fs;

/// A request of a user.
fn request(user: &str) -> Value {
    json!({
        "user": user,
        "context": {"hour": 9.5, "weekday": 2},
        "candidates": [{"id": "plan", "kind": "plan"}, {"id": "rest", "kind": "rest"}],
    })
}

/// Puts a file into the folder of experiments.
fn experiment(dir: &Dir, key: &str, text: &str) {
    fs::create_dir_all(dir.join("experiments")).unwrap();
    dir.write(&format!("experiments/{key}.toml"), format!("key = \"{key}\"\n{text}"));
}

/// Two policies in equal shares.
const TWO_POLICIES: &str = "[[variants]]\nname = \"control\"\npolicy = \"egreedy-v1\"\nvalue = 1\n\
                            [[variants]]\nname = \"bolder\"\npolicy = \"linucb\"\nvalue = 2\n";

/// Scores a request of each of these users, and rewards the decision by its variant. What was decided.
fn live(
    dir: &Dir,
    users: impl Iterator<Item = String>,
    reaction: impl Fn(&str) -> &'static str,
) -> Vec<Value> {
    let requests: String = users.map(|user| request(&user).to_string() + "\n").collect();
    let args = [
        "score",
        "--jsonl",
        "--seed",
        "1",
        "--policy",
        "uniform",
        "--experiments",
        "experiments",
        "--no-state-files",
    ];
    let decisions = dir.run_with(&args, requests).ok().jsonl();
    let rewards: String = decisions
        .iter()
        .map(|decision| {
            let reaction = reaction(decision["variant"].as_str().unwrap_or("none"));
            json!({"decision": decision["decision_id"], "reaction": reaction}).to_string() + "\n"
        })
        .collect();
    dir.run_with(&["reward", "--jsonl", "--no-state-files"], rewards).ok();
    decisions
}
