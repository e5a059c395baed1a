//! A rollout takes a step on evidence, and no other.

use super::{experiment, live};
use crate::util::Dir;
use crate::util::server::Server;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Two policies whose second one grows; users are one decision each.
fn ramped(dir: &Dir, ramp: &str) {
    experiment(
        dir,
        "grows",
        &format!(
            "ramp = {ramp}\n[[variants]]\nname = \"control\"\npolicy = \"egreedy-v1\"\n[[variants]]\nname = \"bolder\"\n\
             policy = \"linucb\"\n[guardrails]\nmargin = 0.1\ndecisions = 1\nleast_users = 30\n"
        ),
    );
}

/// Begins what a verdict writes.
const MARK: &str = "<!-- rehearsal model card: all between these marks is written anew at each verdict -->";

fn users(prefix: &str, count: usize) -> impl Iterator<Item = String> {
    let prefix = prefix.to_owned();
    (0..count).map(move |n| format!("{prefix}{n}"))
}

fn status(dir: &Dir) -> Value {
    dir.run(&["rollout", "status", "grows", "--json"]).ok().json()
}

fn variants(decisions: &[Value], variant: &str) -> usize {
    decisions.iter().filter(|decision| decision["variant"] == variant).count()
}

#[test]
fn steps_are_taken_on_evidence_until_everybody_has_it() {
    let dir = Dir::new();
    ramped(&dir, "[0.3, 0.6, 1.0]");
    let good = |variant: &str| if variant == "bolder" { "completed" } else { "ignored" };
    // Before the start everybody has the first variant.
    let before = live(&dir, users("early", 20), good);
    assert_eq!((variants(&before, "control"), variants(&before, "bolder")), (20, 0));
    dir.run(&["rollout", "advance", "grows"]).refused(&["no rollout that is running: none was started"]);
    let started = dir.run(&["rollout", "start", "grows", "--json"]).ok().json();
    assert_eq!(
        (&started["action"], &started["share"], &started["revision"]),
        (&json!("start"), &json!(0.3), &json!(1))
    );
    dir.run(&["rollout", "start", "grows"]).refused(&["has a rollout that is running, at 0.3"]);
    // Nobody came: it waits.
    let look = dir.run(&["rollout", "advance", "grows", "--json"]).exits(3).json();
    assert_eq!(
        (&look["ruling"], &look["step"], &look["evidence"]["users"]),
        (&json!("wait"), &Value::Null, &json!(0))
    );
    let first = live(&dir, users("first", 200), good);
    // A share of 0.3 of 200 is 60 with a standard deviation of 6.5.
    assert!((30..90).contains(&variants(&first, "bolder")));
    let look = dir.run(&["rollout", "advance", "grows", "--json"]).ok().json();
    assert_eq!((&look["ruling"], &look["step"]["share"]), (&json!("step"), &json!(0.6)));
    assert_eq!(look["evidence"]["challenger_users"], variants(&first, "bolder"));
    // Who comes back has what they had, or moves to the second variant; nobody moves back.
    let back = live(&dir, users("first", 200), good);
    for (before, now) in first.iter().zip(&back) {
        assert!(before["variant"] == "control" || now["variant"] == "bolder", "{before} {now}");
    }
    let look = dir.run(&["rollout", "advance", "grows", "--json"]).ok().json();
    assert_eq!((&look["step"]["action"], &look["step"]["share"]), (&json!("finish"), &json!(1.0)));
    // Only those who could have had either are evidence.
    assert_eq!(look["evidence"]["users"], variants(&first, "control"));
    assert_eq!(variants(&live(&dir, users("last", 20), good), "bolder"), 20);
    dir.run(&["rollout", "advance", "grows"]).ok();
    let end = status(&dir);
    assert_eq!(
        (&end["running"], &end["share"], end["steps"].as_array().unwrap().len()),
        (&json!(false), &json!(1.0), 3)
    );
    let text = dir.run(&["rollout", "status"]).ok().stdout();
    assert!(text.contains("grows: finished, 100% have the second variant"), "{text}");
    // In a card, behind what is there, once however often it is written.
    dir.write("card.md", format!("A card.\n{MARK}\n"));
    for _ in 0..2 {
        dir.run(&["rollout", "status", "grows", "--card", "card.md"]).ok();
    }
    let card = dir.read("card.md");
    assert!(card.starts_with("A card.\n") && card.matches("## Rollout of grows").count() == 1, "{card}");
    assert!(card.contains("| 3 |") && card.contains("| finish | 100% |"), "{card}");
    // Programs read the same steps in it.
    let json = card.split_once("```json\n").unwrap().1.split_once("\n```").unwrap().0;
    let kept: Value = serde_json::from_str(json).unwrap();
    assert_eq!((&kept["experiment"], &kept["steps"]), (&json!("grows"), &end["steps"]));
    // The whole of it, in one analysis.
    let found = dir
        .run(&["analyze", "--by", "variant", "--experiment", "grows", "--decisions", "1", "--json"])
        .ok()
        .json();
    assert_eq!((&found["verdict"], &found["sample_ratio"]["mismatch"]), (&json!("better"), &json!(false)));
}

