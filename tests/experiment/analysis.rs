//! `analyze` on logs whose truth is known.

use super::{TWO_POLICIES, experiment, live};
use crate::util::Dir;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use std::fmt::Write;
use std::fs;

/// Writes a log of `users` users of `decisions` decisions each: `arm` says the label of a user and the chance of completion.
pub(super) fn write_log(
    dir: &Dir,
    users: u32,
    decisions: u32,
    seed: u64,
    arm: impl Fn(&str) -> (Value, f64),
) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut log, mut rewards) = (String::new(), String::new());
    for user in 0..users {
        let name = format!("user-{user}");
        let (labels, chance) = arm(&name);
        // People differ.
        let own = chance + 0.2 * (rng.random::<f64>() - 0.5);
        for n in 0..decisions {
            let at = 1_000_000 + u64::from(user) * 1_000 + u64::from(n) * 60_000;
            let mut line = json!({
                "decision_id": format!("{name}-{n}"), "user": name, "policy": "p", "shadow": false, "chosen": "a",
                "propensity": 1, "propensities": [1], "time_ms": at,
                "request": {"context": {"hour": 8, "weekday": n % 7}, "candidates": [{"id": "a", "kind": "focus"}]},
            });
            line.as_object_mut().unwrap().extend(labels.as_object().unwrap().clone());
            let _ = writeln!(log, "{line}");
            let (reaction, reward) =
                if rng.random::<f64>() < own { ("completed", 1.0) } else { ("ignored", 0.0) };
            let line = json!({"op": "reward", "decision_id": format!("{name}-{n}"), "reward": reward, "reaction": reaction, "time_ms": at + 1});
            let _ = writeln!(rewards, "{line}");
        }
    }
    fs::create_dir_all(dir.join("log")).unwrap();
    dir.write("log/decisions.jsonl", log);
    dir.write("log/rewards.jsonl", rewards);
}

fn version(user: &str) -> &'static str {
    ["v1", "v2", "v3"][rehearsal::experiment::equal_share("prompt_version", user, 3)]
}

#[test]
fn a_rotation_of_three_prompts_is_told_apart() {
    let dir = Dir::new();
    let planted = |user: &str| {
        let version = version(user);
        (json!({"prompt_version": version}), if version == "v2" { 0.35 } else { 0.3 })
    };
    write_log(&dir, 3_000, 20, 5, planted);
    let args = ["analyze", "log", "--by", "prompt_version", "--metric", "completion_rate"];
    let found = dir.run(&[&args[..], &["--json"]].concat()).ok().json();
    let fields = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    for field in ["schema_version", "metric", "groups", "differences", "sample_ratio"] {
        assert!(!found[field].is_null(), "{field}");
    }
    for (part, expected) in [
        (&found["groups"][0], vec!["group", "users", "decisions", "mean", "lower", "upper"]),
        (&found["differences"][0], vec!["group", "control", "difference", "lower", "upper", "e_value"]),
        (&found["sample_ratio"], vec!["e_value", "mismatch"]),
    ] {
        assert!(expected.iter().all(|field| fields(part).contains(&(*field).to_owned())), "{part}");
    }
    assert_eq!((&found["metric"], &found["verdict"]), (&json!("completion_rate"), &json!("better")));
    let number = |value: &Value| value.as_f64().unwrap();
    let [second, third] = [0, 1].map(|i| &found["differences"][i]);
    assert_eq!(
        (&second["group"], &second["control"], &third["group"]),
        (&json!("v2"), &json!("v1"), &json!("v3"))
    );
    assert!(
        number(&second["lower"]) > 0.0 && number(&second["lower"]) < 0.05 && number(&second["upper"]) > 0.05
    );
    assert!(number(&second["e_value"]) > 100.0 && number(&third["e_value"]) < 20.0, "{found:#}");
    assert!(number(&third["lower"]) < 0.0 && number(&third["upper"]) > 0.0);
    assert_eq!(found["sample_ratio"]["mismatch"], false);
    assert_eq!(
        found["groups"].as_array().unwrap().iter().map(|g| g["decisions"].as_u64().unwrap()).sum::<u64>(),
        60_000
    );

    // Text and page say the same; the page is well-formed.
    let text = dir.run(&[&args[..], &["--html", "page.html"]].concat()).ok().stdout();
    assert!(
        text.contains("BETTER: v2: more completion_rate than v1") && text.contains("Sample ratio in order"),
        "{text}"
    );
    let page = dir.read("page.html");
    let document = roxmltree::Document::parse(page.strip_prefix("<!DOCTYPE html>\n").unwrap()).unwrap();
    assert!(document.descendants().any(|node| node.text() == Some("BETTER")));
    assert!(page.contains("<svg") && page.contains("v2 minus v1"));

    // Shares that were not so are found out, and then nothing is an effect.
    let wrong = ["--weight", "v1=0.5", "--weight", "v2=0.25", "--weight", "v3=0.25", "--json"];
    let found = dir.run(&[&args[..], &wrong].concat()).exits(3).json();
    assert_eq!((&found["sample_ratio"]["mismatch"], &found["verdict"]), (&json!(true), &json!("mismatch")));
    // What nobody assigned is described.
    let found = dir.run(&["analyze", "log", "--by", "weekday", "--final", "--json"]).ok().json();
    assert_eq!((&found["verdict"], &found["differences"][0]["e_value"]), (&json!("described"), &Value::Null));
    assert_eq!(found["groups"].as_array().unwrap().len(), 7);
}

