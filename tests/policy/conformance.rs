//! `rehearsal policy check`, and the protocol as a schema.

use super::{EGREEDY, faulty, has_python};
use crate::util::Dir;
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

#[test]
fn a_program_that_keeps_to_the_protocol_passes() {
    if !has_python() {
        return;
    }
    let dir = Dir::new();
    let text = dir.run(&["policy", "check", EGREEDY]).ok().stdout();
    assert_eq!(text.lines().filter(|line| line.starts_with("ok ")).count(), 5, "{text}");
    let found = dir.run(&["policy", "check", EGREEDY, "--json"]).ok().json();
    assert_eq!((&found["policy"], &found["passed"]), (&json!("egreedy-program"), &json!(true)));
    assert!(found["seconds_per_decision"].as_f64().unwrap() > 0.0);
    assert!(found["checks"].as_array().unwrap().iter().all(|check| check["problem"].is_null()));
    // A policy that is no program has its file checked.
    assert!(dir.run(&["policy", "check", "linucb"]).ok().stdout().contains("it is no program"));
    dir.write("wrong.toml", "name = \"wrong\"\nexplorer = \"egredy\"\nfeatures = \"v2\"\n");
    dir.run(&["policy", "check", "wrong.toml"]).refused(&["wrong.toml: explorer is \"egredy\""]);
}

/// What depends on the batch, on what was asked before, or on chance could not be repeated.
#[test]
fn a_program_that_does_not_answer_the_same_is_refused_where_people_are_simulated() {
    if !has_python() {
        return;
    }
    let ways = [
        ("random", "probabilities"),
        ("memory", "probabilities"),
        ("counts", "the state of user"),
        ("sum", "decide 1 of user"),
        ("twice", "cannot talk to it: it "),
    ];
    let dir = faulty(&ways.map(|(way, _)| way));
    // The checks ask about every hour.
    for (way, said) in ways {
        let file = format!("{way}.toml");
        let checked = dir.run(&["policy", "check", &file, "--json"]).exits(1).json();
        let problems: Vec<&str> = checked["checks"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|check| check["problem"].as_str())
            .collect();
        assert!(problems.len() == 1 && problems[0].contains(said), "{way}: {problems:?}");
        let simulate = ["simulate", "--users", "2", "--steps", "2", "--policy", &file];
        dir.run(&simulate).refused(&[&format!("program {way}: "), said, "policy check"]);
        dir.run(&["promote-check", "--challenger", &file]).refused(&[said]);
    }
}

#[test]
fn a_program_is_refused_where_there_are_no_requests_to_show_it() {
    if !has_python() {
        return;
    }
    let dir = Dir::new();
    dir.write("t.csv", "x,class\n1,a\n2,b\n");
    dir.run(&["simulate", "--data", "t.csv", "--label", "class", "--policy", EGREEDY])
        .refused(&["egreedy-program: it is a program", "a table has none"]);
    dir.run(&["simulate", "--policy", "uniform", "--users", "2", "--steps", "4", "--log", "log"]).ok();
    dir.run(&["train", "--policy", EGREEDY, "--from", "log", "--out", "prior.json"])
        .refused(&["egreedy-program: it is a program", "its own matter"]);
    dir.run(&["compare-reality", "--log", "log", "--policy", EGREEDY]).refused(&["it is a program"]);
}

/// What is said to a program, and what ours answers, is what the published schema says. `BLESS=1` publishes it.
#[test]
fn the_schema_is_that_of_the_lines() {
    let printed = Dir::new().run(&["schema", "--of", "protocol"]).ok().stdout();
    let path = format!("{}/schemas/protocol.schema.json", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &printed).expect("schemas/protocol.schema.json");
    }
    assert_eq!(
        fs::read_to_string(&path).expect("schemas/protocol.schema.json"),
        printed,
        "BLESS=1 writes it"
    );
    let schema: Value = serde_json::from_str(&printed).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let of = |name: &str| {
        let mut own = schema.clone();
        own.as_object_mut().unwrap().remove("anyOf");
        own["$ref"] = json!(format!("#/$defs/{name}"));
        jsonschema::validator_for(&own).unwrap()
    };
    if !has_python() {
        return;
    }
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/integrations/policies/egreedy.py");
    let mut child = Command::new("python3")
        .arg(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("there is a python3");
    let mut stdin = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    let request = json!({"context": {"hour": 8.5, "weekday": 1}, "candidates": [{"id": "a"}, {"id": "b"}]});
    let shown = json!({"context": {"hour": 8.5, "weekday": 1}, "candidates": [{"id": "b"}]});
    for (name, line) in [
        (
            "hello",
            json!({"call": "hello", "id": 0, "protocol": 1, "policy": "mine", "domain": {"name": "tips",
                "inputs": [{"of": "context", "name": "hour", "type": "hour", "required": true}],
                "outcomes": [{"name": "completed", "reward": 1.0}]}}),
        ),
        ("decide", json!({"call": "decide", "id": 1, "items": [{"state": null, "request": request}]})),
        (
            "learn",
            json!({"call": "learn", "id": 2,
                   "items": [{"state": null, "request": shown, "chosen": "b", "reward": 0.5}]}),
        ),
    ] {
        assert!(of(name).is_valid(&line) && validator.is_valid(&line), "{name}");
        writeln!(stdin, "{line}").unwrap();
        let answer: Value = serde_json::from_str(&answers.next().unwrap().unwrap()).unwrap();
        assert!(of(&format!("{name}_answer")).is_valid(&answer), "{answer}");
        let mut without = line.clone();
        without.as_object_mut().unwrap().remove("id");
        assert!(!of(name).is_valid(&without), "{name}");
    }
    drop(stdin);
    child.wait().unwrap();
}
