//! A user has one variant, whoever asks.

use super::{TWO_POLICIES, experiment, live, request};
use crate::util::Dir;
use crate::util::server::Server;
use serde_json::{Value, json};

const USERS: [&str; 6] = ["ann", "bob", "Zo\u{eb}", "\u{65e5}\u{672c}\u{8a9e}", "\u{1f600}", "e\u{301}"];

#[test]
fn assign_score_http_and_ofrep_agree_also_beyond_ascii() {
    let dir = Dir::new();
    experiment(&dir, "bolder", TWO_POLICIES);
    let server = Server::start(&dir, &["--policy", "uniform", "--experiments", "experiments"]);
    let mut client = server.client();
    let lines: String = USERS.map(|user| json!({"user": user}).to_string() + "\n").concat();
    let assigned = dir.run_with(&["assign", "--experiment", "bolder", "--jsonl"], lines).ok().jsonl();
    let decided = live(&dir, USERS.map(str::to_owned).into_iter(), |_| "completed");
    let mut met = Vec::new();
    for ((user, assigned), decided) in USERS.iter().zip(&assigned).zip(&decided) {
        let fields: Vec<&String> = assigned.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["bucket", "experiment", "user", "value", "variant"]);
        let one = dir.run(&["assign", "--experiment", "experiments/bolder.toml", "--user", user]).ok().json();
        assert_eq!(one, *assigned);
        // The place is that of GrowthBook's hash, version 2, over UTF-16.
        let place = rehearsal::experiment::hash_v2("bolder", user);
        let (variant, policy) = if place < 0.5 { ("control", "egreedy-v1") } else { ("bolder", "linucb") };
        let value = if place < 0.5 { 1 } else { 2 };
        let expected = json!({"experiment": "bolder", "user": user, "variant": variant, "bucket": place, "value": value});
        assert_eq!(*assigned, expected);
        let over_http = client.post("/score", &request(user)).json(200);
        for decision in [decided, &over_http] {
            assert_eq!((&decision["experiment"], &decision["variant"]), (&json!("bolder"), &json!(variant)));
            assert_eq!(decision["policy"], policy);
        }
        let flag = client
            .post("/ofrep/v1/evaluate/flags/bolder", &json!({"context": {"targetingKey": user}}))
            .json(200);
        assert_eq!((&flag["variant"], &flag["value"]), (&json!(variant), &json!(value)));
        met.push(variant);
    }
    assert!(met.contains(&"control") && met.contains(&"bolder"));
    assert_eq!(server.end().0.code(), Some(0));
    let log = dir.run(&["log", "decisions"]).ok().jsonl();
    assert_eq!(log.len(), 2 * USERS.len());
    assert!(log.iter().all(|line| line["experiment"] == "bolder" && line["variant"].is_string()));
}

#[test]
fn who_names_a_policy_gets_that_one_and_assignment_needs_no_store() {
    let dir = Dir::new();
    experiment(&dir, "bolder", TWO_POLICIES);
    dir.run(&["assign", "--experiment", "bolder", "--user", "ann"]).ok();
    assert!(!dir.join("state").exists());
    let mut named = request("ann");
    named["policy"] = json!("uniform");
    let args = ["score", "--jsonl", "--experiments", "experiments"];
    let decision = dir.run_with(&args, named.to_string() + "\n").ok().json();
    assert_eq!((&decision["policy"], &decision["experiment"]), (&json!("uniform"), &Value::Null));
}

#[test]
fn attributes_and_namespaces_say_who_takes_part() {
    let dir = Dir::new();
    experiment(&dir, "local", &format!("[who.country]\nin = [\"DE\", \"AT\"]\n{TWO_POLICIES}"));
    let of = |attributes: &[&str]| {
        let args = [&["assign", "--experiment", "local", "--user", "ann"], attributes].concat();
        dir.run(&args).ok().json()["variant"].clone()
    };
    assert!(of(&["--attribute", "country=DE"]).is_string());
    assert_eq!((of(&["--attribute", "country=FR"]), of(&[])), (Value::Null, Value::Null));
    // Cases of the public file: 1 is in the second part of namespace1, and not in the first.
    for (key, start, end, part) in [("first", 0.0, 0.4, false), ("second", 0.4, 1.0, true)] {
        let namespace = format!("namespace = {{name = \"namespace1\", start = {start:?}, end = {end:?}}}\n");
        experiment(&dir, key, &(namespace + TWO_POLICIES));
        let found = dir.run(&["assign", "--experiment", key, "--user", "1"]).ok().json();
        assert_eq!(found["variant"].is_string(), part);
    }
}

