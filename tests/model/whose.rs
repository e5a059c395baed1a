//! `learns`: whose rewards a policy learns from.

use super::{REQUEST, trained};
use crate::util::Dir;
use serde_json::{Value, json};

fn scored(dir: &Dir, policy: &str, user: &str) -> Value {
    dir.run(&["score", "--policy", policy, "--user", user, "--request", "request.json", "--seed", "3"])
        .ok()
        .json()
}

fn rewarded(dir: &Dir, decision: &Value) -> Value {
    let id = decision["decision_id"].as_str().expect("an id");
    dir.run(&["reward", "--decision", id, "--reaction", "completed"]).ok().json()
}

#[test]
fn what_one_teaches_all_have_where_everybody_is_learned_from() {
    let dir = Dir::new();
    dir.write("request.json", REQUEST);
    dir.write("all.toml", format!("{}learns = \"everybody\"\n", super::PLAIN));
    let before = scored(&dir, "all.toml", "bob");
    assert_eq!(rewarded(&dir, &scored(&dir, "all.toml", "ann"))["user"], "ann");
    assert_ne!(scored(&dir, "all.toml", "bob")["candidates"], before["candidates"]);
    let rewards = dir.run(&["log", "rewards"]).ok().jsonl();
    assert_eq!(rewards[0]["request"]["user"], "ann", "the log says whose reward it was");
    dir.run(&["verify"]).ok();
    dir.run(&["rebuild"]).ok();
    let people = ["simulate", "--policy", "all.toml", "--users", "2"];
    dir.run(&people).refused(&["learns is \"everybody\"", "independent"]);
    // A prior for each user is learned from it as from any other store.
    let trained = dir
        .run(&["train", "--policy", "all.toml", "--from", "state", "--out", "p.json", "--json"])
        .ok()
        .json();
    assert_eq!(trained["users"], 1);
}

#[test]
fn nothing_is_learned_where_the_prior_decides() {
    let dir = trained();
    dir.write("prior-only.toml", format!("{}learns = \"nothing\"\n", super::WITH_PRIOR));
    let before = scored(&dir, "prior-only.toml", "ann");
    assert_eq!(rewarded(&dir, &before)["updates"], 0);
    assert_eq!(scored(&dir, "prior-only.toml", "ann")["candidates"], before["candidates"]);
    assert_eq!(dir.run(&["log", "rewards"]).ok().jsonl().len(), 1, "the reward is kept all the same");
    dir.run(&["verify"]).ok();
    dir.run(&["simulate", "--policy", "prior-only.toml", "--users", "2", "--steps", "5"]).ok();
}

/// The same log with users and without: one model of everybody gives the same estimate in both, and the models of each
/// user another one.
#[test]
fn naming_users_changes_bounds_and_not_whose_model_it_is() {
    let dir = Dir::new();
    let mut with = String::from("action,reward,propensity,timestamp,user\n");
    let mut without = String::from("action,reward,propensity,timestamp\n");
    for i in 0..600_u32 {
        let action = ["a", "b"][(i.wrapping_mul(2_654_435_761) >> 16) as usize % 2];
        let reward = u32::from(action == "a" && i % 4 != 0);
        let at = format!("2026-11-01 {:02}:{:02}:{:02}", i / 3600, i / 60 % 60, i % 60);
        with += &format!("{action},{reward},0.5,{at},user-{}\n", i % 150);
        without += &format!("{action},{reward},0.5,{at}\n");
    }
    dir.write("with.csv", with);
    dir.write("without.csv", without);
    let policy = |learns: &str| {
        format!(
            "name = \"p\"\nexplorer = \"egreedy\"\nfeatures = \"v1\"\nstructure = \"disjoint\"\nlearns = \"{learns}\"\n"
        )
    };
    let value = |log: &str, learns: &str| {
        dir.write("p.toml", policy(learns));
        let args = ["evaluate", log, "--policy", "p.toml", "--estimator", "snips", "--force", "--json"];
        let ran = dir.run(&args);
        ran.json()["policies"][0]["estimates"][0].clone()
    };
    let [named, unnamed] = ["with.csv", "without.csv"].map(|log| value(log, "everybody"));
    assert_eq!(named["value"], unnamed["value"]);
    let of_each = value("with.csv", "user");
    assert!(of_each["value"].as_f64() < named["value"].as_f64(), "{of_each} {named}");
    let [named, unnamed] = ["with.csv", "without.csv"].map(|log| value(log, "nothing"));
    assert_eq!(named["value"], unnamed["value"]);
    assert_ne!(json!(named["value"]), Value::Null);
}
