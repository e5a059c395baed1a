//! Tips in words: prompts, what they are told, and gateways of every kind.

mod crash;
mod files;
mod generate;
mod golden;
mod hostile;
mod injection;
mod litellm;
mod postgres;
mod selection;

use serde_json::{Value, json};

/// The versions that are shipped.
const SHIPPED: [&str; 3] = ["v1", "v2", "v3"];

/// What is known of somebody.
fn signals(user: &str) -> Value {
    json!({
        "user": user,
        "now": "2026-11-30T08:30:00Z",
        "timezone": "Europe/Berlin",
        "locale": "en-GB",
        "tasks": [
            {"id": "tax", "title": "Tax return", "kind": "focus", "priority": 0.9, "due": "2026-12-01", "effort_minutes": 90},
            {"id": "gift", "title": "A present for Mira", "due": "2026-12-05T18:00"},
        ],
        "calendar": [{"title": "Team meeting", "start": "2026-11-30T10:00", "end": "2026-11-30T11:00"}],
        "recent": [{"at": "2026-11-29T18:00", "kind": "rest", "text": "Put the kettle on and look outside.", "reaction": "completed"}],
        "profile_features": {"completion_rate": 0.4},
        "quiet_hours": {"from": 22, "to": 7},
    })
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("no {field} in {value}"))
}

/// The words of generated tips.
fn texts(generated: &Value) -> Vec<&str> {
    generated["candidates"].as_array().expect("candidates").iter().map(|tip| text(tip, "text")).collect()
}