#[test]
fn each_step_goes_into_the_card_with_its_evidence() {
    let dir = Dir::new();
    ramped(&dir, "[0.3, 0.6, 1.0]");
    dir.run(&["registry", "register", "tips", "--policy", "linucb"]).ok();
    let steps_of = |card: &str| -> Vec<Value> {
        let json = card.split_once("```json\n").unwrap().1.split_once("\n```").unwrap().0;
        serde_json::from_str::<Value>(json).unwrap()["steps"].as_array().unwrap().clone()
    };
    let registered = || {
        let out = dir.join("pulled").display().to_string();
        let _ = std::fs::remove_dir_all(&out);
        dir.run(&["registry", "pull", "tips@1", "--out", &out]).ok();
        steps_of(&dir.read("pulled/card.md"))
    };
    let good = |variant: &str| if variant == "bolder" { "completed" } else { "ignored" };
    dir.write("card.md", format!("A card.\r\nOurs.\n{MARK}\n"));
    dir.run(&["rollout", "start", "grows", "--card", "card.md"]).ok();
    assert_eq!(steps_of(&dir.read("card.md")).len(), 1);
    live(&dir, users("first", 200), good);
    dir.run(&["rollout", "advance", "grows", "--card", "registry:tips@1"]).ok();
    let steps = registered();
    assert_eq!(Value::from(steps.clone()), status(&dir)["steps"]);
    assert_eq!((steps.len(), &steps[1]["evidence"]["users"]), (2, &json!(200)));
    // A look that takes none adds what the card has missed.
    dir.run(&["rollout", "advance", "grows", "--card", "card.md"]).exits(3);
    assert_eq!(steps_of(&dir.read("card.md")), steps);
    dir.run(&["rollout", "stop", "grows", "--card", "registry:tips@1"]).ok();
    assert_eq!(registered().last().unwrap()["action"], "stop");
    // What cannot be written is refused before anything is done.
    let count = || status(&dir)["steps"].as_array().unwrap().len();
    dir.run(&["rollout", "start", "grows", "--card", "none/card.md"]).refused(&["none"]);
    dir.run(&["rollout", "start", "grows", "--card", "registry:tips@7"]).refused(&["version 7"]);
    assert_eq!(count(), 3);
    // The rollout of another store does not take the place of this one's.
    dir.run(&["rollout", "start", "grows", "--store", "other"]).ok();
    let other = ["rollout", "status", "grows", "--store", "other", "--card", "card.md"];
    dir.run(&other)
        .refused(&["card.md: it has step 1 of the rollout of \"grows\", which this store has not"]);
    assert_eq!(steps_of(&dir.read("card.md")), steps);
    let damaged = dir.read("card.md").replace("\"revision\": 1", "\"revision\": one");
    dir.write("card.md", damaged);
    dir.run(&["rollout", "status", "grows", "--card", "card.md"]).refused(&["card.md"]);
}

