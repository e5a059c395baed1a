//! What somebody damages in the database by hand is found, or it harms nothing; and nobody panics.

use super::{REQUEST, copied, id, line, reward, score};
use crate::util::{Dir, Ran};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use std::fs;

const FILE: &str = "state/rehearsal.db";

/// Some users, some policies, a reset; all of it folded into the database.
fn prepared() -> Dir {
    let dir = Dir::new();
    let lines: Vec<String> = (0..200).map(|i| line(["u", "v", "w"][i % 3], &format!("e{i}"), 0.5)).collect();
    dir.run_with(&["reward", "--jsonl"], lines.join("\n")).ok();
    dir.run(&["reset", "--user", "w"]).ok();
    for _ in 0..5 {
        reward(&dir, id(&score(&dir, "linucb", "u", REQUEST)), "completed");
    }
    dir.run(&["rebuild"]).ok();
    let wal = fs::metadata(dir.join("state/rehearsal.db-wal")).map_or(0, |wal| wal.len());
    assert_eq!(wal, 0, "rebuild folds in the log");
    dir
}

/// It ended by itself, and said what is wrong in one line if something is.
fn ended(ran: &Ran, what: &str) {
    let lines = ran.stderr().lines().count();
    if ![0, 2].contains(&ran.code()) || lines > 1 || (ran.code() == 2) != (lines == 1) {
        ran.fail(what);
    }
}

/// Whether the damage was found. If it was not, everything that is known is as it was.
fn found(dir: &Dir, what: &str, stats: &str) -> bool {
    let verified = dir.run(&["verify"]);
    ended(&verified, what);
    let now = dir.run(&["stats"]);
    ended(&now, what);
    if verified.code() == 0 && (now.code() != 0 || now.stdout() != stats) {
        now.fail(&format!("{what}: neither found nor harmless"));
    }
    for args in [&["log", "decisions"][..], &["log", "rewards"], &["export"]] {
        ended(&dir.run(args), what);
    }
    // Writers end, too, whatever they find.
    let ran = dir.run_with(&["reward", "--jsonl"], line("v", "one more", 1.0));
    assert!([0, 2].contains(&ran.code()), "{what}: {}", ran.stderr());
    verified.code() != 0
}

fn flip_bits(flips: usize) {
    let prepared = prepared();
    let stats = prepared.run(&["stats"]).ok().stdout();
    let content = fs::read(prepared.join(FILE)).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut seen = 0;
    for _ in 0..flips {
        let dir = copied(&prepared);
        let mut content = content.clone();
        // Every byte alike, and the header more often.
        let end = if rng.random_bool(0.2) { 200 } else { content.len() };
        let bit = rng.random_range(0..end * 8);
        content[bit / 8] ^= 1 << (bit % 8);
        dir.write(FILE, &content);
        seen += usize::from(found(&dir, &format!("bit {bit}"), &stats));
    }
    assert!(seen > flips / 10, "{seen} of {flips} were found");
    println!("{flips} flipped bits: {seen} found, the others harmless");
}

#[test]
fn flipped_bits_are_found_or_harmless() {
    flip_bits(25);
}

#[test]
#[ignore = "long"]
fn breaking_flipped_bits() {
    flip_bits(5_000);
}

#[test]
fn a_database_that_is_cut_short_is_found() {
    let prepared = prepared();
    let stats = prepared.run(&["stats"]).ok().stdout();
    let content = fs::read(prepared.join(FILE)).unwrap();
    for part in [1, 5, 9, 11] {
        let dir = copied(&prepared);
        let length = content.len() * part / 12;
        dir.write(FILE, &content[..length]);
        assert!(found(&dir, &format!("{length} bytes"), &stats), "{length} of {} bytes", content.len());
    }
}
