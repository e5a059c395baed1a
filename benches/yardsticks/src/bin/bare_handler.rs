//! What `rehearsal serve` is held against: a handler that parses a request and prints an answer of the same JSON, and does
//! nothing else. `bare_handler ADDRESS`.

use axum::body::Bytes;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::{Router, routing::post};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Request {
    user: String,
    #[allow(dead_code, reason = "it is parsed, as theirs is")]
    context: serde_json::Value,
    candidates: Vec<Candidate>,
    #[serde(default)]
    #[allow(dead_code, reason = "it is parsed, as theirs is")]
    profile_features: serde_json::Value,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "they are parsed, as theirs are")]
struct Candidate {
    id: String,
    kind: Option<String>,
    priority: Option<f64>,
    due_in_days: Option<f64>,
    effort_minutes: Option<f64>,
}

#[derive(Serialize)]
struct Answer<'a> {
    decision_id: &'a str,
    user: &'a str,
    policy: &'a str,
    chosen: &'a str,
    propensity: f64,
    explored: bool,
    candidates: Vec<Scored<'a>>,
    shadows: [(); 0],
}

#[derive(Serialize)]
struct Scored<'a> {
    id: &'a str,
    score: f64,
    propensity: f64,
}

async fn score(body: Bytes) -> impl IntoResponse {
    let Ok(request) = serde_json::from_slice::<Request>(&body) else {
        return (StatusCode::BAD_REQUEST, [(header::CONTENT_TYPE, "text/plain")], Vec::new());
    };
    let share = 1.0 / request.candidates.len() as f64;
    let candidates = request.candidates.iter();
    let answer = Answer {
        decision_id: "01a22ab9-c25d-7a4a-b277-d82c37d9ed6e",
        user: &request.user,
        policy: "egreedy-v2",
        chosen: &request.candidates[0].id,
        propensity: share,
        explored: false,
        candidates: candidates.map(|c| Scored { id: &c.id, score: 0.123, propensity: share }).collect(),
        shadows: [],
    };
    let text = serde_json::to_vec(&answer).expect("plain values serialize");
    (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], text)
}

fn main() {
    let address = std::env::args().nth(1).expect("an address");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(&address).await.expect("a free address");
        println!("{}", listener.local_addr().expect("an address"));
        axum::serve(listener, Router::new().route("/score", post(score))).await.expect("it serves");
    });
}
