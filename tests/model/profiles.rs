//! `features compute`: profile features of a moment.

use crate::util::{Dir, on_postgres};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use rehearsal::model::{CountedAnew, ProfileTable};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;

/// The profile that a simulated person had at a decision, which the simulator computed while they lived, is what is
/// computed from the log as of that moment. Whoever also counts what came at that very moment or later has another one.
#[test]
fn features_of_a_moment_are_those_that_were_served_then() {
    let dir = Dir::new();
    let people = ["simulate", "cold-start", "--policy", "uniform", "--users", "1", "--log", "log"];
    dir.run(&people).ok();
    let decisions: Vec<Value> =
        dir.read("log/decisions.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut by_user: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for decision in decisions {
        by_user.entry(decision["user"].as_str().unwrap().to_owned()).or_default().push(decision);
    }
    let compute = |as_of: u64, out: &str| {
        let whole = jiff::Timestamp::from_millisecond(as_of as i64).unwrap().to_string();
        dir.run(&["features", "compute", "--from", "log", "--out", out, "--as-of", &whole]).ok();
    };
    let profile_of = |user: &str, out: &str| {
        let lines = dir.read(out);
        let mut lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.find(|line| line["user"] == *user).map(|line| line["profile_features"].clone())
    };
    let mut changed = 0;
    for (user, decisions) in by_user.iter().take(3) {
        for decision in [&decisions[1], &decisions[17], &decisions[40]] {
            let at = decision["time_ms"].as_u64().unwrap();
            compute(at, "then.jsonl");
            let served = &decision["request"]["profile_features"];
            assert_eq!(profile_of(user, "then.jsonl").as_ref(), Some(served), "{user} at {at}");
            compute(at + 1, "later.jsonl");
            changed += u32::from(profile_of(user, "later.jsonl").as_ref() != Some(served));
        }
        compute(decisions[0]["time_ms"].as_u64().unwrap(), "first.jsonl");
        assert_eq!(profile_of(user, "first.jsonl"), None, "nothing was known of {user}");
    }
    assert_eq!(changed, 9, "what looks into the future is told apart");
}

#[test]
fn a_table_has_a_row_for_each_user_and_kind() {
    let dir = Dir::new();
    dir.run(&["simulate", "cold-start", "--policy", "uniform", "--users", "1", "--log", "log"]).ok();
    let computed = dir.run(&["features", "compute", "--from", "log", "--out", "f.csv"]).ok().json();
    let table = dir.read("f.csv");
    let own = table.lines().filter(|line| line.split(',').nth(1) == Some("")).count();
    assert_eq!(computed["users"].as_u64(), Some(own as u64));
    assert!(table.starts_with("user,kind,event_timestamp,completion_rate,dismiss_rate,mean_dwell_seconds,"));
    dir.run(&["features", "compute", "--from", "log", "--out", "f.xls"])
        .refused(&["--out", ".jsonl, .csv, .parquet"]);
}

/// The rows of a table by another program's eyes, as the same table in CSV has them.
#[test]
fn parquet_has_what_csv_has() {
    let dir = Dir::new();
    dir.run(&["simulate", "cold-start", "--policy", "uniform", "--users", "1", "--log", "log"]).ok();
    // A user without any completion has no hour at which they complete most.
    let computed = ["features", "compute", "--from", "log", "--as-of", "1970-01-05T20:00Z", "--out"];
    for out in ["f.csv", "f.parquet", "again.parquet"] {
        dir.run(&[&computed[..], &[out]].concat()).ok();
    }
    let bytes = |name: &str| std::fs::read(dir.join(name)).unwrap();
    assert_eq!(bytes("f.parquet"), bytes("again.parquet"));
    let file = SerializedFileReader::new(File::open(dir.join("f.parquet")).unwrap()).unwrap();
    let columns = file.metadata().file_metadata().schema_descr().columns().to_vec();
    let names: Vec<&str> = columns.iter().map(|column| column.name()).collect();
    let mut table = vec![names.join(",")];
    let text = |field: &Field| match field {
        Field::Null => String::new(),
        Field::Str(text) => text.clone(),
        Field::Double(x) => x.to_string(),
        Field::Long(x) => x.to_string(),
        Field::TimestampMillis(at) => jiff::Timestamp::from_millisecond(*at).unwrap().to_string(),
        other => panic!("{other:?}"),
    };
    for row in file.get_row_iter(None).unwrap() {
        let row = row.unwrap();
        table.push(row.get_column_iter().map(|(_, field)| text(field)).collect::<Vec<_>>().join(","));
    }
    assert_eq!(table, dir.read("f.csv").lines().collect::<Vec<_>>());
    let unknown = |line: &String| line.split(',').skip(3).any(str::is_empty);
    assert!(table.iter().any(unknown), "nobody is without an hour");
}

