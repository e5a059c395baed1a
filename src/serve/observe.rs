//! Each request is let in or refused, timed and counted; failures are logged, with the trace that they belong to.

use super::app::App;
use super::guard::refusal;
use axum::extract::{MatchedPath, Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use std::time::Instant;

/// Name of the header that a trace is passed on in (W3C Trace Context).
const TRACEPARENT: &str = "traceparent";
/// What requests to no route are counted under: their paths are not ours.
pub(super) const NOWHERE: &str = "none";

/// Methods that are counted by their names; one of somebody's own making is no label.
const METHODS: [&str; 7] = ["GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"];

/// Lets a request in that may come, and times, counts and logs it. One layer does it all: each further one would cost every
/// request a few allocations.
pub(super) async fn observe(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let _active = app.metrics.begin();
    let started = Instant::now();
    let path = request.extensions().get::<MatchedPath>().cloned();
    let method = METHODS.into_iter().find(|known| *known == request.method().as_str()).unwrap_or("_OTHER");
    let parent = trace_parent(request.headers()).cloned();
    let mut response = match refusal(&app, &request) {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    };
    let (took, status) = (started.elapsed(), response.status().as_u16());
    let route = path.as_ref().map_or(NOWHERE, MatchedPath::as_str);
    app.metrics.answered(method, route, status, took);
    let trace = parent.as_ref().and_then(|parent| parent.to_str().ok()).map(|parent| &parent[3..35]);
    let milliseconds = took.as_secs_f64() * 1e3;
    if status >= 500 {
        tracing::error!(method, route, status, milliseconds, trace, "failed");
    } else {
        tracing::debug!(method, route, status, milliseconds, trace, "answered");
    }
    if let Some(parent) = parent {
        response.headers_mut().insert(TRACEPARENT, parent);
    }
    response
}

/// The trace that a request belongs to, if it says so in the form of version 00.
fn trace_parent(headers: &HeaderMap) -> Option<&axum::http::HeaderValue> {
    let value = headers.get(TRACEPARENT)?;
    let text = value.to_str().ok()?;
    let mut parts = text.split('-');
    let hex = |part: Option<&str>, digits| {
        part.is_some_and(|part| {
            part.len() == digits && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        })
    };
    let is_one = hex(parts.next(), 2)
        && hex(parts.next(), 32)
        && hex(parts.next(), 16)
        && hex(parts.next(), 2)
        && parts.next().is_none();
    is_one.then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn a_trace_has_its_form() {
        let is_one = |value: &str| {
            let headers =
                HeaderMap::from_iter([(TRACEPARENT.parse().unwrap(), HeaderValue::from_str(value).unwrap())]);
            trace_parent(&headers).is_some()
        };
        assert!(is_one("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
        for bad in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
            "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
        ] {
            assert!(!is_one(bad), "{bad}");
        }
    }
}
