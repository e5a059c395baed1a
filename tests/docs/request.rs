//! docs/request.md has every field that is read and every one that is answered, and the published schema of requests is
//! the program's.

use crate::util::Dir;
use rehearsal::domain::profile::PROFILE_FEATURES;
use rehearsal::domain::request::{Request, schema};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;

const PAGE: &str = include_str!("../../docs/request.md");

/// Fields of answers whose names are somebody's own: dimensions, kinds, users.
const OPEN: [&str; 1] = ["theta"];

/// The section of the page with this heading.
fn section(heading: &str) -> &'static str {
    let (_, section) = PAGE.split_once(&format!("\n## {heading}\n")).expect(heading);
    section.split("\n## ").next().expect("a first part")
}

/// What is known in the place of a field named `stray`, as the error about it lists it.
fn expected(message: &str) -> BTreeSet<String> {
    let (_, list) =
        message.split_once("unknown field `stray`, expected ").unwrap_or_else(|| panic!("{message}"));
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Fails unless the section has a row for each of these names.
fn explained(heading: &str, names: &BTreeSet<String>) {
    let missing: Vec<_> =
        names.iter().filter(|name| !section(heading).contains(&format!("| `{name}` |"))).collect();
    assert!(missing.is_empty(), "docs/request.md, {heading}: no row for {missing:?}");
}

/// Adds the names of all fields in `value`, however deep.
fn fields(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                names.insert(name.clone());
                if !OPEN.contains(&name.as_str()) {
                    fields(value, names);
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| fields(value, names)),
        _ => {}
    }
}

fn names_in(value: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    fields(value, &mut names);
    names
}

fn request() -> Value {
    json!({"user": "alice", "context": {"hour": 8.5, "weekday": 0}, "candidates": [{"id": "a"}, {"id": "b"}]})
}

#[test]
fn every_field_of_a_request_is_explained() {
    let known = |text: Value| {
        let error = Request::from_json(text.to_string().as_bytes(), "request").expect_err("a stray field");
        expected(&error.to_string())
    };
    let places = [
        ("A request", "user", json!({"stray": 1})),
        ("The moment: `context`", "weekday", json!({"context": {"stray": 1}})),
        ("A candidate", "kind", json!({"candidates": [{"stray": 1}]})),
    ];
    for (heading, some, text) in places {
        let names = known(text);
        assert!(names.contains(some), "{heading}: found only {names:?}");
        explained(heading, &names);
    }
    let profile = PROFILE_FEATURES.map(|feature| feature.name).into_iter().chain(["by_kind"]);
    explained("What is known of the person: `profile_features`", &profile.map(str::to_owned).collect());
}

#[test]
fn every_field_of_a_reward_and_of_the_answers_is_explained() {
    let dir = Dir::new();
    let stray = dir.run_with(&["reward", "--jsonl"], "{\"stray\":1}\n").exits(2).jsonl();
    explained("The answers", &names_in(&stray[0]));
    let names = expected(stray[0]["error"].as_str().expect("a text"));
    assert!(names.contains("dwell_seconds"), "found only {names:?}");
    explained("A reward", &names);

    let policies = ["--policy", "egreedy-v1", "--shadow", "egreedy-v2"];
    let decision = dir.run_with(&[&["score"][..], &policies].concat(), request().to_string()).ok().json();
    explained("The answers", &names_in(&decision));
    let id = decision["decision_id"].as_str().expect("a text");
    let reward = dir.run(&["reward", "--decision", id, "--reaction", "snoozed"]).ok().json();
    explained("The answers", &names_in(&reward));
    for what in ["decisions", "rewards"] {
        let lines = dir.run(&["log", what]).ok().jsonl();
        for name in lines[0].as_object().expect("an object").keys() {
            let page = include_str!("../../docs/store.md");
            assert!(page.contains(&format!("`{name}`")), "docs/store.md: nothing on {name} of {what}");
        }
    }
    for command in [&["stats", "--user", "alice"][..], &["reset", "--user", "alice", "--erase"]] {
        explained("The answers", &names_in(&dir.run(command).ok().json()));
    }
}

