//! Servers that are killed, asked to end, or out of room: no acknowledged reward is lost or learned twice.

use super::{request, text};
use crate::util::Dir;
use crate::util::server::{Client, Server};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Users of one thread of askers.
const USERS: u64 = 5;

/// What askers were told: rewards by decision, and decisions that were answered.
#[derive(Debug, Default)]
pub(super) struct Told {
    learned: BTreeMap<String, f64>,
    decided: BTreeSet<String>,
}

impl Told {
    /// What others were told, too.
    pub(super) fn add(&mut self, more: Self) {
        self.learned.extend(more.learned);
        self.decided.extend(more.decided);
    }

    /// How many rewards were acknowledged.
    pub(super) fn learned(&self) -> usize {
        self.learned.len()
    }
}

/// Scores and rewards as fast as it is answered until the connection ends or `stop` is set.
fn ask(address: std::net::SocketAddr, thread: u64, stop: &AtomicBool) -> Told {
    let mut told = Told::default();
    let Some(mut client) = Client::try_to(address) else { return told };
    let mut post = |path: &str, body: &Value| {
        let answer =
            client.try_request("POST", path, &["content-type: application/json"], &body.to_string())?;
        assert!([200, 503].contains(&answer.status), "{} {}", answer.head, answer.body);
        Some((answer.status, serde_json::from_str::<Value>(&answer.body).expect("JSON")))
    };
    for n in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let user = format!("u{}-{thread}", n % USERS);
        let Some((status, decision)) = post("/score", &request(&user)) else { break };
        if status != 200 {
            std::thread::sleep(Duration::from_millis(5));
            continue;
        }
        let id = text(&decision, "decision_id").to_owned();
        told.decided.insert(id.clone());
        let value = [1.0, 0.25, 0.0, -0.5][(n % 4) as usize];
        let reward = json!({"decision": id, "reward": value});
        let Some((status, _)) = post("/reward", &reward) else { break };
        if status == 200 {
            told.learned.insert(id, value);
            // One in four is sent twice.
            if n % 4 == 0 {
                let Some((_, again)) = post("/reward", &reward) else { break };
                assert!(again["duplicate"] == json!(true) || again["status"] == json!(503), "{again}");
            }
        }
    }
    told
}

/// Lets four askers at a server, does `work` to it, and returns what they were told.
pub(super) fn under_load<T>(server: &Server, work: impl FnOnce() -> T) -> (Told, T) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let askers: Vec<_> = (0..4)
            .map(|thread| {
                let (address, stop) = (server.address, &stop);
                scope.spawn(move || ask(address, thread, stop))
            })
            .collect();
        let done = work();
        stop.store(true, Ordering::Relaxed);
        let mut all = Told::default();
        askers.into_iter().for_each(|asker| all.add(asker.join().expect("an asker")));
        (all, done)
    })
}

/// What was acknowledged is in the store once, and the states follow from it.
pub(super) fn holds(dir: &Dir, told: &Told) {
    let log = dir.run(&["log", "rewards"]).ok().jsonl();
    let mut found = BTreeMap::new();
    for entry in &log {
        let id = text(entry, "decision_id").to_owned();
        assert!(found.insert(id, entry["reward"].as_f64().unwrap()).is_none(), "twice: {entry}");
    }
    for (id, reward) in &told.learned {
        assert_eq!(found.get(id), Some(reward), "{id}");
    }
    dir.run(&["verify"]).ok();
}

fn kills(rounds: u64) {
    let dir = Dir::new();
    let mut told = Told::default();
    for round in 0..rounds {
        let server = Server::start(&dir, &["--policy", "egreedy-v1", "--shadow", "linucb"]);
        let (more, ()) = under_load(&server, || {
            std::thread::sleep(Duration::from_millis(60 + 37 * round % 190));
            server.signal("KILL");
        });
        told.add(more);
        if round % 10 == 9 || round + 1 == rounds {
            holds(&dir, &told);
        }
    }
    assert!(told.learned.len() as u64 > rounds, "{}", told.learned.len());
    println!("{rounds} kills, {} acknowledged rewards", told.learned.len());
}

