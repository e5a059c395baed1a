//! Tips over HTTP.

use super::{request, text};
use crate::util::Dir;
use crate::util::gateway::{Answer, Gateway, candidates};
use crate::util::server::{Client, Server};
use serde_json::{Value, json};
use std::thread;
use std::time::{Duration, Instant};

const POLICY: [&str; 2] = ["--policy", "egreedy-v1"];

fn signals(user: &str) -> Value {
    json!({"user": user, "now": "2026-11-30T08:30:00Z", "timezone": "Europe/Berlin",
           "tasks": [{"id": "z", "title": "Tell nobody about the zebra", "due": "2026-12-01"}]})
}

#[test]
fn tips_are_answered_scored_and_counted() {
    let dir = Dir::new();
    let server = Server::start(&dir, &POLICY);
    let mut client = server.client();
    let mut person = signals("ann");
    person["prompt_version"] = json!("v1,v2");
    let answer = client.post("/generate", &person).json(200);
    let names: Vec<&String> = answer.as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        ["candidates", "fallback", "model", "prompt_digest", "prompt_version", "reason", "usage"]
    );
    assert_eq!((&answer["fallback"], &answer["model"]), (&json!(true), &Value::Null));
    let mut scored = request("ann");
    for field in ["candidates", "prompt_version", "prompt_digest"] {
        scored[field] = answer[field].clone();
    }
    let decision = client.post("/score", &scored).json(200);
    let ids: Vec<&Value> = answer["candidates"].as_array().unwrap().iter().map(|tip| &tip["id"]).collect();
    assert!(ids.contains(&&decision["chosen"]), "{decision}");
    // The same as on the command line.
    let shell = dir.run_with(&["generate"], person.to_string()).ok().json();
    assert_eq!(shell, answer);
    let mut unknown = signals("ann");
    unknown["prompt_version"] = json!("v1,v9");
    let answers = client.post("/generate", &json!([person, unknown, {"user": 7}])).json(200);
    assert_eq!(answers[0], answer);
    assert_eq!((&answers[1]["status"], &answers[2]["status"]), (&json!(404), &json!(400)));
    assert!(text(&answers[1], "detail").contains("known: v1, v2, v3"), "{answers}");
    let version = text(&answer, "prompt_version");
    let metrics = server.get("/metrics").body;
    let line =
        format!("rehearsal_generations_total{{prompt_version=\"{version}\",outcome=\"no-gateway\"}} 2");
    assert!(metrics.contains(&line), "{metrics}");
}

#[test]
fn a_gateway_that_fails_is_logged_without_its_key_or_the_persons_words() {
    const KEY: &str = "sk-very-secret-key-0123456789";
    let dir = Dir::new();
    let gateway = Gateway::start(|n, _| match n % 3 {
        0 => Answer::Content(candidates(&["Write one line of the letter."])),
        1 => Answer::Status(401, "", format!("{{\"error\": \"{KEY}\"}}")),
        _ => Answer::Hang,
    });
    let mut command = dir.command(&["serve", "--listen", "127.0.0.1:0", "--policy", "egreedy-v1"]);
    command.args(["--gateway", &gateway.url(), "--gateway-model", "m", "--gateway-time-limit-ms", "300"]);
    let server = Server::spawn(command.env("REHEARSAL_GATEWAY_KEY", KEY));
    let mut client = server.client();
    let answers: Vec<Value> = (0..3).map(|_| client.post("/generate", &signals("ann")).json(200)).collect();
    assert_eq!((&answers[0]["fallback"], &answers[0]["model"]), (&json!(false), &json!("tester-1")));
    assert!(text(&answers[1], "reason").contains("status 401"), "{}", answers[1]);
    assert!(text(&answers[2], "reason").contains("within 300 ms"), "{}", answers[2]);
    let metrics = server.get("/metrics").body;
    for line in [
        "rehearsal_generations_total{prompt_version=\"v1\",outcome=\"model\"} 1",
        "rehearsal_generations_total{prompt_version=\"v1\",outcome=\"status\"} 1",
        "rehearsal_generations_total{prompt_version=\"v1\",outcome=\"time-out\"} 1",
        "rehearsal_gateway_tokens_total{prompt_version=\"v1\",of=\"prompt\"} 100",
        "rehearsal_gateway_tokens_total{prompt_version=\"v1\",of=\"completion\"} 20",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    let (status, log) = server.end();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("\"reason\":\"status\"") && log.contains("\"reason\":\"time-out\""), "{log}");
    for secret in [KEY, "zebra", "letter", "ann\""] {
        assert!(!log.contains(secret) && !metrics.contains(secret), "{secret}\n{log}");
    }
}

