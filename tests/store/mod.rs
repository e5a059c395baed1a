//! `score`, `reward`, `stats`, `reset` and what keeps a store in order, and what they leave in it.

mod bad_input;
mod breaking;
mod costs;
mod damage;
mod definitions;
mod dense;
mod everyday;
mod laws;
mod mutations;
mod older;
mod planted;
mod postgres;
mod upkeep;
mod views;

use crate::util::Dir;
use crate::util::postgres::sql_at;
use rand::rngs::ChaCha8Rng;
use rand::{Rng, RngExt};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// A small request without a user.
pub(crate) const REQUEST: &str = r#"{"context": {"hour": 8.5, "weekday": 5}, "candidates": [
    {"id": "t1", "kind": "focus", "priority": 0.8, "due_in_days": -2, "effort_minutes": 15, "hour": 9},
    {"id": "t2", "kind": "rest"}, {"id": "t3"}],
    "profile_features": {"completion_rate": 0.42, "dismiss_rate": 0.1, "mean_dwell_seconds": 45,
        "preferred_hour": 9, "tip_volume": 120, "by_kind": {"focus": {"completion_rate": 0.6}}}}"#;

/// A request with whatever a request can have, and without.
pub(crate) fn random_request(rng: &mut ChaCha8Rng) -> Value {
    let kinds = ["focus", "rest", "move"];
    let candidates: Vec<Value> = (0..rng.random_range(1..8))
        .map(|k| {
            let mut candidate = json!({"id": format!("t{k}")});
            let values = [
                ("kind", json!(kinds[rng.random_range(0..3)])),
                ("priority", json!(rng.random::<f64>())),
                ("due_in_days", json!(rng.random_range(-10.0..10.0))),
                ("effort_minutes", json!(rng.random_range(0.0..90.0))),
                ("hour", json!(rng.random_range(0.0..24.0))),
            ];
            for (name, value) in values {
                if rng.random_bool(0.7) {
                    candidate[name] = value;
                }
            }
            candidate
        })
        .collect();
    let mut request = json!({
        "context": {"hour": rng.random_range(0.0..24.0), "weekday": rng.random_range(0..7)},
        "candidates": candidates,
    });
    if rng.random_bool(0.8) {
        request["profile_features"] = random_values(rng);
        for kind in kinds {
            if rng.random_bool(0.5) {
                request["profile_features"]["by_kind"][kind] = random_values(rng);
            }
        }
    }
    request
}

fn random_values(rng: &mut impl Rng) -> Value {
    let values = [
        ("completion_rate", json!(rng.random::<f64>())),
        ("dismiss_rate", json!(rng.random::<f64>())),
        ("mean_dwell_seconds", json!(rng.random_range(0.0..900.0))),
        ("preferred_hour", json!(rng.random_range(0.0..24.0))),
        ("tip_volume", json!(rng.random_range(0..3000))),
    ];
    let mut object = json!({});
    for (name, value) in values {
        match rng.random_range(0..10) {
            0 => object[name] = Value::Null,
            1 | 2 => {}
            _ => object[name] = value,
        }
    }
    object
}

/// One decision of `policy` for `user`.
pub(crate) fn score(dir: &Dir, policy: &str, user: &str, request: &str) -> Value {
    dir.run_with(&["score", "--policy", policy, "--user", user], request).ok().json()
}

/// The id of a decision.
pub(crate) fn id(decision: &Value) -> &str {
    decision["decision_id"].as_str().expect("a decision has an id")
}

/// Rewards a decision.
pub(crate) fn reward(dir: &Dir, id: &str, reaction: &str) -> Value {
    dir.run(&["reward", "--decision", id, "--reaction", reaction]).ok().json()
}

/// A line for `score --jsonl`.
fn request_line(user: &str, policy: &str) -> String {
    REQUEST.replace('\n', " ").replacen(
        '{',
        &format!("{{\"user\": {}, \"policy\": {policy:?}, ", json!(user)),
        1,
    )
}

