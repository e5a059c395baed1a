//! Gateways that do what none should: the prompt's own tips answer, say why, and in time; nothing secret is said.

use super::{signals, text, texts};
use crate::util::gateway::{Answer, Gateway, candidates, completion};
use crate::util::{Dir, run};
use serde_json::{Value, json};
use std::net::TcpListener;

const KEY: &str = "sk-very-secret-key-0123456789";
/// A title that nobody else may read.
const PRIVATE: &str = "Tell nobody about the zebra";
/// How long a gateway may take that does not answer, and one that does, in milliseconds.
const LIMITS: [&str; 2] = ["1500", "30000"];

/// What is answered with this gateway within that time, and all that is written.
fn generate(url: &str, limit: &str) -> (Value, String) {
    let dir = Dir::new();
    let mut person = signals("ann");
    person["tasks"] = json!([{"id": "z", "title": PRIVATE}]);
    let mut command = dir.command(&[
        "generate",
        "--gateway",
        url,
        "--gateway-model",
        "m",
        "--gateway-time-limit-ms",
        limit,
        "--seed",
        "1",
    ]);
    command.env("REHEARSAL_GATEWAY_KEY", KEY);
    let ran = run(command, person.to_string().as_bytes()).ok();
    (ran.json(), format!("{}{}", ran.stdout(), ran.stderr()))
}

/// What is answered where every question gets this answer, and how many questions there were.
fn with(answer: impl Fn(usize) -> Answer + Send + Sync + 'static) -> (Value, usize) {
    within(LIMITS[1], answer)
}

/// The same within that time.
fn within(limit: &str, answer: impl Fn(usize) -> Answer + Send + Sync + 'static) -> (Value, usize) {
    let gateway = Gateway::start(move |n, _| answer(n));
    let (answer, written) = generate(&gateway.url(), limit);
    assert!(!written.contains(KEY), "{written}");
    let asked = gateway.asked();
    assert!(asked.iter().all(|one| one.head.contains(&format!("authorization: Bearer {KEY}"))), "{asked:?}");
    (answer, asked.len())
}

/// A status without a body.
fn status(status: u16, headers: &'static str) -> impl Fn(usize) -> Answer {
    move |_| Answer::Status(status, headers, "{\"error\": \"sk-very-secret-key-0123456789\"}".to_owned())
}

/// What a hostile gateway answers to its n-th call.
type Hostile = Box<dyn Fn(usize) -> Answer + Send + Sync>;

