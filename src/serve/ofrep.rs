//! OpenFeature's remote evaluation protocol (OFREP 0.3): experiments as flags, for services in any language that know
//! nothing of this program. An experiment's key is the flag's; the value is the variant's `value`, or its name where no
//! variant has one.

use super::app::App;
use super::body::{JsonBody, json};
use super::problem::Problem;
use super::queries::not_utf8;
use crate::base::digest::of_value;
use crate::base::error::Fault;
use crate::base::read;
use crate::experiment::{Experiment, Variant};
use crate::service::ActiveExperiments;
use crate::store::user_name;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::sync::Arc;

/// One flag for one user.
#[derive(Debug, PartialEq, Serialize)]
struct Evaluation {
    key: String,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<String>,
    /// Left out where the asking code's own default is to be taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Value>,
}

/// Why there is none, or why there are none.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    error_code: &'static str,
    error_details: String,
}

/// All flags for one user.
#[derive(Serialize)]
struct Bulk {
    flags: Vec<Evaluation>,
}

/// Who asks for whom: the user's id, and what else is known.
struct EvaluationContext {
    user: String,
    attributes: Map<String, Value>,
}

/// A body as it is read for keys that are there twice alone.
#[derive(Deserialize)]
struct UniqueKeys {
    #[serde(rename = "context", deserialize_with = "read::unique_keys")]
    _context: Map<String, Value>,
}

/// What errors call the user of a context.
const TARGETING_KEY: &str = "context.targetingKey";

impl EvaluationContext {
    /// The context in a body, or why it is none.
    fn parse(text: &[u8]) -> Result<Self, (&'static str, String)> {
        let parsed =
            serde_json::from_slice::<Value>(text).map_err(|error| ("PARSE_ERROR", error.to_string()))?;
        let Value::Object(mut body) = parsed else {
            return Err(("PARSE_ERROR", "the body is no object".to_owned()));
        };
        let Some(Value::Object(attributes)) = body.remove("context") else {
            return Err(("INVALID_CONTEXT", "context is missing, or no object".to_owned()));
        };
        // Of a key that is there twice nobody knows which was meant.
        serde_json::from_slice::<UniqueKeys>(text).map_err(|error| ("PARSE_ERROR", error.to_string()))?;
        match attributes.get("targetingKey") {
            Some(Value::String(user)) => match user_name(user) {
                Ok(user) => Ok(Self { user: user.to_owned(), attributes }),
                Err(fault) => {
                    Err(("INVALID_CONTEXT", Fault { field: TARGETING_KEY.to_owned(), ..fault }.to_string()))
                }
            },
            None | Some(Value::Null) => Err((
                "TARGETING_KEY_MISSING",
                "context.targetingKey is missing: the id of the user".to_owned(),
            )),
            Some(other) => {
                let fault = Fault::new(TARGETING_KEY, other, "a text of at least one character");
                Err(("INVALID_CONTEXT", fault.to_string()))
            }
        }
    }
}

