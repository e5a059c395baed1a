//! A file of a state that is gone, or is an old one: nobody begins anew in its place, and nothing of it is lost.

use super::breaking::line;
use super::upkeep::verified;
use super::{REQUEST, score};
use crate::util::Dir;
use serde_json::json;
use std::fs;

const FILE: &str = "state/u_egreedy_v2.json";

/// Rewards of one user, checkpointed by the reset of another.
fn checkpointed(events: &[&str]) -> Dir {
    let dir = Dir::new();
    let lines: Vec<String> = events.iter().map(|event| line("u", event, 1.0)).collect();
    dir.run_with(&["reward", "--jsonl"], lines.join("\n") + "\n" + &line("w", "e1", 1.0)).ok();
    dir.run(&["reset", "--user", "w"]).ok();
    assert!(dir.json("state/rewards.manifest.json")["checkpoint"]["seq"].as_u64() > Some(0));
    dir
}

fn updates(dir: &Dir) -> u64 {
    dir.run(&["stats", "--user", "u"]).ok().json()["policies"][0]["updates"].as_u64().unwrap_or(0)
}

#[test]
fn a_state_that_is_gone_is_no_new_state() {
    let dir = checkpointed(&["e1", "e2", "e3"]);
    let good = dir.read(FILE);
    fs::remove_file(dir.join(FILE)).unwrap();
    let gone = ["u_egreedy_v2.json: damaged: it is gone", "rehearsal rebuild"];
    let score_u = ["score", "--policy", "egreedy-v2", "--user", "u"];
    dir.run_with(&score_u, REQUEST).refused(&gone);
    dir.run(&["stats", "--user", "u"]).refused(&gone);
    let run = dir.run_with(&["import"], &good);
    assert!(run.code() == 2 && run.stdout().contains(gone[0]), "{}", run.stdout());
    // Others are not concerned, nor is another policy for the same user.
    let other = line("u", "e1", 1.0).replace("egreedy-v2", "linucb");
    let lines = [line("u", "e4", 1.0), line("new", "e1", 1.0), other, line("w", "e2", 1.0)];
    let run = dir.run_with(&["reward", "--jsonl"], lines.join("\n"));
    assert_eq!(run.code(), 2);
    let answers = run.jsonl();
    assert!(answers[0]["error"].as_str().unwrap().contains(gone[0]), "{}", answers[0]);
    assert!(answers[1..].iter().all(|answer| answer["updates"] == 1), "{answers:?}");
    assert!(!dir.join(FILE).exists());

    dir.run(&["rebuild"]).ok();
    assert_eq!(dir.read(FILE), good);
    let answer = dir.run_with(&["reward", "--jsonl"], line("u", "e4", 1.0)).ok().json();
    assert_eq!(answer["updates"], 4);
    assert_eq!(verified(&dir), [""; 0]);
}

#[test]
fn a_state_that_is_gone_can_be_replaced_or_forgotten() {
    let dir = checkpointed(&["e1", "e2"]);
    let good = dir.read(FILE);
    fs::remove_file(dir.join(FILE)).unwrap();
    dir.run_with(&["import", "--replace"], &good).ok();
    assert_eq!((updates(&dir), verified(&dir)), (2, vec![]));

    let dir = checkpointed(&["e1", "e2"]);
    fs::remove_file(dir.join(FILE)).unwrap();
    let removed = dir.run(&["reset", "--user", "u"]).ok().json();
    assert_eq!(removed["removed"], json!(["egreedy-v2"]));
    // It stays forgotten, and the user may begin anew.
    assert_eq!(updates(&dir), 0);
    dir.run(&["rebuild"]).ok();
    assert_eq!(updates(&dir), 0);
    let answer = dir.run_with(&["reward", "--jsonl"], line("u", "e9", 1.0)).ok().json();
    assert_eq!((&answer["updates"], verified(&dir)), (&json!(1), vec![]));
}

/// Also where nobody noticed when the next reward came: an old file was put in its place.
#[test]
fn what_was_learned_in_an_old_state_is_put_together_again() {
    let dir = checkpointed(&["e1"]);
    let old = dir.read(FILE);
    let lines = [line("u", "e2", 0.5), line("u", "e3", -1.0), line("w", "e2", 1.0)];
    dir.run_with(&["reward", "--jsonl"], lines.join("\n")).ok();
    dir.run(&["reset", "--user", "w"]).ok();
    let whole = Dir::new();
    let lines = [("e1", 1.0), ("e2", 0.5), ("e3", -1.0), ("e4", 0.25)].map(|(e, r)| line("u", e, r));
    whole.run_with(&["reward", "--jsonl"], lines.join("\n")).ok();

    dir.write(FILE, old);
    assert!(verified(&dir)[0].starts_with("u_egreedy_v2.json: it holds record 1"), "{:?}", verified(&dir));
    dir.run_with(&["reward", "--jsonl"], line("u", "e4", 0.25)).ok();
    let problems = verified(&dir);
    assert!(problems.iter().any(|p| p.contains("came before it")), "{problems:?}");
    let report = dir.run(&["rebuild"]).ok().json();
    assert_eq!(report["rebuilt"], json!(["u_egreedy_v2.json"]));
    let stats = |dir: &Dir| dir.run(&["stats", "--user", "u"]).ok().stdout();
    assert_eq!(stats(&dir), stats(&whole));
    assert_eq!(verified(&dir), [""; 0]);
}

