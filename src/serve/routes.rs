//! The routes: each is a function of checked things.

use super::app::App;
use super::body::{Answers, Call, JsonBody, json};
use super::observe::observe;
use super::ofrep;
use super::openapi;
use super::page;
use super::problem::{ORIGIN, Problem};
use super::queries::{InPath, StatsQuery};
use crate::base::error::Result as OurResult;
use crate::base::read;
use crate::policy::DecisionRng;
use crate::prompt::Generated;
use crate::service::{Given, GivenBy, RewardCall, RewardReply, ScoreCall, ScoreReply, UserRequest};
use crate::store::read as read_store;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::future::Future;
use std::sync::Arc;
use tokio::time::timeout;

/// Type of what `/metrics` answers.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All routes, over what the handlers share.
pub(super) fn router(app: &Arc<App>) -> Router {
    let mut router = Router::new();
    for forms in ["", "/{policy}", "/{family}/{version}"] {
        router = router
            .route(&format!("/score{forms}"), post(score))
            .route(&format!("/reward{forms}"), post(reward))
            .route(&format!("/stats{forms}"), get(stats));
    }
    router
        .route("/reset", post(reset))
        .route("/ofrep/v1/evaluate/flags", post(ofrep::flags))
        .route("/ofrep/v1/evaluate/flags/{key}", post(ofrep::flag))
        .route("/generate", post(generate))
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(openapi))
        .route("/", get(front_page))
        .method_not_allowed_fallback(wrong_method)
        .fallback(nowhere)
        .layer(from_fn_with_state(Arc::clone(app), observe))
        .with_state(Arc::clone(app))
}

/// What is done within the time that a request may take.
async fn in_time<T>(app: &App, work: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    timeout(app.settings.time_limit(), work).await.unwrap_or_else(|_| {
        let detail =
            "it took too long; it may have been done: what is sent again with the same event is learned once";
        Err(Problem::later(detail))
    })
}

/// Makes calls of texts, has the sound ones done together, and puts what came of each in its place.
async fn each<C, R, F: Future<Output = Result<Vec<Result<R, Problem>>, Problem>>>(
    calls: impl Iterator<Item = OurResult<C>>,
    work: impl FnOnce(Vec<C>) -> F,
) -> Result<Vec<Result<R, Problem>>, Problem> {
    let (mut sound, mut outcomes) = (Vec::new(), Vec::new());
    for call in calls {
        outcomes.push(call.map(|call| sound.push(call)).map_err(|error| Problem::from(&error)));
    }
    let mut done = if sound.is_empty() { Vec::new() } else { work(sound).await? }.into_iter();
    Ok(outcomes
        .into_iter()
        .map(|outcome| outcome.and_then(|()| done.next().expect("there is one for each")))
        .collect())
}

async fn score(
    State(app): State<Arc<App>>,
    InPath(policy): InPath,
    body: JsonBody,
) -> Result<Answers<ScoreReply>, Problem> {
    let given = Given { by: GivenBy::Url, policy, ..Given::default() };
    let calls = body.calls()?;
    let parse = |(text, origin): &Call| UserRequest::parse(&app.service, text, origin, &given);
    let mut asked: Vec<_> = calls.each.iter().map(parse).collect();
    // Who decides may depend on the profile.
    app.lookups.complete(asked.iter_mut().flatten()).await;
    let call = |(asked, (_, origin)): (OurResult<UserRequest>, &Call)| {
        ScoreCall::new(&app.service, asked?, origin, &given, DecisionRng::fresh_seed()?)
    };
    let work = each(asked.into_iter().zip(&calls.each).map(call), |sound| app.deciders.decide(sound));
    calls.answers(in_time(&app, work).await?)
}

async fn reward(
    State(app): State<Arc<App>>,
    InPath(policy): InPath,
    body: JsonBody,
) -> Result<Answers<RewardReply>, Problem> {
    let given = Given { by: GivenBy::Url, policy, ..Given::default() };
    let calls = body.calls()?;
    let parse = |(text, origin): &Call| RewardCall::parse(&app.service, text, origin, &given);
    let work = each(calls.each.iter().map(parse), |sound| app.writer.learn(sound));
    calls.answers(in_time(&app, work).await?)
}

