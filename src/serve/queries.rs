//! What a URL says: a policy in its path, and parameters after it.

use super::app::App;
use super::problem::{ORIGIN, Problem};
use crate::base::error::{Fault, Result, storable};
use crate::store::user_name;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri};
use percent_encoding::percent_decode_str;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

/// A path that is no text.
pub(super) fn not_utf8() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "the path is not UTF-8")
}

/// The policy that a path names: as it is called, or as its family and version.
pub(super) struct InPath(pub(super) Option<String>);

impl FromRequestParts<Arc<App>> for InPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        use axum::extract::Path;
        let named = Path::<HashMap<String, String>>::from_request_parts(parts, app).await;
        let Ok(Path(named)) = named else {
            return Err(not_utf8());
        };
        let name = match (named.get("policy"), named.get("family"), named.get("version")) {
            (Some(policy), ..) => Some(policy.clone()),
            (None, Some(family), Some(version)) => Some(format!("{family}-{version}")),
            _ => None,
        };
        if let Some(name) = &name {
            app.service.policies().find(name).map_err(|error| Problem::from(&error))?;
        }
        Ok(Self(name))
    }
}

/// Parameters of `/stats`: a user, or a page of them.
#[derive(Debug, Default)]
pub(super) struct StatsQuery {
    /// The user; a page of users otherwise.
    pub(super) user: Option<String>,
    /// The user after whom the page begins.
    pub(super) after: Option<String>,
    /// Number of users on the page.
    pub(super) limit: Option<usize>,
}

/// So many users are on a page, at most.
pub(super) const MAX_USERS: usize = 1_000;
/// The parameters, in the order of the fields.
const PARAMETERS: [&str; 3] = ["user", "after", "limit"];

impl StatsQuery {
    fn parse(query: &str) -> Result<Self, Fault> {
        let mut found = [const { None }; PARAMETERS.len()];
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decoded("query", name)?;
            let place = PARAMETERS.iter().position(|known| *known == name);
            let place = place.ok_or_else(|| Fault::unknown("query", &name, PARAMETERS))?;
            if found[place].replace(decoded(&name, value)?).is_some() {
                return Err(Fault::new(name, "stated twice", "each parameter once"));
            }
        }
        let [user, after, limit] = found;
        if let Some(user) = &user {
            user_name(user)?;
            let beside = [("after", &after), ("limit", &limit)];
            if let Some((name, Some(value))) = beside.into_iter().find(|(_, value)| value.is_some()) {
                return Err(Fault::new(name, format!("{value:?}"), "nothing beside user, who is no page"));
            }
        }
        if let Some(after) = &after {
            storable("after", after)?;
        }
        let limit = limit.map(|text| {
            let number = text.parse().ok().filter(|limit| (1..=MAX_USERS).contains(limit));
            number.ok_or_else(|| Fault::new("limit", format!("{text:?}"), format!("1 to {MAX_USERS}")))
        });
        Ok(Self { user, after, limit: limit.transpose()? })
    }
}

/// What a part of a query says: `+` is a blank, and `%` begins a byte of UTF-8 in hexadecimal.
fn decoded(field: &str, text: &str) -> Result<String, Fault> {
    let blanks = text.replace('+', " ");
    let decoded = percent_decode_str(&blanks).decode_utf8().map(Cow::into_owned);
    decoded.map_err(|_| Fault::new(field, text, "UTF-8, percent-encoded"))
}

/// Fails where a route that takes a body is asked something after its path: nobody would look at it.
pub(super) fn no_query(uri: &Uri) -> Result<(), Problem> {
    match uri.query().filter(|query| !query.is_empty()) {
        None => Ok(()),
        Some(query) => {
            let fault = Fault::new("query", format!("{query:?}"), "none; what is asked stands in the body");
            Err(Problem::of_fault(StatusCode::BAD_REQUEST, ORIGIN, &fault))
        }
    }
}

impl FromRequestParts<Arc<App>> for StatsQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Problem> {
        Self::parse(parts.uri.query().unwrap_or_default())
            .map_err(|fault| Problem::of_fault(StatusCode::BAD_REQUEST, ORIGIN, &fault))
    }
}