/// Waits until so many questions have got to the gateway.
fn await_questions(gateway: &Gateway, count: usize) {
    let begun = Instant::now();
    while gateway.asked().len() < count {
        assert!(begun.elapsed() < Duration::from_secs(30), "{} of {count} got there", gateway.asked().len());
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn calls_that_hang_keep_nobody_else_waiting_and_too_many_are_told_so() {
    let dir = Dir::new();
    let gateway = Gateway::start(|_, _| Answer::Hang);
    let url = gateway.url();
    let options = ["--gateway", &url, "--gateway-model", "m", "--gateway-time-limit-ms", "60000"];
    let server = Server::start(&dir, &[&POLICY[..], &options].concat());
    let address = server.address;
    let hanging: Vec<_> = (0..64)
        .map(|i| thread::spawn(move || Client::to(address).post("/generate", &signals(&format!("u{i}")))))
        .collect();
    await_questions(&gateway, 64);
    // One more is too many; decisions are made as ever, and rewards learned.
    let mut client = server.client();
    let full = client.post("/generate", &signals("late"));
    full.problem(503);
    assert!(full.head.contains("retry-after: 1"), "{}", full.head);
    for i in 0..100 {
        let decision = client.post("/score", &request(&format!("u{i}"))).json(200);
        let reward = json!({"decision": text(&decision, "decision_id"), "reaction": "completed"});
        client.post("/reward", &reward).json(200);
    }
    assert!(hanging.iter().all(|call| !call.is_finished()), "they hang, and nobody waited for them");
    assert_eq!(gateway.asked().len(), 64);
    gateway.end();
    for call in hanging {
        let answer = call.join().expect("it is answered").json(200);
        assert_eq!(answer["reason"], "the gateway cannot be reached");
    }
    // There is room again.
    assert_eq!(client.post("/generate", &signals("late")).json(200)["fallback"], json!(true));
}

#[test]
fn a_server_that_is_asked_to_end_answers_what_hangs() {
    let dir = Dir::new();
    let gateway = Gateway::start(|_, _| Answer::Hang);
    let url = gateway.url();
    let options = ["--gateway", &url, "--gateway-model", "m", "--gateway-time-limit-ms", "1000"];
    let server = Server::start(&dir, &[&POLICY[..], &options].concat());
    let address = server.address;
    let hanging = thread::spawn(move || Client::to(address).post("/generate", &signals("late")));
    await_questions(&gateway, 1);
    assert_eq!(server.end().0.code(), Some(0));
    let answer = hanging.join().expect("it is answered before the server ends").json(200);
    assert_eq!(answer["fallback"], json!(true));
}

#[test]
fn what_cannot_be_served_is_refused_at_the_start() {
    let dir = Dir::new();
    let serve = |args: &[&str]| {
        dir.run(&[&["serve", "--policy", "egreedy-v1", "--listen", "127.0.0.1:0"], args].concat())
    };
    serve(&["--default-prompt-version", "v9"]).refused(&["unknown prompt version \"v9\"", "v1, v2, v3"]);
    serve(&["--prompts", "missing"]).refused(&["missing"]);
    serve(&["--gateway", "http://127.0.0.1:1"]).refused(&["names no model", "--gateway-model"]);
    serve(&["--gateway", "127.0.0.1:1", "--gateway-model", "m"]).refused(&["--gateway", "http://HOST:PORT"]);
}

/// Percentiles of times, in milliseconds: the median, the 99th and the largest.
fn percentiles(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize].as_secs_f64() * 1e3;
    format!("{} calls: p50 {:.2} ms, p99 {:.2} ms, most {:.2} ms", times.len(), at(0.5), at(0.99), at(1.0))
}

/// How long calls take that are sent at this rate for so long, over 8 connections.
fn at_rate(
    server: &Server,
    per_second: u32,
    seconds: u32,
    path: &str,
    body: fn(&str) -> Value,
) -> Vec<Duration> {
    const CONNECTIONS: u32 = 8;
    let (address, begun) = (server.address, Instant::now());
    let threads: Vec<_> = (0..CONNECTIONS)
        .map(|n| {
            let path = path.to_owned();
            thread::spawn(move || {
                let mut client = Client::to(address);
                let mut times = Vec::new();
                for i in (n..per_second * seconds).step_by(CONNECTIONS as usize) {
                    // A call that is late counts from when it was due.
                    let due = begun + Duration::from_secs(1) * i / per_second;
                    thread::sleep(due.saturating_duration_since(Instant::now()));
                    client.post(&path, &body(&format!("u{i}"))).json(200);
                    times.push(due.elapsed());
                }
                times
            })
        })
        .collect();
    threads.into_iter().flat_map(|thread| thread.join().expect("it ends")).collect()
}

#[test]
#[ignore = "prints figures; 20 seconds, on a quiet machine and optimized"]
fn breaking_figures_of_generate() {
    let dir = Dir::new();
    let tips: &[&str] = &["Write one line of the letter.", "Put the blue folder on the table."];
    let gateway = Gateway::sound(tips);
    let hanging = Gateway::start(|_, _| Answer::Hang);
    let start = |url: &str| {
        let options = ["--gateway", url, "--gateway-model", "m", "--gateway-time-limit-ms", "60000"];
        Server::start(&dir, &[&POLICY[..], &options].concat())
    };
    let server = start(&gateway.url());
    println!(
        "/generate, a gateway that answers at once, 200/s: {}",
        percentiles(at_rate(&server, 200, 6, "/generate", signals))
    );
    drop(server);
    let server = start(&hanging.url());
    at_rate(&server, 200, 1, "/score", request);
    println!("/score, 200/s: {}", percentiles(at_rate(&server, 200, 5, "/score", request)));
    let address = server.address;
    let calls: Vec<_> = (0..64)
        .map(|i| {
            thread::spawn(move || Client::to(address).post("/generate", &signals(&format!("u{i}"))).status)
        })
        .collect();
    await_questions(&hanging, 64);
    println!("/score, 200/s, 64 calls hang: {}", percentiles(at_rate(&server, 200, 5, "/score", request)));
    hanging.end();
    assert!(calls.into_iter().all(|call| call.join().expect("it ends") == 200));
}
