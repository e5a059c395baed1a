//! What does it cost that a reward is durable? `cargo bench --bench durable` prints the medians of one reward
//! and of the least that the disk has to do for it: write and sync a new file, append to a log and sync it,
//! rename the new file. The two take turns, with the same bytes, in the same directory.

use rehearsal::domain::request::Request;
use rehearsal::policy::Policy;
use rehearsal::state::{Lesson, Reward, Source, Store};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

const TURNS: usize = 2000;
const REQUEST: &str = r#"{"context": {"hour": 8.5, "weekday": 0},
    "candidates": [{"id": "t1", "kind": "focus", "priority": 0.8, "due_in_days": -2, "effort_minutes": 15}]}"#;

fn reward(number: usize, policy: &Arc<Policy>) -> Reward<'_> {
    let request = Request::from_json(REQUEST.as_bytes(), "request").expect("a request");
    let event = Some(format!("event-{number}").into());
    let lesson = Lesson::new(request, 0, 1.0, event, Source::default()).expect("a lesson");
    Reward::new("u", policy, lesson)
}

/// The least that makes `state` and `line` durable.
fn bare(dir: &Path, log: &mut File, state: &[u8], line: &[u8]) {
    let new = dir.join("new");
    let mut file = File::create(&new).expect("created");
    file.write_all(state).and_then(|()| file.sync_data()).expect("written");
    log.write_all(line).and_then(|()| log.sync_data()).expect("appended");
    fs::rename(&new, dir.join("state.json")).expect("renamed");
}

/// Median in microseconds, and the quartiles around it.
fn quartiles(times: &mut [f64]) -> [f64; 3] {
    times.sort_by(f64::total_cmp);
    [2, 1, 3].map(|quarter| times[times.len() * quarter / 4])
}

fn main() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let store = Store::new(&dir.path().join("state"));
    let policy = Arc::new(Policy::named("egreedy-v2").expect("built in"));
    let mut ledger = store.ledger();
    let mut learn = |number: usize| {
        let learned = ledger.learn(&[&reward(number, &policy)]).expect("committed");
        assert!(learned[0].as_ref().is_ok_and(|learned| !learned.duplicate));
        ledger.settle(false).expect("settled");
    };
    learn(0);
    let state = fs::read(dir.path().join("state/u_egreedy_v2.json")).expect("a state");
    let line = fs::read(dir.path().join("state/rewards.jsonl")).expect("a log");
    let path = dir.path().join("log.jsonl");
    let mut log = OpenOptions::new().create(true).append(true).open(path).expect("a log");
    let (mut rewards, mut bares) = (Vec::with_capacity(TURNS), Vec::with_capacity(TURNS));
    for turn in 1..=TURNS {
        let begun = Instant::now();
        learn(turn);
        rewards.push(begun.elapsed().as_secs_f64() * 1e6);
        let begun = Instant::now();
        bare(dir.path(), &mut log, &state, &line);
        bares.push(begun.elapsed().as_secs_f64() * 1e6);
    }
    let (rewards, bares) = (quartiles(&mut rewards), quartiles(&mut bares));
    for (name, [median, lower, upper]) in
        [("one durable reward", rewards), ("bare write, syncs, rename", bares)]
    {
        println!("{name:<28} {median:>9.0} us  (quartiles {lower:.0} and {upper:.0})");
    }
    println!(
        "{TURNS} turns, {} and {} bytes; ratio of the medians {:.2}",
        state.len(),
        line.len(),
        rewards[0] / bares[0]
    );
}