impl Failure {
    fn answer(
        key: Option<String>,
        (error_code, error_details): (&'static str, String),
        status: StatusCode,
    ) -> Response {
        let mut response = json(&Self { key, error_code, error_details });
        *response.status_mut() = status;
        response
    }
}

fn evaluate(active: &ActiveExperiments, experiment: &Experiment, context: &EvaluationContext) -> Evaluation {
    let attribute = |name: &str| context.attributes.get(name).cloned();
    let assignment = active.assign(experiment, &context.user, &attribute);
    let has_values = experiment.variants().iter().any(|variant: &Variant| variant.value().is_some());
    let value =
        assignment.value.or_else(|| assignment.variant.as_deref().filter(|_| !has_values).map(Value::from));
    let reason = if assignment.variant.is_some() { "SPLIT" } else { "DISABLED" };
    let variant = assignment.variant.map(|variant| variant.to_string());
    Evaluation { key: experiment.key().to_string(), reason, variant, value }
}

/// `POST /ofrep/v1/evaluate/flags/{key}`.
pub(super) async fn flag(
    State(app): State<Arc<App>>,
    key: Result<Path<String>, PathRejection>,
    body: JsonBody,
) -> Result<Response, Problem> {
    let Ok(Path(key)) = key else { return Err(not_utf8()) };
    let context = match EvaluationContext::parse(body.text()) {
        Ok(context) => context,
        Err(failure) => return Ok(Failure::answer(Some(key), failure, StatusCode::BAD_REQUEST)),
    };
    let active = app.service.experiments();
    let found = active.and_then(|active| Some((active, active.experiments().get(&key)?)));
    let Some((active, experiment)) = found else {
        let details = format!("there is no experiment {key:?} here");
        return Ok(Failure::answer(Some(key), ("FLAG_NOT_FOUND", details), StatusCode::NOT_FOUND));
    };
    Ok(json(&evaluate(active, experiment, &context)))
}

/// `POST /ofrep/v1/evaluate/flags`.
pub(super) async fn flags(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: JsonBody,
) -> Result<Response, Problem> {
    let context = match EvaluationContext::parse(body.text()) {
        Ok(context) => context,
        Err(failure) => return Ok(Failure::answer(None, failure, StatusCode::BAD_REQUEST)),
    };
    let flags: Vec<Evaluation> = app.service.experiments().map_or_else(Vec::new, |active| {
        active.experiments().iter().map(|experiment| evaluate(active, experiment, &context)).collect()
    });
    let etag = format!("\"{}\"", &of_value(&flags)[..32]);
    let is_known =
        headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).any(|sent| {
            // A tag may come as a weak one, or in a list; some clients leave its quotes out.
            let same = |tag: &str| {
                let tag = tag.trim();
                let tag = tag.strip_prefix("W/").unwrap_or(tag);
                tag == "*" || tag == etag || tag == etag.trim_matches('"')
            };
            sent.split(',').any(same)
        });
    let mut response =
        if is_known { StatusCode::NOT_MODIFIED.into_response() } else { json(&Bulk { flags }) };
    let etag = HeaderValue::from_str(&etag).expect("digits and quotes");
    response.headers_mut().insert(header::ETAG, etag);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_is_an_object_with_a_targeting_key() {
        let code = |text: &str| EvaluationContext::parse(text.as_bytes()).err().map(|(code, _)| code);
        for (text, expected) in [
            ("{\"context\":{\"targetingKey\":\"ann\",\"plan\":\"pro\"}}", None),
            ("{\"context\":", Some("PARSE_ERROR")),
            ("[]", Some("PARSE_ERROR")),
            ("{\"context\":{\"targetingKey\":\"ann\",\"targetingKey\":\"bob\"}}", Some("PARSE_ERROR")),
            ("{\"context\":{\"targetingKey\":\"ann\"},\"context\":{}}", Some("PARSE_ERROR")),
            ("{\"context\":{},\"context\":{\"targetingKey\":\"ann\"},\"more\":[1]}", Some("PARSE_ERROR")),
            ("{}", Some("INVALID_CONTEXT")),
            ("{\"context\":7}", Some("INVALID_CONTEXT")),
            ("{\"context\":{}}", Some("TARGETING_KEY_MISSING")),
            ("{\"context\":{\"targetingKey\":7}}", Some("INVALID_CONTEXT")),
            ("{\"context\":{\"targetingKey\":\"\"}}", Some("INVALID_CONTEXT")),
            // As where a decision is asked for.
            ("{\"context\":{\"targetingKey\":\"a\\u0000b\"}}", Some("INVALID_CONTEXT")),
        ] {
            assert_eq!(code(text), expected, "{text}");
        }
        // However much stands in the place of a user, little of it is sent back.
        let long = format!("{{\"context\":{{\"targetingKey\":[\"{}\"]}}}}", "x".repeat(400 << 10));
        let (_, details) = EvaluationContext::parse(long.as_bytes()).err().unwrap();
        assert!(details.len() < 1_000 && details.contains("context.targetingKey is"), "{}", details.len());
    }
}
