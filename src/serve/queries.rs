//! What a URL says: a policy in its path, and parameters after it.

use super::app::App;
use super::body::ORIGIN;
use super::problem::Problem;
use axum::extract::{FromRequestParts, Query};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::Arc;

/// The policy that a path names: as it is called, or as its family and version.
pub(super) struct InPath(pub(super) Option<String>);

impl FromRequestParts<Arc<App>> for InPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        use axum::extract::Path;
        let named = Path::<HashMap<String, String>>::from_request_parts(parts, app).await;
        let Ok(Path(named)) = named else {
            return Err(Problem::new(StatusCode::BAD_REQUEST, "the path is not UTF-8"));
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

/// Parameters of `/stats`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
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

impl FromRequestParts<Arc<App>> for StatsQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let invalid = |detail: String| Problem::new(StatusCode::BAD_REQUEST, detail);
        let query = Query::<Self>::from_request_parts(parts, app).await;
        let Query(query) = query.map_err(|error| invalid(format!("{ORIGIN}: {}", error.body_text())))?;
        if let Some(limit) = query.limit.filter(|limit| !(1..=MAX_USERS).contains(limit)) {
            return Err(invalid(format!("{ORIGIN}: limit is {limit}; allowed: 1 to {MAX_USERS}")));
        }
        Ok(query)
    }
}
