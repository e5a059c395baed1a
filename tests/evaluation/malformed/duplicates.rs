//! Of two values of one key nobody can say which one was meant. What nobody reads may hold anything.

use super::own::{DECISION, REWARD};
use super::{DSJSON, complaint, file};
use crate::evaluation::run;
use serde_json::Value;
use std::fs;
use tempfile::TempDir;

/// `line` with the first `key` there once more, before itself.
fn twice(line: &str, key: &str, value: &Value) -> String {
    let key = format!("\"{key}\":");
    let doubled = line.replacen(&key, &format!("{key}{value},{key}"), 1);
    assert_ne!(doubled, line, "{key}");
    doubled
}

#[test]
fn keys_that_are_read_stand_once() {
    let dir = TempDir::new().unwrap();
    let dsjson =
        DSJSON.replace("\"EventId\"", "\"pdrop\":0.0,\"_skipLearn\":false,\"Version\":\"1\",\"EventId\"");
    let decision = DECISION.replace(
        "\"candidates\"",
        "\"profile_features\":{\"tip_volume\":3,\"by_kind\":{\"rest\":{\"dismiss_rate\":0.5}}},\"candidates\"",
    );
    let at =
        |line: &str, path: &str| serde_json::from_str::<Value>(line).unwrap().pointer(path).unwrap().clone();
    let last = |path: &str| path.rsplit('/').next().unwrap().to_owned();
    let decisions = dir.path().join("decisions.jsonl").display().to_string();
    let write = |decision: &str, reward: &str| {
        fs::write(&decisions, format!("{decision}\n")).unwrap();
        fs::write(dir.path().join("rewards.jsonl"), format!("{reward}\n")).unwrap();
    };
    for path in [
        "/_label_cost",
        "/_label_probability",
        "/_label_Action",
        "/_labelIndex",
        "/_skipLearn",
        "/Timestamp",
        "/EventId",
        "/a",
        "/p",
        "/c",
        "/pdrop",
        "/c/_multi",
        "/c/_multi/0/_tag",
    ] {
        let bad = twice(&dsjson, &last(path), &at(&dsjson, path));
        let log = file(&dir, "log.json", format!("{dsjson}\n{bad}\n").as_bytes());
        let said = complaint(&[&log, "--policy", "uniform"]);
        let reason = format!("duplicate field `{}`", last(path));
        assert!(said.contains("log.json, line 2, column ") && said.ends_with(&reason), "{said}");
    }
    for path in [
        "/decision_id",
        "/user",
        "/shadow",
        "/chosen",
        "/propensity",
        "/propensities",
        "/request",
        "/time_ms",
        "/request/context",
        "/request/context/hour",
        "/request/context/weekday",
        "/request/candidates",
        "/request/candidates/0/id",
        "/request/profile_features",
        "/request/profile_features/tip_volume",
        "/request/profile_features/by_kind",
        "/request/profile_features/by_kind/rest",
        "/request/profile_features/by_kind/rest/dismiss_rate",
    ] {
        write(&twice(&decision, &last(path), &at(&decision, path)), REWARD);
        let said = complaint(&[&decisions, "--policy", "uniform"]);
        let reason = format!("duplicate field `{}`", last(path));
        assert!(said.contains("decisions.jsonl, line 1, column ") && said.ends_with(&reason), "{said}");
    }
    for key in ["op", "user", "decision_id", "reward", "reaction", "time_ms"] {
        write(&decision, &twice(REWARD, key, &at(REWARD, &format!("/{key}"))));
        let said = complaint(&[&decisions, "--policy", "uniform"]);
        let reason = format!("duplicate field `{key}`");
        assert!(said.contains("rewards.jsonl, line 1, column ") && said.ends_with(&reason), "{said}");
    }
    // Nobody reads these, so nobody is misled.
    write(&decision, &twice(REWARD, "seq", &at(REWARD, "/seq")));
    let log = file(&dir, "log.json", twice(&dsjson, "Version", &at(&dsjson, "/Version")).as_bytes());
    for log in [&log, &decisions] {
        let output = run(&[log, "--policy", "uniform", "--json"]);
        assert_eq!(output.status.code(), Some(3), "{output:?}");
    }
}
