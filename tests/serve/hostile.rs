//! What is sent by mistake or in malice: a 4xx that says what is wrong, and nothing else happens.

use super::{request, text};
use crate::util::Dir;
use crate::util::server::{Client, Server};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use std::io::Write;
use std::net::TcpStream;

const SCORE: [&str; 2] = ["--policy", "egreedy-v2"];
const JSON: &str = "content-type: application/json";

/// It goes on as if nothing had been.
fn is_well(server: &Server) {
    server.post("/score", &request("well")).json(200);
}

#[test]
pub(super) fn bodies_that_are_no_call_are_refused_with_the_field() {
    let dir = Dir::new();
    let server = Server::start(&dir, &SCORE);
    let mut client = server.client();
    let mut post = |path: &str, body: &str| client.request("POST", path, &[JSON], body);
    let with = |field: &str, value: Value| {
        let mut request = request("u");
        let (outer, inner) = field.split_once('.').map_or((field, None), |(a, b)| (a, Some(b)));
        match inner {
            Some(inner) => request[outer][inner] = value,
            None => request[outer] = value,
        }
        request.to_string()
    };
    for (body, part) in [
        (with("context.hour", json!(24)), "context.hour"),
        (with("context.weekday", json!("monday")), "weekday"),
        (with("candidates", json!([])), "candidates"),
        (with("candidates", json!("many")), "candidates"),
        // Values in the order of the fields are no object.
        (
            with("candidates", json!([["a", "plan", 0.9, null, null, null, null]])),
            "candidates[0]: invalid type: a list",
        ),
        (with("context", json!([9.5, 2])), "context: invalid type: a list"),
        (with("user", json!("")), "user"),
        (with("user", json!(7)), "user"),
        (with("user", json!("a\0b")), "user"),
        (with("seed", json!(-1)), "seed"),
        (with("policy", json!("../../etc/passwd")), "policy"),
        (with("extra", json!(1)), "extra"),
        ("{".to_owned(), "EOF"),
        (String::new() + " ", "empty"),
        ("null".to_owned(), "JSON object"),
        ("\"text\"".to_owned(), "JSON object"),
        ("{\"user\": 1e999}".to_owned(), "request"),
        ("{\"a\":".repeat(100_000), "request"),
    ] {
        let answer = post("/score", &body);
        let short: String = body.chars().take(80).collect();
        assert!((400..=404).contains(&answer.status), "{short}: {} {}", answer.head, answer.body);
        let problem: Value = serde_json::from_str(&answer.body).unwrap();
        let shown = text(&problem, "detail");
        assert!(shown.contains(part), "{short}: {shown}");
        assert!(answer.body.len() < 2_000, "{short}");
    }
    for body in [
        "{}",
        "{\"decision\": \"x\"}",
        "{\"decision\": \"x\", \"reward\": 1e300}",
        "{\"reaction\": \"liked\"}",
        "{\"user\": \"u\", \"chosen\": \"a\", \"reward\": 1, \"context\": [9.5, 2], \"candidates\": [{\"id\": \"a\"}]}",
        "{\"user\": \"u\", \"chosen\": \"a\", \"reward\": 1, \"request\": [null, null, null, null, null, null, \
         {\"hour\": 9, \"weekday\": 2}, [{\"id\": \"a\"}], null]}",
    ] {
        let status = post("/reward", body).status;
        assert!((400..=404).contains(&status), "{body}: {status}");
    }
    // A list is answered by a list, however deep what is in it.
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(post("/score", &deep).json(200)[0]["status"], 400);
    for body in [
        "{\"user\": \"u\", \"recent\": [[null, null, null, null]]}",
        "{\"user\": \"u\", \"quiet_hours\": [22, 7]}",
    ] {
        post("/generate", body).problem(400);
    }
    post("/reset", "{}").problem(400);
    post("/reset", "{\"user\": \"\"}").problem(400);
    is_well(&server);
}

#[test]
pub(super) fn methods_paths_and_types_are_those_of_the_document() {
    let dir = Dir::new();
    let server = Server::start(&dir, &SCORE);
    let mut client = server.client();
    for method in ["GET", "PUT", "DELETE", "PATCH", "BREW"] {
        let answer = client.request(method, "/score", &[], "");
        answer.problem(405);
        assert!(answer.head.contains("allow: post"), "{}", answer.head);
    }
    client.request("POST", "/stats", &[JSON], "{}").problem(405);
    for path in [
        "/nowhere",
        "/score/a/b/c",
        "/../etc/passwd",
        "/score/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/score/%00",
        "/score/%ff",
        "//score",
        "/stats/egreedy-v2/",
    ] {
        let method = if path.starts_with("/stats") { "GET" } else { "POST" };
        let answer = client.request(method, path, &[JSON], &request("u").to_string());
        assert!([400, 404].contains(&answer.status), "{path}: {} {}", answer.head, answer.body);
    }
    for query in ["?limit=0", "?limit=1001", "?limit=x", "?users=a", "?user=a&user=b"] {
        client.request("GET", &format!("/stats{query}"), &[], "").problem(400);
    }
    let body = request("u").to_string();
    for kind in [
        &["content-type: text/plain"][..],
        &[],
        &["content-type: application/x-www-form-urlencoded"],
        &[JSON, "content-encoding: gzip"],
    ] {
        client.request("POST", "/score", kind, &body).problem(415);
    }
    client.request("POST", "/score", &["content-type: application/json; charset=utf-8"], &body).json(200);
    is_well(&server);
}