async fn stats(
    State(app): State<Arc<App>>,
    InPath(policy): InPath,
    query: StatsQuery,
) -> Result<Response, Problem> {
    #[derive(Serialize)]
    struct Page<T> {
        users: Vec<T>,
        /// The user after whom the next page begins; null on the last one.
        next: Option<SmolStr>,
    }
    let own = Arc::clone(&app);
    let work = tokio::task::spawn_blocking(move || {
        let (service, policy) = (&own.service, policy.as_deref());
        if let Some(user) = query.user {
            let mut found = Vec::new();
            service.stats(Some(&user), policy, |stats| {
                found.push(stats);
                Ok(())
            })?;
            return Ok(json(&found.remove(0)));
        }
        let limit = query.limit.unwrap_or(100);
        let users = service.stats_after(query.after.as_deref().unwrap_or_default(), policy, limit)?;
        let next = (users.len() == limit).then(|| users.last().map(|stats| stats.user.clone())).flatten();
        Ok(json(&Page { users, next }))
    });
    in_time(&app, async {
        let done = work.await.map_err(|_| Problem::stopping())?;
        done.map_err(|error: crate::base::error::Error| Problem::from(&error))
    })
    .await
}

/// Whom to forget.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawReset {
    user: SmolStr,
    #[serde(default)]
    policy: Option<SmolStr>,
    #[serde(default)]
    erase: bool,
}

async fn reset(State(app): State<Arc<App>>, body: JsonBody) -> Result<Response, Problem> {
    let raw: RawReset = read::json(body.text(), ORIGIN).map_err(|error| Problem::from(&error))?;
    let policy = raw.policy.as_deref().unwrap_or("any");
    crate::store::state_file(&raw.user, policy)
        .map_err(|fault| Problem::of_fault(StatusCode::BAD_REQUEST, ORIGIN, &fault))?;
    if let Some(policy) = raw.policy.clone() {
        let (own, user) = (Arc::clone(&app), raw.user.clone());
        let known = tokio::task::spawn_blocking(move || own.service.knows(&user, &policy));
        in_time(&app, async {
            let known = known.await.map_err(|_| Problem::stopping())?;
            known.map_err(|error| Problem::from(&error))
        })
        .await?;
    }
    let work = async {
        if raw.erase {
            // What shadows have yet to make of what was answered is of this user, too.
            app.shadows.settled().await;
        }
        app.writer.forget(raw.user, raw.policy, raw.erase).await
    };
    let reset = in_time(&app, work).await?;
    Ok(json(&reset))
}

async fn generate(State(app): State<Arc<App>>, body: JsonBody) -> Result<Answers<Generated>, Problem> {
    let calls = body.calls()?;
    // What the gateway may take comes on top of what any request may.
    let limit = app.settings.time_limit() + app.generations.time_limit();
    let each = timeout(limit, app.generations.answer(&calls.each)).await;
    calls.answers(each.map_err(|_| Problem::later("it took too long"))?)
}

async fn live() -> &'static str {
    "live\n"
}

async fn ready(State(app): State<Arc<App>>) -> Result<&'static str, Problem> {
    if app.is_stopping() {
        return Err(Problem::stopping());
    }
    if !app.writer.is_writing() {
        return Err(Problem::later("the store could not be written when that was last tried"));
    }
    let own = Arc::clone(&app);
    let read = tokio::task::spawn_blocking(move || {
        read_store(own.service.store(), |snapshot| snapshot.states_after(("", ""), 1)).map(drop)
    });
    in_time(&app, async {
        let done = read.await.map_err(|_| Problem::stopping())?;
        done.map_err(|error| Problem::from(&error))
    })
    .await?;
    Ok("ready\n")
}

async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, OPENMETRICS)], app.metrics.text(app.writer.waiting()))
}

async fn openapi(State(app): State<Arc<App>>) -> Response {
    json(&openapi::document(&app.service.policies()))
}

async fn front_page(State(app): State<Arc<App>>) -> impl IntoResponse {
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(page::html(&app)))
}

async fn wrong_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "see /openapi.json for the methods of each route")
}

async fn nowhere() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "there is no such route; see /openapi.json for those that there are")
}
