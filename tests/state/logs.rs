//! The logs as they grow: checkpoints, sealed segments, events that were learned long ago.

use super::{REQUEST, id, reward, score};
use crate::util::Dir;
use serde_json::{Value, json};
use std::fs;

/// Lines of rewards for `users`, `each` of them, in turn.
fn rewards(users: usize, each: usize) -> Vec<String> {
    let request: Value = serde_json::from_str(REQUEST).unwrap();
    let line = |i: usize| {
        let (user, chosen) = (format!("user {}", i % users), ["t1", "t2", "t3"][i % 3]);
        json!({"user": user, "policy": "egreedy-v2", "chosen": chosen, "reward": (i % 5) as f64 / 4.0,
               "event_id": format!("event-{i}"), "request": request})
        .to_string()
    };
    (0..users * each).map(line).collect()
}

/// What a population has learned, without anything that may differ between two histories of it.
fn learned(dir: &Dir) -> Vec<Value> {
    dir.run(&["stats"]).ok().jsonl()
}

#[test]
fn a_log_in_many_segments_keeps_every_event_and_every_state() {
    let (sealed, whole) = (Dir::new(), Dir::new());
    let lines = rewards(30, 100);
    whole.run_with(&["reward", "--jsonl"], lines.join("\n")).ok();
    for part in lines.chunks(700) {
        let run =
            sealed.run_with(&["reward", "--jsonl", "--segment-bytes", "200000"], part.join("\n") + "\n").ok();
        assert!(run.jsonl().iter().all(|a| a["duplicate"] == false));
    }
    assert_eq!(learned(&sealed), learned(&whole));
    assert_eq!(learned(&sealed)[7]["policies"][0]["updates"], 100);

    let manifest = sealed.json("state/rewards.manifest.json");
    let segments = manifest["sealed"].as_array().unwrap();
    assert!(segments.len() >= 3, "{manifest}");
    let mut records = 0;
    for segment in segments {
        let content = sealed.read(&format!("state/{}", segment["file"].as_str().unwrap()));
        assert_eq!(content.len() as u64, segment["bytes"].as_u64().unwrap());
        records += content.lines().count() as u64;
        assert_eq!(segment["last_seq"], records);
    }

    // Every event of any age is known, and changes nothing.
    let before = sealed.contents("state");
    let again = sealed.run_with(&["reward", "--jsonl"], lines.join("\n")).ok().jsonl();
    assert!(again.iter().all(|a| a["duplicate"] == true));
    let other = lines[0].replace("\"reward\":0.0", "\"reward\":0.5");
    let run = sealed.run_with(&["reward", "--jsonl"], other);
    assert!(run.stdout().contains("was learned with reward 0"), "{}", run.stdout());
    assert_eq!(sealed.contents("state"), before);

    // Also when the index is lost, cut short or damaged.
    let index = fs::read(sealed.join("state/rewards.index")).unwrap();
    let mut damaged = index.clone();
    damaged.iter_mut().skip(4096).step_by(1000).for_each(|b| *b ^= 1);
    for content in [None, Some(&index[..5000]), Some(&damaged[..])] {
        match content {
            None => fs::remove_file(sealed.join("state/rewards.index")).unwrap(),
            Some(content) => sealed.write("state/rewards.index", content),
        }
        let again = sealed.run_with(&["reward", "--jsonl"], lines[..200].join("\n")).ok().jsonl();
        assert!(again.iter().all(|a| a["duplicate"] == true));
    }
}

#[test]
fn single_rewards_are_checkpointed_as_they_come() {
    let dir = Dir::new();
    let mut learner = crate::util::Dialogue::new(&dir, &["reward", "--jsonl", "--segment-bytes", "100000"]);
    for (i, line) in rewards(3, 150).iter().enumerate() {
        let answer = learner.ask(&serde_json::from_str(line).unwrap());
        assert_eq!(answer["updates"], i / 3 + 1);
        // Every state file is up to date when its reward is answered.
        if i % 50 == 0 {
            let state = dir.json(&format!("state/user%20{}_egreedy_v2.json", i % 3));
            assert_eq!(state["updates"], answer["updates"]);
        }
    }
    drop(learner);
    let manifest = dir.json("state/rewards.manifest.json");
    assert!(!manifest["sealed"].as_array().unwrap().is_empty(), "{manifest}");
    assert!(manifest["checkpoint"]["seq"].as_u64().unwrap() > 300, "{manifest}");
}

