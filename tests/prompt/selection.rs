//! Which version of the prompt a person gets.

use super::{SHIPPED, signals, text};
use crate::util::{Dir, run};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The version that answers, or what is complained of, when the request, the option and the variable say this.
fn answers(request: Option<&str>, option: Option<&str>, variable: Option<&str>) -> Result<String, String> {
    let dir = Dir::new();
    let mut body = signals("ann");
    if let Some(version) = request {
        body["prompt_version"] = json!(version);
    }
    let mut args = vec!["generate"];
    args.extend(option.iter().flat_map(|version| ["--prompt-version", version]));
    let mut command = dir.command(&args);
    if let Some(version) = variable {
        command.env("DEFAULT_PROMPT_VERSION", version);
    }
    let ran = run(command, body.to_string().as_bytes());
    if ran.code() == 0 {
        return Ok(text(&ran.json(), "prompt_version").to_owned());
    }
    assert_eq!((ran.code(), ran.stdout()), (2, String::new()));
    Err(ran.stderr())
}

#[test]
fn the_request_comes_before_the_variable_and_that_before_v1() {
    for (request, option, variable, version) in [
        (None, None, None, "v1"),
        (None, None, Some(""), "v1"),
        (None, None, Some("v2"), "v2"),
        (None, Some("v3"), Some("v2"), "v3"),
        (Some("v3"), None, Some("v2"), "v3"),
        (Some("v3"), Some("v3"), Some("v2"), "v3"),
        (Some("v1"), None, Some("v2"), "v1"),
        (Some(" v2 "), None, None, "v2"),
    ] {
        let found = answers(request, option, variable);
        assert_eq!(found.as_deref(), Ok(version), "{request:?} {option:?} {variable:?}");
    }
}

#[test]
fn a_version_that_there_is_not_is_refused_before_anything_is_asked() {
    for (request, variable) in [
        (Some("v9"), None),
        (None, Some("v9")),
        (Some("v1,v9"), None),
        (Some("v1,"), None),
        (Some(""), None),
        (Some("../v1"), None),
        (Some("v1.md"), None),
        (Some("v1"), Some("nine")),
    ] {
        let complaint = answers(request, None, variable).expect_err("there is no such version");
        let expected = format!("known: {}", SHIPPED.join(", "));
        assert!(complaint.contains("unknown prompt version") && complaint.contains(&expected), "{complaint}");
    }
    let twice = answers(Some("v1,v2,v1"), None, None).unwrap_err();
    assert!(twice.contains("prompt_version is \"v1\" twice"), "{twice}");
    let other = answers(Some("v1"), Some("v2"), None).unwrap_err();
    assert!(other.contains("prompt_version is \"v1\""), "{other}");
}

#[test]
fn a_user_keeps_the_version_of_a_rotation() {
    let dir = Dir::new();
    let lines =
        (0..300).map(|i| json!({"user": format!("user-{i}")}).to_string()).collect::<Vec<_>>().join("\n");
    let args = ["generate", "--jsonl", "--prompt-version", "v1,v2,v3"];
    let versions = |lines: &str| -> Vec<String> {
        dir.run_with(&args, lines)
            .ok()
            .jsonl()
            .iter()
            .map(|one| text(one, "prompt_version").to_owned())
            .collect()
    };
    let first = versions(&lines);
    assert_eq!(versions(&lines), first);
    let mut shares = BTreeMap::new();
    first.iter().for_each(|version| *shares.entry(version.as_str()).or_insert(0) += 1);
    // Each share of 100 has a standard deviation of 8.2.
    assert!(shares.len() == 3 && shares.values().all(|count| (59..=141).contains(count)), "{shares:?}");
    // As GrowthBook's hash has it, with the seed `prompt_version`.
    for (i, version) in first.iter().enumerate() {
        let share = rehearsal::experiment::equal_share("prompt_version", &format!("user-{i}"), 3);
        assert_eq!(version, SHIPPED[share]);
    }
}

#[test]
fn the_version_and_its_digest_go_with_the_decision_into_the_log() {
    let dir = Dir::new();
    let args = ["generate", "--jsonl", "--score", "--policy", "egreedy-v1", "--prompt-version", "v1,v2,v3"];
    let lines = (0..30).map(|i| signals(&format!("u{i}")).to_string()).collect::<Vec<_>>().join("\n");
    let answers = dir.run_with(&args, &lines).ok().jsonl();
    let log = dir.run(&["log", "decisions"]).ok().jsonl();
    assert_eq!((answers.len(), log.len()), (30, 30));
    let digests: BTreeMap<String, String> = dir
        .run(&["prompt", "list", "--json"])
        .ok()
        .jsonl()
        .iter()
        .map(|row| (text(row, "version").to_owned(), text(row, "digest").to_owned()))
        .collect();
    let mut met = BTreeMap::<&str, usize>::new();
    for (answer, logged) in answers.iter().zip(&log) {
        assert_eq!(answer["decision"]["decision_id"], logged["decision_id"]);
        for field in ["prompt_version", "prompt_digest"] {
            assert_eq!(answer[field], logged[field], "{field}");
        }
        let version = text(answer, "prompt_version");
        assert_eq!(digests[version], text(answer, "prompt_digest"));
        *met.entry(version).or_default() += 1;
        let candidates = logged["request"]["candidates"].as_array().unwrap();
        assert_eq!(Value::from(candidates.clone()), answer["candidates"]);
    }
    assert_eq!(met.len(), 3, "{met:?}");
}
