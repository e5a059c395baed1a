//! A chat completion as an OpenAI-compatible gateway answers it.

use super::clean::visible;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Longest name of a model that is passed on, in characters.
const MODEL_NAME: usize = 200;

/// Tokens that a model took; `None` is what nobody knows: a gateway that did not say it, or a call that was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Tokens of what it was asked.
    pub prompt_tokens: Option<u64>,
    /// Tokens of what it answered.
    pub completion_tokens: Option<u64>,
}

impl Usage {
    /// What nothing takes.
    pub const NONE: Self = Self { prompt_tokens: Some(0), completion_tokens: Some(0) };
    /// What nobody knows.
    pub const UNKNOWN: Self = Self { prompt_tokens: None, completion_tokens: None };

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let sum = |a: Option<u64>, b: Option<u64>| Some(a?.saturating_add(b?));
        Self {
            prompt_tokens: sum(self.prompt_tokens, other.prompt_tokens),
            completion_tokens: sum(self.completion_tokens, other.completion_tokens),
        }
    }

    /// Both kinds of tokens, if they are known.
    pub fn total(self) -> Option<u64> {
        Some(self.prompt_tokens?.saturating_add(self.completion_tokens?))
    }
}

/// What a model said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Completion {
    pub(super) content: String,
    /// Whether it was cut off, or refused to say anything.
    pub(super) is_whole: bool,
    /// The model, as the gateway calls it.
    pub(super) model: Option<String>,
    pub(super) usage: Usage,
}

#[derive(Deserialize)]
struct RawCompletion {
    #[serde(default)]
    model: Option<String>,
    choices: Vec<RawChoice>,
    #[serde(default)]
    usage: Value,
}

#[derive(Deserialize)]
struct RawChoice {
    message: RawMessage,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct RawMessage {
    #[serde(default)]
    content: Option<String>,
}

/// A number of tokens, which some gateways write with a point. An answer that is paid for is used, whatever its count is.
fn count(usage: &Value, field: &str) -> Option<u64> {
    let number = usage.get(field)?;
    let with_point =
        |number: f64| (number.fract() == 0.0 && (0.0..9e15).contains(&number)).then_some(number as u64);
    number.as_u64().or_else(|| with_point(number.as_f64()?))
}

impl Completion {
    /// The completion in a body; `None` if it is none.
    pub(super) fn from_json(body: &[u8]) -> Option<Self> {
        let RawCompletion { model, choices, usage } = serde_json::from_slice(body).ok()?;
        let choice = choices.into_iter().next()?;
        let is_whole = choice.finish_reason.as_deref().is_none_or(|reason| reason == "stop");
        let model = model.map(|model| visible(&model, MODEL_NAME)).filter(|model| !model.is_empty());
        let usage = Usage {
            prompt_tokens: count(&usage, "prompt_tokens"),
            completion_tokens: count(&usage, "completion_tokens"),
        };
        let content = choice.message.content.unwrap_or_default();
        Some(Self { content, is_whole, model, usage })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_stays_unknown() {
        let body = br#"{"choices":[{"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}]}"#;
        let one = Completion::from_json(body).unwrap();
        assert_eq!((one.usage, one.is_whole, one.model), (Usage::UNKNOWN, true, None));
        assert_eq!(Usage::NONE.and(Usage::UNKNOWN), Usage::UNKNOWN);
        assert_eq!(Usage::NONE.total(), Some(0));
        let cut =
            br#"{"model":"m\u001b[0m","choices":[{"message":{"content":null},"finish_reason":"length"}],
                       "usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}"#;
        let one = Completion::from_json(cut).unwrap();
        assert_eq!((one.usage.total(), one.is_whole, one.model.as_deref()), (Some(10), false, Some("m [0m")));
        for (usage, known) in [
            (r#"{"prompt_tokens":10.0,"completion_tokens":-1}"#, Some(10)),
            (r#"{"prompt_tokens":"10"}"#, None),
            (r#"{"prompt_tokens":1.5}"#, None),
            ("\"much\"", None),
            ("null", None),
        ] {
            let body = format!(r#"{{"choices":[{{"message":{{"content":"x"}}}}],"usage":{usage}}}"#);
            let found = Completion::from_json(body.as_bytes()).expect(usage).usage;
            assert_eq!((found.prompt_tokens, found.completion_tokens), (known, None), "{usage}");
        }
        for bad in ["", "[]", "{\"choices\":[]}", "{\"choices\":\"x\"}", "\"choices\""] {
            assert_eq!(Completion::from_json(bad.as_bytes()), None, "{bad}");
        }
    }
}
