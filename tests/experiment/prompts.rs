//! A variant may set a version of the prompt: it stands in for a call that asks for none.

use super::{experiment, request};
use crate::util::Dir;
use crate::util::server::Server;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Two versions of the prompt in equal shares.
const TWO_PROMPTS: &str = "[[variants]]\nname = \"plain\"\nprompt_version = \"v2\"\n\
                           [[variants]]\nname = \"warm\"\nprompt_version = \"v3\"\n";
const SCORED: [&str; 5] = ["--score", "--policy", "egreedy-v1", "--experiments", "experiments"];

/// The variant and the version of a user of `tone`.
fn given(user: &str) -> (&'static str, &'static str) {
    if rehearsal::experiment::hash_v2("tone", user) < 0.5 { ("plain", "v2") } else { ("warm", "v3") }
}

/// Digests of the shipped versions.
fn digests(dir: &Dir) -> BTreeMap<String, Value> {
    let listed = dir.run(&["prompt", "list", "--json"]).ok().jsonl();
    listed.iter().map(|row| (row["version"].as_str().unwrap().to_owned(), row["digest"].clone())).collect()
}

#[test]
fn a_decision_between_tips_carries_variant_version_and_digest() {
    let dir = Dir::new();
    experiment(&dir, "tone", TWO_PROMPTS);
    let digests = digests(&dir);
    let lines: String = (0..40).map(|n| json!({"user": format!("u{n}")}).to_string() + "\n").collect();
    let args = [&["generate", "--jsonl"], &SCORED[..]].concat();
    let answers = dir.run_with(&args, lines).ok().jsonl();
    let log = dir.run(&["log", "decisions"]).ok().jsonl();
    assert_eq!((answers.len(), log.len()), (40, 40));
    let mut met = BTreeMap::<&str, u32>::new();
    for (answer, logged) in answers.iter().zip(&log) {
        let (variant, version) = given(logged["user"].as_str().unwrap());
        *met.entry(variant).or_default() += 1;
        assert_eq!(
            (&answer["prompt_version"], &answer["prompt_digest"]),
            (&json!(version), &digests[version])
        );
        assert_eq!(answer["decision"]["variant"], variant);
        for (field, value) in [
            ("decision_id", &answer["decision"]["decision_id"]),
            ("experiment", &json!("tone")),
            ("variant", &json!(variant)),
            ("prompt_version", &json!(version)),
            ("prompt_digest", &digests[version]),
        ] {
            assert_eq!(logged[field], *value, "{field}");
        }
    }
    assert!(met.len() == 2, "{met:?}");
    // What each earned is counted by the variant and by the version, and is the same.
    let by = |what: &str| {
        let args = ["analyze", "--by", what, "--decisions", "1", "--final", "--json"];
        let found = dir.run(&args).json();
        let users = |group: &Value| (group["users"].as_u64().unwrap(), group["mean"].clone());
        found["groups"].as_array().unwrap().iter().map(users).collect::<Vec<_>>()
    };
    assert_eq!(by("variant"), by("prompt_version"));
    assert_eq!(by("variant").iter().map(|(users, _)| users).sum::<u64>(), 40);
}

#[test]
fn the_request_comes_before_the_variant_and_that_before_the_default() {
    let dir = Dir::new();
    experiment(&dir, "tone", TWO_PROMPTS);
    let plain = (0..1000).map(|n| format!("u{n}")).find(|user| given(user).0 == "plain").unwrap();
    // Request, variant, DEFAULT_PROMPT_VERSION: which one answers, and whether the user takes part.
    for (request, is_in, variable, version, takes_part) in [
        (None, true, None, "v2", true),
        (None, true, Some("v1"), "v2", true),
        (Some("v2"), true, Some("v1"), "v2", true),
        (Some("v3"), true, Some("v1"), "v3", false),
        (Some("v1"), true, None, "v1", false),
        (None, false, Some("v3"), "v3", false),
        (None, false, None, "v1", false),
        (Some("v2"), false, Some("v3"), "v2", false),
    ] {
        let case = format!("{request:?} {is_in} {variable:?}");
        let mut args = vec!["generate", "--user", &plain, "--score", "--policy", "uniform"];
        args.extend(request.iter().flat_map(|version| ["--prompt-version", version]));
        if is_in {
            args.extend(["--experiments", "experiments"]);
        }
        let mut command = dir.command(&args);
        command.envs(variable.map(|version| ("DEFAULT_PROMPT_VERSION", version)));
        let answer = crate::util::run(&mut command, b"{}").ok().json();
        assert_eq!(answer["prompt_version"], version, "{case}");
        let taken = if takes_part { json!("plain") } else { Value::Null };
        assert_eq!(answer["decision"]["variant"], taken, "{case}");
    }
}