/// A line for `reward --jsonl`.
fn line(user: &str, event: &str, reward: f64) -> String {
    let request: Value = serde_json::from_str(REQUEST).unwrap();
    json!({"user": user, "policy": "egreedy-v2", "chosen": "t1", "reward": reward, "event_id": event,
           "request": request})
    .to_string()
}

/// Rewards of these events for a user, in one run.
fn learned(dir: &Dir, user: &str, events: impl IntoIterator<Item = &'static str>) {
    let lines: Vec<String> = events.into_iter().map(|event| line(user, event, 1.0)).collect();
    dir.run_with(&["reward", "--jsonl"], lines.join("\n")).ok();
}

/// How many rewards the policies of a user have learned from.
fn updates(dir: &Dir, user: &str) -> u64 {
    let stats = dir.run(&["stats", "--user", user]).ok().json();
    stats["policies"].as_array().unwrap().iter().map(|policy| policy["updates"].as_u64().unwrap()).sum()
}

/// What `verify` finds wrong.
fn verified(dir: &Dir) -> Vec<String> {
    let run = dir.run(&["verify"]);
    let problems = run.json()["problems"].as_array().unwrap().clone();
    if run.code() != if problems.is_empty() { 0 } else { 2 } {
        run.fail("the exit code says whether there are problems");
    }
    problems
        .iter()
        .map(|p| format!("{}: {}", p["file"].as_str().unwrap(), p["problem"].as_str().unwrap()))
        .collect()
}

/// Everything that is known: states, both logs, and the state files.
fn known(dir: &Dir) -> String {
    let printed = |args: &[&str]| dir.run(args).ok().stdout();
    let logs = printed(&["log", "decisions"]) + &printed(&["log", "rewards"]);
    format!("{}{logs}{:?}", printed(&["export"]), views(dir))
}

/// State files by name.
fn views(dir: &Dir) -> Vec<(String, String)> {
    let files = dir.contents("state").into_iter().filter_map(|(path, content)| {
        let name = path.file_name()?.to_str()?.to_owned();
        let is_view = Path::new(&name).extension().is_some_and(|e| e == "json") && name.contains('_');
        is_view.then(|| (name, String::from_utf8(content).unwrap()))
    });
    files.collect()
}

/// Every state has its file, as the store has it, and there is no other file.
fn views_follow(dir: &Dir, what: &str) {
    let file = |line: &str| {
        let state: Value = serde_json::from_str(line).unwrap();
        let name = |field: &str| state[field].as_str().unwrap().to_owned();
        let file = rehearsal::store::state_file(&name("user"), &name("policy")).unwrap();
        (file, format!("{line}\n"))
    };
    let mut expected: Vec<_> = dir.run(&["export"]).ok().stdout().lines().map(file).collect();
    expected.sort();
    if dir.address().is_some() {
        // A store on a server has no state files.
        expected.clear();
    }
    assert_eq!(views(dir), expected, "{what}");
}

/// The database itself, to do by hand what no command does.
fn by_hand(dir: &Dir, sql: &str) {
    match dir.address() {
        Some(address) => drop(sql_at(address, sql).unwrap()),
        None => Connection::open(dir.join("state/rehearsal.db")).unwrap().execute_batch(sql).unwrap(),
    }
}

/// Makes the tables those that the first program with a database had.
fn age(dir: &Dir) {
    by_hand(
        dir,
        "ALTER TABLE decision DROP COLUMN prompt_digest; ALTER TABLE decision DROP COLUMN profile_lookup; DROP TABLE rollout; DROP TABLE spending; PRAGMA user_version = 1",
    );
}

/// The same store in another place.
fn copied(from: &Dir) -> Dir {
    let to = Dir::new();
    copy(&from.join("state"), &to.join("state"));
    to
}

fn copy(from: &Path, to: &Path) {
    let Ok(entries) = fs::read_dir(from) else { return };
    fs::create_dir_all(to).unwrap();
    for entry in entries {
        let (from, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}
