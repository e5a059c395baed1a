//! An alias of the registry moves while a server runs.

use super::{request, text};
use crate::model::trained;
use crate::util::Dir;
use crate::util::server::Server;
use serde_json::{Value, json};
use std::thread;
use std::time::{Duration, Instant};

/// Nothing here takes longer, or something hangs.
const PATIENCE: Duration = Duration::from_secs(60);

fn move_to(dir: &Dir, version: &str) {
    dir.run(&["registry", "alias", "tips", "champion", version]).ok();
}

/// Waits until the server has said this; meanwhile somebody asks, and is answered.
fn until_said(server: &Server, what: &str, times: usize) {
    let (began, mut client) = (Instant::now(), server.client());
    while server.log().matches(what).count() < times {
        assert!(began.elapsed() < PATIENCE, "{}", server.log());
        let decision = client.post("/score", &request("meanwhile")).json(200);
        client
            .post("/reward", &json!({"decision": decision["decision_id"], "reaction": "ignored"}))
            .json(200);
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_moved_alias_decides_from_then_on_and_no_user_fails() {
    let dir = trained();
    for policy in ["plain.toml", "with.toml"] {
        dir.run(&["registry", "register", "tips", "--policy", policy]).ok();
    }
    dir.write("other.toml", "name = \"other\"\nexplorer = \"uniform\"\nfeatures = \"v2\"\n");
    dir.run(&["registry", "register", "tips", "--policy", "other.toml"]).ok();
    move_to(&dir, "1");
    let server = Server::start(&dir, &["--policy", "registry:tips@champion", "--follow-seconds", "1"]);
    let mut client = server.client();
    let users: Vec<String> = (0..5).map(|n| format!("user-{n}")).collect();
    let mut late: Vec<Value> = Vec::new();
    for user in &users {
        for reaction in ["completed", "dismissed", "completed"] {
            let decision = client.post("/score", &request(user)).json(200);
            client
                .post("/reward", &json!({"decision": decision["decision_id"], "reaction": reaction}))
                .json(200);
        }
        late.push(client.post("/score", &request(user)).json(200)["decision_id"].clone());
    }
    move_to(&dir, "2");
    until_said(&server, "a newer model version decides", 1);
    let mut after: Vec<Value> = Vec::new();
    // Who is new, and who was there before, whose rewards are still to come.
    for (user, late) in users.iter().zip(&late) {
        after.push(client.post("/score", &request(user)).json(200));
        client.post("/reward", &json!({"decision": late, "reaction": "completed"})).json(200);
    }
    after.push(client.post("/score", &request("new")).json(200));
    // Of somebody new the version before expected nothing.
    let expects =
        |decision: &Value| decision["candidates"].as_array().unwrap().iter().any(|c| c["score"] != 0.0);
    assert!(expects(&after[users.len()]), "{after:?}");
    let theta = |answer: Value| answer["policies"][0]["theta"].clone();
    let of = |user: &str| theta(server.get(&format!("/stats?user={user}")).json(200));
    let learned: Vec<Value> = users.iter().map(|user| of(user)).collect();

    // One of another name is not taken: the one before goes on.
    move_to(&dir, "3");
    until_said(&server, "the model registry cannot be followed", 1);
    assert!(server.log().contains("restart with the other one"), "{}", server.log());
    assert!(expects(&client.post("/score", &request("new")).json(200)));
    // And back.
    move_to(&dir, "1");
    until_said(&server, "a newer model version decides", 2);
    assert!(!expects(&client.post("/score", &request("new")).json(200)));
    let back = client.post("/score", &request(&users[0])).json(200);
    let (status, log) = server.end();
    assert!(status.success(), "{log}");
    let moved: Vec<Value> = log
        .lines()
        .filter(|line| line.contains("a newer model"))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!([&moved[0]["from"], &moved[0]["to"], &moved[1]["to"]], [&json!(1), &json!(2), &json!(1)]);

    // Each decision says which version it was made by.
    let versions = |wanted: &[&Value]| -> Vec<Value> {
        let lines = dir.run(&["log", "decisions"]).ok().jsonl();
        wanted
            .iter()
            .map(|decision| {
                let id = text(decision, "decision_id");
                let line = lines.iter().find(|line| line["decision_id"] == id).expect("it is kept");
                line["model_version"].clone()
            })
            .collect()
    };
    assert_eq!(versions(&after.iter().collect::<Vec<_>>()), vec![json!("tips@2"); users.len() + 1]);
    assert_eq!(versions(&[&back]), [json!("tips@1")]);
    dir.run(&["verify"]).ok();
    // What it knew under the new prior is what somebody knows who learned all of it under that from the beginning.
    dir.run(&["rebuild", "--into", "again"]).ok();
    for (user, learned) in users.iter().zip(learned) {
        let again = theta(dir.run(&["--store", "again", "stats", "--user", user]).ok().json());
        for (name, value) in learned.as_object().unwrap() {
            let difference = value.as_f64().unwrap() - again[name].as_f64().unwrap();
            assert!(difference.abs() < 1e-9, "{user}, {name}: {difference}");
        }
    }
}