/// What a prior learns from rows whose profiles were computed of the moments of their decisions is, to the bit, what it learns
/// from the requests that were served then. Who computes them a millisecond later has seen the reward that is to be
/// foretold, and teaches something else.
#[test]
fn who_trains_on_features_of_the_moment_sees_what_was_served() {
    let dir = Dir::new();
    dir.run(&["simulate", "cold-start", "--policy", "uniform", "--users", "2", "--log", "served"]).ok();
    dir.write("plain.toml", super::PLAIN);
    let table = ProfileTable::read(&[dir.join("served")]).unwrap();
    let rewards = dir.read("served/rewards.jsonl");
    let with_profiles_of = |later: u64| {
        let lines = rewards.lines().map(|line| {
            let mut line: Value = serde_json::from_str(line).unwrap();
            let (at, user) = (line["time_ms"].as_u64().unwrap(), line["user"].as_str().unwrap().to_owned());
            let profile = table.profiles_as_of(at + later).find(|(name, _)| **name == *user);
            let request = line["request"].as_object_mut().unwrap();
            request.remove("profile_features");
            if let Some((_, profile)) = profile {
                request.insert("profile_features".to_owned(), json!(profile));
            }
            line.to_string() + "\n"
        });
        lines.collect::<String>()
    };
    let trained = |log: &str| {
        dir.run(&["train", "--policy", "plain.toml", "--from", log, "--out", "prior.json"]).ok();
        dir.read("prior.json")
    };
    for log in ["of-the-moment", "later"] {
        std::fs::create_dir(dir.join(log)).unwrap();
        for file in ["decisions.jsonl", "people.json"] {
            std::fs::copy(dir.join("served").join(file), dir.join(log).join(file)).unwrap();
        }
        dir.write(&format!("{log}/rewards.jsonl"), with_profiles_of(u64::from(log == "later")));
    }
    let served = trained("served");
    assert!(trained("of-the-moment") == served, "what is trained on is not what was served");
    assert!(trained("later") != served, "who looks into the future is not told apart");
}

/// The vector of a request whose profile was put together from the rows of a table is that of the profile as a whole.
#[test]
fn rows_of_a_table_make_the_vector_that_the_profile_makes() {
    let dir = Dir::new();
    dir.run(&["simulate", "cold-start", "--policy", "uniform", "--users", "1", "--log", "log"]).ok();
    for out in ["f.csv", "f.jsonl"] {
        dir.run(&["features", "compute", "--from", "log", "--out", out]).ok();
    }
    let table = dir.read("f.csv");
    let mut lines = table.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let mut by_user: BTreeMap<&str, Value> = BTreeMap::new();
    for row in lines {
        let known = header[3..].iter().zip(&row[3..]).filter(|(_, value)| !value.is_empty());
        let values: Value =
            known.map(|(name, value)| ((*name).to_owned(), json!(value.parse::<f64>().unwrap()))).collect();
        let profile = by_user.entry(row[0]).or_insert_with(|| json!({}));
        if row[1].is_empty() {
            for (name, value) in values.as_object().unwrap() {
                profile[name] = value.clone();
            }
        } else {
            profile["by_kind"][row[1]] = values;
        }
    }
    let vectors = |profile: &Value| {
        let request = json!({"context": {"hour": 9.5, "weekday": 2}, "profile_features": profile,
            "candidates": [{"id": "a", "kind": "focus"}, {"id": "b", "kind": "rest"}, {"id": "c"}]});
        dir.run_with(&["features", "explain", "v2", "--json"], request.to_string()).ok().stdout()
    };
    let whole = dir.read("f.jsonl");
    for line in whole.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        let user = line["user"].as_str().unwrap();
        assert_eq!(vectors(&by_user[user]), vectors(&line["profile_features"]), "{user}");
    }
    assert_eq!(by_user.len(), whole.lines().count());
}