/// `BLESS=1` writes what has changed into the repository for Feast.
#[test]
fn the_published_definitions_for_feast_are_the_programs() {
    let path = format!("{}/integrations/feast/definitions.py", env!("CARGO_MANIFEST_DIR"));
    let own = Dir::new().run(&["schema", "--of", "feast"]).ok().stdout();
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &own).expect("definitions.py");
    }
    assert_eq!(fs::read_to_string(&path).expect("definitions.py"), own);
}

/// `BLESS=1` writes what has changed into the published file.
#[test]
fn the_published_schema_of_requests_is_the_programs_and_says_what_the_checks_do() {
    let path = format!("{}/schemas/request.schema.json", env!("CARGO_MANIFEST_DIR"));
    let own = serde_json::to_string_pretty(&schema()).expect("plain values") + "\n";
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &own).expect("schemas/request.schema.json");
    }
    assert_eq!(fs::read_to_string(&path).expect("schemas/request.schema.json"), own);
    assert_eq!(Dir::new().run(&["schema", "--of", "request"]).ok().stdout(), own);

    let validator = jsonschema::draft202012::new(&schema()).expect("a schema");
    let with = |pointer: &str, value: Value| {
        let mut changed = request();
        let (parent, field) = pointer.rsplit_once('/').expect("a pointer");
        changed.pointer_mut(parent).expect("it is there")[field] = value;
        changed
    };
    // The bounds of every field, both sides of each.
    let cases = [
        (with("/seed", json!((1_u64 << 53) - 1)), true),
        (with("/seed", json!(1_u64 << 53)), false),
        (with("/seed", json!(-1)), false),
        (with("/policy", Value::Null), true),
        (with("/policy", json!(1)), false),
        (with("/shadow_of", json!(1)), false),
        (with("/stray", json!(1)), false),
        (with("/candidates", json!([])), false),
        (with("/context/hour", json!(0)), true),
        (with("/context/hour", json!(24)), false),
        (with("/context/weekday", json!(6)), true),
        (with("/context/weekday", json!(7)), false),
        (with("/context/weekday", Value::Null), false),
        (with("/context/stray", json!(1)), false),
        (with("/candidates/0/id", json!("")), false),
        (with("/candidates/0/id", json!("a".repeat(256))), true),
        (with("/candidates/0/id", json!("a".repeat(257))), false),
        (with("/candidates/0/kind", Value::Null), true),
        (with("/candidates/0/kind", json!("")), false),
        (with("/candidates/0/priority", json!(1)), true),
        (with("/candidates/0/priority", json!(1.001)), false),
        (with("/candidates/0/due_in_days", json!(-365_250)), true),
        (with("/candidates/0/due_in_days", json!(-365_251)), false),
        (with("/candidates/0/due_in_days", json!(365_251)), false),
        (with("/candidates/0/effort_minutes", json!(525_600)), true),
        (with("/candidates/0/effort_minutes", json!(525_601)), false),
        (with("/candidates/0/effort_minutes", json!(-1)), false),
        (with("/candidates/0/hour", json!(23.99)), true),
        (with("/candidates/0/hour", json!(24)), false),
        (with("/candidates/0/stray", json!(1)), false),
        (with("/profile_features", json!({"completion_rate": 1, "novelty": 3})), true),
        (with("/profile_features", json!({"completion_rate": 1.1})), false),
        (with("/profile_features", json!({"by_kind": {"rest": {"preferred_hour": 24}}})), false),
    ];
    for (request, good) in cases {
        assert_eq!(validator.is_valid(&request), good, "{request}, by its schema");
        assert_eq!(
            Request::from_json(request.to_string().as_bytes(), "r").is_ok(),
            good,
            "{request}, by the checks"
        );
    }
}