#[test]
fn a_server_gives_the_same_version_and_score_keeps_it() {
    let dir = Dir::new();
    experiment(&dir, "tone", TWO_PROMPTS);
    let digests = digests(&dir);
    let server = Server::start(&dir, &["--policy", "uniform", "--experiments", "experiments"]);
    let mut client = server.client();
    let mut expected = Vec::new();
    for n in 0..12 {
        let user = format!("u{n}");
        let (variant, version) = given(&user);
        let tips = client.post("/generate", &json!({"user": user})).json(200);
        assert_eq!((&tips["prompt_version"], &tips["prompt_digest"]), (&json!(version), &digests[version]));
        // The command says the same of the same user, and needs no store for it.
        let alone = ["generate", "--user", &user, "--experiments", "experiments", "--store", "nowhere"];
        assert_eq!(dir.run_with(&alone, "{}").ok().json()["prompt_version"], version);
        let mut scored = request(&user);
        for field in ["candidates", "prompt_version", "prompt_digest"] {
            scored[field] = tips[field].clone();
        }
        let decision = client.post("/score", &scored).json(200);
        assert_eq!((&decision["experiment"], &decision["variant"]), (&json!("tone"), &json!(variant)));
        expected.push((user.clone(), json!(variant), json!(version), digests[version].clone()));
        // A request that does not say who wrote its candidates: the variant's version does, by what anybody knows.
        client.post("/score", &request(&user)).json(200);
        expected.push((user.clone(), json!(variant), json!(version), Value::Null));
        // Candidates of another version are no part of the experiment.
        scored["prompt_version"] = json!("v1");
        assert_eq!(client.post("/score", &scored).json(200).get("variant"), None);
        expected.push((user.clone(), Value::Null, json!("v1"), scored["prompt_digest"].clone()));
        // Who asks for a version has it.
        let asked = client.post("/generate", &json!({"user": user, "prompt_version": "v1"})).json(200);
        assert_eq!(asked["prompt_version"], "v1");
    }
    assert!(!dir.join("nowhere").exists());
    assert_eq!(server.end().0.code(), Some(0));
    let log = dir.run(&["log", "decisions"]).ok().jsonl();
    let found: Vec<_> = log
        .iter()
        .map(|line| {
            let user = line["user"].as_str().unwrap().to_owned();
            (user, line["variant"].clone(), line["prompt_version"].clone(), line["prompt_digest"].clone())
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn a_rollout_of_a_prompt_gives_what_its_share_says() {
    let dir = Dir::new();
    experiment(&dir, "tone", &format!("ramp = [0.5, 1.0]\n{TWO_PROMPTS}"));
    let user =
        (0..1000).map(|n| format!("u{n}")).find(|user| rehearsal::experiment::hash_v2("tone", user) < 0.5);
    let user = user.unwrap();
    let version = || {
        let args = ["generate", "--user", &user, "--experiments", "experiments"];
        dir.run_with(&args, "{}").ok().json()["prompt_version"].clone()
    };
    assert_eq!(version(), "v2");
    dir.run(&["rollout", "start", "tone"]).ok();
    assert_eq!(version(), "v3");
    dir.run(&["rollout", "stop", "tone"]).ok();
    assert_eq!(version(), "v2");
}

#[test]
fn a_version_that_there_is_not_is_refused_before_anybody_is_asked() {
    let dir = Dir::new();
    experiment(&dir, "tone", &TWO_PROMPTS.replace("\"v3\"", "\"v9\""));
    let parts = ["experiment tone, variants[1].prompt_version: unknown prompt version \"v9\"", "v1, v2, v3"];
    dir.run_with(&["generate", "--user", "u", "--experiments", "experiments"], "{}").refused(&parts);
    dir.run(&["serve", "--listen", "127.0.0.1:0", "--policy", "uniform", "--experiments", "experiments"])
        .refused(&parts);
    dir.run(&["check", "experiments/tone.toml"]).refused(&parts);
    // With prompts of one's own it is those that there are.
    dir.run(&["prompt", "show", "v1"]).ok();
    std::fs::create_dir(dir.join("prompts")).unwrap();
    for version in ["v2", "v9"] {
        let text = dir.run(&["prompt", "show", "v1"]).ok().stdout();
        let text = text.replace("version = \"v1\"", &format!("version = \"{version}\""));
        dir.write(&format!("prompts/{version}.md"), text);
    }
    let checked = dir.run(&["check", "experiments/tone.toml", "--prompts", "prompts"]).ok().stdout();
    assert_eq!(checked, "experiments/tone.toml: a sound experiment\n");
    // Its policies are looked for as well.
    experiment(&dir, "who", "[[variants]]\nname = \"a\"\n[[variants]]\nname = \"b\"\npolicy = \"nobody\"\n");
    dir.run(&["check", "experiments/who.toml"]).refused(&["experiment who, policy \"nobody\""]);
}

#[test]
fn an_experiment_on_policies_and_one_on_prompts_share_no_user() {
    let dir = Dir::new();
    let part =
        |start: f64, end: f64| format!("namespace = {{name = \"n\", start = {start:?}, end = {end:?}}}\n");
    experiment(&dir, "bolder", super::TWO_POLICIES);
    experiment(&dir, "tone", TWO_PROMPTS);
    let args = ["generate", "--user", "u", "--experiments", "experiments"];
    dir.run_with(&args, "{}")
        .refused(&["\"bolder\" sets policies and \"tone\" prompt versions", "namespace"]);
    experiment(&dir, "bolder", &(part(0.0, 0.5) + super::TWO_POLICIES));
    experiment(&dir, "tone", &(part(0.5, 1.0) + TWO_PROMPTS));
    let lines: String = (0..40).map(|n| json!({"user": format!("u{n}")}).to_string() + "\n").collect();
    let answers = dir.run_with(&[&["generate", "--jsonl"], &SCORED[..]].concat(), lines).ok().jsonl();
    let of = |key: &str| answers.iter().filter(|answer| answer["decision"]["experiment"] == key).count();
    assert!(of("bolder") > 0 && of("tone") > 0 && of("bolder") + of("tone") == 40);
    for answer in &answers {
        let is_own = answer["decision"]["experiment"] == "tone";
        assert_eq!(answer["prompt_version"] == "v1", !is_own);
    }
}
