//! What a model is asked for one person.

use serde::Serialize;
use serde_json::{Value, json};

/// One message to a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// `system`, `user` or `assistant`.
    pub role: &'static str,
    /// Its text.
    pub content: String,
}

/// What a model is asked for a person: the messages, and what holds for the answer.
#[derive(Debug, Clone, PartialEq)]
pub struct PromptCall {
    /// A message of the system, then one of the user.
    pub messages: Vec<Message>,
    /// How many tips, at most.
    pub count: u32,
    /// Kinds that they may have.
    pub kinds: Vec<String>,
    /// By which names tasks are known to the model.
    pub tasks: Vec<String>,
}

impl PromptCall {
    /// What an answer must be, as a JSON Schema. Nothing that a person wrote is in it.
    pub fn answer_schema(&self) -> Value {
        let tasks: Vec<Value> = self.tasks.iter().map(|task| json!(task)).chain([Value::Null]).collect();
        json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["candidates"],
            "properties": {"candidates": {
                "type": "array", "minItems": 1, "maxItems": self.count,
                "items": {
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["kind", "text", "task", "effort_minutes"],
                    "properties": {
                        "kind": {"type": "string", "enum": self.kinds},
                        "text": {"type": "string"},
                        "task": {"type": ["string", "null"], "enum": tasks},
                        "effort_minutes": {"type": ["integer", "null"]},
                    },
                },
            }},
        })
    }
}
