//! Many processes at once, killed at any moment: every acknowledged reward is there, and none twice.

use super::line;
use crate::util::{Dialogue, Dir, run};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use std::collections::HashSet;
use std::io::{BufRead, Read, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

fn updates(dir: &Dir, user: &str) -> u64 {
    let stats = dir.run(&["stats", "--user", user]).ok().json();
    stats["policies"][0]["updates"].as_u64().unwrap_or(0)
}

/// `writers` processes teach one user, each its own events and a quarter of the others', while readers
/// look: the count is exact, and what the readers see only grows.
fn on_one_user(writers: usize, each: usize, looks: usize) {
    let dir = Dir::new();
    let done = AtomicBool::new(false);
    let new = AtomicUsize::new(0);
    thread::scope(|scope| {
        let teachers: Vec<_> = (0..writers)
            .map(|writer| {
                let (dir, new) = (&dir, &new);
                scope.spawn(move || {
                    for i in 0..each {
                        // Every fourth event is one that the next writer sends too.
                        let owner = if i % 4 == 0 { (writer + 1) % writers } else { writer };
                        let answer = dir
                            .run_with(
                                &["reward", "--jsonl"],
                                line("u", &format!("{owner}-{}", i / 4 * 4 + i % 4), 1.0),
                            )
                            .ok()
                            .json();
                        assert!(answer["duplicate"].is_boolean(), "{answer}");
                        new.fetch_add(usize::from(answer["duplicate"] == false), Ordering::Relaxed);
                    }
                })
            })
            .collect();
        let (dir, done) = (&dir, &done);
        scope.spawn(move || {
            let store = rehearsal::state::Store::new(&dir.join("state"));
            let (mut latest, mut seen) = (0, 0);
            while seen < looks || !done.load(Ordering::Relaxed) {
                let state = store.view().unwrap().state_by_name("u", "egreedy-v2").unwrap();
                let updates = state.model().updates();
                assert!(updates >= latest, "{updates} after {latest}");
                assert_eq!(state.model().reward_sum(), updates as f64);
                latest = updates;
                seen += 1;
            }
        });
        for teacher in teachers {
            teacher.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    let events: HashSet<String> = (0..writers)
        .flat_map(|w| {
            (0..each).map(move |i| format!("{}-{i}", if i % 4 == 0 { (w + 1) % writers } else { w }))
        })
        .collect();
    assert_eq!(new.load(Ordering::Relaxed), events.len());
    assert_eq!(updates(&dir, "u"), events.len() as u64);
    dir.run(&["verify"]).ok();
}

#[test]
fn writers_at_once_lose_and_double_nothing() {
    on_one_user(4, 40, 200);
}

#[test]
#[ignore = "long"]
fn breaking_sixteen_writers_and_a_million_looks() {
    on_one_user(16, 1000, 1_000_000);
}

/// Writers are killed again and again and go on; each sends every event until it is acknowledged.
fn random_kills(writers: u64, kills_each: usize) {
    let dir = Dir::new();
    let acknowledged = AtomicUsize::new(0);
    thread::scope(|scope| {
        for writer in 0..writers {
            let (dir, acknowledged) = (&dir, &acknowledged);
            scope.spawn(move || {
                let mut rng = ChaCha8Rng::seed_from_u64(writer);
                let (mut next, mut kills) = (0, 0);
                while kills < kills_each {
                    // Groups of one, a few and many, on users of its own and on one that all share.
                    let size = [1, 5, 100][rng.random_range(0..3)];
                    let user = |i: usize| {
                        if i.is_multiple_of(3) { "all".to_owned() } else { format!("w{writer}-{}", i % 40) }
                    };
                    let lines: Vec<String> =
                        (next..next + size).map(|i| line(&user(i), &format!("{writer}-{i}"), 1.0)).collect();
                    let mut command = dir.command(&["reward", "--jsonl", "--segment-bytes", "100000"]);
                    command.stdin(std::process::Stdio::piped());
                    let mut child = command.spawn().unwrap();
                    let mut stdin = child.stdin.take().unwrap();
                    let text = lines.join("\n") + "\n";
                    let feeder =
                        thread::spawn(move || drop(std::io::Write::write_all(&mut stdin, text.as_bytes())));
                    thread::sleep(Duration::from_micros(rng.random_range(0..30_000)));
                    let _ = child.kill();
                    let output = child.wait_with_output().unwrap();
                    feeder.join().unwrap();
                    kills += 1;
                    let text = String::from_utf8(output.stdout).unwrap();
                    let answers = text.split_inclusive('\n').filter(|l| l.ends_with('\n'));
                    for answer in answers {
                        let answer: Value = serde_json::from_str(answer).unwrap();
                        assert!(answer["updates"].is_u64(), "{answer}");
                        next += 1;
                        acknowledged.fetch_add(1, Ordering::Relaxed);
                    }
                }
                // What was never acknowledged is not counted on: it is sent once more.
                let user = |i: usize| {
                    if i.is_multiple_of(3) { "all".to_owned() } else { format!("w{writer}-{}", i % 40) }
                };
                let rest: Vec<String> =
                    (0..next + 100).map(|i| line(&user(i), &format!("{writer}-{i}"), 1.0)).collect();
                let ran = run(dir.command(&["reward", "--jsonl"]), rest.join("\n").as_bytes()).ok();
                let duplicates = ran.jsonl().iter().filter(|a| a["duplicate"] == true).count();
                assert!(duplicates >= next, "{duplicates} of {next} acknowledged rewards are known");
                acknowledged.fetch_add(100, Ordering::Relaxed);
            });
        }
    });
    let total: u64 = dir
        .run(&["stats"])
        .ok()
        .jsonl()
        .iter()
        .map(|user| user["policies"][0]["updates"].as_u64().unwrap())
        .sum();
    assert_eq!(total, acknowledged.load(Ordering::Relaxed) as u64);
    dir.run(&["verify"]).ok();
}

#[test]
fn random_kills_lose_and_double_nothing() {
    random_kills(4, 15);
}

#[test]
#[ignore = "long"]
fn breaking_ten_thousand_random_kills() {
    random_kills(8, 1250);
}

#[test]
fn an_interrupted_run_finishes_its_group_and_says_where() {
    let dir = Dir::new();
    let mut child = dir.command(&["reward", "--jsonl"]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut answer = String::new();
    writeln!(stdin, "{}", line("u", "e1", 1.0)).unwrap();
    stdout.read_line(&mut answer).unwrap();
    let id = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), rest.as_str()), (Some(2), ""));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said, "rehearsal: interrupted after line 1\n");
    assert_eq!(updates(&dir, "u"), 1);
    drop(stdin);
}

#[test]
fn one_line_is_answered_before_the_next_is_sent() {
    let dir = Dir::new();
    let mut learner = Dialogue::new(&dir, &["reward", "--jsonl"]);
    for i in 0..20 {
        let line: Value = serde_json::from_str(&line("u", &i.to_string(), 1.0)).unwrap();
        assert_eq!(learner.ask(&line)["updates"], i + 1);
        // Others write in between, and what the running command remembers is brought up to date.
        if i == 9 {
            dir.run(&["reset", "--user", "u"]).ok();
            break;
        }
    }
    let line: Value = serde_json::from_str(&line("u", "after", 1.0)).unwrap();
    assert_eq!(learner.ask(&line)["updates"], 1);
}