/// Where a record is missing it may be a reset: nothing is put together over it.
#[test]
fn nothing_that_may_have_been_forgotten_comes_back() {
    let dir = Dir::new();
    dir.run_with(&["reward", "--jsonl"], line("u", "e1", 1.0)).ok();
    dir.run(&["reset", "--user", "u"]).ok();
    dir.run_with(&["reward", "--jsonl"], line("u", "e2", 1.0)).ok();
    let log = dir.read("state/rewards.jsonl");
    dir.write("state/rewards.jsonl", log.replacen("\"op\":\"reset\"", "\"op\":\"reses\"", 1));
    let warm = ["rebuild", "--into", "warm", "--from", "egreedy-v2", "--policy", "linucb-v2"];
    let run = dir.run(&warm);
    assert_eq!((run.code(), &run.json()["written"]), (2, &json!(0)));
    dir.run(&["rebuild"]).ok();
    assert_eq!((updates(&dir), verified(&dir)), (1, vec![]));
}

#[test]
fn a_state_without_a_number_is_not_taught_what_it_may_know() {
    let dir = Dir::new();
    dir.run_with(&["reward", "--jsonl"], line("u", "e1", 1.0)).ok();
    let mut state = dir.json(FILE);
    let fields = state.as_object_mut().unwrap();
    for field in ["seq", "events", "crc", "A_inverse", "theta"] {
        fields.remove(field);
    }
    fields.insert("format_version".to_owned(), json!(1));
    dir.write(FILE, state.to_string());
    dir.run_with(&["score", "--policy", "egreedy-v2", "--user", "u"], REQUEST)
        .refused(&["no record number", "rehearsal rebuild"]);
    dir.run(&["rebuild"]).ok();
    assert_eq!((updates(&dir), verified(&dir)), (1, vec![]));
}

#[test]
fn a_state_that_is_newer_than_the_program_is_left_alone() {
    let dir = checkpointed(&["e1"]);
    let newer = dir.read(FILE).replacen("\"format_version\":2", "\"format_version\":3", 1);
    let content = newer.rsplit_once(",\"crc\"").unwrap().0;
    let newer = format!("{content},\"crc\":\"{:08x}\"}}\n", crc32fast::hash(content.as_bytes()));
    dir.write(FILE, &newer);
    let run = dir.run(&["rebuild"]);
    assert_eq!((run.code(), run.json()["lost"].as_array().unwrap().len()), (2, 1));
    assert!(run.stdout().contains("format_version is 3; allowed: 1 to 2"), "{}", run.stdout());
    assert_eq!(dir.read(FILE), newer);
}

#[test]
fn a_damaged_state_that_is_replaced_is_set_aside() {
    let dir = checkpointed(&["e1"]);
    let good = dir.read(FILE);
    let bad = good.replacen("\"updates\":1", "\"updates\":7", 1);
    dir.write(FILE, &bad);
    let run = dir.run_with(&["import"], &good);
    assert!(run.code() == 2 && run.stdout().contains("damaged"), "{}", run.stdout());
    let answer = dir.run_with(&["import", "--replace"], &good).ok().json();
    assert_eq!(answer["set_aside"], "damaged.1");
    assert_eq!(dir.read("state/damaged.1"), bad);
    assert_eq!((updates(&dir), verified(&dir)), (1, vec![]));
    score(&dir, "egreedy-v2", "u", REQUEST);
}

/// A state that was lost with the line that taught it would otherwise learn the same event twice.
#[test]
fn an_event_of_a_damaged_line_is_not_learned_again() {
    let dir = Dir::new();
    let small = ["reward", "--jsonl", "--segment-bytes", "1000"];
    // More than a state names, so that only log and index know the first.
    let lines: Vec<String> = (0..300).map(|i| line("u", &format!("e{i}"), 1.0)).collect();
    dir.run_with(&small, lines.join("\n") + "\n" + &line("w", "e", 1.0)).ok();
    dir.run(&["reset", "--user", "w", "--segment-bytes", "1000"]).ok();
    let log = dir.read("state/rewards.000001.jsonl");
    dir.write("state/rewards.000001.jsonl", log.replacen("\"event\":\"e3\"", "\"event\":\"x3\"", 1));
    for mended in [false, true] {
        if mended {
            dir.run(&["rebuild"]).ok();
        }
        let lines = [line("u", "e2", 1.0), line("u", "e3", 1.0), line("u", "e299", 1.0)];
        let run = dir.run_with(&small, lines.join("\n"));
        let answers = run.jsonl();
        assert_eq!(run.code(), 2);
        assert_eq!((&answers[0]["duplicate"], &answers[2]["duplicate"]), (&json!(true), &json!(true)));
        let said = answers[1]["error"].as_str().unwrap();
        assert!(said.contains("may have been learned") && said.contains("rewards.000001.jsonl"), "{said}");
        assert_eq!(updates(&dir), 300);
    }
    assert_eq!(verified(&dir), [""; 0]);
}
