//! A program behind the server.

use super::{EGREEDY, faulty, has_python, request};
use crate::util::Dir;
use crate::util::server::Server;
use serde_json::{Value, json};

fn body(user: &str, hour: f64) -> Value {
    serde_json::from_str(&request(user, hour)).unwrap()
}

#[test]
fn a_program_answers_over_http_and_a_fault_is_that_of_its_request() {
    if !has_python() {
        return;
    }
    let dir = faulty(&["sum", "crash"]);
    let server =
        Server::start(&dir, &["--policy", EGREEDY, "--policy", "crash.toml", "--shadow", "sum.toml"]);
    let decided = server.post("/score", &body("ann", 8.0));
    assert_eq!(decided.status, 200, "{}", decided.body);
    let decided: Value = serde_json::from_str(&decided.body).unwrap();
    assert_eq!((&decided["policy"], &decided["propensity"]), (&json!("egreedy-program"), &json!(1.0 / 3.0)));
    let reward = json!({"decision": decided["decision_id"], "reaction": "completed"});
    for duplicate in [false, true] {
        let learned = server.post("/reward", &reward);
        assert_eq!(learned.status, 200, "{}", learned.body);
        let learned: Value = serde_json::from_str(&learned.body).unwrap();
        assert_eq!((&learned["updates"], &learned["duplicate"]), (&json!(1), &json!(duplicate)));
    }
    // One of a batch fails by itself, and the program answers on.
    let batch: Vec<Value> = [8.0, 13.0, 9.0].map(|hour| body("bob", hour)).to_vec();
    let answers = server.post("/score/crash", &json!(batch));
    let answers: Value = serde_json::from_str(&answers.body).unwrap();
    let [first, second, third] = [0, 1, 2].map(|i| answers[i].clone());
    assert!(first["chosen"].is_string() && third["chosen"].is_string(), "{answers}");
    assert!(
        second.to_string().contains("the program of policy \\\"crash\\\" has no answer to decide this"),
        "{answers}"
    );
    let alone = server.post("/score/crash", &body("bob", 13.0));
    assert_eq!(alone.status, 503, "{}", alone.body);
    assert_eq!(server.post("/score/crash", &body("bob", 8.0)).status, 200);
}

#[test]
fn a_server_does_not_begin_with_a_program_that_does_not_start() {
    if !has_python() {
        return;
    }
    let dir = Dir::new();
    dir.write("none.toml", "name = \"none\"\ncommand = [\"./there-is-none\"]\n");
    let ran = dir.run(&["serve", "--listen", "127.0.0.1:0", "--policy", "none.toml"]).exits(2);
    assert!(ran.stderr().contains("cannot start \"./there-is-none\""), "{}", ran.stderr());
}
