//! One life through the library, the command line and HTTP: the same choices and the same model, to the bit.

use super::text;
use crate::util::server::Server;
use crate::util::{Dialogue, Dir};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rehearsal::policy::{Model, Policy, Scratch};
use rehearsal::service::decide;
use rehearsal::store::{RewardEvent, apply};
use serde_json::{Value, json};

const DECISIONS: usize = 60;

/// The requests of a life, each with its seed and the reward that follows whatever is chosen.
fn life(seed: u64, user: &str) -> Vec<(Value, f64)> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let kinds = ["plan", "focus", "rest", "move"];
    (0..DECISIONS)
        .map(|_| {
            let candidates: Vec<Value> = (0..rng.random_range(1..6))
                .map(|i| {
                    json!({
                        "id": format!("tip-{i}"),
                        "kind": kinds[rng.random_range(0..kinds.len())],
                        "priority": rng.random::<f64>(),
                        "due_in_days": rng.random_range(-3.0..10.0),
                        "effort_minutes": rng.random_range(1.0..90.0),
                    })
                })
                .collect();
            let request = json!({
                "user": user,
                "seed": rng.random_range(0..1_u64 << 53),
                "context": {"hour": rng.random_range(0.0..24.0), "weekday": rng.random_range(0..7)},
                "candidates": candidates,
                "profile_features": {"completion_rate": rng.random::<f64>(), "tip_volume": rng.random_range(0..500)},
            });
            (request, [1.0, 0.25, 0.0, -0.5][rng.random_range(0..4)])
        })
        .collect()
}

/// The choices, with scores and propensities, and the model in the end as `export` prints it.
type Lived = (Vec<Value>, Value);

fn choice(answer: &Value) -> Value {
    json!({
        "chosen": answer["chosen"],
        "propensity": answer["propensity"],
        "explored": answer["explored"],
        "candidates": answer["candidates"],
    })
}

fn exported(dir: &Dir, store: &[&str]) -> Value {
    let mut line = dir.run(&[&["export"], store].concat()).ok().jsonl().remove(0);
    line.as_object_mut().unwrap().remove("revision");
    line
}

fn by_library(policy: &str, life: &[(Value, f64)]) -> (Vec<Value>, Model) {
    let policy = Policy::named(policy).unwrap();
    let (mut model, mut scratch, mut choices) = (policy.new_model(), Scratch::default(), Vec::new());
    for (request, reward) in life {
        let text = request.to_string();
        let request = rehearsal::domain::request::Request::from_json(text.as_bytes(), "life").unwrap();
        let choice = decide(&policy, &model, &request, request.seed().unwrap(), &mut scratch);
        let propensities = choice.propensities.as_ref();
        let candidates: Vec<Value> = request
            .candidates()
            .iter()
            .enumerate()
            .map(|(i, c)| json!({"id": c.id, "score": choice.scores[i], "propensity": propensities.map(|p| p[i])}))
            .collect();
        choices.push(json!({
            "chosen": request.candidates()[choice.chosen].id,
            "propensity": choice.propensity(),
            "explored": choice.explored,
            "candidates": candidates,
        }));
        let event = RewardEvent::new(request, choice.chosen, *reward, None).unwrap();
        apply(&mut model, &policy, &event.observation, &mut scratch).unwrap();
    }
    (choices, model)
}

fn by_command_line(policy: &str, life: &[(Value, f64)]) -> Lived {
    let dir = Dir::new();
    let mut score = Dialogue::new(&dir, &["score", "--jsonl", "--policy", policy]);
    let mut reward = Dialogue::new(&dir, &["reward", "--jsonl"]);
    let choices = life.iter().map(|(request, value)| {
        let answer = score.ask(request);
        let learned = reward.ask(&json!({"decision": text(&answer, "decision_id"), "reward": value}));
        assert_eq!(learned["duplicate"], false);
        choice(&answer)
    });
    let choices = choices.collect();
    reward.end();
    score.end();
    (choices, exported(&dir, &[]))
}

fn by_http(policy: &str, life: &[(Value, f64)], store: &[&str]) -> Lived {
    let dir = Dir::new();
    let server = Server::start(&dir, &[&["--policy", policy], store].concat());
    let mut client = server.client();
    let choices = life.iter().map(|(request, value)| {
        let answer = client.post("/score", request).json(200);
        let reward = json!({"decision": text(&answer, "decision_id"), "reward": value});
        assert_eq!(client.post("/reward", &reward).json(200)["duplicate"], false);
        choice(&answer)
    });
    let choices = choices.collect();
    drop(client);
    assert_eq!(server.end().0.code(), Some(0));
    (choices, exported(&dir, store))
}

#[test]
pub(super) fn a_life_is_the_same_by_library_command_line_and_http() {
    for policy in ["egreedy-v1", "egreedy-v2", "linucb-v2", "lints-v2"] {
        let life = life(7, "someone");
        let (choices, model) = by_library(policy, &life);
        let by_command_line = by_command_line(policy, &life);
        assert_eq!(choices, by_command_line.0, "{policy}");
        assert_eq!(by_http(policy, &life, &[]), by_command_line, "{policy}");
        assert_eq!(by_command_line.1["updates"], json!(model.updates()), "{policy}");
        if let Some(theta) = by_command_line.1["theta"].as_array() {
            assert_eq!(theta, json!(model.kind_models()[0].ridge.theta()).as_array().unwrap(), "{policy}");
        }
    }
}

#[test]
fn a_name_in_the_place_of_an_address_is_told_what_is_allowed() {
    let dir = Dir::new();
    let refused = dir.run(&["serve", "--listen", "localhost:8080"]).exits(2).stderr();
    assert!(refused.contains("localhost:8080") && refused.contains("127.0.0.1:8080"), "{refused}");
}
