//! A rollout while its server, its store and whoever moves it are killed: one step at a time, and never a share that was not
//! decided.

use super::{experiment, request};
use crate::util::postgres;
use crate::util::server::{Client, Server};
use crate::util::strace::{available, calls, changes, some, traced};
use crate::util::{Dir, Ran};
use serde_json::{Value, json};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

const RAMP: [f64; 4] = [0.3, 0.6, 0.8, 1.0];
/// Users of each step.
const USERS: usize = 100;
/// How a step takes the share that it gives.
const ACTIONS: [&str; 4] = ["start", "advance", "advance", "finish"];
const SERVE: [&str; 5] = ["--policy", "uniform", "--experiments", "experiments", "--durable-decisions"];

fn prepared(dir: &Dir) {
    let variants = "[[variants]]\nname = \"control\"\npolicy = \"egreedy-v1\"\n[[variants]]\nname = \"bolder\"\npolicy = \"linucb\"\n";
    let guardrails = "[guardrails]\nmargin = 0.1\ndecisions = 1\nleast_users = 30\n";
    experiment(dir, "grows", &format!("ramp = {RAMP:?}\n{variants}{guardrails}"));
}

/// How many steps there are: those of the ramp so far, in its order, each one once and with what it rests on.
fn steps(dir: &Dir) -> usize {
    let ran = dir.run(&["rollout", "status", "grows", "--json"]);
    if ran.code() == 2 && ran.stderr().contains("no store there") {
        return 0;
    }
    let now = ran.ok().json();
    let steps = now["steps"].as_array().expect("steps");
    for (i, step) in steps.iter().enumerate() {
        assert_eq!((&step["revision"], &step["share"]), (&json!(i + 1), &json!(RAMP[i])), "{now}");
        assert_eq!(step["action"], ACTIONS[i], "{now}");
        let evidence = &step["evidence"];
        assert_eq!(evidence.is_null(), i == 0, "{now}");
        if i > 0 {
            assert_eq!(evidence["share"], json!(RAMP[i - 1]), "{now}");
            assert!(evidence["users"].as_u64().is_some_and(|users| users >= 30), "{now}");
        }
    }
    assert_eq!(now["share"], steps.last().map_or(Value::Null, |step| step["share"].clone()), "{now}");
    steps.len()
}

/// The command that takes the step after so many.
fn command(steps: usize) -> [&'static str; 3] {
    ["rollout", if steps == 0 { "start" } else { "advance" }, "grows"]
}

/// Whether a user of a step has the second variant.
fn is_second(user: &str, step: usize) -> bool {
    rehearsal::experiment::hash_v2("grows", user) < RAMP[step]
}

