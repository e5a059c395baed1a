//! `verify`, `rebuild`, `export`, `import` and `stats --csv`: what is damaged is found, named and mended.

use super::{REQUEST, id, reward, score};
use crate::util::Dir;
use serde_json::{Value, json};
use std::fs;

/// A few users with a few policies, a reset among what was recorded, and several sealed segments.
fn lived_in() -> Dir {
    let dir = Dir::new();
    let small = ["--segment-bytes", "4000"];
    for step in 0..4 {
        for (user, policy) in [("alice", "egreedy-v2"), ("alice", "linucb"), ("b/b", "egreedy-v2")] {
            let args = [&["score", "--policy", policy, "--user", user][..], &small].concat();
            let decision = dir.run_with(&args, REQUEST).ok().json();
            let reaction = ["completed", "dismissed", "snoozed", "ignored"][step];
            let args =
                [&["reward", "--decision", id(&decision), "--reaction", reaction][..], &small].concat();
            dir.run(&args).ok();
        }
        if step == 1 {
            dir.run(&["reset", "--user", "b/b"]).ok();
        }
    }
    // Enough for a checkpoint and a sealed segment.
    let line = |i: usize| {
        json!({"user": "carol", "policy": "uniform", "chosen": "t1", "reward": 1, "event_id": format!("e{i}"),
               "request": serde_json::from_str::<Value>(REQUEST).unwrap()})
        .to_string()
    };
    let lines: Vec<String> = (0..400).map(line).collect();
    let args = [&["reward", "--jsonl"][..], &small].concat();
    dir.run_with(&args, lines.join("\n")).ok();
    assert!(dir.join("state/rewards.000001.jsonl").exists());
    reward(&dir, id(&score(&dir, "egreedy-v2", "alice", REQUEST)), "completed");
    dir
}

/// What `verify` finds wrong.
pub(super) fn verified(dir: &Dir) -> Vec<String> {
    let run = dir.run(&["verify"]);
    let problems = run.json()["problems"].as_array().unwrap().clone();
    if run.code() != if problems.is_empty() { 0 } else { 2 } {
        run.fail("the exit code says whether there are problems");
    }
    problems
        .iter()
        .map(|p| format!("{}: {}", p["file"].as_str().unwrap(), p["problem"].as_str().unwrap()))
        .collect()
}

#[test]
fn a_directory_that_was_lived_in_is_sound() {
    let dir = lived_in();
    let before = dir.contents("state");
    let report = dir.run(&["verify"]).ok().json();
    assert_eq!((&report["states"], &report["problems"]), (&json!(4), &json!([])));
    assert_eq!((&report["records"], &report["decisions"]), (&json!(414), &json!(13)));
    assert_eq!(dir.contents("state"), before);
    let rebuilt = dir.run(&["rebuild"]).ok().json();
    assert_eq!(
        rebuilt,
        json!({"unchanged": 4, "rebuilt": [], "adopted": [], "forgotten": [], "set_aside": [], "lost": []})
    );
    assert_eq!(verified(&dir), [""; 0]);
}

#[test]
fn states_are_made_again_from_the_log_to_the_bit() {
    let dir = lived_in();
    let stats = dir.run(&["stats"]).ok().stdout();
    let states: Vec<String> = dir
        .contents("state")
        .into_iter()
        .filter_map(|(p, _)| p.file_name()?.to_str().map(str::to_owned))
        .filter(|n| n.contains('_'))
        .collect();
    let good: Vec<String> = states.iter().map(|name| dir.read(&format!("state/{name}"))).collect();

    dir.write(&format!("state/{}", states[0]), &good[0][..200]);
    dir.write(&format!("state/{}", states[1]), good[1].replacen("\"updates\":4", "\"updates\":5", 1));
    fs::remove_file(dir.join(&format!("state/{}", states[3]))).unwrap();
    fs::remove_file(dir.join("state/rewards.index")).unwrap();
    let problems = verified(&dir);
    assert_eq!(problems.len(), 4, "{problems:?}");
    let report = dir.run(&["rebuild"]).ok().json();
    assert_eq!(report["unchanged"], 1);
    assert_eq!(report["rebuilt"].as_array().unwrap().len(), 3);
    let aside = report["set_aside"].as_array().unwrap();
    assert_eq!(aside.len(), 2, "{report}");
    assert_eq!(dir.read(&format!("state/{}", aside[0]["now"].as_str().unwrap())), good[0][..200]);
    for (name, content) in states.iter().zip(&good) {
        assert_eq!(dir.read(&format!("state/{name}")), *content);
    }
    assert_eq!(dir.run(&["stats"]).ok().stdout(), stats);
    assert_eq!(verified(&dir), [""; 0]);

    // Elsewhere, all of them.
    dir.run(&["rebuild", "--into", "other"]).ok();
    assert_eq!(dir.run(&["stats", "--state-dir", "other"]).ok().stdout(), stats);
    dir.run(&["rebuild", "--into", "other"]).refused(&["already"]);
}