#[test]
pub(super) fn what_is_too_large_or_too_slow_is_hung_up_on() {
    let dir = Dir::new();
    let options = [&SCORE[..], &["--max-body-bytes", "10000", "--time-limit-ms", "300"]].concat();
    let server = Server::start(&dir, &options);
    let large = " ".repeat(10_001);
    server.client().request("POST", "/score", &[JSON], &large).problem(413);
    // Without a length, in pieces.
    let mut client = server.client();
    let head =
        format!("POST /score HTTP/1.1\r\nhost: localhost\r\n{JSON}\r\ntransfer-encoding: chunked\r\n\r\n");
    client.send(head.as_bytes()).unwrap();
    for _ in 0..11 {
        if client.send(format!("3e8\r\n{}\r\n", " ".repeat(1_000)).as_bytes()).is_none() {
            break;
        }
    }
    client.answer().expect("it answers").problem(413);
    // A body that never ends.
    let mut client = server.client();
    client.send(
        format!("POST /score HTTP/1.1\r\nhost: localhost\r\n{JSON}\r\ncontent-length: 100\r\n\r\n{{")
            .as_bytes(),
    );
    client.answer().expect("it answers").problem(408);
    // A body that is cut off, a head that is none, and one that is too long.
    let mut client = server.client();
    client.send(
        format!("POST /score HTTP/1.1\r\nhost: localhost\r\n{JSON}\r\ncontent-length: 100\r\n\r\n{{")
            .as_bytes(),
    );
    drop(client);
    let mut client = server.client();
    client.send(b"GET / HTTP/9.9\r\n\r\n\0\xff");
    assert!(client.answer().is_none_or(|answer| answer.status == 400));
    let mut client = server.client();
    let long = format!("x-long: {}", "y".repeat(100_000));
    let answer = client.try_request("GET", "/health/live", &[&long], "");
    assert!(answer.is_none_or(|answer| answer.status == 431), "a head without bound");
    is_well(&server);
}

#[test]
pub(super) fn headers_cannot_be_split_and_the_log_keeps_its_lines() {
    let dir = Dir::new();
    let server = Server::start(&dir, &[&SCORE[..], &["--log", "debug"]].concat());
    let mut client = server.client();
    for bad in ["traceparent: 00-\u{1b}[2J", "traceparent: x\ty", "x-evil: a\rset-cookie: b"] {
        let answer = client.try_request("GET", "/health/live", &[bad], "");
        assert!(
            answer
                .is_none_or(|answer| !answer.head.contains("set-cookie") && !answer.head.contains('\u{1b}'))
        );
        client = server.client();
    }
    let mut evil = request("u");
    evil["user"] = json!("a\nb\u{1b}[31m");
    evil["candidates"] = json!([]);
    client.post("/score", &evil).problem(400);
    let (_, log) = server.end();
    for line in log.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok() && !line.contains('\u{1b}'), "{line:?}");
    }
}

#[test]
pub(super) fn without_the_token_nothing_but_health_is_answered() {
    let dir = Dir::new();
    dir.write("token", "correct-horse-battery\n");
    let server = Server::start(&dir, &[&SCORE[..], &["--token-file", "token"]].concat());
    let mut client = server.client();
    for path in ["/", "/metrics", "/openapi.json", "/stats", "/nowhere"] {
        for headers in [
            &[][..],
            &["authorization: Bearer wrong-horse-battery"],
            &["authorization: correct-horse-battery"],
        ] {
            let answer = client.request("GET", path, headers, "");
            answer.problem(401);
            assert!(answer.head.contains("www-authenticate: bearer"), "{}", answer.head);
        }
    }
    client.post("/score", &request("u")).problem(401);
    assert_eq!(client.request("GET", "/health/ready", &[], "").status, 200);
    let token = ["authorization: Bearer correct-horse-battery", "host: scorer.example.org", JSON];
    client.request("POST", "/score", &token, &request("u").to_string()).json(200);
}

#[test]
pub(super) fn a_browser_that_takes_us_for_another_site_is_sent_away() {
    let dir = Dir::new();
    let server = Server::start(&dir, &SCORE);
    let mut client = server.client();
    let headers = ["host: evil.example.org", JSON];
    client.request("POST", "/score", &headers, &request("u").to_string()).problem(421);
    client.request("GET", "/stats", &["host: evil.example.org:8080"], "").problem(421);
    client.request("GET", "/stats", &["host: [::1]:8080"], "").json(200);
}