#[test]
fn two_texts_of_one_version_are_two_groups() {
    let dir = Dir::new();
    let texts = |user: &str| {
        let digest = if user.ends_with(['1', '2', '3']) { "ab".repeat(32) } else { "cd".repeat(32) };
        (json!({"prompt_version": "v1", "prompt_digest": digest}), 0.3)
    };
    write_log(&dir, 60, 2, 6, texts);
    let found =
        dir.run(&["analyze", "log", "--by", "prompt_version", "--decisions", "2", "--json"]).ok().json();
    let names: Vec<&Value> =
        found["groups"].as_array().unwrap().iter().map(|group| &group["group"]).collect();
    assert_eq!(names, ["v1@abababab", "v1@cdcdcdcd"]);
    assert_eq!((&found["randomised"], &found["sample_ratio"]["e_value"]), (&json!(false), &Value::Null));
}

#[test]
fn a_difference_of_three_points_is_found_with_the_users_that_plan_says() {
    let dir = Dir::new();
    let half = |user: &str| rehearsal::experiment::hash_v2("e", user) < 0.5;
    let arm = |effect: f64| {
        move |user: &str| {
            let first = half(user);
            let variant = if first { "a" } else { "b" };
            (json!({"experiment": "e", "variant": variant}), if first { 0.3 } else { 0.3 + effect })
        }
    };
    write_log(&dir, 300, 20, 7, arm(0.0));
    let by = ["analyze", "log", "--by", "variant", "--metric", "completion_rate", "--json"];
    let found = dir.run(&by).exits(3).json();
    assert_eq!((&found["verdict"], &found["experiment"]), (&json!("inconclusive"), &json!("e")));
    let plan = dir.run(&[&by[..], &["--plan", "0.03"]].concat()).ok().json();
    let users = plan["groups"][0]["users"].as_u64().unwrap();
    assert!((1_000..4_000).contains(&users), "{plan}");
    // Planned for 90 of 100; three of three with this seed, and none without a difference.
    for seed in [8, 9, 10] {
        write_log(&dir, users as u32, 20, seed, arm(0.03));
        assert_eq!(dir.run(&by).ok().json()["verdict"], "better");
    }
    write_log(&dir, users as u32, 20, 11, arm(-0.05));
    assert_eq!(dir.run(&by).exits(1).json()["verdict"], "worse");
}

#[test]
fn a_store_is_analysed_as_it_fills() {
    let dir = Dir::new();
    experiment(&dir, "bolder", TWO_POLICIES);
    experiment(&dir, "colour", "[[variants]]\nname = \"blue\"\n[[variants]]\nname = \"green\"\n");
    let args = ["analyze", "--by", "variant", "--experiment", "bolder", "--decisions", "1", "--json"];
    live(
        &dir,
        (0..40).map(|n| format!("u{n}")),
        |variant| if variant == "bolder" { "completed" } else { "ignored" },
    );
    let found = dir.run(&args).ok().json();
    assert_eq!((&found["verdict"], &found["groups"][0]["group"]), (&json!("better"), &json!("control")));
    assert!(found["notes"].to_string().contains("may be in these experiments too: colour"), "{found}");
    // Twenty decisions a user: everybody may still go on.
    let waiting = dir.run(&["analyze", "--by", "variant", "--json"]).exits(3).json();
    assert_eq!(waiting["verdict"], "no_evidence");
    assert!(waiting["notes"].to_string().contains("40 users are not counted yet"), "{waiting}");
    assert_eq!(
        dir.run(&["analyze", "--by", "variant", "--final", "--json"]).ok().json()["verdict"],
        "better"
    );
    // Nothing was there yesterday, and a segment has what it has.
    dir.run(&["analyze", "--by", "variant", "--as-of", "1d", "--json"]).exits(3);
    let part = |value: &str| [&args[..], &["--where", &format!("weekday={value}")]].concat().join("\n");
    let run = |joined: String| {
        dir.run(&joined.split('\n').collect::<Vec<_>>()).json()["groups"][0]["users"].clone()
    };
    assert_eq!((run(part("2")), run(part("3"))), (found["groups"][0]["users"].clone(), json!(0)));
    dir.run(&["analyze", "--by", "variant", "--control", "nobody"])
        .refused(&["--control \"nobody\" is no group here"]);
    dir.run(&["analyze", "--by", "variant", "--window", "0"]).refused(&["--window is 0"]);
    // A name that is mistyped is no group of which nothing is known.
    dir.run(&["analyze", "--by", "kindd"]).refused(&["unknown input \"kindd\", did you mean \"kind\"?"]);
    dir.run(&["analyze", "--by", "variant", "--where", "weekdy=2"]).refused(&["did you mean \"weekday\"?"]);
    // What no decision can have is no segment that happens to be empty.
    let segment = |condition: &str| dir.run(&["analyze", "--by", "variant", "--where", condition]);
    segment("kind=focus").refused(&["--where kind: it is an input of what was shown", "--by kind"]);
    segment("weekday=mon").refused(&[
        "--where weekday=mon",
        "weekday is 2 there",
        "a value as these, or unknown",
    ]);
    segment("hour=8.5").refused(&["allowed: 8, as numbers are rounded down"]);
    segment("hour=23").exits(3);
    segment("weekday=unknown").exits(3);
    // Shares are of groups that there are and that users are assigned to, each once.
    let weigh = |by: &str, weights: &[&str]| {
        let weights = weights.iter().flat_map(|weight| ["--weight", weight]);
        dir.run(&["analyze", "--by", by].into_iter().chain(weights).collect::<Vec<_>>())
    };
    weigh("variant", &["nope=1"]).refused(&["--weight \"nope\" is no group here"]);
    weigh("kind", &["nope=1"]).refused(&["nobody is assigned to a kind; leave it out"]);
    weigh("variant", &["control=0.5", "control=0.5"]).refused(&["--weight is \"control\" again"]);
    dir.run(&["analyze", "--by", "variant", "--metric", "completion_rate", "--reward-range", "0,1"])
        .refused(&["--reward-range is \"0,1\"; allowed: nothing: completion_rate runs from 0 to 1"]);
    dir.run(&["analyze", "--by", "variant", "--experiment", "boldr"])
        .refused(&["unknown experiment \"boldr\", did you mean \"bolder\"?"]);
    dir.run(&["analyze", "--by", "kind", "--experiment", "bolder"]).refused(&["given with --by variant"]);
    // Nobody said of any candidate how much it matters; the domain has it.
    dir.run(&["analyze", "--by", "priority", "--final"]).exits(3);
}

