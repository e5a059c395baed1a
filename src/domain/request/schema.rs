//! The request as JSON Schema, for those who send one, with the bounds of the checks.

use super::candidate::{MAX_DUE_DAYS, MAX_EFFORT_MINUTES, MAX_ID_BYTES, MAX_TEXT_BYTES};
use super::checked::MAX_CANDIDATES;
use crate::base::random::SEEDS;
use crate::domain::declaration::Domain;
use crate::domain::input::{InputOf, STORABLE};
use crate::domain::labels::MAX_LABEL_BYTES;
use crate::domain::profile;
use serde_json::{Value, json};

/// The schema of a request (draft 2020-12). What it cannot say, its descriptions do: lengths are counted in bytes, and
/// ids are unique within the request.
///
/// ```
/// let schema = rehearsal::domain::request::schema();
/// assert_eq!(schema["required"], serde_json::json!(["context", "candidates"]));
/// ```
pub fn schema() -> Value {
    let text = |description: &str| {
        let description = format!("{description}; 1 to {MAX_ID_BYTES} bytes");
        json!({"type": "string", "minLength": 1, "maxLength": MAX_ID_BYTES, "pattern": STORABLE, "description": description})
    };
    let mut kind = text("kind of tip; unknown when absent or null");
    kind["type"] = json!(["string", "null"]);
    let candidate = json!({
        "type": "object",
        "required": ["id"],
        "additionalProperties": false,
        "properties": {
            "id": text("unique within the request"),
            "kind": kind,
            "priority": {"type": ["number", "null"], "minimum": 0, "maximum": 1,
                         "description": "how much its owner wants it done: 0 not at all, 1 most"},
            "due_in_days": {"type": ["number", "null"], "minimum": -MAX_DUE_DAYS as i64, "maximum": MAX_DUE_DAYS as i64,
                            "description": "days until it is due; negative when overdue"},
            "effort_minutes": {"type": ["number", "null"], "minimum": 0, "maximum": MAX_EFFORT_MINUTES as i64,
                               "description": "minutes that it takes"},
            "hour": {"type": ["number", "null"], "minimum": 0, "exclusiveMaximum": 24,
                     "description": "local hour that it is meant for; the context's when absent or null"},
            "text": {"type": ["string", "null"], "maxLength": MAX_TEXT_BYTES, "pattern": STORABLE,
                     "description": format!("what its user reads; at most {MAX_TEXT_BYTES} bytes; kept, seen by no policy")},
        },
    });
    let context = json!({
        "type": "object",
        "required": ["hour", "weekday"],
        "additionalProperties": false,
        "properties": {
            "hour": {"type": "number", "minimum": 0, "exclusiveMaximum": 24,
                     "description": "local time in hours: 8.5 is half past eight"},
            "weekday": {"type": "integer", "minimum": 0, "maximum": 6,
                        "description": "0 (Monday) to 6 (Sunday)"},
        },
        "description": "the moment of the decision",
    });
    let mut features = profile::schema();
    features.as_object_mut().expect("an object").remove("$schema");
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "request",
        "description": "who is asking, at what moment, what could be shown, and what is known of the person",
        "type": "object",
        "required": ["context", "candidates"],
        "additionalProperties": false,
        "properties": {
            "user": {"type": ["string", "null"], "minLength": 1, "pattern": STORABLE,
                     "description": "the person; here or as --user"},
            "policy": {"type": ["string", "null"], "pattern": "^[a-z0-9-]{1,64}$",
                       "description": "name of the policy that decides, never a path; here or as --policy"},
            "seed": {"type": ["integer", "null"], "minimum": 0, "exclusiveMaximum": SEEDS,
                     "description": "seed of the exploration; drawn from the system when absent or null"},
            "shadow_of": {"type": ["string", "null"], "pattern": STORABLE,
                          "description": "id of the decision that the user was shown, if nobody is shown this one"},
            "prompt_version": {"type": ["string", "null"],
                               "pattern": format!("^[A-Za-z0-9][A-Za-z0-9._-]{{0,{}}}$", MAX_LABEL_BYTES - 1),
                               "description": "version of the prompt that wrote the candidates; kept, seen by no policy"},
            "prompt_digest": {"type": ["string", "null"], "pattern": "^[0-9a-f]{64}$",
                              "description": "digest of that prompt; kept, seen by no policy"},
            "context": context,
            "candidates": {"type": "array", "items": candidate, "minItems": 1, "maxItems": MAX_CANDIDATES,
                           "description": "what could be shown"},
            "profile_features": features,
        },
    })
}

/// The schema of a request of a domain (draft 2020-12).
pub fn schema_of(domain: &Domain) -> Value {
    let mut schema = schema();
    if domain.is_tips() {
        return schema;
    }
    schema["required"] = json!(["candidates"]);
    schema["properties"]["context"] = domain.object_schema(InputOf::Context);
    schema["properties"]["candidates"]["items"] = domain.object_schema(InputOf::Candidate);
    let mut features = domain.profile_schema();
    features.as_object_mut().expect("an object").remove("$schema");
    schema["properties"]["profile_features"] = features;
    schema
}