/// It was overlooked while the latest reward was not checkpointed yet, though no reader could do without it.
#[test]
fn a_state_that_is_gone_is_missed_whatever_the_log_says_since() {
    let line = |user: &str, event: &str| crate::state::breaking::line(user, event, 1.0);
    let dir = Dir::new();
    dir.run_with(&["reward", "--jsonl"], line("u", "e1") + "\n" + &line("w", "e1")).ok();
    // With it comes a checkpoint.
    dir.run(&["reset", "--user", "w"]).ok();
    let old = dir.read("state/u_egreedy_v2.json");
    dir.run_with(&["reward", "--jsonl"], line("u", "e2")).ok();
    assert_eq!(verified(&dir), [""; 0]);
    // One that lags behind is not missed: the log's tail makes up for it.
    dir.write("state/u_egreedy_v2.json", old);
    assert_eq!(verified(&dir), [""; 0]);
    fs::remove_file(dir.join("state/u_egreedy_v2.json")).unwrap();
    let problems = verified(&dir);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].starts_with("u_egreedy_v2.json: it is not there"), "{problems:?}");
    dir.run(&["rebuild"]).ok();
    assert_eq!(verified(&dir), [""; 0]);
}

#[test]
fn a_damaged_log_is_made_up_for_by_whole_states() {
    let mut flipped = 0;
    for (file, at) in [("rewards.000001.jsonl", 1), ("rewards.000001.jsonl", 3), ("rewards.jsonl", 0)] {
        let dir = lived_in();
        let stats = dir.run(&["stats"]).ok().stdout();
        let name = format!("state/{file}");
        let mut lines: Vec<String> = dir.read(&name).lines().map(str::to_owned).collect();
        lines[at] = lines[at].replacen("\"reward\":", "\"reward\":1", 1);
        flipped += usize::from(lines[at].contains("\"reward\":1"));
        dir.write(&name, lines.join("\n") + "\n");
        assert!(verified(&dir).iter().any(|p| p.starts_with(file) && p.contains("checksum")));
        let report = dir.run(&["rebuild"]).ok().json();
        assert_eq!(report["lost"], json!([]));
        assert!(!report["adopted"].as_array().unwrap().is_empty(), "{report}");
        assert_eq!(dir.run(&["stats"]).ok().stdout(), stats);
        assert_eq!(verified(&dir), [""; 0]);
        // It goes on from there, and can be made again from the log as it is now.
        reward(&dir, id(&score(&dir, "egreedy-v2", "alice", REQUEST)), "completed");
        fs::remove_file(dir.join("state/alice_egreedy_v2.json")).unwrap();
        dir.run(&["rebuild"]).ok();
        let now = dir.run(&["stats", "--user", "alice", "--policy", "egreedy-v2"]).ok().json();
        assert_eq!(now["policies"][0]["updates"], 6);
    }
    assert_eq!(flipped, 3);
}

