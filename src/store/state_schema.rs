//! The state file as JSON Schema, for those who write or read states with other tools.

use super::state_line::FORMAT_VERSION;
use crate::features::FeatureSet;
use crate::policy::{Learns, Structure};
use serde_json::{Value, json};

/// That of the learned prior that a state began with; `numbers` describes a list of them.
fn prior(numbers: impl Fn(&str) -> Value) -> Value {
    let of_kind = json!({
        "type": "object",
        "required": ["mean", "precision"],
        "additionalProperties": false,
        "properties": {
            "mean": numbers("D values"),
            "precision": numbers("lower triangle, row by row: D (D + 1) / 2 values, in units of the noise"),
        },
    });
    json!({
        "type": "object",
        "description": "the learned prior that the state began with",
        "required": ["format_version", "feature_set", "feature_set_digest", "feature_names", "structure", "mean",
                     "precision"],
        "additionalProperties": false,
        "properties": {
            "format_version": {"const": 1},
            "feature_set": {"type": "string"},
            "feature_set_digest": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
            "feature_names": {"type": "array", "items": {"type": "string"}},
            "structure": {"enum": Structure::ALL},
            "mean": of_kind["properties"]["mean"],
            "precision": of_kind["properties"]["precision"],
            "kinds": {"type": "object", "additionalProperties": of_kind},
        },
    })
}

/// The schema of a state file (draft 2020-12).
pub fn schema() -> Value {
    let numbers =
        |description: &str| json!({"type": "array", "items": {"type": "number"}, "description": description});
    let count = |description: &str| json!({"type": "integer", "minimum": 0, "description": description});
    let digest = |description: &str| json!({"type": "string", "pattern": "^[0-9a-f]{64}$", "description": description});
    let part = json!({
        "type": "object",
        "required": ["updates", "A", "b"],
        "additionalProperties": false,
        "properties": {
            "updates": count("rewards that this kind has learned from"),
            "A": numbers("lower triangle, row by row: D (D + 1) / 2 values; with a prior the sum over observations \
                          alone, to which the prior's precision, lambda times, is added"),
            "b": numbers("D values; with a prior likewise"),
            "A_inverse": numbers("as A; carried along from update to update"),
            "theta": numbers("D values; carried along from update to update"),
        },
    });
    let mut properties = part["properties"].clone();
    let own = json!({
        "format_version": {"type": "integer", "minimum": 1, "maximum": FORMAT_VERSION},
        "user": {"type": "string", "minLength": 1},
        "policy": {"type": "string", "pattern": "^[a-z0-9-]{1,64}$"},
        "feature_set": {"type": "string", "pattern": "^[a-z0-9-]{1,64}$",
                        "description": format!("{}, or the name of one that a file declares",
                                               FeatureSet::ALL.map(FeatureSet::name).join(", "))},
        "feature_set_digest": digest("of what the feature set makes of which inputs"),
        "domain_digest": digest("of the domain whose inputs it looks at"),
        "features": {"type": "object", "description": "the feature set as its file declares it, where it is not built in"},
        "D": {"type": "integer", "description": "number of dimensions"},
        "feature_names": {"type": "array", "items": {"type": "string"}, "description": "D names, in order"},
        "structure": {"enum": Structure::ALL},
        "lambda": {"type": "number", "exclusiveMinimum": 0},
        "forgetting": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        "learns": {"enum": Learns::ALL, "description": "whose rewards are learned from; user where it is not there"},
        "prior": prior(numbers),
        "updates": count("rewards that were learned from"),
        "reward_sum": {"type": "number", "description": "sum of these rewards"},
        "revision": count("counts every change of the state; since format 3"),
        "seq": count("of format 2: number of the latest record of its log"),
        "kinds": {
            "type": "object",
            "description": "for the disjoint structure, by kind of candidate; \"\" is no kind",
            "additionalProperties": part,
        },
        "events": {
            "type": "array",
            "description": "of format 2: the latest events, oldest first: id and reward",
            "items": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "number"}],
                      "minItems": 2, "maxItems": 2},
        },
        "command": {"type": "array", "items": {"type": "string"}, "minItems": 1,
                    "description": "of a program: its command, which starts nothing"},
        "domain": {"type": "object", "description": "of a program: the domain that it decides about, unless that is tips"},
        "state": {"description": "of a program: what it knows, any JSON of its own; null before its first reward"},
        "crc": {"type": "string", "pattern": "^[0-9a-f]{8}$",
                "description": "of format 2: CRC-32 of all bytes before ,\"crc\""},
    });
    for (name, value) in own.as_object().expect("an object") {
        properties[name] = value.clone();
    }
    let of_model = ["feature_set", "D", "feature_names", "structure", "lambda", "forgetting"];
    let of = |more: &[&'static str]| [&of_model[..], more].concat();
    let of_program = json!({"anyOf": [{"required": ["command"]}, {"required": ["state"]}]});
    let of_no_program: Vec<Value> = of_model
        .iter()
        .chain(&["A", "b", "kinds", "prior", "features"])
        .map(|name| json!({"required": [name]}))
        .collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "state of one user under one policy",
        "type": "object",
        "required": ["format_version", "user", "policy", "updates", "reward_sum"],
        "oneOf": [
            {"required": of(&["A", "b"]), "not": of_program},
            {"required": of(&["kinds"]), "not": of_program},
            {"required": ["command", "state"], "not": {"anyOf": of_no_program}},
        ],
        "additionalProperties": false,
        "properties": properties,
    })
}