#[test]
pub(super) fn idle_and_slow_connections_keep_nobody_waiting() {
    let dir = Dir::new();
    let server = Server::start(&dir, &SCORE);
    // Other tests have files open, too.
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let idle: Vec<TcpStream> = (0..files.saturating_sub(500).min(1_000))
        .map(|_| TcpStream::connect(server.address).expect("it accepts"))
        .collect();
    for (i, mut stream) in idle.iter().enumerate() {
        if i % 2 == 0 {
            stream.write_all(b"POST /score HTTP/1.1\r\nhost: loc").unwrap();
        }
    }
    for _ in 0..20 {
        is_well(&server);
    }
    drop(idle);
    is_well(&server);
}

#[test]
pub(super) fn an_asker_who_leaves_is_no_decision() {
    let dir = Dir::new();
    let server = Server::start(&dir, &SCORE);
    for _ in 0..50 {
        let mut client = Client::to(server.address);
        let body = request("gone").to_string();
        let head = format!(
            "POST /score HTTP/1.1\r\nhost: localhost\r\n{JSON}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        client.send(format!("{head}{body}").as_bytes()).unwrap();
    }
    is_well(&server);
    assert_eq!(server.end().0.code(), Some(0));
    dir.run(&["verify"]).ok();
}

/// Sends requests that were sound until some of their bytes were changed, doubled, cut out or swapped, as long as there is
/// to be one more.
fn mutated(more: impl Fn(&Server, u64) -> bool) {
    let dir = Dir::new();
    dir.write("tone.toml", "key = \"tone\"\n[[variants]]\nname = \"plain\"\n[[variants]]\nname = \"warm\"\n");
    let options = ["--time-limit-ms", "50", "--shadow", "linucb", "--experiments", "."];
    let server = Server::start(&dir, &[&SCORE[..], &options].concat());
    let body = |body: &Value| body.to_string();
    let sound: Vec<String> = [
        ("POST", "/score", body(&request("u"))),
        ("POST", "/score/egreedy/v2", body(&json!([request("u"), request("v")]))),
        (
            "POST",
            "/reward",
            body(&json!({"decision": "0190-x", "reaction": "completed", "dwell_seconds": 1.5})),
        ),
        ("POST", "/reset", body(&json!({"user": "u", "policy": "egreedy-v2", "erase": true}))),
        ("GET", "/stats?after=a&limit=7", String::new()),
        ("POST", "/generate", include_str!("../../src/prompt/sample.json").to_owned()),
        ("POST", "/ofrep/v1/evaluate/flags", body(&json!({"context": {"targetingKey": "u", "plan": "pro"}}))),
        ("POST", "/ofrep/v1/evaluate/flags/tone", body(&json!({"context": {"targetingKey": "u"}}))),
    ]
    .into_iter()
    .map(|(method, path, body)| {
        format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\n{JSON}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    })
    .collect();
    let mut rng = ChaCha8Rng::seed_from_u64(23);
    let (mut count, mut answered, mut refused) = (0, 0, 0);
    while more(&server, count) {
        let mut bytes = sound[count as usize % sound.len()].clone().into_bytes();
        count += 1;
        for _ in 0..rng.random_range(1..6) {
            let at = rng.random_range(0..bytes.len());
            let to = (at + rng.random_range(1..20)).min(bytes.len());
            match rng.random_range(0..5) {
                0 => bytes[at] = rng.random(),
                1 => drop(bytes.drain(at..to)),
                2 => bytes.extend_from_within(at..to),
                3 => bytes.insert(at, *b"\0\"{}[]:,0-eE.\\\r\n %/"[..].get(rng.random_range(0..18)).unwrap()),
                _ => bytes[at..to].reverse(),
            }
            if bytes.is_empty() {
                break;
            }
        }
        let mut client = server.client();
        client.send(&bytes);
        client.finish();
        if let Some(answer) = client.answer() {
            let fine = answer.status < 500 || answer.status == 503 && answer.body.contains("on its way");
            assert!(fine, "{}\n{}{}", String::from_utf8_lossy(&bytes), answer.head, answer.body);
            answered += 1;
            refused += u64::from(answer.status >= 400);
        }
    }
    is_well(&server);
    assert!(answered > count / 2 && refused > count / 10, "{answered} {refused}");
    println!("{count} requests, {answered} answered, {refused} of them refused");
    let (status, log) = server.end();
    assert_eq!(status.code(), Some(0), "{log}");
    dir.run(&["verify"]).ok();
}

/// Processor time that a process has taken, in seconds.
fn processor_seconds(process: u32) -> f64 {
    /// Linux counts in hundredths, on whatever machine.
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("the process is there");
    // What follows its name, which may have anything in it; fields 14 and 15 are the time here and in the kernel.
    let fields = stat.rsplit(") ").next().expect("a name").split(' ').skip(11).take(2);
    fields.map(|ticks| ticks.parse::<f64>().expect("a number")).sum::<f64>() / TICKS_PER_SECOND
}

#[test]
fn requests_with_changed_bytes_are_answered_or_refused() {
    mutated(|_, count| count < 1_500);
}

#[test]
#[ignore = "an hour"]
fn breaking_half_an_hour_of_requests_with_changed_bytes_harms_nobody() {
    const SECONDS: f64 = 30.0 * 60.0;
    mutated(|server, count| count % 1_000 != 0 || processor_seconds(server.id()) < SECONDS);
}