#[test]
fn what_neither_tells_is_named_and_left_alone() {
    let dir = lived_in();
    let log = dir.read("state/rewards.000001.jsonl");
    dir.write("state/rewards.000001.jsonl", log.replacen("\"seq\":1,", "\"seq\":9,", 1));
    let state = dir.read("state/alice_egreedy_v2.json");
    dir.write("state/alice_egreedy_v2.json", &state[1..]);
    let run = dir.run(&["rebuild"]);
    assert_eq!(run.code(), 2);
    let lost = &run.json()["lost"];
    assert_eq!(lost.as_array().unwrap().len(), 1, "{lost}");
    assert_eq!(lost[0]["file"], "alice_egreedy_v2.json");
    assert_eq!(dir.read("state/alice_egreedy_v2.json"), &state[1..]);
    dir.run(&["reset", "--user", "alice"]).ok();
    reward(&dir, id(&score(&dir, "egreedy-v2", "alice", REQUEST)), "completed");
}

#[test]
fn the_manifest_is_made_again() {
    let dir = lived_in();
    let stats = dir.run(&["stats"]).ok().stdout();
    let manifest = dir.read("state/rewards.manifest.json");
    dir.write("state/rewards.manifest.json", &manifest[..manifest.len() - 9]);
    dir.run(&["stats"]).refused(&["rewards.manifest.json: damaged"]);
    dir.run(&["rebuild"]).ok();
    assert_eq!(dir.run(&["stats"]).ok().stdout(), stats);
    assert_eq!(verified(&dir), [""; 0]);
    reward(&dir, id(&score(&dir, "egreedy-v2", "alice", REQUEST)), "completed");
    assert_eq!(verified(&dir), [""; 0]);
}

/// With its manifest would go what the sealed segments hold: their events, and their names.
#[test]
fn a_manifest_that_is_gone_is_missed_where_segments_are_there() {
    let dir = lived_in();
    let stats = dir.run(&["stats"]).ok().stdout();
    for log in ["rewards", "decisions"] {
        let manifest = format!("{log}.manifest.json");
        fs::remove_file(dir.join("state").join(&manifest)).unwrap();
        assert!(verified(&dir).iter().any(|p| p.starts_with(&manifest) && p.contains("it is gone")), "{log}");
        let segments = |dir: &Dir| {
            let all = dir.contents("state").into_iter();
            all.filter(|(path, _)| path.file_name().unwrap().to_str().unwrap().starts_with(log))
                .collect::<Vec<_>>()
        };
        let before = segments(&dir);
        let score = ["score", "--policy", "egreedy-v2", "--user", "alice"];
        dir.run_with(&score, REQUEST).refused(&[&manifest, "it is gone"]);
        assert_eq!(segments(&dir), before);
        dir.run(&["rebuild"]).ok();
        assert_eq!(verified(&dir), [""; 0]);
    }
    assert_eq!(dir.run(&["stats"]).ok().stdout(), stats);
    // What was learned is known still.
    let line = json!({"user": "carol", "policy": "uniform", "chosen": "t1", "reward": 1, "event_id": "e0",
                      "request": serde_json::from_str::<Value>(REQUEST).unwrap()});
    let answer = dir.run_with(&["reward", "--jsonl"], line.to_string()).ok().json();
    assert_eq!(answer["duplicate"], true);
}

#[test]
fn a_damaged_manifest_of_decisions_is_made_again() {
    let dir = lived_in();
    let decision = score(&dir, "egreedy-v2", "alice", REQUEST);
    let manifest = dir.read("state/decisions.manifest.json");
    dir.write("state/decisions.manifest.json", manifest.replacen("bytes", "bytez", 1));
    assert_eq!(verified(&dir).len(), 1);
    dir.run(&["rebuild"]).ok();
    assert_eq!(verified(&dir), [""; 0]);
    reward(&dir, id(&decision), "completed");
    score(&dir, "egreedy-v2", "alice", REQUEST);
    assert_eq!(verified(&dir), [""; 0]);
}

/// Where nobody has written there is nothing to lock: the log alone is enough.
#[test]
fn a_copy_of_the_log_alone_makes_every_state_again() {
    let dir = lived_in();
    let stats = dir.run(&["stats"]).ok().stdout();
    fs::remove_file(dir.join("state/rewards.lock")).unwrap();
    dir.run(&["rebuild", "--into", "other"]).ok();
    assert_eq!(dir.run(&["stats", "--state-dir", "other"]).ok().stdout(), stats);
    let warm = ["rebuild", "--into", "warm", "--from", "egreedy-v2", "--policy", "linucb-v2"];
    assert_eq!(dir.run(&warm).ok().json()["written"], 2);
}

