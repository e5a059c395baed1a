//! Errors as problem documents (RFC 9457), in one place.

use crate::base::clean::clean_json;
use crate::base::error::{Error, ErrorKind, Fault};
use crate::policy::program::ProgramError;
use crate::service::ServiceError;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use uuid::Uuid;

/// What errors call a request.
pub(super) const ORIGIN: &str = "request";

/// A decision that was answered is in the store within this time, or its server cannot write.
const FLUSH_LIMIT: Duration = Duration::from_secs(2);
/// In how many seconds to ask again.
const RETRY_AFTER: u32 = 1;

/// Why a request, or one call of a batch, is not honoured.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub(super) struct Problem(Box<Document>);

/// What is sent.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Document {
    #[serde(rename = "type")]
    uri: String,
    #[serde(skip)]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed: Option<String>,
    /// Headers that go with it.
    #[serde(skip)]
    headers: Vec<(header::HeaderName, &'static str)>,
}

/// The kinds of problem: status, last part of the type, title.
const KINDS: [(StatusCode, &str, &str); 11] = [
    (StatusCode::BAD_REQUEST, "invalid", "The request is not valid"),
    (StatusCode::UNAUTHORIZED, "no-token", "The token is missing or wrong"),
    (StatusCode::NOT_FOUND, "not-found", "There is no such thing"),
    (StatusCode::METHOD_NOT_ALLOWED, "method", "The resource has no such method"),
    (StatusCode::REQUEST_TIMEOUT, "too-slow", "The request came too slowly"),
    (StatusCode::CONFLICT, "conflict", "It contradicts what is there"),
    (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The request is too large"),
    (StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", "The body is not application/json"),
    (StatusCode::MISDIRECTED_REQUEST, "host", "The request is for another host"),
    (StatusCode::INTERNAL_SERVER_ERROR, "damaged", "What is stored is damaged"),
    (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not now"),
];

impl Problem {
    /// A problem with this status, which must be one of the kinds.
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let (status, name, title) = KINDS.into_iter().find(|(kind, ..)| *kind == status).unwrap_or(KINDS[0]);
        Self(Box::new(Document {
            uri: format!("urn:rehearsal:problem:{name}"),
            kind: name,
            title,
            status: status.as_u16(),
            detail: detail.into(),
            field: None,
            value: None,
            allowed: None,
            headers: Vec::new(),
        }))
    }

    /// One that passes: ask again.
    pub(super) fn later(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }

    /// The server was asked to end.
    pub(super) fn stopping() -> Self {
        Self::later("the server is stopping")
    }

    /// A field whose value is not allowed.
    pub(super) fn of_fault(status: StatusCode, origin: &str, fault: &Fault) -> Self {
        let mut problem = Self::new(status, format!("{origin}: {fault}"));
        problem.0.field = Some(fault.field.clone());
        problem.0.value = Some(fault.value.clone());
        problem.0.allowed = Some(fault.allowed.clone());
        problem
    }

    /// The same with a header.
    #[must_use]
    pub(super) fn with_header(mut self, name: header::HeaderName, value: &'static str) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// The last part of its type.
    pub(super) fn kind(&self) -> &'static str {
        self.0.kind
    }

    /// Its status.
    pub(super) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).expect("it was made from one")
    }
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        if let Some(ServiceError::NoDecision { id, .. }) = error.cause() {
            if is_young(id, SystemTime::now()) {
                return Self::later(format!("decision {id:?} may still be on its way into the store"));
            }
            return Self::new(StatusCode::NOT_FOUND, format!("decision {id:?}: not in the store"));
        }
        if let Some(ProgramError::Failed { policy, what, .. }) = error.cause() {
            // What it wrote, and where it is, is for the operator.
            tracing::error!(%error, "a program failed");
            return Self::later(format!("the program of policy {policy:?} has no answer to {what} this"));
        }
        let status = match error.kind() {
            ErrorKind::Invalid => StatusCode::BAD_REQUEST,
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::Conflict => StatusCode::CONFLICT,
            // Where the store is, and what its engine said, is for the operator.
            kind => {
                tracing::error!(%error, "the store failed");
                return match kind {
                    ErrorKind::Damaged => {
                        let detail = "what the store has of this cannot be read; its operator finds out with `rehearsal verify`";
                        Self::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
                    }
                    ErrorKind::Busy => Self::later("the store is busy"),
                    _ => Self::later("the store cannot be used just now"),
                };
            }
        };
        fault(error).map_or_else(
            || Self::new(status, error.to_string()),
            |(origin, fault)| Self::of_fault(status, origin, fault),
        )
    }
}

