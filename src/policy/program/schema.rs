//! The protocol as JSON Schema, for those who write programs.

use super::protocol::{MAX_BATCH, MAX_STATE_BYTES, PROTOCOL, SUM_TOLERANCE};
use crate::domain::request;
use crate::domain::{Domain, InputOf};
use serde_json::{Value, json};

/// The schema of a line that is asked or answered (draft 2020-12), for programs that decide about this domain.
///
/// ```
/// use rehearsal::domain::Domain;
///
/// let schema = rehearsal::policy::program::schema(Domain::tips());
/// assert_eq!(schema["$defs"]["hello"]["properties"]["protocol"]["const"], 1);
/// ```
pub fn schema(domain: &Domain) -> Value {
    let of_request = request::schema_of(domain);
    let offer = |description: &str, most: Option<u64>| {
        let mut properties = json!({});
        for name in ["context", "candidates", "profile_features"] {
            if let Some(own) = of_request["properties"].get(name) {
                properties[name] = own.clone();
            }
        }
        // No policy sees it.
        if let Some(of_candidate) = properties["candidates"]["items"]["properties"].as_object_mut() {
            of_candidate.remove("text");
        }
        if let Some(most) = most {
            properties["candidates"]["maxItems"] = json!(most);
        }
        json!({"type": "object", "required": ["context", "candidates"], "additionalProperties": false,
               "properties": properties, "description": description})
    };
    let state = json!({
        "description": format!("what is known of the user: any JSON of at most {MAX_STATE_BYTES} bytes that the program \
                                answered before; null before the first reward"),
    });
    let id = json!({"type": "integer", "minimum": 0, "description": "number of the call, which the answer repeats"});
    let asked = |call: &str, rest: Value| {
        let mut properties = json!({"call": {"const": call}, "id": id});
        let mut required = vec![json!("call"), json!("id")];
        for (name, value) in rest.as_object().expect("an object") {
            properties[name] = value.clone();
            required.push(json!(name));
        }
        json!({"type": "object", "required": required, "properties": properties})
    };
    let items = |item: Value| json!({"type": "array", "minItems": 1, "maxItems": MAX_BATCH, "items": item});
    let answered = |field: &str, value: Value, description: &str| {
        json!({"type": "object", "required": ["id", field], "description": description,
               "properties": {"id": id, field: value}})
    };
    let of_input = json!({
        "type": "object", "required": ["of", "name", "type"],
        "properties": {
            "of": {"enum": InputOf::ALL.map(InputOf::name)}, "name": {"type": "string"},
            "type": {"enum": ["number", "hour", "flag", "category"]},
            "minimum": {"type": "number"}, "maximum": {"type": "number"},
            "levels": {"type": "array", "items": {"type": "string"}},
        },
    });
    let of_outcome = json!({
        "type": "object", "required": ["name", "reward"],
        "properties": {"name": {"type": "string"}, "reward": {"type": "number"}},
    });
    let domain = json!({
        "type": "object", "required": ["name", "inputs", "outcomes"],
        "description": "as the domain's file states it: what may be known, and what can happen",
        "properties": {
            "name": {"type": "string"}, "kind": {"type": "string", "description": "the input that is the candidate's kind"},
            "inputs": {"type": "array", "items": of_input}, "outcomes": {"type": "array", "items": of_outcome},
        },
    });
    let definitions = json!({
        "hello": asked("hello", json!({
            "protocol": {"const": PROTOCOL},
            "policy": {"type": "string", "description": "the name in the policy's file"},
            "domain": domain,
        })),
        "decide": asked("decide", json!({"items": items(json!({
            "type": "object", "required": ["state", "request"],
            "properties": {"state": state, "request": offer("what there is to choose from", None)},
        }))})),
        "learn": asked("learn", json!({"items": items(json!({
            "type": "object", "required": ["state", "request", "chosen", "reward"],
            "properties": {
                "state": state,
                "request": offer("what was shown, as a request that offers nothing else", Some(1)),
                "chosen": {"type": "string", "description": "id of the candidate that was shown"},
                "reward": {"type": "number", "description": "what it earned"},
            },
        }))})),
        "hello_answer": answered("protocol", json!({"const": PROTOCOL}), "answers hello"),
        "decide_answer": answered("probabilities", json!({
            "type": "array",
            "items": {"type": "array", "minItems": 1, "items": {"type": "number", "minimum": 0},
                      "description": format!("one for each candidate, in their order; they add up to 1 within {SUM_TOLERANCE}")},
        }), "answers decide: one list for each item, in their order"),
        "learn_answer": answered("states", json!({"type": "array", "items": state}),
                                 "answers learn: one state for each item, in their order"),
        "error_answer": answered("error", json!({"type": "string"}), "answers any call that the program cannot"),
    });
    let names = definitions.as_object().expect("an object").keys();
    let any: Vec<Value> = names.map(|name| json!({"$ref": format!("#/$defs/{name}")})).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "protocol of programs as policies",
        "description": "one line asked over the program's stdin, one line answered over its stdout",
        "anyOf": any,
        "$defs": definitions,
    })
}
