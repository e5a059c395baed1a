//! The body of a request: JSON of a bounded size that comes within a bounded time, one call or a list of them.

use super::app::App;
use super::problem::{ORIGIN, Problem};
use super::queries::no_query;
use crate::base::clean::clean_json;
use crate::base::read;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Serialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::sync::Arc;
use tokio::time::timeout;

/// So many calls may be in a list.
pub(super) const MAX_CALLS: usize = 1_000;
/// Most answers are no longer than that, so that they are not moved while they are written.
const ANSWER_BYTES: usize = 1_024;
/// The text of a body.
pub(super) struct JsonBody(Bytes);

/// The text of a call, and what errors call it.
pub(super) type Call<'a> = (&'a [u8], Cow<'static, str>);

/// The calls of a body.
pub(super) struct Calls<'a> {
    pub(super) each: Vec<Call<'a>>,
    is_list: bool,
}

impl FromRequest<Arc<App>> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        no_query(request.uri())?;
        // A page of another site can send forms and plain text to a server of this machine, but not this type.
        if !is_json(request.headers()) {
            let detail = "send the header `content-type: application/json`, and no content-encoding";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
        }
        let limit = app.settings.max_body_bytes();
        let too_large = || {
            let detail = format!("the body has more than {limit} bytes, which is the limit here");
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
        };
        let stated =
            request.headers().get(header::CONTENT_LENGTH).and_then(|n| n.to_str().ok()?.parse().ok());
        if stated.is_some_and(|bytes: u64| bytes > limit as u64) {
            return Err(too_large());
        }
        let body = Limited::new(request.into_body(), limit).collect();
        match timeout(app.settings.time_limit(), body).await {
            Err(_) => {
                let detail = format!("the body did not come within {:?}", app.settings.time_limit());
                Err(Problem::new(StatusCode::REQUEST_TIMEOUT, detail)
                    .with_header(header::CONNECTION, "close"))
            }
            Ok(Err(error)) if error.downcast_ref::<LengthLimitError>().is_some() => Err(too_large()),
            Ok(Err(_)) => Err(Problem::new(StatusCode::BAD_REQUEST, "the body ends before its end")),
            Ok(Ok(body)) => Ok(Self(body.to_bytes())),
        }
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let essence = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = essence.and_then(|value| value.split(';').next()).map(str::trim);
    let plain = headers.get(header::CONTENT_ENCODING).is_none_or(|value| value == "identity");
    plain && essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"))
}

impl JsonBody {
    /// The text.
    pub(super) fn text(&self) -> &[u8] {
        read::without_mark(&self.0)
    }

    /// The calls in it: a list has one for each of its items, anything else is one.
    pub(super) fn calls(&self) -> Result<Calls<'_>, Problem> {
        let text = self.text();
        if text.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'[') {
            return Ok(Calls { each: vec![(text, ORIGIN.into())], is_list: false });
        }
        let items: Vec<&RawValue> = read::json_value(text, ORIGIN).map_err(|error| Problem::from(&error))?;
        if items.is_empty() || items.len() > MAX_CALLS {
            let detail = format!("{ORIGIN}: a list of {} calls; allowed: 1 to {MAX_CALLS}", items.len());
            return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
        }
        let each = items.into_iter().enumerate();
        let each = each.map(|(i, item)| (item.get().as_bytes(), format!("{ORIGIN}[{i}]").into())).collect();
        Ok(Calls { each, is_list: true })
    }
}

/// An answer to calls: to one, or to a list of them with the problem of a call in its place.
pub(super) enum Answers<T> {
    One(T),
    List(Vec<Result<T, Problem>>),
}

impl Calls<'_> {
    /// What is answered to these calls.
    pub(super) fn answers<T>(&self, mut each: Vec<Result<T, Problem>>) -> Result<Answers<T>, Problem> {
        if self.is_list { Ok(Answers::List(each)) } else { each.remove(0).map(Answers::One) }
    }
}

impl<T: Serialize> IntoResponse for Answers<T> {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Item<T> {
            Done(T),
            Not(Problem),
        }
        match self {
            Self::One(answer) => json(&answer),
            Self::List(answers) => {
                let items = answers.into_iter().map(|answer| answer.map_or_else(Item::Not, Item::Done));
                json(&items.collect::<Vec<_>>())
            }
        }
    }
}

/// A body of JSON.
pub(super) fn json(value: &impl Serialize) -> Response {
    let mut body = Vec::with_capacity(ANSWER_BYTES);
    serde_json::to_writer(&mut body, value).expect("plain values always serialize");
    clean_json(&mut body, 0);
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}