/// Asks until it is answered: a store that was just killed is 503 for a while.
fn insist(server: &Server, path: &str, body: &Value) -> Value {
    let begun = Instant::now();
    loop {
        let answer = Client::try_to(server.address).and_then(|mut client| {
            client.try_request("POST", path, &["content-type: application/json"], &body.to_string())
        });
        match answer {
            Some(answer) if answer.status != 503 => return answer.json(200),
            _ => assert!(begun.elapsed() < Duration::from_secs(60), "{path}: {}", server.log()),
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// What was killed.
#[derive(Debug, Default)]
struct Kills {
    /// Commands that were to take a step.
    commands: usize,
    /// Those of them after which there was one step more.
    taken: usize,
    servers: usize,
    databases: usize,
}

/// Lives a rollout in which everything is killed, at each step so many times. Its store is in a directory, or in this database.
fn live(dir: &Dir, database: Option<&postgres::Server>, times: u32) -> Kills {
    prepared(dir);
    let mut kills = Kills::default();
    let mut server = Server::start(dir, &SERVE);
    let begun = Instant::now();
    dir.run(&["rollout", "status", "grows"]);
    // About so long does a command take.
    let span = begun.elapsed();
    for step in 0..RAMP.len() {
        for n in 0..times {
            let before = steps(dir);
            let mut child = dir.command(&command(step)).spawn().expect("it starts");
            thread::sleep(span.mul_f64(1.5 * f64::from(n) / f64::from(times)));
            // The store under it, where that is a process of its own, or the command.
            match database {
                Some(database) if n % 3 == 2 => {
                    database.kill();
                    kills.databases += 1;
                    let _ = child.wait();
                    database.start_again();
                }
                _ => {
                    let _ = child.kill();
                    let _ = child.wait();
                }
            }
            kills.commands += 1;
            let after = steps(dir);
            kills.taken += after - before;
            // Those who come after the step has been taken find no evidence of its own.
            assert!((step..=step + 1).contains(&after), "{after} steps at step {step}");
        }
        if steps(dir) == step {
            dir.run(&command(step)).ok();
        }
        assert_eq!(steps(dir), step + 1);
        if step + 1 < RAMP.len() {
            dir.run(&["rollout", "advance", "grows"]).exits(3);
        }
        // The server follows, or comes back with what was decided.
        if step % 2 == 1 {
            server.signal("KILL");
            kills.servers += 1;
            server = Server::start(dir, &SERVE);
        }
        let between = |user: &String| is_second(user, step) && (step == 0 || !is_second(user, step - 1));
        let probe = (0..1000).map(|n| format!("probe{n}")).find(between).expect("there are many names");
        let context = json!({"context": {"targetingKey": probe}});
        let begun = Instant::now();
        while insist(&server, "/ofrep/v1/evaluate/flags/grows", &context)["variant"] != "bolder" {
            assert!(begun.elapsed() < Duration::from_secs(60), "it does not follow: {}", server.log());
            thread::sleep(Duration::from_millis(50));
        }
        for n in 0..USERS {
            if n == USERS / 2 {
                match database {
                    Some(database) if step % 2 == 0 => {
                        database.kill();
                        kills.databases += 1;
                        database.start_again();
                    }
                    _ => {
                        server.signal("KILL");
                        kills.servers += 1;
                        server = Server::start(dir, &SERVE);
                    }
                }
            }
            let user = format!("{step}-{n}");
            let decision = insist(&server, "/score", &request(&user));
            let variant = if is_second(&user, step) { "bolder" } else { "control" };
            assert_eq!(decision["variant"], variant, "{user}");
            let reaction = if variant == "bolder" { "completed" } else { "ignored" };
            insist(&server, "/reward", &json!({"decision": decision["decision_id"], "reaction": reaction}));
        }
    }
    assert_eq!(server.end().0.code(), Some(0));
    // Also of those whose answer nobody got.
    let log = dir.run(&["log", "decisions"]).ok().jsonl();
    assert!(log.len() >= USERS * RAMP.len());
    for line in &log {
        let user = line["user"].as_str().expect("a user");
        let step = user.split('-').next().and_then(|step| step.parse().ok()).expect("a step");
        assert_eq!(line["variant"] == "bolder", is_second(user, step), "{line}");
    }
    dir.run(&["rollout", "advance", "grows"]).ok();
    assert_eq!(steps(dir), RAMP.len());
    dir.run(&["verify"]).ok();
    kills
}

fn on_sqlite(times: u32) -> Kills {
    live(&Dir::new(), None, times)
}

/// On a server of its own, which is killed; `None` where there is none to start.
fn on_postgres(times: u32) -> Option<Kills> {
    let server = postgres::Server::start()?;
    let dir = Dir::at(server.database());
    Some(live(&dir, Some(&server), times))
}

#[test]
fn a_rollout_through_kills_takes_each_step_once() {
    let kills = on_sqlite(4);
    assert_eq!((kills.commands, kills.servers), (16, 6), "{kills:?}");
}

#[test]
fn a_rollout_through_kills_of_its_database_takes_each_step_once() {
    if let Some(kills) = on_postgres(4) {
        assert_eq!((kills.commands, kills.databases), (16, 6), "{kills:?}");
    }
}

#[test]
#[ignore = "minutes"]
fn breaking_a_rollout_at_every_step() {
    println!("SQLite: {:?}; each step was taken once, no other share was met", on_sqlite(60));
    if let Some(kills) = on_postgres(60) {
        println!("Postgres: {kills:?}; each step was taken once, no other share was met");
    }
}

/// A copy of a directory with its store.
fn copied(dir: &Dir) -> Dir {
    let copy = Dir::new();
    let copying = Command::new("cp").arg("-R").arg(dir.join(".")).arg(copy.path()).status();
    assert!(copying.expect("cp runs").success());
    copy
}

/// Kills the command before its system calls: how many kills struck, of how many.
fn killed_before_calls(prepared: &Dir, args: [&str; 3], all: bool, most: usize) -> (usize, usize) {
    let before = steps(prepared);
    let mut calls = calls(&copied(prepared), &args, "");
    calls.retain(|call| all || changes(call));
    let calls = some(calls, most);
    let mut struck = 0;
    for call in &calls {
        let dir = copied(prepared);
        let inject = format!("inject={}:signal=KILL:when={}", call.name, call.n);
        let ran: Ran = traced(&dir, &["-e", &inject], &args, "");
        struck += usize::from(ran.code() != 0);
        let after = steps(&dir);
        assert!((before..=before + 1).contains(&after), "{after} steps: killed at {}", call.text);
        // Who was told of a step finds it.
        assert!(after == before + 1 || ran.stdout().is_empty(), "told of no step: killed at {}", call.text);
        if after == before {
            dir.run(&args).ok();
        }
        assert_eq!(steps(&dir), before + 1, "killed at {}", call.text);
        dir.run(&["rollout", "advance", "grows"]);
        assert_eq!(steps(&dir), before + 1, "a step on no evidence: killed at {}", call.text);
    }
    assert!(struck * 5 >= calls.len() * 4, "{args:?}: {struck} of {} kills struck", calls.len());
    (struck, calls.len())
}

/// The command at each step of a rollout in a directory, killed before its system calls.
fn killed_at_each_step(all: bool, most: usize) {
    if !available() {
        return;
    }
    let dir = Dir::new();
    prepared(&dir);
    for step in 0..RAMP.len() {
        let (struck, of) = killed_before_calls(&dir, command(step), all, most);
        println!("step {}: killed before {struck} of {of} system calls, taken once", step + 1);
        dir.run(&command(step)).ok();
        let users = (0..USERS).map(|n| format!("{step}-{n}"));
        super::live(&dir, users, |variant| if variant == "bolder" { "completed" } else { "ignored" });
    }
}

#[test]
fn a_step_killed_before_any_change_is_taken_once() {
    killed_at_each_step(false, 8);
}

#[test]
#[ignore = "long"]
fn breaking_a_step_before_every_call() {
    killed_at_each_step(true, usize::MAX);
}