#[test]
fn each_gives_ready_tips_with_the_reason() {
    let sound = completion(&candidates(&["Write one line of the letter."]));
    let half =
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{}", sound.len(), &sound[..sound.len() / 2]);
    let split = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff\r\n{";
    let long_head = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(1 << 20));
    let bytes = |bytes: String| -> Hostile { Box::new(move |_| Answer::Bytes(bytes.clone().into_bytes())) };
    let said = |content: &'static str| -> Hostile { Box::new(move |_| Answer::Content(content.to_owned())) };
    // What it does, the reason that is given, and how often it is asked at most.
    let cases: Vec<(&str, Hostile, &str, usize)> = vec![
        ("429", Box::new(status(429, "")), "status 429", 3),
        ("429 for long", Box::new(status(429, "retry-after: 3600\r\n")), "status 429", 1),
        ("500", Box::new(status(500, "")), "status 500", 3),
        (
            "503 with a date",
            Box::new(status(503, "retry-after: Wed, 21 Oct 2037 07:28:00 GMT\r\n")),
            "status 503",
            3,
        ),
        ("401", Box::new(status(401, "")), "status 401", 1),
        ("400", Box::new(status(400, "")), "status 400", 1),
        ("half an answer", bytes(half), "cannot be reached", 3),
        ("a chunk without end", bytes(split.to_owned()), "cannot be reached", 3),
        ("a head without bound", bytes(long_head), "cannot be reached", 3),
        ("no HTTP", bytes("SSH-2.0-OpenSSH\r\n".to_owned()), "cannot be reached", 3),
        ("nothing at all", bytes(String::new()), "cannot be reached", 3),
        (
            "no JSON",
            Box::new(|_| Answer::Status(200, "", "<html>hello</html>".to_owned())),
            "no chat completion",
            1,
        ),
        (
            "other JSON",
            Box::new(|_| Answer::Status(200, "", "{\"choices\": 7}".to_owned())),
            "no chat completion",
            1,
        ),
        ("deep JSON", Box::new(|_| Answer::Status(200, "", "[".repeat(100_000))), "no chat completion", 1),
        ("an endless body", Box::new(|_| Answer::Endless), "more than 1048576 bytes", 1),
        ("a body that drips", Box::new(|_| Answer::Drip), "did not answer within 1500 ms", 1),
        ("silence", Box::new(|_| Answer::Hang), "did not answer within 1500 ms", 1),
        ("prose", said("Sure! Here are your tips: drink water."), "not the JSON of the schema", 2),
        ("no tips", said("{\"candidates\": []}"), "list of candidates is empty", 2),
        ("more fields", said("{\"candidates\": [], \"also\": 1}"), "not the JSON of the schema", 2),
        (
            "another kind",
            said(
                "{\"candidates\": [{\"kind\": \"pwned\", \"text\": \"Do it now.\", \"task\": null, \"effort_minutes\": 1}]}",
            ),
            "a kind that was not asked for",
            2,
        ),
        (
            "what is banned",
            said(
                "{\"candidates\": [{\"kind\": \"plan\", \"text\": \"See https://evil.example\", \"task\": null}]}",
            ),
            "a phrase that no tip may have",
            2,
        ),
        (
            "nothing to read",
            said("{\"candidates\": [{\"kind\": \"plan\", \"text\": \"\\u202e \\n!\", \"task\": null}]}"),
            "a text with nothing in it",
            2,
        ),
        (
            "what was shown lately",
            said(
                "{\"candidates\": [{\"kind\": \"rest\", \"text\": \"Put the kettle on, and look outside!\", \"task\": null}]}",
            ),
            "nearly the same words",
            2,
        ),
    ];
    for (name, hostile, reason, most) in cases {
        let limit = LIMITS[usize::from(!reason.contains(LIMITS[0]))];
        let (answer, asked) = within(limit, hostile);
        assert_eq!(answer["fallback"], json!(true), "{name}: {answer}");
        assert!(text(&answer, "reason").contains(reason), "{name}: {answer}");
        assert_eq!(answer["model"], Value::Null, "{name}");
        assert_eq!(texts(&answer).len(), 3, "{name}");
        assert!((1..=most).contains(&asked), "{name}: asked {asked} times");
        if most > 1 {
            assert_eq!(asked, most, "{name}");
        }
        assert!(answer["usage"].as_object().unwrap().len() == 2, "{name}: {answer}");
    }
}

#[test]
fn what_a_call_took_is_known_or_null() {
    let usage = |answer: &Value| {
        (answer["usage"]["prompt_tokens"].clone(), answer["usage"]["completion_tokens"].clone())
    };
    let zero = (json!(0), json!(0));
    let (refused, _) = with(status(500, ""));
    assert_eq!(usage(&refused), zero, "a refusal costs nothing");
    let (hung, _) = within(LIMITS[0], |_| Answer::Hang);
    assert_eq!(usage(&hung), (Value::Null, Value::Null), "nobody knows what a call that was given up took");
    let (twice, _) = with(|_| Answer::Content("no".to_owned()));
    assert_eq!(usage(&twice), (json!(200), json!(40)), "both answers are counted");
}

