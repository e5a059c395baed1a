//! A program that decides about a domain of one's own.

use super::has_python;
use crate::features::{SHOP, SHOP_SET};
use crate::util::Dir;
use serde_json::{Value, json};

/// Counts what each item has earned on each device, shows the best one nine times in ten, and keeps what `hello` said.
const COUNTS: &str = r#"
import json, sys

def key(request, candidate):
    return f"{request['context'].get('device')}/{candidate['id']}"

def decide(state, request):
    means = []
    for candidate in request["candidates"]:
        earned, shown = (state or {}).get(key(request, candidate), (0, 0))
        means.append(earned / shown if shown else 1)
    best = means.index(max(means))
    return [0.1 / len(means) + (0.9 if k == best else 0) for k in range(len(means))]

def learn(state, request, chosen, reward):
    own = key(request, request["candidates"][0])
    earned, shown = (state or {}).get(own, (0, 0))
    return {**(state or {}), own: (earned + reward, shown + 1)}

for call in map(json.loads, sys.stdin):
    if call["call"] == "hello":
        open("hello.json", "w").write(json.dumps(call))
        answer = {"protocol": 1}
    elif call["call"] == "decide":
        answer = {"probabilities": [decide(**item) for item in call["items"]]}
    else:
        answer = {"states": [learn(**item) for item in call["items"]]}
    print(json.dumps({"id": call["id"], **answer}), flush=True)
"#;

fn with_program() -> Dir {
    let dir = Dir::new();
    dir.write("shop.toml", SHOP);
    dir.write("shop-v1.toml", SHOP_SET);
    dir.write("counts.py", COUNTS);
    dir.write(
        "counts.toml",
        "name = \"counts\"\ncommand = [\"python3\", \"counts.py\"]\ndomain = \"shop.toml\"\n",
    );
    dir
}

#[test]
fn it_is_told_of_its_domain_and_shown_its_inputs() {
    if !has_python() {
        return;
    }
    let dir = with_program();
    let checked = dir.run(&["policy", "check", "counts.toml"]).ok().stdout();
    assert_eq!(checked.matches("ok    ").count(), 5, "{checked}");
    let hello = dir.json("hello.json");
    assert_eq!(hello["domain"]["name"], "shop");
    assert_eq!(hello["domain"]["inputs"][0], json!({"of": "context", "name": "device", "type": "category"}));
    assert_eq!(hello["domain"]["outcomes"][1], json!({"name": "clicked", "reward": 0.2}));
    let schema = dir.run(&["schema", "--of", "protocol", "--domain", "shop.toml"]).ok().json();
    let mut of_hello = schema.clone();
    of_hello.as_object_mut().unwrap().remove("anyOf");
    of_hello["$ref"] = json!("#/$defs/hello");
    assert!(jsonschema::validator_for(&of_hello).unwrap().is_valid(&hello), "{hello}");
    let request = json!({"user": "ann", "seed": 3, "context": {"device": "mobile"}, "candidates": [
        {"id": "a", "category": "shoes", "text": "seen by nobody"}, {"id": "b", "price": 3}]});
    let decided = dir.run_with(&["score", "--policy", "counts.toml"], request.to_string()).ok().json();
    let probabilities: Vec<f64> =
        decided["candidates"].as_array().unwrap().iter().map(|c| c["propensity"].as_f64().unwrap()).collect();
    assert!((probabilities[0] - 0.95).abs() < 1e-12, "{decided}");
    let id = decided["decision_id"].as_str().unwrap();
    let reward = ["reward", "--policy", "counts.toml", "--decision", id, "--reaction"];
    dir.run(&[&reward[..], &["completed"]].concat()).refused(&["reaction is \"completed\"", "bought"]);
    assert_eq!(dir.run(&[&reward[..], &["clicked"]].concat()).ok().json()["reward"], 0.2);
    let chosen = decided["chosen"].as_str().unwrap();
    assert_eq!(dir.json("state/ann_counts.json")["state"], json!({format!("mobile/{chosen}"): [0.2, 1]}));
    dir.run(&["verify", "--policy", "counts.toml"]).ok();
    // Requests of other domains are refused, and so are people, who know tips alone.
    let tips = json!({"user": "ann", "context": {"hour": 8, "weekday": 1}, "candidates": [{"id": "a"}]});
    dir.run_with(&["score", "--policy", "counts.toml"], tips.to_string())
        .refused(&["context.hour is not declared"]);
    dir.run(&["simulate", "--policy", "counts.toml", "--users", "1"])
        .refused(&["counts: it looks at inputs of domain shop"]);
    // Another domain makes another policy.
    let digest =
        |dir: &Dir| dir.run(&["policy", "check", "counts.toml", "--json"]).ok().json()["digest"].clone();
    let before = digest(&dir);
    dir.write("shop.toml", SHOP.replace("reward = 0.2", "reward = 0.3"));
    assert_ne!(digest(&dir), before);
    dir.write("shop.toml", "name = \"shop\"\n");
    dir.run(&["policy", "check", "counts.toml"]).refused(&["shop.toml", "outcomes"]);
}

/// A log of 600 users with five decisions each: on each device another item is bought.
fn log() -> String {
    let mut text = "user,device,action,price,reward,propensity\n".to_owned();
    for i in 0..3000 {
        let (user, device, item) = (i % 600, i % 7 % 2, i % 11 % 3);
        let bought = u8::from(item == device && i % 5 != 0);
        text += &format!("u{user},d{device},i{item},{},{bought},0.3333333333333333\n", item + 1);
    }
    text
}

#[test]
fn evaluate_shows_it_what_the_log_says_and_names_what_fails() {
    if !has_python() {
        return;
    }
    let dir = with_program();
    dir.write("log.csv", log());
    dir.write(
        "plain.csv",
        log().lines().map(|line| line.split_once(',').unwrap().1.to_owned() + "\n").collect::<String>(),
    );
    dir.write(
        "by-device.toml",
        "name = \"by-device\"\nexplorer = \"egreedy\"\nfeatures = \"shop-v1.toml\"\n",
    );
    let evaluate = |log: &str, more: &[&str]| {
        let own = ["evaluate", log, "--policy", "counts.toml", "--json", "--force"];
        dir.run(&[&own[..], more].concat())
    };
    let value = |evaluation: &Value| evaluation["policies"][0]["estimates"][0]["value"].as_f64().unwrap();
    // As one user's it learns from all of them: on each of two devices 0.8 at best.
    let one = evaluate("plain.csv", &["--estimator", "snips"]).json();
    assert!(value(&one) > 0.65, "{one}");
    // Of 600 users it knows little of each. Beside another policy, and whatever else is asked, it is the same.
    let each = evaluate("log.csv", &["--estimator", "snips"]).json();
    assert!(value(&each) < value(&one) - 0.1, "{each}");
    let beside =
        evaluate("log.csv", &["--policy", "by-device.toml", "--estimator", "snips", "--estimator", "replay"])
            .json();
    assert_eq!(value(&beside), value(&each));
    // What it does not answer is named by its decision.
    let ends = "    if state and 'd1/i0' in state: sys.exit(3)\n    means = []\n";
    dir.write("counts.py", COUNTS.replace("    means = []\n", ends));
    let failed = evaluate("log.csv", &["--estimator", "snips"]);
    failed.refused(&["program counts: decide ", "of user \"u", "exit status: 3"]);
}