#[test]
fn what_cannot_hold_is_refused_before_anybody_is_asked() {
    let dir = Dir::new();
    let assign = |key: &str| dir.run(&["assign", "--experiment", key, "--user", "u"]);
    experiment(&dir, "one", "[[variants]]\nname = \"a\"\n");
    assign("one").refused(&["experiments/one.toml", "variants is a list of 1"]);
    let nobody = ["assign", "--experiment", "bolder", "--user", ""];
    experiment(&dir, "bolder", TWO_POLICIES);
    dir.run(&nobody).refused(&["user is \"\"; allowed: a name of at least one character"]);
    let lines =
        dir.run_with(&["assign", "--experiment", "bolder", "--jsonl"], "{\"user\":\"\"}\n").exits(2).jsonl();
    assert!(lines[0]["error"].as_str().unwrap().contains("user is \"\""), "{lines:?}");
    assign("oen").refused(&["unknown experiment \"oen\", did you mean \"one\"?"]);
    dir.write("experiments/other.toml", format!("key = \"bolder\"\n{TWO_POLICIES}"));
    assign("other").refused(&["the name of its file"]);
    experiment(&dir, "grows", &format!("ramp = [0.1, 1.0]\n{TWO_POLICIES}"));
    assign("grows").refused(&["--share is missing"]);
    dir.run(&["assign", "--experiment", "grows", "--user", "u", "--share", "1"]).ok();
    // Of a key that is there twice nobody knows which was meant.
    let twice = "{\"user\":\"u\",\"attributes\":{\"a\":1,\"a\":2}}\n{\"user\":\"u\",\"attributes\":{\"a\":1,\"b\":2}}\n";
    let lines = dir.run_with(&["assign", "--experiment", "bolder", "--jsonl"], twice).exits(2).jsonl();
    assert!(lines[0]["error"].as_str().unwrap().contains("duplicate field `a`"), "{lines:?}");
    assert_eq!(lines[1]["user"], "u");
    let dir = Dir::new();
    experiment(&dir, "one", TWO_POLICIES);
    experiment(&dir, "two", TWO_POLICIES);
    let args = ["score", "--policy", "uniform", "--experiments", "experiments"];
    dir.run_with(&args, request("u").to_string()).refused(&["\"one\" and \"two\" may both set the policy"]);
    let dir = Dir::new();
    experiment(&dir, "one", "[[variants]]\nname = \"a\"\n[[variants]]\nname = \"b\"\npolicy = \"nobody\"\n");
    dir.run_with(&args, request("u").to_string())
        .refused(&["experiment one, policy \"nobody\"", "unknown policy"]);
}

#[test]
fn an_attribute_is_hashed_as_it_stands_and_a_number_as_javascript_has_it() {
    let dir = Dir::new();
    experiment(
        &dir,
        "devices",
        "hash_by = \"device\"\n[[variants]]\nname = \"a\"\n[[variants]]\nname = \"b\"\n",
    );
    let line = |device: Value| {
        let line = json!({"user": "ann", "attributes": {"device": device}}).to_string() + "\n";
        dir.run_with(&["assign", "--experiment", "devices", "--jsonl"], line).ok().json()
    };
    for text in ["7e0", "1e3", " 7", "-0", "7", "true", "x"] {
        let pair = format!("device={text}");
        let args = ["assign", "--experiment", "devices", "--user", "ann", "--attribute", &pair];
        let place = rehearsal::experiment::hash_v2("devices", text);
        let found = dir.run(&args).ok().json();
        assert_eq!((&found["bucket"], &found), (&json!(place), &line(json!(text))), "{text}");
    }
    assert_eq!(line(json!(7.0)), line(json!("7")));
    // Who has an empty one takes no part.
    let none =
        dir.run(&["assign", "--experiment", "devices", "--user", "ann", "--attribute", "device="]).ok();
    let none = none.json();
    assert_eq!((&none["variant"], &none["bucket"]), (&Value::Null, &Value::Null));
    assert_eq!(none, line(json!("")));
    // A number is one to `who`.
    experiment(&dir, "grown", &format!("[who.age]\nmin = 18\n{TWO_POLICIES}"));
    let aged = |age: &str| {
        let pair = format!("age={age}");
        let args = ["assign", "--experiment", "grown", "--user", "ann", "--attribute", &pair];
        dir.run(&args).ok().json()["variant"].is_string()
    };
    assert!(aged("18") && aged("2e1") && !aged("17"));
}

#[test]
fn what_is_wrong_with_an_experiment_is_said_as_it_stands() {
    let dir = Dir::new();
    let refused = |text: &str| {
        experiment(&dir, "e", text);
        dir.run(&["assign", "--experiment", "e", "--user", "ann"]).exits(2).stderr()
    };
    let variants = |weight: &str| {
        ["a", "b", "c"].map(|name| format!("[[variants]]\nname = \"{name}\"\nweight = {weight}\n")).concat()
    };
    let percent = refused(&variants("50"));
    assert!(percent.contains("weight is 50 + 50 + 50: 150 in all"), "{percent}");
    assert!(!percent.contains("also"), "{percent}");
    let empty = refused(&format!("[who.age]\n{TWO_POLICIES}"));
    assert!(empty.contains("who.age.in is missing"), "{empty}");
    // Thirds have as many digits as somebody likes to write, from six on.
    experiment(&dir, "thirds", &variants("0.333333"));
    dir.run(&["assign", "--experiment", "thirds", "--user", "ann"]).ok();
    let few = refused(&variants("0.33333"));
    assert!(few.contains("add up to 1"), "{few}");
}