/// The field that an error is about, if it is about one.
fn fault(error: &Error) -> Option<(&str, &Fault)> {
    match error {
        Error::Invalid { origin, fault } => Some((origin, fault)),
        Error::NamedBy { source, .. } => fault(source),
        _ => None,
    }
}

/// Whether a decision with this id was made so short ago that another replica may not have kept it yet.
fn is_young(id: &str, now: SystemTime) -> bool {
    let made = Uuid::try_parse(id).ok().and_then(|id| id.get_timestamp()).map(|made| made.to_unix());
    let made = made.map(|(seconds, nanos)| UNIX_EPOCH + Duration::new(seconds, nanos));
    // A clock that is ahead of ours by as much is none to believe.
    made.is_some_and(|made| now < made + FLUSH_LIMIT && made < now + FLUSH_LIMIT)
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = serde_json::to_vec(&self).expect("plain values always serialize");
        clean_json(&mut body, 0);
        let mut response = (self.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status() == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER.into());
        }
        for (name, value) in self.0.headers {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Builder;

    fn made(at: SystemTime) -> String {
        let millis = at.duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
        Builder::from_unix_timestamp_millis(millis, &[7; 10]).into_uuid().to_string()
    }

    #[test]
    fn only_a_decision_of_a_moment_ago_may_still_come() {
        let now = SystemTime::now();
        assert!(is_young(&made(now), now));
        assert!(is_young(&made(now - FLUSH_LIMIT + Duration::from_millis(10)), now));
        assert!(!is_young(&made(now - FLUSH_LIMIT - Duration::from_millis(10)), now));
        assert!(is_young(&made(now + Duration::from_millis(500)), now));
        assert!(!is_young(&made(now + Duration::from_secs(60)), now));
        assert!(!is_young("018f-none", now) && !is_young("", now));
        // One of version 4 says nothing of its time.
        assert!(!is_young("f47ac10b-58cc-4372-a567-0e02b2c3d479", now));
    }

    #[test]
    fn where_the_store_is_stays_here() {
        let error = Error::Damaged { path: "/var/lib/secret.db".into(), what: "page 7".to_owned() };
        let problem = Problem::from(&error);
        assert_eq!(problem.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!problem.0.detail.contains("secret"), "{}", problem.0.detail);
        let id = "0".repeat(36);
        let missing = Error::because(ServiceError::NoDecision { id, store: "/var/lib/secret.db".to_owned() });
        let problem = Problem::from(&missing);
        assert_eq!(problem.status(), StatusCode::NOT_FOUND);
        assert!(!problem.0.detail.contains("secret"), "{}", problem.0.detail);
    }

    #[test]
    fn a_fault_says_field_value_and_what_is_allowed() {
        let problem = Problem::from(&Fault::new("context.hour", 25, "an hour in [0, 24)").at("request"));
        let json = serde_json::to_value(&problem).unwrap();
        assert_eq!(json["status"], 400);
        assert_eq!(json["field"], "context.hour");
        assert_eq!(json["value"], "25");
        assert_eq!(json["allowed"], "an hour in [0, 24)");
        assert_eq!(json["type"], "urn:rehearsal:problem:invalid");
    }
}
