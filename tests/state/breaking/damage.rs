//! Bits flip and files are cut short: it is found or it is harmless, and mended while logs or states are
//! whole. Here the library is called, because there are many files to damage.

use super::line;
use crate::util::Dir;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rehearsal::domain::request::Request;
use rehearsal::policy::Policy;
use rehearsal::state::{Learned, Lesson, Problem, Reward, Source, Store};
use std::fs;
use std::sync::{Arc, LazyLock};

/// Two users, sealed segments, an index, a reset, and decisions.
fn prepared() -> Dir {
    let dir = Dir::new();
    let small = ["reward", "--jsonl", "--segment-bytes", "30000"];
    for part in 0..3 {
        let lines: Vec<String> =
            (0..100).map(|i| line(["u", "v"][i % 2], &format!("e{part}-{i}"), 0.5)).collect();
        dir.run_with(&small, lines.join("\n")).ok();
    }
    // More users than are written at once: a checkpoint follows.
    let crowd: Vec<String> = (0..20).map(|i| line(&format!("user{i}"), "e", 1.0)).collect();
    dir.run_with(&small, crowd.join("\n")).ok();
    dir.run(&["reset", "--user", "user3"]).ok();
    for user in ["u", "v"] {
        dir.run_with(&["score", "--policy", "linucb", "--user", user], crate::state::REQUEST).ok();
        dir.run_with(&small, line(user, "last", 0.25)).ok();
    }
    assert!(dir.join("state/rewards.000001.jsonl").exists() && dir.join("state/rewards.index").exists());
    dir
}

/// User, policy, updates, and the bits of the weights.
type Known = (String, String, u64, Vec<u8>);

/// What is known, if it can be read.
fn known(store: &Store) -> Option<Vec<Known>> {
    let view = store.view().ok()?;
    let mut known = Vec::new();
    for (user, policies) in view.users().ok()? {
        for policy in policies {
            let state = view.state_by_name(&user, &policy).ok()?;
            let theta = state.model().kind_models().iter().flat_map(|p| p.ridge.theta().to_vec());
            known.push((
                user.clone(),
                policy,
                state.model().updates(),
                theta.flat_map(f64::to_le_bytes).collect(),
            ));
        }
    }
    Some(known)
}

/// Every reward that was recorded, to be sent again.
fn sent(dir: &Dir) -> Vec<Reward<'static>> {
    static POLICY: LazyLock<Arc<Policy>> = LazyLock::new(|| Arc::new(Policy::named("egreedy-v2").unwrap()));
    let log = super::lines_of(dir, "rewards");
    let records = log.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let rewards = records.filter(|record| record["op"] == "reward").map(|record| {
        let request = Request::from_json(record["request"].to_string().as_bytes(), "a record").unwrap();
        let event = record["event"].as_str().map(Into::into);
        let reward = record["reward"].as_f64().unwrap();
        let lesson = Lesson::new(request, 0, reward, event, Source::default()).unwrap();
        Reward::new(record["user"].as_str().unwrap(), &POLICY, lesson)
    });
    rewards.collect()
}