#[test]
pub(super) fn a_killed_server_has_lost_nothing_that_it_acknowledged() {
    kills(8);
}

#[test]
#[ignore = "minutes"]
fn breaking_a_server_that_is_killed_200_times_loses_nothing() {
    kills(200);
}

#[test]
pub(super) fn a_server_that_is_asked_to_end_keeps_every_decision() {
    let dir = Dir::new();
    let server = Server::start(&dir, &["--policy", "egreedy-v1"]);
    let (told, ()) = under_load(&server, || {
        std::thread::sleep(Duration::from_millis(300));
        server.signal("TERM");
    });
    let (status, log) = server.end_after_signal();
    assert_eq!(status.code(), Some(0), "{log}");
    holds(&dir, &told);
    let kept = dir.run(&["log", "decisions"]).ok().jsonl();
    let kept: BTreeSet<String> = kept.iter().map(|entry| text(entry, "decision_id").to_owned()).collect();
    let lost: Vec<&String> = told.decided.difference(&kept).collect();
    assert!(lost.is_empty() && !told.decided.is_empty(), "{lost:?}");
}

#[test]
pub(super) fn durable_decisions_are_in_the_store_when_they_are_answered() {
    let dir = Dir::new();
    let server = Server::start(&dir, &["--policy", "egreedy-v1", "--durable-decisions"]);
    let (told, ()) = under_load(&server, || {
        std::thread::sleep(Duration::from_millis(300));
        server.signal("KILL");
    });
    let kept = dir.run(&["log", "decisions"]).ok().jsonl();
    let kept: BTreeSet<String> = kept.iter().map(|entry| text(entry, "decision_id").to_owned()).collect();
    let lost: Vec<&String> = told.decided.difference(&kept).collect();
    assert!(lost.is_empty() && !told.decided.is_empty(), "{lost:?}");
    holds(&dir, &told);
}

#[test]
pub(super) fn a_store_without_room_is_503_while_it_lasts() {
    let dir = Dir::new();
    // No file may grow beyond 1.5 MiB, as on a full disk.
    let mut command = Command::new("sh");
    let script = "ulimit -f 3000; exec \"$@\"";
    let program = env!("CARGO_BIN_EXE_rehearsal");
    command.args(["-c", script, "sh", program, "serve", "--listen", "127.0.0.1:0", "--policy", "egreedy-v1"]);
    command.arg("--no-state-files").current_dir(dir.path());
    let server = Server::spawn(&mut command);
    let mut told = Told::default();
    let mut refused = 0;
    let mut client = server.client();
    for n in 0..3_000 {
        let answer = client.post("/score", &request(&format!("u{n}")));
        if answer.status == 503 {
            refused += 1;
            continue;
        }
        let id = text(&answer.json(200), "decision_id").to_owned();
        let reward = json!({"decision": id, "reward": 1.0});
        let answer = client.post("/reward", &reward);
        if answer.status == 200 {
            told.learned.insert(id, 1.0);
        } else {
            answer.problem(503);
            refused += 1;
        }
        if refused > 20 {
            break;
        }
    }
    assert!(refused > 20 && !told.learned.is_empty(), "{refused} {}", told.learned.len());
    client.request("GET", "/health/ready", &[], "").problem(503);
    assert_eq!(client.request("GET", "/health/live", &[], "").status, 200);
    drop(client);
    let (status, log) = server.end();
    // What it could not keep to the end it says.
    let unkept = log.contains("decisions that were answered are not kept");
    assert_eq!(status.code(), Some(if unkept { 2 } else { 0 }), "{log}");
    holds(&dir, &told);
    // With room again, the same store goes on.
    let server = Server::start(&dir, &["--policy", "egreedy-v1"]);
    let decision = server.post("/score", &request("u0")).json(200);
    let reward = json!({"decision": text(&decision, "decision_id"), "reward": 1.0});
    assert_eq!(server.post("/reward", &reward).json(200)["updates"], 2);
}
