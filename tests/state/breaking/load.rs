//! Many processes at once, killed at any moment: every acknowledged reward is there, and none twice.

use super::line;
use crate::util::{Dialogue, Dir, run};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rehearsal::state::Store;
use serde_json::Value;
use std::collections::HashSet;
use std::io::{BufRead, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

fn updates(dir: &Dir, user: &str) -> u64 {
    let stats = dir.run(&["stats", "--user", user]).ok().json();
    stats["policies"][0]["updates"].as_u64().unwrap_or(0)
}

/// Says that all is done, also when what is to be done panics: who watches would wait for ever.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Looks at the user until `done`, and at least `looks` times: each state is whole, and none is older than
/// the one before. How many looks there were, and how many of them before `done`.
fn watch(dir: &Dir, user: &str, looks: usize, done: &AtomicBool) -> (usize, usize) {
    let store = Store::new(&dir.join("state"));
    let (mut latest, mut seen, mut meanwhile) = (0, 0, 0);
    while seen < looks || !done.load(Ordering::Relaxed) {
        let updates = match store.view().unwrap().state_by_name(user, "egreedy-v2") {
            Ok(state) => {
                assert_eq!(state.model().reward_sum(), state.model().updates() as f64);
                assert_eq!(state.events().count() as u64, state.model().updates().min(256));
                state.model().updates()
            }
            // Before the first reward.
            Err(rehearsal::base::error::Error::Unknown { .. }) => 0,
            Err(error) => panic!("{error}"),
        };
        assert!(updates >= latest, "{updates} after {latest}");
        latest = updates;
        seen += 1;
        meanwhile += usize::from(!done.load(Ordering::Relaxed));
    }
    (seen, meanwhile)
}

/// `writers` processes teach one user, each its own events and a quarter of the others', while readers
/// look: the count is exact, and what the readers see only grows.
fn on_one_user(writers: usize, each: usize, looks: usize) {
    let dir = Dir::new();
    let done = AtomicBool::new(false);
    let new = AtomicUsize::new(0);
    // Every fourth event is one that the next writer sends too.
    let event = |writer: usize, i: usize| {
        let owner = if i.is_multiple_of(4) { (writer + 1) % writers } else { writer };
        // It sends those of its own that it passes on a little later.
        format!("{owner}-{}", if owner == writer { i } else { i + 1 })
    };
    let (seen, meanwhile) = thread::scope(|scope| {
        let teachers: Vec<_> = (0..writers)
            .map(|writer| {
                let (dir, new) = (&dir, &new);
                scope.spawn(move || {
                    for i in 0..each {
                        let line = line("u", &event(writer, i), 1.0);
                        let answer = dir.run_with(&["reward", "--jsonl"], line).ok().json();
                        assert!(answer["duplicate"].is_boolean(), "{answer}");
                        new.fetch_add(usize::from(answer["duplicate"] == false), Ordering::Relaxed);
                    }
                })
            })
            .collect();
        let (dir, done) = (&dir, &done);
        let readers: Vec<_> = (0..2).map(|_| scope.spawn(move || watch(dir, "u", looks / 2, done))).collect();
        let all = Done(done);
        for teacher in teachers {
            teacher.join().unwrap();
        }
        drop(all);
        let looks = readers.into_iter().map(|reader| reader.join().unwrap());
        looks.fold((0, 0), |sum, looks| (sum.0 + looks.0, sum.1 + looks.1))
    });
    let sent = writers * each;
    let events: HashSet<String> =
        (0..writers).flat_map(|writer| (0..each).map(move |i| event(writer, i))).collect();
    assert_eq!(events.len(), sent - sent / 4, "a quarter of what is sent is sent twice");
    assert_eq!(new.load(Ordering::Relaxed), events.len());
    assert_eq!(updates(&dir, "u"), events.len() as u64);
    dir.run(&["verify"]).ok();
    println!(
        "{sent} rewards by {writers} processes at once, {} of them twice: {} updates; {seen} whole states seen \
         in order, {meanwhile} of them meanwhile",
        sent / 4,
        events.len()
    );
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

/// A writer that is killed again and again, and sends every event until it is acknowledged; how many were
/// when it was killed for the last time, and how many in the end.
fn stubborn(dir: &Dir, writer: u64, kills: usize) -> (usize, usize) {
    // On users of its own and on one that all share.
    let user =
        |i: usize| if i.is_multiple_of(3) { "all".to_owned() } else { format!("w{writer}-{}", i % 40) };
    let lines = |range: std::ops::Range<usize>| -> String {
        range.map(|i| line(&user(i), &format!("{writer}-{i}"), 1.0) + "\n").collect()
    };
    let mut rng = ChaCha8Rng::seed_from_u64(writer);
    let (mut acknowledged, mut killed) = (0, 0);
    // How long to wait, in microseconds: it finds the time in which commands are at work on this machine.
    let mut patience = 10_000.0;
    while killed < kills {
        // Groups of one, a few and many.
        let size = [1, 5, 100][rng.random_range(0..3)];
        let text = lines(acknowledged..acknowledged + size);
        let mut child = dir.command(&["reward", "--jsonl", "--segment-bytes", "100000"]).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let feeder = thread::spawn(move || drop(stdin.write_all(text.as_bytes())));
        thread::sleep(Duration::from_micros(rng.random_range(0..patience as u64)));
        let _ = child.kill();
        let output = child.wait_with_output().unwrap();
        feeder.join().unwrap();
        // One that had ended already was not killed.
        let struck = output.status.signal() == Some(9);
        killed += usize::from(struck);
        let answers = String::from_utf8(output.stdout).unwrap();
        patience *= if !struck {
            0.8
        } else if answers.is_empty() {
            1.3
        } else {
            1.0
        };
        for answer in answers.split_inclusive('\n').filter(|answer| answer.ends_with('\n')) {
            let answer: Value = serde_json::from_str(answer).unwrap();
            assert!(answer["updates"].is_u64(), "{answer}");
            acknowledged += 1;
        }
    }
    // What was never acknowledged is not counted on: it is sent once more.
    let ran = run(dir.command(&["reward", "--jsonl"]), lines(0..acknowledged + 100).as_bytes()).ok();
    let known = ran.jsonl().iter().take_while(|answer| answer["duplicate"] == true).count();
    assert!(known >= acknowledged, "{known} of {acknowledged} acknowledged rewards are known");
    (acknowledged, acknowledged + 100)
}

/// All of them at once, while somebody looks.
fn random_kills(writers: u64, kills_each: usize) {
    let dir = Dir::new();
    let done = AtomicBool::new(false);
    let (acknowledged, total, seen) = thread::scope(|scope| {
        let (dir, done) = (&dir, &done);
        let reader = scope.spawn(move || watch(dir, "all", 1, done));
        let writers: Vec<_> =
            (0..writers).map(|writer| scope.spawn(move || stubborn(dir, writer, kills_each))).collect();
        let all = Done(done);
        let counts = writers.into_iter().map(|writer| writer.join().unwrap());
        let (acknowledged, total) = counts.fold((0, 0), |sum, counts| (sum.0 + counts.0, sum.1 + counts.1));
        drop(all);
        (acknowledged, total, reader.join().unwrap().0)
    });
    // Kills that strike before any work is done prove nothing.
    let kills = kills_each * writers as usize;
    assert!(acknowledged >= 2 * kills, "{acknowledged} rewards were acknowledged between {kills} kills");
    let stats = dir.run(&["stats"]).ok().jsonl();
    let learned: u64 = stats.iter().map(|user| user["policies"][0]["updates"].as_u64().unwrap()).sum();
    assert_eq!(learned, total as u64);
    dir.run(&["verify"]).ok();
    println!(
        "{kills} kills of {writers} writers: {acknowledged} rewards were acknowledged between them, none is lost, \
         none counted twice; {seen} whole states seen in order"
    );
}

#[test]
fn random_kills_lose_and_double_nothing() {
    random_kills(4, 15);
}

#[test]
#[ignore = "long"]
fn breaking_ten_thousand_random_kills() {
    // In ten directories: each is looked at whole when its writers are done.
    for _ in 0..10 {
        random_kills(8, 125);
    }
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