/// Damages one file of a fresh copy: found or harmless, then mended.
fn survives(dir: &Dir, sent: &[Reward], name: &str, content: &[u8], what: &str) {
    let work = super::copied(dir);
    let store = Store::new(&work.join("state"));
    let before = known(&store).expect("the prepared directory is whole");
    fs::write(work.join("state").join(name), content).unwrap();
    let found = !store.verify().is_ok_and(|report| report.problems.is_empty());
    if !found {
        assert_eq!(known(&store).as_ref(), Some(&before), "{name}: {what}: neither found nor harmless");
    }
    let rebuilt = store.rebuild().unwrap_or_else(|e| panic!("{name}: {what}: {e}"));
    // A decision that is damaged cannot be made again: it is named, once.
    let lost: Vec<Problem> =
        rebuilt.lost.into_iter().filter(|p| name != p.file || !name.starts_with("decisions")).collect();
    assert_eq!(lost, [], "{name}: {what}");
    assert_eq!(known(&store).as_ref(), Some(&before), "{name}: {what}: not mended");
    let problems = store.verify().unwrap().problems;
    assert_eq!(problems, [], "{name}: {what}: not mended");
    // What was learned is learned, whatever is left of its record: it is known, or it cannot be told.
    let sent: Vec<&Reward> = sent.iter().collect();
    let again = store.ledger().learn(&sent).unwrap_or_else(|e| panic!("{name}: {what}: {e}"));
    let learned = again.iter().filter(|again| matches!(again, Ok(Learned { duplicate: false, .. }))).count();
    assert_eq!(learned, 0, "{name}: {what}: learned again");
    let untold = again.iter().filter(|again| again.is_err()).count();
    assert!(untold == 0 || name.starts_with("rewards"), "{name}: {what}: {untold} of {}", sent.len());
    assert_eq!(known(&store), Some(before), "{name}: {what}: after it was sent again");
}

fn files(dir: &Dir) -> Vec<(String, Vec<u8>)> {
    dir.contents("state")
        .into_iter()
        .map(|(path, content)| (path.file_name().unwrap().to_str().unwrap().to_owned(), content))
        .filter(|(_, content)| !content.is_empty())
        .collect()
}

fn bit_flips(dir: &Dir, flips: usize) {
    let (files, sent) = (files(dir), sent(dir));
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    for i in 0..flips {
        let (name, content) = &files[i % files.len()];
        let bit = rng.random_range(0..content.len() * 8);
        let mut content = content.clone();
        content[bit / 8] ^= 1 << (bit % 8);
        survives(dir, &sent, name, &content, &format!("bit {bit}"));
    }
}

#[test]
fn flipped_bits_are_found_and_mended() {
    bit_flips(&prepared(), 150);
}

#[test]
fn files_that_are_cut_short_are_found_and_mended() {
    let dir = prepared();
    let sent = sent(&dir);
    for (name, content) in files(&dir) {
        for part in [0, 1, 7, 11] {
            let length = content.len() * part / 12;
            survives(&dir, &sent, &name, &content[..length], &format!("{length} bytes"));
        }
        survives(&dir, &sent, &name, &content[..content.len() - 1], "one byte less");
    }
}

/// As the other one, with as little of everything as there can be.
fn small() -> Dir {
    let dir = Dir::new();
    let small = ["reward", "--jsonl", "--segment-bytes", "1000"];
    for part in 0..3 {
        let lines: Vec<String> =
            ["u", "v", "w"].iter().map(|user| line(user, &format!("e{part}"), 0.5)).collect();
        dir.run_with(&small, lines.join("\n")).ok();
        if part < 2 {
            // With it comes a checkpoint.
            dir.run(&["reset", "--user", "w", "--segment-bytes", "1000"]).ok();
        }
        let score = ["score", "--policy", "linucb", "--user", "u", "--segment-bytes", "1000"];
        dir.run_with(&score, crate::state::REQUEST).ok();
    }
    for file in ["rewards.000002.jsonl", "rewards.index", "decisions.000001.jsonl", "w_egreedy_v2.json"] {
        assert!(dir.join("state").join(file).exists(), "{file}");
    }
    dir
}

#[test]
#[ignore = "long"]
fn breaking_ten_thousand_flipped_bits() {
    bit_flips(&prepared(), 10_000);
    println!("10000 flipped bits: each found or harmless, and mended");
}

#[test]
#[ignore = "long"]
fn breaking_every_truncation_of_every_file() {
    let dir = small();
    let (mut cut, files, sent) = (0, files(&dir), sent(&dir));
    for (name, content) in &files {
        for length in 0..content.len() {
            survives(&dir, &sent, name, &content[..length], &format!("{length} bytes"));
        }
        cut += content.len();
    }
    println!(
        "{} files cut short at every byte, {cut} in all: each found or harmless, and mended",
        files.len()
    );
}