#[test]
fn a_segment_that_is_gone_is_missed_by_a_warm_start() {
    let dir = lived_in();
    fs::remove_file(dir.join("state/rewards.000001.jsonl")).unwrap();
    let run = dir.run(&["rebuild", "--into", "other", "--from", "egreedy-v2", "--policy", "linucb-v2"]);
    assert_eq!(run.code(), 2);
    let lost = run.json()["lost"].to_string();
    assert!(lost.contains("rewards.000001.jsonl"), "{lost}");
}

#[test]
fn a_new_policy_starts_warm() {
    let (dir, direct) = (Dir::new(), Dir::new());
    for chosen in ["t1", "t2", "t1", "t3"] {
        for (dir, policy) in [(&dir, "egreedy-v1"), (&direct, "linucb-v2")] {
            let args = ["reward", "--policy", policy, "--user", "u", "--chosen", chosen, "--reward", "0.7"];
            dir.run_with(&args, REQUEST).ok();
        }
    }
    let report = dir.run(&["rebuild", "--from", "egreedy-v1", "--policy", "linucb-v2"]).ok().json();
    assert_eq!(report["written"], 1);
    let of = |dir: &Dir| dir.run(&["stats", "--policy", "linucb-v2"]).ok().stdout();
    assert_eq!(of(&dir), of(&direct));
    assert_eq!(verified(&dir), [""; 0]);
    dir.run(&["rebuild", "--from", "egreedy-v1", "--policy", "linucb-v2"]).refused(&["already"]);
    dir.run(&["rebuild", "--from", "egreedy-v3", "--policy", "linucb-v2"])
        .refused(&["egreedy-v3", "egreedy-v1"]);
}

/// A line that was damaged and made up for concerns only whom it was about.
#[test]
fn a_new_policy_starts_warm_from_a_log_that_was_mended() {
    let dir = lived_in();
    let log = dir.read("state/rewards.000001.jsonl");
    dir.write("state/rewards.000001.jsonl", log.replacen("\"user\":\"alice\"", "\"user\":\"alicf\"", 1));
    dir.run(&["rebuild"]).ok();
    let run = dir.run(&["rebuild", "--into", "warm", "--from", "uniform", "--policy", "linucb-v2"]).ok();
    assert_eq!(run.json(), json!({"written": 1, "lost": []}));
    let run = dir.run(&["rebuild", "--into", "other", "--from", "egreedy-v2", "--policy", "linucb-v2"]);
    assert_eq!((run.code(), &run.json()["written"]), (2, &json!(1)));
    assert_eq!(run.json()["lost"][0]["file"], "alice_egreedy_v2.json");
}

/// What stands in the directory is as large as somebody made it; it is not read into memory for that.
#[test]
fn endless_files_are_found_and_mended() {
    let endless = |dir: &Dir, name: &str| {
        let file = fs::OpenOptions::new().append(true).open(dir.join("state").join(name)).unwrap();
        file.set_len(1 << 40).unwrap();
    };
    let dir = lived_in();
    let stats = dir.run(&["stats"]).ok().stdout();
    for name in
        ["rewards.jsonl", "rewards.000001.jsonl", "decisions.jsonl", "alice_linucb.json", "rewards.index"]
    {
        endless(&dir, name);
        let found = verified(&dir);
        assert!(found.iter().any(|p| p.starts_with(name)), "{name}: {found:?}");
        // Decisions that are damaged are lost, which is said once.
        dir.run(&["rebuild"]).exits(if name == "decisions.jsonl" { 2 } else { 0 });
        assert_eq!(verified(&dir), [""; 0], "{name}");
        assert_eq!(dir.run(&["stats"]).ok().stdout(), stats, "{name}");
    }
}