#[test]
fn a_redirect_is_not_followed_and_takes_no_key_along() {
    let elsewhere = Gateway::sound(&["You should not read this."]);
    let location = format!("location: {}/v1/chat/completions\r\n", elsewhere.url());
    for code in [301, 302, 303, 307, 308] {
        let location: &'static str = Box::leak(location.clone().into_boxed_str());
        let (answer, asked) = with(status(code, location));
        assert_eq!(asked, 1);
        assert!(text(&answer, "reason").contains(&format!("sends elsewhere (status {code})")), "{answer}");
    }
    assert!(elsewhere.asked().is_empty());
}

#[test]
fn nobody_there_is_a_reason_too() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let (answer, written) = generate(&url, LIMITS[1]);
    assert_eq!(answer["reason"], "the gateway cannot be reached");
    assert!(!written.contains(KEY), "{written}");
    // A machine that takes no name of a host.
    let (answer, _) = generate("http://nobody.invalid:1", LIMITS[1]);
    assert_eq!(answer["fallback"], json!(true));
}

#[test]
fn one_that_recovers_is_asked_again_and_one_that_errs_may_mend_it() {
    for code in [429, 500, 502, 503] {
        let (answer, asked) = with(move |n| {
            if n == 0 {
                Answer::Status(code, "retry-after: 0\r\n", String::new())
            } else {
                Answer::Content(candidates(&["Write one line of the letter."]))
            }
        });
        assert_eq!((&answer["fallback"], asked), (&json!(false), 2), "{code}: {answer}");
    }
    let gateway = Gateway::start(|n, _| {
        Answer::Content(if n == 0 {
            "certainly!".to_owned()
        } else {
            candidates(&["Write one line of the letter."])
        })
    });
    let (answer, _) = generate(&gateway.url(), LIMITS[1]);
    assert_eq!((&answer["fallback"], &answer["model"]), (&json!(false), &json!("tester-1")), "{answer}");
    assert_eq!(answer["usage"], json!({"prompt_tokens": 200, "completion_tokens": 40}));
    let asked = gateway.asked();
    let messages = asked[1].body["messages"].as_array().unwrap();
    let roles: Vec<&str> = messages.iter().map(|message| text(message, "role")).collect();
    assert_eq!(roles, ["system", "user", "assistant", "user"]);
    assert_eq!(messages[2]["content"], "certainly!");
    assert_eq!(messages[..2], asked[0].body["messages"].as_array().unwrap()[..]);
}

#[test]
fn addresses_and_keys_that_are_none_are_refused_and_not_cited() {
    let dir = Dir::new();
    dir.write("key", "two\nlines-sk");
    for args in [
        &["--gateway", "sk-secret"][..],
        &["--gateway", "ftp://127.0.0.1"],
        &["--gateway", "http://user:sk-secret@127.0.0.1"],
        &["--gateway", "http://127.0.0.1?key=sk-secret"],
        &["--gateway", "http://127.0.0.1", "--gateway-key-file", "key"],
        &["--gateway", "http://127.0.0.1", "--gateway-key-file", "missing"],
        &["--gateway", "http://127.0.0.1", "--gateway-time-limit-ms", "0"],
        &["--gateway", "http://127.0.0.1", "--gateway-concurrency", "0"],
    ] {
        let args = [&["generate", "--gateway-model", "m"], args].concat();
        let ran = dir.run_with(&args, signals("ann").to_string()).refused(&[]);
        assert!(!ran.stderr().contains("-secret") && !ran.stderr().contains("lines-sk"), "{}", ran.stderr());
    }
    dir.run_with(&["generate", "--gateway", "http://127.0.0.1:1"], signals("ann").to_string())
        .refused(&["names no model", "--gateway-model"]);
    // Help tells the variable, never its value.
    let mut command = dir.command(&["generate", "--help"]);
    command.env("REHEARSAL_GATEWAY_KEY", KEY).env("REHEARSAL_GATEWAY", "http://secret.example");
    let help = run(command, b"").ok().stdout();
    assert!(
        help.contains("REHEARSAL_GATEWAY_KEY") && !help.contains(KEY) && !help.contains("secret.example")
    );
}