#[test]
fn decisions_are_found_in_every_segment() {
    let dir = Dir::new();
    let line = REQUEST.replace('\n', " ").replacen('{', r#"{"user": "u", "policy": "linucb", "#, 1);
    let mut ids = Vec::new();
    for _ in 0..10 {
        let run =
            dir.run_with(&["score", "--jsonl", "--segment-bytes", "3000"], format!("{line}\n{line}\n")).ok();
        ids.extend(run.jsonl().iter().map(|a| id(a).to_owned()));
    }
    assert!(dir.json("state/decisions.manifest.json")["sealed"].as_array().unwrap().len() > 2);
    for (i, id) in ids.iter().enumerate() {
        assert_eq!(reward(&dir, id, "completed")["updates"], i + 1);
    }
}

#[test]
fn sealing_that_was_cut_short_is_finished() {
    let dir = Dir::new();
    let small = ["--segment-bytes", "100"];
    let score_small = || {
        let args = [&["score", "--policy", "linucb", "--user", "u"][..], &small].concat();
        id(&dir.run_with(&args, REQUEST).ok().json()).to_owned()
    };
    let first = score_small();
    let second = score_small();
    // As if the process had died between the manifest and the rename.
    let (active, sealed) = (dir.join("state/decisions.jsonl"), dir.join("state/decisions.000001.jsonl"));
    fs::remove_file(&active).unwrap();
    fs::rename(&sealed, &active).unwrap();
    assert_eq!(reward(&dir, &first, "completed")["updates"], 1);
    dir.run(&["reward", "--decision", &second, "--reaction", "completed"]).refused(&["not in"]);
    score(&dir, "linucb", "u", REQUEST);
    assert!(sealed.exists());
    assert_eq!(reward(&dir, &first, "completed")["duplicate"], true);
}

#[test]
fn a_torn_end_is_cut_off_and_damage_stops_the_writer() {
    let dir = Dir::new();
    for _ in 0..3 {
        reward(&dir, id(&score(&dir, "egreedy-v2", "u", REQUEST)), "completed");
    }
    let next = id(&score(&dir, "egreedy-v2", "u", REQUEST)).to_owned();
    let good = dir.read("state/rewards.jsonl");
    let lines: Vec<&str> = good.split_inclusive('\n').collect();
    // A fourth line, unfinished: it was never acknowledged.
    dir.write("state/rewards.jsonl", format!("{good}{}", &lines[2][..100]));
    assert_eq!(dir.run(&["stats", "--user", "u"]).ok().json()["policies"][0]["updates"], 3);
    assert_eq!(reward(&dir, &next, "completed")["updates"], 4);
    assert_eq!(dir.read("state/rewards.jsonl").lines().count(), 4);

    let next = id(&score(&dir, "egreedy-v2", "u", REQUEST)).to_owned();
    let (good, args) =
        (dir.read("state/rewards.jsonl"), ["reward", "--decision", &next, "--reaction", "ignored"]);
    for damaged in
        [good.replacen("\"seq\":2", "\"seq\":3", 1), good.replacen("0.8", "0.9", 1), lines[1..].concat()]
    {
        dir.write("state/rewards.jsonl", &damaged);
        let before = dir.contents("state");
        dir.run(&args).refused(&["rewards.jsonl: damaged"]);
        assert_eq!(dir.contents("state"), before);
    }
}

#[test]
fn a_state_that_lags_behind_the_log_is_seen_whole() {
    let dir = Dir::new();
    let mut states = Vec::new();
    for _ in 0..4 {
        reward(&dir, id(&score(&dir, "linucb", "u", REQUEST)), "completed");
        states.push(dir.read("state/u_linucb.json"));
    }
    let stats = dir.run(&["stats"]).ok().stdout();
    for old in [None, Some(&states[0]), Some(&states[2])] {
        match old {
            None => fs::remove_file(dir.join("state/u_linucb.json")).unwrap(),
            Some(old) => dir.write("state/u_linucb.json", old),
        }
        assert_eq!(dir.run(&["stats"]).ok().stdout(), stats);
    }
    let last = reward(&dir, id(&score(&dir, "linucb", "u", REQUEST)), "completed");
    assert_eq!(last["updates"], 5);
    assert_eq!(dir.json("state/u_linucb.json")["updates"], 5);

    // A reset that was recorded is in force, whether or not its files are gone.
    let kept = dir.read("state/u_linucb.json");
    dir.run(&["reset", "--user", "u"]).ok();
    dir.write("state/u_linucb.json", &kept);
    fs::remove_file(dir.join("state/rewards.manifest.json")).unwrap();
    assert_eq!(dir.run(&["stats", "--user", "u"]).ok().json()["policies"], json!([]));
    let first = reward(&dir, id(&score(&dir, "linucb", "u", REQUEST)), "completed");
    assert_eq!(first["updates"], 1);
}

#[test]
fn a_state_of_another_log_is_not_written_on() {
    let (dir, other) = (Dir::new(), Dir::new());
    for _ in 0..3 {
        reward(&other, id(&score(&other, "linucb", "u", REQUEST)), "completed");
    }
    let decision = score(&dir, "linucb", "u", REQUEST);
    fs::copy(other.join("state/u_linucb.json"), dir.join("state/u_linucb.json")).unwrap();
    dir.run(&["reward", "--decision", id(&decision), "--reaction", "completed"])
        .refused(&["of another one", "rehearsal rebuild"]);
    assert_eq!(dir.json("state/u_linucb.json")["updates"], 3);
}