/// Nor does it finish what a killed process left: who looks changes nothing.
#[test]
fn verify_changes_nothing_where_sealing_was_cut_short() {
    let dir = lived_in();
    for log in ["rewards", "decisions"] {
        let sealed = dir.json(&format!("state/{log}.manifest.json"))["sealed"].as_array().unwrap().len();
        let (active, latest) = (format!("state/{log}.jsonl"), format!("state/{log}.{sealed:06}.jsonl"));
        let elsewhere = dir.read(&active);
        fs::rename(dir.join(&latest), dir.join(&active)).unwrap();
        let before = dir.contents("state");
        let problems = verified(&dir);
        // What was written since is not there in this test, and nothing else is amiss.
        assert!(problems.iter().all(|p| !p.starts_with(log)), "{problems:?}");
        assert_eq!(dir.contents("state"), before);
        fs::rename(dir.join(&active), dir.join(&latest)).unwrap();
        dir.write(&active, elsewhere);
    }
    assert_eq!(verified(&dir), [""; 0]);
}

#[test]
fn damaged_decisions_concern_no_reward_that_has_its_request() {
    let dir = lived_in();
    dir.write("state/decisions.manifest.json", "nonsense");
    dir.run(&["reward", "--decision", "000001-000000000000-000000000000", "--reaction", "completed"])
        .refused(&["decisions.manifest.json"]);
    let args = ["reward", "--policy", "linucb", "--user", "z", "--chosen", "t1", "--reward", "1"];
    dir.run_with(&args, REQUEST).ok();
}

#[test]
fn no_reward_is_no_reward_whatever_its_sign() {
    let dir = Dir::new();
    let args = |reward: &'static str| {
        [
            "reward",
            "--policy",
            "linucb",
            "--user",
            "z",
            "--chosen",
            "t1",
            "--reward",
            reward,
            "--event-id",
            "e",
        ]
    };
    dir.run_with(&args("0"), REQUEST).ok();
    assert_eq!(dir.run_with(&args("-0"), REQUEST).ok().json()["duplicate"], true);
}

#[test]
fn a_state_over_several_lines_is_refused_in_words() {
    let dir = lived_in();
    let exported = dir.run(&["export"]).ok().jsonl().remove(0);
    let pretty = serde_json::to_string_pretty(&exported).unwrap();
    let run = Dir::new().run_with(&["import"], pretty).exits(2);
    assert!(run.stdout().contains("expected an object at"), "{}", run.stdout());
    assert!(!run.stdout().contains("expected struct"), "{}", run.stdout());
}

#[test]
fn what_is_exported_is_imported_to_the_bit() {
    let (dir, other) = (lived_in(), Dir::new());
    let exported = dir.run(&["export"]).ok().stdout();
    assert_eq!(exported.lines().count(), 4);
    let answers = other.run_with(&["import"], &exported).ok().jsonl();
    assert_eq!(answers[0], json!({"user": "alice", "policy": "egreedy-v2", "updates": 5}));
    assert_eq!(other.run(&["stats"]).ok().stdout(), dir.run(&["stats"]).ok().stdout());
    assert_eq!(verified(&other), [""; 0]);
    // An event that came along is known.
    let line = json!({"user": "carol", "policy": "uniform", "chosen": "t1", "reward": 1, "event_id": "e399",
                      "request": serde_json::from_str::<Value>(REQUEST).unwrap()});
    let answer = other.run_with(&["reward", "--jsonl"], line.to_string()).ok().json();
    assert_eq!(answer["duplicate"], true);

    let before = other.contents("state");
    let run = other.run_with(
        &["import"],
        format!("{exported}nonsense\n{}", exported.replacen("0.", "0.1", 1).lines().next().unwrap()),
    );
    assert_eq!(run.code(), 2);
    assert!(run.jsonl().iter().all(|a| a["error"].is_string()), "{}", run.stdout());
    assert_eq!(other.contents("state"), before);
    other.run_with(&["import", "--replace"], &exported).ok();
    assert_eq!(verified(&other), [""; 0]);
    assert_eq!(other.run(&["stats"]).ok().stdout(), dir.run(&["stats"]).ok().stdout());
}

