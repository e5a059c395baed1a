//! Files that define policies of one name in several ways.

use super::{REQUEST, id, score, verified};
use crate::util::{Dir, Ran};
use serde_json::json;

/// Policies that are all called "mine"; a.toml and again.toml are the same one.
fn defined() -> Dir {
    let dir = Dir::new();
    for (file, rest) in [("a", ""), ("again", ""), ("b", "forgetting = 0.5"), ("c", "lambda = 3")] {
        let text = format!("name = \"mine\"\nexplorer = \"egreedy\"\nfeatures = \"v1\"\n{rest}\n");
        dir.write(&format!("{file}.toml"), text);
    }
    dir
}

fn learn(dir: &Dir, file: &str) -> Ran {
    let file = format!("{file}.toml");
    let args = ["reward", "--policy", &file, "--user", "u", "--chosen", "t1", "--reward", "1"];
    dir.run_with(&args, REQUEST)
}

#[test]
pub(super) fn a_state_learns_only_from_rewards_of_its_own_definition() {
    for (files, learned) in [
        (&["a", "b", "again", "c", "a"][..], &[true, false, true, false, true][..]),
        (&["b", "a", "c", "b"], &[true, false, false, true]),
    ] {
        let dir = defined();
        for (file, learned) in files.iter().zip(learned) {
            let ran = learn(&dir, file);
            if *learned {
                ran.ok();
            } else {
                let parts = ["the state of \"u\": ", "as policy \"mine\" has it now", "needs another name"];
                ran.refused(&parts);
            }
        }
        let updates = learned.iter().filter(|learned| **learned).count();
        assert_eq!(dir.run(&["export"]).ok().json()["updates"], json!(updates));
        assert_eq!(verified(&dir), [""; 0]);
    }
}

#[test]
pub(super) fn a_user_who_was_forgotten_begins_anew_under_what_the_policy_is_now() {
    let dir = defined();
    learn(&dir, "a").ok();
    dir.run(&["reset", "--user", "u"]).ok();
    assert_eq!(learn(&dir, "b").ok().json()["updates"], 1);
    learn(&dir, "a").refused(&["forgetting is 0.5"]);
    assert_eq!(dir.run(&["export"]).ok().json()["forgetting"], 0.5);
    assert_eq!(verified(&dir), [""; 0]);
}

#[test]
pub(super) fn two_policies_of_one_name_do_not_go_together() {
    let dir = defined();
    let line = json!({"user": "u", "policy": "mine", "context": {"hour": 1, "weekday": 0},
                      "candidates": [{"id": "t1"}]});
    let args = ["score", "--jsonl", "--policy", "a.toml", "--policy", "b.toml"];
    dir.run_with(&args, line.to_string()).refused(&["policy \"mine\" is given twice"]);
    let args = ["score", "--jsonl", "--policy", "a.toml", "--policy", "again.toml"];
    dir.run_with(&args, line.to_string()).ok();
    let args = ["score", "--policy", "a.toml", "--shadow", "b.toml", "--shadow", "c.toml", "--user", "u"];
    dir.run_with(&args, REQUEST).refused(&["shadow \"mine\" is given twice"]);
}

#[test]
pub(super) fn a_decision_is_made_under_the_definition_that_the_state_has() {
    let dir = defined();
    learn(&dir, "a").ok();
    let score = |file: &str| {
        let file = format!("{file}.toml");
        dir.run_with(&["score", "--policy", &file, "--user", "u"], REQUEST)
    };
    score("a").ok();
    score("again").ok();
    score("b").refused(&["the state of \"u\": forgetting is 1"]);
    // As a shadow only its own failure matters, with a state and without one.
    for user in ["u", "nobody"] {
        let args = ["score", "--policy", "a.toml", "--shadow", "b.toml", "--user", user];
        let ran = dir.run_with(&args, REQUEST).ok();
        assert_eq!(ran.json()["shadows"], json!([]));
        assert!(ran.stderr().contains("shadow mine: "), "{}", ran.stderr());
    }
}

#[test]
pub(super) fn a_decision_teaches_the_policy_that_made_it_and_once() {
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