/// As `evaluate` does: exports that overlap would make of one decision two.
#[test]
fn a_decision_that_stands_twice_is_refused() {
    let dir = Dir::new();
    write_log(&dir, 60, 2, 6, |user| (json!({"prompt_version": version(user)}), 0.3));
    let analyze = |more: &[&str]| {
        dir.run(&[&["analyze", "log", "--by", "prompt_version", "--decisions", "2", "--json"], more].concat())
    };
    assert_eq!(analyze(&[]).code(), 3);
    fs::create_dir(dir.join("other")).unwrap();
    for file in ["decisions.jsonl", "rewards.jsonl"] {
        dir.write(&format!("other/{file}"), dir.read(&format!("log/{file}")));
    }
    analyze(&["other"]).refused(&["other/decisions.jsonl", "\"user-0-0\" again", "each decision once"]);
    dir.write("log/decisions.jsonl", dir.read("log/decisions.jsonl").repeat(2));
    analyze(&[]).refused(&["decisions.jsonl, line 121", "\"user-0-0\" again; allowed: each decision once"]);
}

/// Which of two values counted was for the order of the lines to say.
#[test]
fn a_decision_with_two_rewards_or_one_before_it_is_refused() {
    let dir = Dir::new();
    write_log(&dir, 50, 20, 5, |user| (json!({"prompt_version": version(user)}), 0.3));
    let rewards = dir.read("log/rewards.jsonl");
    let run = || dir.run(&["analyze", "log", "--by", "prompt_version"]);
    let first = rewards.lines().next().unwrap();
    // Said twice alike it is one.
    dir.write("log/rewards.jsonl", format!("{rewards}{first}\n"));
    run().exits(3);
    let mut other: Value = serde_json::from_str(first).unwrap();
    let own = other["reward"].as_f64().unwrap();
    other["reward"] = json!(1.0 - own);
    dir.write("log/rewards.jsonl", format!("{rewards}{other}\n"));
    run().refused(&["line 1001", &format!("is {}; allowed: {own}, which another line says", 1.0 - own)]);
    let mut early: Value = serde_json::from_str(first).unwrap();
    early["time_ms"] = json!(0);
    let late = rewards.replace("\"time_ms\":1", "\"time_ms\":9000001");
    let decisions = dir.read("log/decisions.jsonl").replace("\"time_ms\":1", "\"time_ms\":9000001");
    dir.write("log/decisions.jsonl", decisions);
    dir.write("log/rewards.jsonl", late);
    run().exits(3);
    let rest: String = rewards.lines().skip(1).map(|line| line.to_owned() + "\n").collect();
    dir.write(
        "log/rewards.jsonl",
        format!("{early}\n{}", rest.replace("\"time_ms\":1", "\"time_ms\":9000001")),
    );
    run().refused(&["line 1", "time_ms is 0; allowed: a time after that of the decision"]);
}