/// Counts that were kept give the table that a whole computation gives, byte for byte, whatever came since: more rewards,
/// somebody who was forgotten, erased or pruned.
#[test]
fn kept_counts_change_nothing_but_how_much_is_read() {
    let dir = Dir::new();
    let store = dir.store();
    let from = store.to_str().unwrap();
    let live = |round: u64| {
        let requests: String = (0..12)
            .map(|i| {
                let hour = f64::from(i) + round as f64 / 8.0;
                let candidates =
                    json!([{"id": "a", "kind": "focus"}, {"id": "b", "kind": "rest"}, {"id": "c"}]);
                json!({"user": format!("u{}", i % 4), "seed": round * 100 + u64::from(i as u32),
                "context": {"hour": hour, "weekday": 2}, "candidates": candidates})
                .to_string()
                    + "\n"
            })
            .collect();
        let decisions = dir.run_with(&["score", "--policy", "uniform", "--jsonl"], requests).ok().jsonl();
        let rewards: String = decisions.iter().enumerate().map(|(i, decision)| {
            let reaction = ["completed", "dismissed", "snoozed"][(i + round as usize) % 3];
            json!({"decision_id": decision["decision_id"], "reaction": reaction, "dwell_seconds": i as f64 * 1.1})
                .to_string() + "\n"
        }).collect();
        dir.run_with(&["reward", "--jsonl"], rewards).ok();
    };
    let compute = |more: &[&str]| {
        let args = ["features", "compute", "--from", from];
        dir.run(&[&args[..], more].concat()).ok().json()
    };
    let both = |read: u64, anew: Option<&str>| {
        let kept = compute(&["--out", "kept.jsonl", "--counts", "counts.jsonl"]);
        let whole = compute(&["--out", "whole.jsonl"]);
        assert_eq!(dir.read("kept.jsonl"), dir.read("whole.jsonl"));
        match anew {
            None => assert_eq!(kept.get("counted_anew"), None, "{kept}"),
            Some(part) => assert!(kept["counted_anew"].as_str().unwrap().contains(part), "{kept}"),
        }
        assert_eq!(kept["read"], read, "{kept}");
        for field in ["users", "as_of", "passed_over"] {
            assert_eq!(kept[field], whole[field]);
        }
    };
    live(0);
    both(12, None);
    both(0, None);
    live(1);
    both(12, None);
    dir.run(&["reset", "--user", "u1"]).ok();
    live(2);
    both(13, None);
    let before_erased = dir.read("kept.jsonl");
    dir.run(&["reset", "--erase", "--user", "u2"]).ok();
    // 37 entries, of which 9 were of who was erased.
    both(28, Some("erased"));
    assert!(before_erased.contains("\"u2\"") && !dir.read("kept.jsonl").contains("\"u2\""));
    live(3);
    both(12, None);
    dir.run(&["prune", "--before", "0s"]).ok();
    live(4);
    both(12 + 4, Some("pruned"));
    // An earlier moment than the counts are of.
    let earlier = compute(&["--out", "x.csv", "--counts", "counts.jsonl", "--as-of", "2020-01-01"]);
    assert_eq!(earlier["counted_anew"], "the counts are of a later moment");
    dir.write("counts.jsonl", dir.read("counts.jsonl").replacen(":2,", ":7,", 1));
    let args = ["features", "compute", "--from", from, "--out", "x.csv", "--counts", "counts.jsonl"];
    dir.run(&args).refused(&["counts.jsonl", "counts of format 7"]);
    dir.write("counts.jsonl", "user,kind\n");
    dir.run(&args).refused(&["counts.jsonl: line 1", "a JSON object is needed"]);
}

#[test]
fn kept_counts_change_nothing_on_a_server() {
    on_postgres(kept_counts_change_nothing_but_how_much_is_read);
}

