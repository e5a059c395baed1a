//! Signals and generated tips as JSON Schema, for those who send and read them.

use super::signals::{MAX_KINDS, MAX_TASKS, MAX_TEXT_BYTES};
use crate::base::random::SEEDS;
use crate::domain::reaction::Reaction;
use crate::domain::request;
use serde_json::{Value, json};

/// The schema of signals.
pub fn signals_schema() -> Value {
    let of_request = request::schema();
    let own = |name: &str| of_request["properties"]["candidates"]["items"]["properties"][name].clone();
    let text = |description: &str| json!({"type": ["string", "null"], "maxLength": MAX_TEXT_BYTES, "description": description});
    let time = |description: &str| {
        let forms = "RFC 3339, a local time without an offset, or a day";
        json!({"type": ["string", "null"], "description": format!("{description}; {forms}")})
    };
    let required = |mut schema: Value| {
        schema["type"] = json!("string");
        schema
    };
    let list = |items: Value, required: &[&str], description: &str| {
        let items = json!({"type": "object", "additionalProperties": false, "required": required, "properties": items});
        json!({"type": "array", "maxItems": MAX_TASKS, "description": description, "items": items})
    };
    let hour = json!({"type": "number", "minimum": 0, "exclusiveMaximum": 24});
    json!({
        "type": "object",
        "required": ["user"],
        "additionalProperties": false,
        "properties": {
            "user": {"type": "string", "minLength": 1, "description": "the person"},
            "prompt_version": {"type": ["string", "null"],
                               "description": "one version of the prompt, or several with commas: a rotation, in which a user keeps theirs"},
            "seed": {"type": ["integer", "null"], "minimum": 0, "exclusiveMaximum": SEEDS,
                     "description": "seed of the pauses between attempts; drawn from the system when absent"},
            "now": time("the moment; the clock's when absent"),
            "timezone": {"type": ["string", "null"], "description": "IANA name of the person's zone; UTC when absent"},
            "locale": {"type": ["string", "null"], "description": "language tag of BCP 47; en when absent"},
            "tasks": list(json!({
                "id": own("id"), "title": required(text("what is to be done")), "kind": own("kind"), "priority": own("priority"),
                "due": time("when it is due"), "effort_minutes": own("effort_minutes"), "notes": text("what else is said of it"),
            }), &["id", "title"], "what the person has to do"),
            "calendar": list(json!({
                "title": text("what is on"), "start": required(time("when it begins")), "end": time("when it ends"),
            }), &["start"], "what is in the person's calendar"),
            "recent": list(json!({
                "kind": own("kind"), "text": text("its words"), "at": time("when that was"),
                "reaction": {"enum": Reaction::ALL.map(Reaction::name).into_iter().map(Value::from).chain([Value::Null]).collect::<Vec<_>>()},
            }), &[], "earlier tips, beside those of the store"),
            "profile_features": of_request["properties"]["profile_features"],
            "quiet_hours": {"type": ["object", "null"], "additionalProperties": false, "required": ["from", "to"],
                            "description": "when the person wants to be left alone, over midnight if it ends earlier than it begins",
                            "properties": {"from": hour, "to": hour}},
            "kinds": {"type": ["array", "null"], "minItems": 1, "maxItems": MAX_KINDS,
                      "items": {"type": "string", "pattern": "^[a-z0-9-]{1,64}$"},
                      "description": "kinds that tips may have; those of the shipped tips when absent"},
        },
    })
}

/// The schema of tips that were generated.
pub fn generated_schema() -> Value {
    let candidate = &request::schema()["properties"]["candidates"];
    let tokens = json!({"type": ["integer", "null"], "minimum": 0});
    json!({
        "type": "object",
        "required": ["candidates", "prompt_version", "prompt_digest", "model", "fallback", "usage"],
        "properties": {
            "candidates": {"type": "array", "minItems": 1, "items": candidate["items"], "description": "as `score` takes them"},
            "prompt_version": {"type": "string"},
            "prompt_digest": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
            "model": {"type": ["string", "null"], "description": "null if no model wrote them"},
            "fallback": {"type": "boolean", "description": "whether they are tips that the prompt has ready"},
            "reason": {"type": "string", "description": "why no model's answer was used; absent if one was"},
            "usage": {"type": "object", "required": ["prompt_tokens", "completion_tokens"],
                      "description": "null is what nobody knows",
                      "properties": {"prompt_tokens": tokens, "completion_tokens": tokens}},
            "warnings": {"type": "array", "items": {"type": "string"}, "description": "what deserves attention; absent if nothing"},
        },
    })
}
