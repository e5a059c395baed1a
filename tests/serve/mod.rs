//! The server, driven over TCP.

mod breaking;
mod contract;
mod features;
mod follow;
mod generate;
mod hostile;
mod life;
mod page;
mod postgres;
mod routes;

use serde_json::{Value, json};

/// A request of a user.
fn request(user: &str) -> Value {
    json!({
        "user": user,
        "context": {"hour": 9.5, "weekday": 2},
        "candidates": [
            {"id": "plan", "kind": "plan", "priority": 0.9},
            {"id": "focus", "kind": "focus", "due_in_days": 1},
            {"id": "rest", "kind": "rest", "effort_minutes": 5},
        ],
    })
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("no {field} in {value}"))
}