/// A profile is of all that a person did, whichever policy was told: one that forgets takes away what it alone was told, and an
/// event that two were told counts once, whenever the second one was.
#[test]
fn a_policy_that_forgets_takes_away_what_it_alone_was_told() {
    let dir = Dir::new();
    let reward = |policy: &str, event: &str, at: u64, reaction: &str| {
        let request =
            json!({"context": {"hour": 8, "weekday": 0}, "candidates": [{"id": "c", "kind": "focus"}]});
        json!({"user": "ann", "policy": policy, "op": "reward", "event": event, "time_ms": at, "reward": 1.0,
            "reaction": reaction, "dwell_seconds": 1.0, "request": request})
        .to_string()
            + "\n"
    };
    let reset = |policy: Value| {
        json!({"user": "ann", "policy": policy, "op": "reset", "time_ms": 9}).to_string() + "\n"
    };
    let profile = |log: &[String], counts: &[&str]| {
        dir.write("r.jsonl", log.concat());
        let args = ["features", "compute", "--from", "r.jsonl", "--out", "p.jsonl"];
        let computed = dir.run(&[&args[..], counts].concat()).ok().json();
        let profile = dir.read("p.jsonl");
        let profile = profile.lines().next().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let shown = profile.map_or(Value::Null, |line| line["profile_features"]["tip_volume"].clone());
        (shown, computed["repeats"].as_u64().unwrap(), computed["counted_anew"].clone())
    };
    let plain = |log: &[String]| profile(log, &[]).0;
    let [old, new] = [reward("old", "a", 1, "completed"), reward("new", "b", 2, "dismissed")];
    let both = [old.clone(), new.clone()];
    assert_eq!(plain(&both), 2.0);
    let and = |log: &[String], more: &[String]| [log, more].concat();
    assert_eq!(plain(&and(&both, &[reset("old".into())])), 1.0);
    assert_eq!(plain(&and(&both, &[reset("other".into())])), 2.0);
    assert_eq!(plain(&and(&both, &[reset("old".into()), reset("new".into())])), Value::Null);
    assert_eq!(plain(&and(&both, &[reset(Value::Null)])), Value::Null);

    // The same event under another policy, a while later.
    let again = and(&both, &[reward("new", "a", 5, "completed")]);
    assert_eq!(profile(&again, &[]), (2.0.into(), 1, Value::Null));
    assert_eq!(plain(&and(&again, &[reset("old".into())])), 2.0, "the other was told too");
    assert_eq!(plain(&and(&again, &[reset("new".into())])), 1.0);

    // The same where a part was counted on another day: what cannot be told apart there is counted anew.
    let kept = ["--counts", "counts.jsonl"];
    for (log, anew) in [
        (&again, false),
        (&and(&again, &[reset("other".into())]), false),
        (&and(&again, &[reset("old".into())]), true),
    ] {
        let _ = std::fs::remove_file(dir.join("counts.jsonl"));
        profile(&both, &kept);
        let (shown, _, why) = profile(log, &kept);
        assert_eq!((shown, !why.is_null()), (2.0.into(), anew), "{why}");
    }
}