#[test]
fn a_file_that_is_no_card_gets_no_rollout() {
    let dir = Dir::new();
    ramped(&dir, "[0.5, 1.0]");
    let experiment = dir.read("experiments/grows.toml");
    for path in ["experiments/grows.toml", "README.md"] {
        dir.write("README.md", "# Ours\n");
        let start = ["rollout", "start", "grows", "--card", path];
        dir.run(&start).refused(&[path, "the mark that begins a card is missing"]);
    }
    assert_eq!(
        (dir.read("experiments/grows.toml"), dir.read("README.md")),
        (experiment, "# Ours\n".to_owned())
    );
    // Nor does a version in the registry whose card is none.
    dir.run(&["registry", "register", "tips", "--policy", "linucb", "--file", "README.md"]).ok();
    let card = dir.join("registry/tips/versions/1/card.md");
    std::fs::rename(dir.join("registry/tips/versions/1/README.md"), card).unwrap();
    dir.run(&["rollout", "start", "grows", "--card", "registry:tips@1"])
        .refused(&["card.md of tips@1: the mark that begins a card is missing"]);
    assert_eq!(status(&dir)["steps"], json!([]));
    dir.write("empty.md", "");
    for card in ["empty.md", "new.md", "new.md"] {
        dir.run(&["rollout", "status", "grows", "--card", card]).ok();
    }
    assert!(dir.read("empty.md") == dir.read("new.md") && dir.read("new.md").contains("## Rollout of grows"));
}

#[test]
fn evidence_that_no_double_holds_is_a_step_like_any_other() {
    let dir = Dir::new();
    ramped(&dir, "[0.5, 0.8, 1.0]");
    dir.run(&["rollout", "start", "grows"]).ok();
    live(&dir, users("u", 2_500), |variant| if variant == "bolder" { "completed" } else { "ignored" });
    let look = dir.run(&["rollout", "advance", "grows", "--json"]).ok().json();
    assert_eq!(look["evidence"]["e_not_inferior"], json!(1e300));
    assert_eq!(status(&dir)["steps"][1], look["step"]);
    dir.run(&["rollout", "stop", "grows"]).ok();
}

#[test]
fn harm_falls_back_and_a_stop_stops() {
    let dir = Dir::new();
    ramped(&dir, "[0.3, 1.0]");
    dir.run(&["rollout", "start", "grows"]).ok();
    live(&dir, users("u", 200), |variant| if variant == "bolder" { "dismissed" } else { "completed" });
    let look = dir.run(&["rollout", "advance", "grows", "--json"]).exits(1).json();
    assert_eq!(
        (&look["ruling"], &look["step"]["action"], &look["step"]["share"]),
        (&json!("harm"), &json!("fall_back"), &json!(0.0))
    );
    dir.run(&["rollout", "advance", "grows"]).exits(1);
    assert_eq!(variants(&live(&dir, users("v", 20), |_| "ignored"), "bolder"), 0);
    dir.run(&["rollout", "start", "grows"]).ok();
    dir.run(&["rollout", "stop", "grows"]).ok();
    dir.run(&["rollout", "advance", "grows"]).refused(&["its last step was \"stop\""]);
    // One that was changed on the way is not moved, and nobody decides by it.
    dir.run(&["rollout", "start", "grows"]).ok();
    ramped(&dir, "[0.4, 1.0]");
    dir.run(&["rollout", "advance", "grows"]).refused(&["was changed since its rollout began"]);
    let request = super::request("u").to_string();
    let args = ["score", "--policy", "uniform", "--experiments", "experiments"];
    dir.run_with(&args, &request).refused(&["was changed since its rollout began", "rollout stop"]);
    dir.run(&["rollout", "stop", "grows"]).ok();
    dir.run_with(&args, &request).ok();
    let actions: Vec<Value> =
        status(&dir)["steps"].as_array().unwrap().iter().map(|s| s["action"].clone()).collect();
    assert_eq!(actions, ["start", "fall_back", "start", "stop", "start", "stop"]);
}

/// What is to be stopped is in a store; whoever stops it may have broken or removed the file first.
#[test]
fn a_stop_needs_no_file() {
    let dir = Dir::new();
    let started = || {
        ramped(&dir, "[0.3, 1.0]");
        dir.run(&["rollout", "start", "grows"]).ok();
    };
    started();
    std::fs::remove_file(dir.join("experiments/grows.toml")).unwrap();
    assert_eq!(dir.run(&["rollout", "stop", "grows", "--json"]).ok().json()["action"], "stop");
    started();
    dir.write("experiments/grows.toml", "key = ");
    dir.run(&["rollout", "stop", "experiments/grows.toml"]).ok();
    dir.run(&["rollout", "stop", "grows"]).refused(&["its last step was \"stop\""]);
    dir.run(&["rollout", "stop", "shrinks"]).refused(&["shrinks", "none was started"]);
    std::fs::remove_file(dir.join("experiments/grows.toml")).unwrap();
    let start = dir.run(&["rollout", "start", "grows"]);
    start.refused(&["unknown experiment \"grows\"; known: none, or the path of a .toml file"]);
}

