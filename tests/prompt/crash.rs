//! The version of an answer is that of the decision in the store and of its group in `analyze`, also where whoever answered was
//! killed in between.

use super::{SHIPPED, text};
use crate::util::server::Server;
use crate::util::{Dialogue, Dir, on_postgres};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const GENERATE: [&str; 7] =
    ["generate", "--jsonl", "--score", "--policy", "egreedy-v1", "--prompt-version", "v1,v2,v3"];

/// The version of a user in a rotation of the shipped ones.
fn version(user: &str) -> &'static str {
    SHIPPED[rehearsal::experiment::equal_share("prompt_version", user, 3)]
}

/// What was answered, by decision: user, version, digest.
type Answers = BTreeMap<String, [Value; 3]>;

/// Every answer is in the log as it was given, every line of the log has the version of its user, and `analyze` counts the same.
fn holds(dir: &Dir, answers: &Answers) {
    let log = dir.run(&["log", "decisions"]).ok().jsonl();
    let fields = |line: &Value| ["user", "prompt_version", "prompt_digest"].map(|field| line[field].clone());
    let stored: Answers =
        log.iter().map(|line| (text(line, "decision_id").to_owned(), fields(line))).collect();
    for (decision, answer) in answers {
        assert_eq!(stored.get(decision), Some(answer), "{decision}");
    }
    let mut users = BTreeMap::<&str, BTreeSet<&str>>::new();
    for [user, found, digest] in stored.values() {
        let user = user.as_str().unwrap();
        assert_eq!(*found, version(user), "{user}");
        assert!(digest.is_string());
        users.entry(version(user)).or_default().insert(user);
    }
    let args = ["analyze", "--by", "prompt_version", "--decisions", "1", "--final", "--json"];
    let found = dir.run(&args).json();
    let counted: BTreeMap<&str, u64> = found["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|g| (text(g, "group"), g["users"].as_u64().unwrap()))
        .collect();
    let expected: BTreeMap<&str, u64> = users.into_iter().map(|(v, users)| (v, users.len() as u64)).collect();
    assert_eq!(counted, expected);
}

/// The command, killed after so many answers, again and again, while more lines wait for it.
fn killed_commands(dir: &Dir, rounds: usize) -> Answers {
    let (mut answers, mut next) = (Answers::new(), 0);
    for round in 0..rounds {
        let mut command = Dialogue::silent(dir, &GENERATE);
        for _ in 0..=round % 4 {
            let user = format!("u{next}");
            let answer = command.ask(&json!({"user": user}));
            let decision = text(&answer["decision"], "decision_id").to_owned();
            answers.insert(
                decision,
                [json!(user), answer["prompt_version"].clone(), answer["prompt_digest"].clone()],
            );
            next += 1;
        }
        for waiting in next..next + 20 {
            command.send(&json!({"user": format!("u{waiting}")}).to_string());
        }
        std::thread::sleep(Duration::from_millis(3 * (round % 7) as u64));
        // It is killed when it is dropped.
    }
    answers
}

/// A server that is killed between the tips and the decision, and after the decision.
fn killed_servers(dir: &Dir, rounds: usize) -> Answers {
    let mut answers = Answers::new();
    let options = ["--policy", "egreedy-v1", "--durable-decisions", "--default-prompt-version", "v1,v2,v3"];
    for round in 0..rounds {
        let user = format!("s{round}");
        let server = Server::start(dir, &options);
        let tips = server.post("/generate", &json!({"user": user})).json(200);
        server.signal("KILL");
        let server = Server::start(dir, &options);
        let request = json!({
            "user": user, "context": {"hour": 9, "weekday": 1}, "candidates": tips["candidates"],
            "prompt_version": tips["prompt_version"], "prompt_digest": tips["prompt_digest"],
        });
        let decision = server.post("/score", &request).json(200);
        server.signal("KILL");
        answers.insert(
            text(&decision, "decision_id").to_owned(),
            [json!(user), tips["prompt_version"].clone(), tips["prompt_digest"].clone()],
        );
    }
    answers
}

fn versions_agree(rounds: usize) {
    let dir = Dir::new();
    let mut answers = killed_commands(&dir, 2 * rounds);
    answers.extend(killed_servers(&dir, rounds));
    assert!(answers.values().map(|answer| answer[1].as_str()).collect::<BTreeSet<_>>().len() == 3);
    holds(&dir, &answers);
    dir.run(&["verify"]).ok();
}

#[test]
fn versions_agree_through_kills() {
    versions_agree(8);
}

#[test]
fn versions_agree_through_kills_on_postgres() {
    on_postgres(|| versions_agree(4));
}

#[test]
#[ignore = "minutes"]
fn breaking_generation_keeps_versions_together() {
    versions_agree(100);
    on_postgres(|| versions_agree(50));
    println!("300 commands and 300 servers killed: every version stands where it was answered");
}