/// Numbers that follow from a seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// The same over logs of any shape, in pieces of any size: times that go back, ties, resets, files that are added or were
/// changed. Who went on although an event came late would have another table, in which its part is missing.
#[test]
fn kept_counts_give_the_whole_table_of_any_log() {
    let dir = Dir::new();
    let mut numbers = Numbers(7);
    let (mut gone_on, mut late, mut forgotten, mut other) = (0, 0, 0, 0);
    for case in 0..200 {
        let steady = numbers.below(2) == 0;
        let mut lines: Vec<(u64, String)> = Vec::new();
        let mut at = 1_000;
        for i in 0..40 {
            at = if steady { at + numbers.below(3) } else { (at + numbers.below(30)).saturating_sub(8) };
            let user = format!("u{}", numbers.below(3));
            let mut line = json!({"user": user, "op": "reset", "time_ms": at});
            if numbers.below(4) > 0 {
                line["policy"] = json!(["old", "new"][numbers.below(5) as usize / 4]);
            }
            if numbers.below(12) > 0 {
                let candidate = json!({"id": "c", "kind": (["focus", "rest"][numbers.below(2) as usize])});
                line["op"] = json!("reward");
                line["reward"] = json!(1.0);
                line["reaction"] = json!(["completed", "ignored"][numbers.below(2) as usize]);
                line["dwell_seconds"] = json!(numbers.below(1_000) as f64 / 7.0);
                line["request"] =
                    json!({"context": {"hour": i % 24, "weekday": 0}, "candidates": [candidate]});
                if numbers.below(2) == 0 {
                    // Some are told again later, of the same policy or of another one.
                    line["event"] = json!(format!("e{}", i - i % (1 + numbers.below(6) as usize)));
                }
            }
            lines.push((at, line.to_string() + "\n"));
        }
        let file = dir.join(&format!("rewards-{case}.jsonl"));
        let more = dir.join(&format!("more-{case}.jsonl"));
        let mut kept: Option<ProfileTable> = None;
        let (mut cut, mut as_of) = (0, 990);
        while cut < lines.len() {
            cut = (cut + numbers.below(20) as usize).min(lines.len());
            if let Some((at, _)) = cut.checked_sub(1).and_then(|last| lines.get(last)) {
                as_of = as_of.max((at + numbers.below(20)).saturating_sub(12));
            }
            let text: String = lines[..cut].iter().map(|(_, line)| line.as_str()).collect();
            std::fs::write(&file, text).unwrap();
            let mut from = vec![file.clone()];
            if cut > 30 {
                let text: String = lines[30..cut].iter().map(|(_, line)| line.as_str()).collect();
                std::fs::write(&more, text).unwrap();
                from.push(more.clone());
            }
            let whole = ProfileTable::read(&from).unwrap();
            let profiles = |table: &ProfileTable| {
                let lines =
                    table.profiles_as_of(as_of).map(|(user, profile)| format!("{user} {}", json!(profile)));
                lines.collect::<Vec<_>>()
            };
            if let Some(counts) = kept {
                let (table, anew) = counts.read_on(&from, Some(as_of)).unwrap();
                assert_eq!(profiles(&table), profiles(&whole), "case {case} after {cut} lines");
                assert_eq!((table.end(), table.passed_over()), (whole.end(), whole.passed_over()));
                match anew {
                    None => gone_on += 1,
                    Some(CountedAnew::Late { .. }) => late += 1,
                    Some(CountedAnew::Forgotten { .. }) => forgotten += 1,
                    Some(_) => other += 1,
                }
            }
            let mut bytes = Vec::new();
            whole.write_counts(as_of, &mut bytes).unwrap();
            dir.write("counts.jsonl", &bytes);
            kept = Some(ProfileTable::from_counts(&dir.join("counts.jsonl")).unwrap());
        }
    }
    let counts = [(gone_on, 100), (late, 30), (forgotten, 10), (other, 30)];
    assert!(counts.iter().all(|(count, least)| count > least), "{counts:?}");
}

#[test]
fn a_log_that_was_changed_is_counted_anew() {
    let dir = Dir::new();
    dir.run(&["simulate", "steady", "--policy", "uniform", "--users", "1", "--steps", "5", "--log", "log"])
        .ok();
    let from: [PathBuf; 1] = [dir.join("log")];
    let mut bytes = Vec::new();
    let table = ProfileTable::read(&from).unwrap();
    table.write_counts(table.end(), &mut bytes).unwrap();
    dir.write("counts.jsonl", &bytes);
    let go_on =
        || ProfileTable::from_counts(&dir.join("counts.jsonl")).unwrap().read_on(&from, None).unwrap();
    assert_eq!(go_on().1, None);
    let rewards = dir.read("log/rewards.jsonl");
    // As long as before, and another one.
    let (from, to) =
        if rewards.contains("completed") { ("completed", "dismissed") } else { ("ignored", "snoozed") };
    dir.write("log/rewards.jsonl", rewards.replacen(from, to, 1));
    assert!(matches!(go_on().1, Some(CountedAnew::Changed { .. })));
    dir.write("log/rewards.jsonl", rewards[..rewards.len() / 2].rsplit_once('\n').unwrap().0);
    assert!(matches!(go_on().1, Some(CountedAnew::Changed { .. })));
    assert_eq!(go_on().0.entries_read(), ProfileTable::read(&[dir.join("log")]).unwrap().entries_read());
}

#[test]
fn an_event_counts_once_in_whatever_policies_and_exports_it_stands() {
    let dir = super::trained();
    let log = dir.read("log/rewards.jsonl");
    let compute = |from: &str, out: &str| {
        dir.run(&["features", "compute", "--from", from, "--out", out]).ok().json()["repeats"].clone()
    };
    assert_eq!(compute("log/rewards.jsonl", "once.csv"), 0);
    let warm = log.lines().map(|line| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        line["policy"] = "warm".into();
        line.to_string() + "\n"
    });
    dir.write("twice.jsonl", log.clone() + &warm.collect::<String>());
    assert_eq!(compute("twice.jsonl", "twice.csv"), log.lines().count());
    assert_eq!(dir.read("once.csv"), dir.read("twice.csv"));
    dir.run(&["features", "compute", "--from", "log", "--from", "log", "--out", "x.csv"])
        .refused(&["it is named twice"]);
}
