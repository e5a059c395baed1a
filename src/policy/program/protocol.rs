//! The lines that are exchanged with a program: JSON, one line asked, one line answered.

use super::call::{DecideCall, LearnCall};
use super::error::{Failure, cleaned};
use crate::domain::{Domain, RawDomain};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Version of the protocol, which `hello` states and the program repeats.
pub const PROTOCOL: u32 = 1;
/// Most calls that are asked in one line.
pub const MAX_BATCH: usize = 256;
/// Longest state of one user, in bytes of JSON.
pub const MAX_STATE_BYTES: usize = 1 << 20;
/// Longest line that a program answers with, in bytes.
pub const MAX_REPLY_BYTES: usize = 64 << 20;
/// How far the probabilities of a decision may be from adding up to 1.
pub const SUM_TOLERANCE: f64 = 1e-6;

/// A call as a line of the protocol.
#[derive(Serialize)]
struct CallLine<T> {
    call: &'static str,
    id: u64,
    #[serde(flatten)]
    with: T,
}

#[derive(Serialize)]
struct Hello<'a> {
    protocol: u32,
    policy: &'a str,
    domain: &'a RawDomain,
}

/// A line's calls as JSON that is put together already: `flatten` would take raw values apart.
fn batch(call: &str, id: u64, items: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut line = format!(r#"{{"call":"{call}","id":{id},"items":["#).into_bytes();
    for (i, item) in items.enumerate() {
        if i > 0 {
            line.push(b',');
        }
        line.extend(item);
    }
    line.extend(b"]}");
    line
}

/// The first line that a process is asked.
pub(super) fn hello(policy: &str, domain: &Domain, id: u64) -> Vec<u8> {
    let with = Hello { protocol: PROTOCOL, policy, domain: domain.raw() };
    serde_json::to_vec(&CallLine { call: "hello", id, with }).expect("plain values always serialize")
}

/// The line that asks for decisions.
pub(super) fn decide(id: u64, calls: &[DecideCall]) -> Vec<u8> {
    let item = |call: &DecideCall| {
        format!(r#"{{"state":{},"request":{}}}"#, call.state.unwrap_or("null"), call.request).into_bytes()
    };
    batch("decide", id, calls.iter().map(item))
}

/// The line that asks to learn.
pub(super) fn learn(id: u64, calls: &[LearnCall]) -> Vec<u8> {
    let item = |call: &LearnCall| {
        let chosen = serde_json::to_string(call.chosen).expect("a text always serializes");
        let reward = serde_json::to_string(&call.reward).expect("a number always serializes");
        let state = call.state.unwrap_or("null");
        format!(r#"{{"state":{state},"request":{},"chosen":{chosen},"reward":{reward}}}"#, call.request)
            .into_bytes()
    };
    batch("learn", id, calls.iter().map(item))
}

/// A line that was answered.
#[derive(Deserialize)]
struct Reply<'a> {
    id: u64,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    protocol: Option<u32>,
    #[serde(default)]
    probabilities: Option<Vec<Vec<f64>>>,
    #[serde(borrow, default)]
    states: Option<Vec<&'a RawValue>>,
}

fn reply(line: &[u8], id: u64) -> Result<Reply<'_>, Failure> {
    let parsed: Result<Reply, _> = serde_json::from_slice(line);
    let reply = parsed.map_err(|error| {
        let text = cleaned(&String::from_utf8_lossy(&line[..line.len().min(120)]));
        let more = if line.len() > 120 { "..." } else { "" };
        Failure::no_answer(format!("is no line of the protocol ({error}): {text}{more}"))
    })?;
    // Who answers another call than the one that was asked is out of step.
    if reply.id != id {
        return Err(Failure::Pipe(format!("it answered call {}, and was asked call {id}", reply.id)));
    }
    match reply.error {
        Some(error) => Err(Failure::OwnError(cleaned(&error))),
        None => Ok(reply),
    }
}

/// Whether a program speaks this protocol.
pub(super) fn read_hello(line: &[u8], id: u64) -> Result<(), Failure> {
    match reply(line, id)?.protocol {
        Some(PROTOCOL) => Ok(()),
        Some(other) => {
            Err(Failure::no_answer(format!("to hello states protocol {other}; allowed: {PROTOCOL}")))
        }
        None => Err(Failure::no_answer(format!("to hello has no \"protocol\"; allowed: {PROTOCOL}"))),
    }
}

/// What was answered for each of so many decisions.
pub(super) fn read_decisions(line: &[u8], id: u64, count: usize) -> Result<Vec<Vec<f64>>, Failure> {
    let answered = reply(line, id)?.probabilities;
    of_each("probabilities", answered, count)
}

/// What was answered for each of so many rewards: the state as JSON.
pub(super) fn read_states(line: &[u8], id: u64, count: usize) -> Result<Vec<Box<str>>, Failure> {
    let answered = of_each("states", reply(line, id)?.states, count)?;
    Ok(answered.into_iter().map(|state| state.get().into()).collect())
}

fn of_each<T>(field: &str, answered: Option<Vec<T>>, count: usize) -> Result<Vec<T>, Failure> {
    match answered {
        Some(answered) if answered.len() == count => Ok(answered),
        Some(answered) => {
            let found = answered.len();
            Err(Failure::no_answer(format!("has {found} {field}; allowed: {count}, one for each item")))
        }
        None => Err(Failure::no_answer(format!("has no {field:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::call::WhichCall;
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn what_is_asked_is_one_object_of_json() {
        let which = WhichCall { user: "ann", number: 1 };
        let parsed = |line: Vec<u8>| serde_json::from_slice::<Value>(&line).unwrap();
        let mut hello = parsed(hello("mine", Domain::tips(), 0));
        let domain = hello["domain"].take();
        assert_eq!(hello, json!({"call": "hello", "id": 0, "protocol": 1, "policy": "mine", "domain": null}));
        assert_eq!((&domain["name"], &domain["kind"]), (&json!("tips"), &json!("kind")));
        assert_eq!(domain["outcomes"][1], json!({"name": "snoozed", "reward": 0.25}));
        assert_eq!(
            (&domain["inputs"][0]["of"], &domain["inputs"][0]["type"]),
            (&json!("context"), &json!("hour"))
        );
        let call = |state| DecideCall { which, state, request: r#"{"a":1}"#, candidates: 1 };
        assert_eq!(
            parsed(decide(3, &[call(None), call(Some("[1]"))])),
            json!({"call": "decide", "id": 3, "items": [{"state": null, "request": {"a": 1}},
                                                        {"state": [1], "request": {"a": 1}}]})
        );
        let call = LearnCall { which, state: None, request: "{}", chosen: "a\"b\n", reward: -0.5 };
        assert_eq!(
            parsed(learn(4, &[call])),
            json!({"call": "learn", "id": 4, "items": [{"state": null, "request": {}, "chosen": "a\"b\n",
                                                        "reward": -0.5}]})
        );
    }

    #[test]
    fn what_is_answered_is_one_for_each_or_an_error() {
        assert_eq!(
            read_decisions(br#"{"id":1,"probabilities":[[1.0]],"more":0}"#, 1, 1),
            Ok(vec![vec![1.0]])
        );
        let states = read_states(br#"{"id":1,"states":[ {"a": [1, 2]}, null]}"#, 1, 2).unwrap();
        assert_eq!(states, [Box::from(r#"{"a": [1, 2]}"#), Box::from("null")]);
        for (line, said) in [
            (r#"{"id":1,"probabilities":[[NaN]]}"#, "no line of the protocol"),
            (r#"{"id":1,"probabilities":[[1.0],[1.0]]}"#, "has 2 probabilities; allowed: 1"),
            (r#"{"id":1,"states":[1]}"#, "has no \"probabilities\""),
            (r#"{"id":2,"probabilities":[[1.0]]}"#, "answered call 2, and was asked call 1"),
            (r#"{"id":1,"error":"no \u001b model"}"#, "it says: no   model"),
            ("hello there", "no line of the protocol"),
        ] {
            let failure = read_decisions(line.as_bytes(), 1, 1).unwrap_err().to_string();
            assert!(failure.contains(said), "{failure}");
        }
        assert!(read_hello(br#"{"id":0,"protocol":2}"#, 0).unwrap_err().to_string().contains("protocol 2"));
    }
}