#[test]
fn a_state_of_the_first_format_is_read_and_upgraded() {
    let dir = Dir::new();
    let mut a = vec![0.0; 28];
    for i in 0..7 {
        a[i * (i + 3) / 2] = 4.0;
    }
    let old = json!({"format_version": 1, "user": "u", "policy": "linucb", "feature_set": "v1", "D": 7,
        "feature_names": ["bias", "hour_sin", "hour_cos", "weekend", "priority", "urgency", "effort"],
        "structure": "shared", "lambda": 1.0, "forgetting": 1.0, "updates": 7, "reward_sum": 3.0,
        "A": a, "b": [1.0, 0, 0, 0, 0, 0, 0]});
    dir.run_with(&["import"], old.to_string()).ok();
    assert_eq!(dir.json("state/u_linucb.json")["format_version"], 2);
    // Also where it stands already, beside a log that does not know it.
    let other = Dir::new();
    let decision = score(&other, "linucb", "u", REQUEST);
    other.write("state/u_linucb.json", old.to_string());
    let stats = other.run(&["stats"]).ok().json();
    assert_eq!(
        (&stats["policies"][0]["updates"], &stats["policies"][0]["theta"]["bias"]),
        (&json!(7), &json!(0.25))
    );
    // It is there, though the log has no number for it.
    let run = other.run_with(&["import"], old.to_string());
    assert!(run.code() == 2 && run.stdout().contains("has a state under linucb already"), "{}", run.stdout());
    assert_eq!(reward(&other, id(&decision), "completed")["updates"], 8);
    let state = other.json("state/u_linucb.json");
    assert_eq!((&state["format_version"], &state["seq"]), (&json!(2), &json!(2)));
    assert_eq!(verified(&other), [""; 0]);
}

#[test]
fn a_population_is_a_table() {
    let dir = lived_in();
    let table = dir.run(&["stats", "--csv"]).ok().stdout();
    let rows: Vec<&str> = table.lines().collect();
    assert_eq!(rows.len(), 1 + 4);
    assert!(rows[0].starts_with("user,policy,kind,updates,mean_reward,bias,hour_sin"), "{}", rows[0]);
    assert!(rows[1].starts_with("alice,egreedy-v2,,5,0.35,"), "{}", rows[1]);
    assert!(rows[2].starts_with("alice,linucb,") && rows[2].ends_with(",,,,,"), "{}", rows[2]);
}

#[test]
fn states_are_what_their_published_schema_says() {
    let published = |what: &str| {
        let path = format!("{}/schemas/{what}.schema.json", env!("CARGO_MANIFEST_DIR"));
        fs::read_to_string(path).unwrap()
    };
    let dir = lived_in();
    for what in ["state", "profile"] {
        assert_eq!(dir.run(&["schema", "--of", what]).ok().stdout(), published(what));
    }
    let policy = "name = \"mine\"\nexplorer = \"egreedy\"\nfeatures = \"v2\"\nstructure = \"disjoint\"\nepsilon = 0.1\n";
    dir.write("mine.toml", policy);
    let args = ["reward", "--policy", "mine.toml", "--user", "d", "--chosen", "t1", "--reward", "1"];
    dir.run_with(&args, REQUEST).ok();
    let schema: Value = serde_json::from_str(&published("state")).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let good = ["alice_egreedy_v2", "alice_linucb", "carol_uniform", "d_mine"];
    for state in good.map(|name| dir.json(&format!("state/{name}.json"))) {
        let errors: Vec<String> = validator.iter_errors(&state).map(|e| e.to_string()).collect();
        assert_eq!(errors, [""; 0]);
        for field in state.as_object().unwrap().keys() {
            let mut less = state.clone();
            less.as_object_mut().unwrap().remove(field);
            // What the first format did not have may be absent.
            let optional = ["seq", "events", "crc", "A_inverse", "theta"].contains(&field.as_str());
            assert_eq!(validator.is_valid(&less), optional, "without {field}");
        }
        for (field, wrong) in
            [("D", json!("12")), ("A", json!("x")), ("kinds", json!(3)), ("novelty", json!(1))]
        {
            let mut bad = state.clone();
            bad[field] = wrong;
            assert!(!validator.is_valid(&bad), "{field}");
        }
    }
}
