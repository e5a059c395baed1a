//! What rewards cost: no more where they are of many users, and no memory for each.

use crate::util::usage::{is_measurable, measured};
use crate::util::{Dir, skip};
use serde_json::json;

/// Rewards of so many users in turn.
fn rewards(count: usize, users: usize) -> String {
    let line = |i: usize| {
        let request =
            json!({"context": {"hour": 8.5, "weekday": 1}, "candidates": [{"id": "a", "kind": "focus"}]});
        let user = format!("u{}", i % users);
        json!({"user": user, "policy": "linucb", "chosen": "a", "reward": 1, "event_id": format!("e{i}"), "request": request})
    };
    (0..count).map(|i| line(i).to_string() + "\n").collect()
}

const LEARN: [&str; 3] = ["reward", "--jsonl", "--no-state-files"];

#[test]
fn a_reward_costs_the_same_however_many_users_there_are() {
    if !is_measurable() {
        skip("nobody measures processor time");
        return;
    }
    let seconds = |users: usize| {
        let dir = Dir::new();
        let (ran, usage) = measured(&dir, &LEARN, rewards(10_000, users).as_bytes());
        assert_eq!(ran.ok().stdout().lines().count(), 10_000);
        usage.seconds
    };
    // Each of the many has a state that is made first, which is about as much work again; version 0.1 took 16 times as long.
    let (few, many) = (seconds(10), seconds(10_000));
    assert!(many < 6.0 * few, "{few} seconds of processor time with few users, {many} with many");
}

#[test]
fn to_verify_takes_no_memory_for_each_reward() {
    if !is_measurable() {
        skip("nobody measures memory");
        return;
    }
    let memory = |count: usize| {
        let dir = Dir::new();
        dir.run_with(&LEARN, rewards(count, 10)).ok();
        let (ran, usage) = measured(&dir, &["verify"], b"");
        assert_eq!(ran.ok().json()["rewards"], count);
        usage.memory
    };
    // Version 0.1 took 0.6 KB for each, 27 MB more.
    let (few, many) = (memory(5_000), memory(50_000));
    assert!(many < few + 8_000.0, "{few} KB with few rewards, {many} with many");
}

#[test]
fn a_state_of_many_rewards_is_made_again_elsewhere_without_keeping_them() {
    // More than are kept at once, after others that were forgotten, and after another user's.
    let dir = Dir::new();
    dir.run_with(&LEARN, rewards(20, 2)).ok();
    dir.run(&["reset", "--user", "u0", "--no-state-files"]).ok();
    let more = rewards(17_000, 1).replace("\"event_id\":\"e", "\"event_id\":\"f");
    dir.run_with(&LEARN, more).ok();
    assert_eq!(dir.run(&["rebuild", "--into", "other"]).ok().json(), json!({"written": 2, "lost": []}));
    let learned = |dir: &Dir, store: &str| {
        let mut states = dir.run(&["export", "--store", store]).ok().jsonl();
        for state in &mut states {
            state["revision"] = json!(null);
        }
        states
    };
    assert_eq!(learned(&dir, "state"), learned(&dir, "other"));
    let log = dir.run(&["log", "rewards", "--store", "other", "--user", "u0"]).ok().jsonl();
    assert_eq!(log.len(), 17_000);
    assert!(
        log.iter()
            .zip(1_u64..)
            .all(|(line, number)| line["number"] == number && line["event"] == format!("f{}", number - 1))
    );
    assert_eq!(dir.run(&["verify", "--store", "other"]).ok().json()["problems"], json!([]));
    // And for another policy, in the same store.
    dir.write("mine.toml", "name = \"mine\"\nexplorer = \"linucb\"\nfeatures = \"v1\"\nlambda = 2\n");
    let args = ["rebuild", "--policy", "./mine.toml", "--from", "linucb"];
    assert_eq!(dir.run(&args).ok().json(), json!({"written": 2, "lost": []}));
    let mine = dir.run(&["stats", "--user", "u0", "--policy", "./mine.toml"]).ok().json();
    assert_eq!(mine["policies"][0]["updates"], 17_000);
    assert_eq!(dir.run(&["verify"]).ok().json()["problems"], json!([]));
}