#[test]
fn a_folder_without_an_experiment_is_refused() {
    let dir = Dir::new();
    std::fs::create_dir(dir.join("empty")).unwrap();
    for command in [&["score", "--policy", "uniform"][..], &["serve", "--policy", "uniform"], &["generate"]] {
        let args = [command, &["--experiments", "empty"]].concat();
        dir.run_with(&args, super::request("u").to_string())
            .refused(&["empty: no experiment in it, and at least one *.toml is needed"]);
    }
}

pub(crate) fn two_who_advance_at_once_take_one_step() {
    let dir = Dir::new();
    ramped(&dir, "[0.3, 0.6, 1.0]");
    dir.run(&["rollout", "start", "grows"]).ok();
    live(&dir, users("u", 100), |variant| if variant == "bolder" { "completed" } else { "ignored" });
    let advance = || dir.command(&["rollout", "advance", "grows", "--json"]).spawn().expect("it starts");
    let running: Vec<_> = (0..4).map(|_| advance()).collect();
    let codes: Vec<i32> =
        running.into_iter().map(|child| child.wait_with_output().unwrap().status.code().unwrap()).collect();
    // One steps; the others find it moved (2), or a step without users (3).
    assert_eq!(codes.iter().filter(|code| **code == 0).count(), 1, "{codes:?}");
    assert!(codes.iter().all(|code| [0, 2, 3].contains(code)), "{codes:?}");
    let now = status(&dir);
    assert_eq!((&now["share"], now["steps"].as_array().unwrap().len()), (&json!(0.6), 2));
}

#[test]
fn a_killed_advance_leaves_a_whole_step_or_none() {
    let dir = Dir::new();
    ramped(&dir, "[0.3, 0.6, 1.0]");
    dir.run(&["rollout", "start", "grows"]).ok();
    live(&dir, users("u", 100), |variant| if variant == "bolder" { "completed" } else { "ignored" });
    // Killed later and later, so that some are killed before and some after their step.
    for wait in 0..24 {
        let mut child = dir.command(&["rollout", "advance", "grows"]).spawn().expect("it starts");
        std::thread::sleep(Duration::from_millis(5 * wait));
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
        let now = status(&dir);
        let steps = now["steps"].as_array().unwrap();
        assert!((1..=2).contains(&steps.len()), "{now}");
        assert_eq!(now["share"], if steps.len() == 2 { 0.6 } else { 0.3 });
        assert!(steps.len() == 1 || steps[1]["evidence"]["users"] == 100);
    }
    // Whoever comes after them takes that step, or finds it taken.
    dir.run(&["rollout", "advance", "grows"]);
    assert_eq!(status(&dir)["steps"].as_array().unwrap().len(), 2);
    dir.run(&["verify"]).ok();
}

#[test]
fn one_step_on_sqlite() {
    two_who_advance_at_once_take_one_step();
}

#[test]
fn one_step_on_postgres() {
    crate::util::on_postgres(two_who_advance_at_once_take_one_step);
}

#[test]
fn a_server_follows_and_shows_it() {
    let dir = Dir::new();
    ramped(&dir, "[1.0]");
    let server = Server::start(&dir, &["--policy", "uniform", "--experiments", "experiments"]);
    let mut client = server.client();
    assert_eq!(client.post("/score", &super::request("ann")).json(200)["variant"], "control");
    assert!(client.request("GET", "/", &[], "").body.contains("Rolled out to 0% of users"));
    let done = dir.run(&["rollout", "start", "grows", "--json"]).ok().json();
    assert_eq!(done["action"], "finish");
    let began = Instant::now();
    while client.post("/score", &super::request("ann")).json(200)["variant"] == "control" {
        assert!(began.elapsed() < Duration::from_secs(30), "it does not follow");
        std::thread::sleep(Duration::from_millis(50));
    }
    let flag =
        client.post("/ofrep/v1/evaluate/flags/grows", &json!({"context": {"targetingKey": "bob"}})).json(200);
    assert_eq!(flag["variant"], "bolder");
}
