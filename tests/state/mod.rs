//! `score`, `reward`, `stats` and `reset`, and what they leave in the state directory.

mod bad_input;
mod breaking;
mod damage_on_damage;
mod definitions;
mod dense;
mod elsewhere;
mod everyday;
mod logs;
mod lost;
mod meddled;
mod mutations;
mod upkeep;

use crate::util::Dir;
use rand::rngs::ChaCha8Rng;
use rand::{Rng, RngExt};
use serde_json::{Value, json};

/// A small request without a user.
pub(crate) const REQUEST: &str = r#"{"context": {"hour": 8.5, "weekday": 5}, "candidates": [
    {"id": "t1", "kind": "focus", "priority": 0.8, "due_in_days": -2, "effort_minutes": 15, "hour": 9},
    {"id": "t2", "kind": "rest"}, {"id": "t3"}],
    "profile_features": {"completion_rate": 0.42, "dismiss_rate": 0.1, "mean_dwell_seconds": 45,
        "preferred_hour": 9, "tip_volume": 120, "by_kind": {"focus": {"completion_rate": 0.6}}}}"#;

/// A request with whatever a request can have, and without.
pub(crate) fn random_request(rng: &mut ChaCha8Rng) -> Value {
    let kinds = ["focus", "rest", "move"];
    let candidates: Vec<Value> = (0..rng.random_range(1..8))
        .map(|k| {
            let mut candidate = json!({"id": format!("t{k}")});
            let values = [
                ("kind", json!(kinds[rng.random_range(0..3)])),
                ("priority", json!(rng.random::<f64>())),
                ("due_in_days", json!(rng.random_range(-10.0..10.0))),
                ("effort_minutes", json!(rng.random_range(0.0..90.0))),
                ("hour", json!(rng.random_range(0.0..24.0))),
            ];
            for (name, value) in values {
                if rng.random_bool(0.7) {
                    candidate[name] = value;
                }
            }
            candidate
        })
        .collect();
    let mut request = json!({
        "context": {"hour": rng.random_range(0.0..24.0), "weekday": rng.random_range(0..7)},
        "candidates": candidates,
    });
    if rng.random_bool(0.8) {
        request["profile_features"] = random_values(rng);
        for kind in kinds {
            if rng.random_bool(0.5) {
                request["profile_features"]["by_kind"][kind] = random_values(rng);
            }
        }
    }
    request
}

fn random_values(rng: &mut impl Rng) -> Value {
    let values = [
        ("completion_rate", json!(rng.random::<f64>())),
        ("dismiss_rate", json!(rng.random::<f64>())),
        ("mean_dwell_seconds", json!(rng.random_range(0.0..900.0))),
        ("preferred_hour", json!(rng.random_range(0.0..24.0))),
        ("tip_volume", json!(rng.random_range(0..3000))),
    ];
    let mut object = json!({});
    for (name, value) in values {
        match rng.random_range(0..10) {
            0 => object[name] = Value::Null,
            1 | 2 => {}
            _ => object[name] = value,
        }
    }
    object
}

/// One decision of `policy` for `user`.
pub(crate) fn score(dir: &Dir, policy: &str, user: &str, request: &str) -> Value {
    dir.run_with(&["score", "--policy", policy, "--user", user], request).ok().json()
}

/// The id of a decision.
pub(crate) fn id(decision: &Value) -> &str {
    decision["decision_id"].as_str().expect("a decision has an id")
}

/// Rewards a decision.
pub(crate) fn reward(dir: &Dir, id: &str, reaction: &str) -> Value {
    dir.run(&["reward", "--decision", id, "--reaction", reaction]).ok().json()
}
