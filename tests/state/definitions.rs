//! Files that define policies of one name in several ways.

use super::{REQUEST, id, score};
use crate::util::Dir;
use serde_json::{Value, json};

/// Policies that are all called "mine"; a.toml and again.toml are the same one.
fn defined() -> Dir {
    let dir = Dir::new();
    for (file, rest) in [("a", ""), ("again", ""), ("b", "forgetting = 0.5"), ("c", "lambda = 3")] {
        let text = format!("name = \"mine\"\nexplorer = \"egreedy\"\nfeatures = \"v1\"\n{rest}\n");
        dir.write(&format!("{file}.toml"), text);
    }
    dir
}

fn lines(files: &[&str], more: &Value) -> String {
    let line = |file: &&str| {
        let mut line: Value = serde_json::from_str(REQUEST).unwrap();
        line["user"] = json!("u");
        line["policy"] = json!(format!("{file}.toml"));
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        line.to_string()
    };
    files.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Which lines are answered.
fn answered(dir: &Dir, command: &str, input: &str) -> Vec<bool> {
    let ran = dir.run_with(&[command, "--jsonl"], input);
    ran.jsonl().iter().map(|answer| answer["error"].is_null()).collect()
}

#[test]
fn a_state_learns_only_from_rewards_of_its_own_definition() {
    let reward = json!({"chosen": "t1", "reward": 1});
    for (files, learned) in [
        (&["a", "b", "again", "c", "a"][..], &[true, false, true, false, true][..]),
        (&["b", "a", "c", "b"], &[true, false, false, true]),
    ] {
        let dir = defined();
        let input = lines(files, &reward);
        assert_eq!(answered(&dir, "reward", &input), learned);
        // Now there is a file.
        assert_eq!(answered(&dir, "reward", &input), learned);
        let updates = 2 * learned.iter().filter(|learned| **learned).count();
        assert_eq!(dir.json("state/u_mine.json")["updates"], json!(updates));
        let mut others = files.to_vec();
        others.rotate_left(1);
        let rest: Vec<bool> = learned[1..].iter().chain(&learned[..1]).copied().collect();
        assert_eq!(answered(&dir, "reward", &lines(&others, &reward)), rest);
    }
}

#[test]
fn a_line_is_scored_under_its_own_definition_whatever_stands_beside_it() {
    let dir = defined();
    let reward = ["reward", "--policy", "a.toml", "--user", "u", "--chosen", "t1", "--reward", "1"];
    dir.run_with(&reward, REQUEST).ok();
    for (files, scored) in
        [(["a", "b", "again"], [true, false, true]), (["b", "a", "a"], [false, true, true])]
    {
        assert_eq!(answered(&dir, "score", &lines(&files, &json!({}))), scored);
    }
    // As a shadow only its own failure matters, with a state and without one.
    for user in ["u", "nobody"] {
        let args = ["score", "--policy", "a.toml", "--shadow", "b.toml", "--user", user];
        let ran = dir.run_with(&args, REQUEST).ok();
        assert_eq!(ran.json()["shadows"], json!([]));
        assert!(ran.stderr().contains("shadow mine: "), "{}", ran.stderr());
    }
}

#[test]
fn a_decision_teaches_the_policy_that_made_it_and_once() {
    let dir = defined();
    let decision = score(&dir, "a.toml", "u", REQUEST);
    let reward = |more: &[&str]| {
        dir.run(&[&["reward", "--decision", id(&decision), "--reaction", "completed"][..], more].concat())
    };
    reward(&["--policy", "b.toml"]).refused(&["\"mine\" is defined otherwise than when it made decision"]);
    reward(&["--event-id", "mine"]).refused(&["command line: event_id is \"mine\"", "learned from once"]);
    assert_eq!(reward(&["--policy", "again.toml"]).ok().json()["updates"], 1);
    assert_eq!(reward(&["--event-id", id(&decision)]).ok().json()["duplicate"], true);
}
