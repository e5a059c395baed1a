//! `features compute`: profile features of a moment.

use crate::util::Dir;
use serde_json::Value;
use std::collections::BTreeMap;

/// The profile that a simulated person had at a decision, which the simulator computed while they lived, is what is
/// computed from the log as of that moment. Whoever also counts what came at that very moment or later has another one.
#[test]
fn features_of_a_moment_are_those_that_were_served_then() {
    let dir = Dir::new();
    let people = ["simulate", "cold-start", "--policy", "uniform", "--users", "1", "--log", "log"];
    dir.run(&people).ok();
    let decisions: Vec<Value> =
        dir.read("log/decisions.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut by_user: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for decision in decisions {
        by_user.entry(decision["user"].as_str().unwrap().to_owned()).or_default().push(decision);
    }
    let compute = |as_of: u64, out: &str| {
        let seconds = as_of as f64 / 1e3;
        let whole = jiff::Timestamp::from_millisecond(as_of as i64).unwrap().to_string();
        let _ = seconds;
        dir.run(&["features", "compute", "--from", "log", "--out", out, "--as-of", &whole]).ok();
    };
    let profile_of = |user: &str, out: &str| {
        let lines = dir.read(out);
        let mut lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.find(|line| line["user"] == *user).map(|line| line["profile_features"].clone())
    };
    let mut changed = 0;
    for (user, decisions) in by_user.iter().take(3) {
        for decision in [&decisions[1], &decisions[17], &decisions[40]] {
            let at = decision["time_ms"].as_u64().unwrap();
            compute(at, "then.jsonl");
            let served = &decision["request"]["profile_features"];
            assert_eq!(profile_of(user, "then.jsonl").as_ref(), Some(served), "{user} at {at}");
            compute(at + 1, "later.jsonl");
            changed += u32::from(profile_of(user, "later.jsonl").as_ref() != Some(served));
        }
        compute(decisions[0]["time_ms"].as_u64().unwrap(), "first.jsonl");
        assert_eq!(profile_of(user, "first.jsonl"), None, "nothing was known of {user}");
    }
    assert_eq!(changed, 9, "what looks into the future is told apart");
}

#[test]
fn a_table_has_a_row_for_each_user_and_kind() {
    let dir = Dir::new();
    dir.run(&["simulate", "cold-start", "--policy", "uniform", "--users", "1", "--log", "log"]).ok();
    let computed = dir.run(&["features", "compute", "--from", "log", "--out", "f.csv"]).ok().json();
    let table = dir.read("f.csv");
    let own = table.lines().filter(|line| line.split(',').nth(1) == Some("")).count();
    assert_eq!(computed["users"].as_u64(), Some(own as u64));
    assert!(table.starts_with("user,kind,event_timestamp,completion_rate,dismiss_rate,mean_dwell_seconds,"));
    dir.run(&["features", "compute", "--from", "log", "--out", "f.xls"])
        .refused(&["--out", ".jsonl or .csv"]);
}
