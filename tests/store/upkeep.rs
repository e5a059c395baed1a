//! `verify`, `rebuild`, `export`, `import`, `log`, `backup`, `prune`, `reset --erase` and `stats --csv`.

use super::{
    REQUEST, age, by_hand, copied, id, known, learned, line, request_line, reward, score, updates, verified,
    views, views_follow,
};
use crate::util::Dir;
use rehearsal::service::{Given, Policies, RewardCall, Service};
use rehearsal::store::{Access, Pace, open, read};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// A few users with a few policies, with a reset among what was recorded.
fn lived_in() -> Dir {
    let dir = Dir::new();
    for step in 0..4 {
        for (user, policy) in [("alice", "egreedy-v2"), ("alice", "linucb"), ("bea/bell", "egreedy-v2")] {
            let reaction = ["completed", "dismissed", "snoozed", "ignored"][step];
            reward(&dir, id(&score(&dir, policy, user, REQUEST)), reaction);
        }
        if step == 1 {
            dir.run(&["reset", "--user", "bea/bell"]).ok();
        }
    }
    let line = |i: usize| {
        json!({"user": "carol", "policy": "uniform", "chosen": "t1", "reward": 1, "event_id": format!("e{i}"),
               "request": serde_json::from_str::<Value>(REQUEST).unwrap()})
        .to_string()
    };
    dir.run_with(&["reward", "--jsonl"], (0..40).map(line).collect::<Vec<_>>().join("\n")).ok();
    dir
}

fn log(dir: &Dir, args: &[&str]) -> Vec<Value> {
    dir.run(&[&["log"], args].concat()).ok().jsonl()
}

#[test]
pub(super) fn a_store_that_was_lived_in_is_sound() {
    let dir = lived_in();
    let before = known(&dir);
    let report = dir.run(&["verify"]).ok().json();
    assert_eq!(report, json!({"states": 4, "rewards": 53, "decisions": 12, "problems": []}));
    assert_eq!(known(&dir), before);
    assert_eq!(dir.run(&["rebuild"]).ok().json(), json!({"unchanged": 4, "rebuilt": [], "lost": []}));
    assert_eq!(known(&dir), before);
}

#[test]
pub(super) fn states_are_the_same_alone_and_together() {
    let dir = lived_in();
    let store = open(&dir.store(), Access::Read, Pace::Single).unwrap();
    let keys =
        [("alice", "egreedy-v2"), ("nobody", "egreedy-v2"), ("bea/bell", "egreedy-v2"), ("alice", "linucb")];
    let together = store.states(&keys).unwrap();
    assert_eq!(together.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, true, true]);
    let alone = keys.iter().flat_map(|key| store.states(&[*key]).unwrap());
    assert_eq!(alone.collect::<Vec<_>>(), together);
    assert_eq!(read(&*store, |snapshot| snapshot.states(&keys)).unwrap(), together);
    assert_eq!(store.states(&[]).unwrap(), []);
}

#[test]
pub(super) fn a_state_that_somebody_changed_is_named_and_made_again() {
    let dir = lived_in();
    let (stats, events) = (dir.run(&["stats"]).ok().stdout(), log(&dir, &["rewards"]).len());
    let model = |user: &str| {
        format!("(SELECT model FROM state WHERE state.user = '{user}' AND policy = 'egreedy-v2')")
    };
    for change in [
        &format!("UPDATE state SET model = {} WHERE state.user = 'bea/bell'", model("alice")),
        "UPDATE state SET model = substr(model, 2) WHERE state.user = 'bea/bell'",
        "UPDATE state SET model = NULL WHERE state.user = 'bea/bell'",
        "UPDATE state SET number = number - 1 WHERE state.user = 'bea/bell'",
    ] {
        by_hand(&dir, change);
        let problems = verified(&dir);
        assert!(
            problems.iter().any(|p| p.starts_with("bea%2Fbell_egreedy_v2.json: ")),
            "{change}: {problems:?}"
        );
        let rebuilt = dir.run(&["rebuild"]).ok().json();
        assert_eq!(rebuilt["rebuilt"], json!(["bea%2Fbell_egreedy_v2.json"]), "{change}");
        assert_eq!((dir.run(&["stats"]).ok().stdout(), verified(&dir)), (stats.clone(), vec![]), "{change}");
        views_follow(&dir, change);
    }
    assert_eq!(log(&dir, &["rewards"]).len(), events);
}

#[test]
pub(super) fn rewards_that_somebody_removed_are_missed_and_the_state_stays() {
    let dir = lived_in();
    let stats = dir.run(&["stats"]).ok().stdout();
    let carol = "state = (SELECT id FROM state WHERE state.user = 'carol')";
    by_hand(&dir, &format!("DELETE FROM reward WHERE {carol} AND number IN (7, 8)"));
    let problems = verified(&dir);
    assert_eq!(problems.len(), 1);
    assert!(
        problems[0].starts_with("carol_uniform.json: its rewards do not tell all of it: reward 9 follows")
    );
    let run = dir.run(&["rebuild"]).exits(2);
    assert_eq!(run.json()["lost"][0]["file"], "carol_uniform.json");
    assert_eq!(dir.run(&["stats"]).ok().stdout(), stats);
    // What is gone is not learned by a new policy, either, and that is said.
    let args = ["rebuild", "--from", "uniform", "--policy", "linucb-v2"];
    let run = dir.run(&args).exits(2);
    assert_eq!(run.json()["written"], 0);
    assert_eq!(run.json()["lost"][0]["file"], "carol_uniform.json");
    // A state that was imported begins anew.
    dir.run_with(&["import", "--replace"], dir.run(&["export", "--user", "carol"]).ok().stdout()).ok();
    dir.run(&["prune", "--before", "2000-01-01"]).exits(0);
    dir.run(&["reset", "--user", "carol", "--erase"]).ok();
    assert_eq!(verified(&dir), [""; 0]);
}

#[test]
pub(super) fn everything_is_made_again_elsewhere() {
    let dir = lived_in();
    let before = known(&dir);
    dir.run(&["rebuild", "--into", "other"]).ok();
    assert_eq!(known(&dir), before);
    let in_other = |args: &[&str]| dir.run(&[args, &["--store", "other"]].concat());
    assert_eq!(in_other(&["stats"]).ok().stdout(), dir.run(&["stats"]).ok().stdout());
    assert_eq!(in_other(&["log", "decisions"]).ok().stdout(), dir.run(&["log", "decisions"]).ok().stdout());
    in_other(&["verify"]).ok();
    assert!(dir.join("other/alice_linucb.json").exists());
    // What was learned stays known there.
    let decision =
        log(&dir, &["decisions", "--user", "alice"])[0]["decision_id"].as_str().unwrap().to_owned();
    let again = in_other(&["reward", "--decision", &decision, "--reaction", "completed"]).ok().json();
    assert_eq!(again["duplicate"], true);
    // It is for a place that is free.
    in_other(&["verify"]).ok();
    dir.run(&["rebuild", "--into", "other"]).refused(&["has a state under", "already"]);
}

#[test]
pub(super) fn a_new_policy_starts_warm() {
    let (dir, direct) = (Dir::new(), Dir::new());
    for (i, chosen) in ["t1", "t2", "t1", "t3"].into_iter().enumerate() {
        for (dir, policy) in [(&dir, "egreedy-v1"), (&direct, "linucb-v2")] {
            let event = format!("e{i}");
            let args = ["reward", "--policy", policy, "--user", "u", "--chosen", chosen, "--reward", "0.7"];
            dir.run_with(&[&args[..], &["--event-id", &event]].concat(), REQUEST).ok();
        }
    }
    let warm = ["rebuild", "--from", "egreedy-v1", "--policy", "linucb-v2"];
    assert_eq!(dir.run(&warm).ok().json(), json!({"written": 1, "lost": []}));
    let of = |dir: &Dir| dir.run(&["stats", "--policy", "linucb-v2"]).ok().stdout();
    assert_eq!((of(&dir), verified(&dir)), (of(&direct), vec![]));
    views_follow(&dir, "warm");
    let before = known(&dir);
    dir.run(&warm).refused(&["has a state under linucb-v2 already", "`rehearsal reset` forgets it"]);
    dir.run(&["rebuild", "--from", "egreedy-v3", "--policy", "linucb-v2"])
        .refused(&["egreedy-v3", "egreedy-v1"]);
    assert_eq!(known(&dir), before);
    // The remedy that it names, although events that are known are among those that are learned again.
    dir.run(&["reset", "--user", "u", "--policy", "linucb-v2"]).ok();
    dir.run(&warm).ok();
    assert_eq!((of(&dir), verified(&dir)), (of(&direct), vec![]));
    views_follow(&dir, "warm again");
}

#[test]
pub(super) fn what_is_exported_is_imported_to_the_bit() {
    let (dir, other) = (lived_in(), Dir::new());
    let exported = dir.run(&["export"]).ok().stdout();
    assert_eq!(exported.lines().count(), 4);
    let answers = other.run_with(&["import"], &exported).ok().jsonl();
    assert_eq!(answers[0], json!({"user": "alice", "policy": "egreedy-v2", "updates": 4}));
    assert_eq!(other.run(&["stats"]).ok().stdout(), dir.run(&["stats"]).ok().stdout());
    assert_eq!(verified(&other), [""; 0]);
    views_follow(&other, "imported");
    assert_eq!(dir.run(&["export", "--user", "alice", "--policy", "linucb"]).ok().jsonl().len(), 1);

    // One that is there is refused by itself, and what is no state too.
    let before = known(&other);
    let changed = exported.lines().next().unwrap().replacen("0.", "0.1", 1);
    let run = other.run_with(&["import"], format!("{exported}nonsense\n{changed}")).exits(2);
    assert!(run.jsonl().iter().all(|a| a["error"].is_string()), "{}", run.stdout());
    assert_eq!(known(&other), before);
    other.run_with(&["import", "--replace"], &exported).ok();
    assert_eq!(verified(&other), [""; 0]);
    assert_eq!(other.run(&["stats"]).ok().stdout(), dir.run(&["stats"]).ok().stdout());
    let imports = log(&other, &["rewards"]).iter().filter(|entry| entry["op"] == "import").count();
    assert_eq!(imports, 8);
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
    assert_eq!(dir.json("state/u_linucb.json")["format_version"], 3);
    let stats = dir.run(&["stats"]).ok().json();
    assert_eq!(
        (&stats["policies"][0]["updates"], &stats["policies"][0]["theta"]["bias"]),
        (&json!(7), &json!(0.25))
    );
    let run = dir.run_with(&["import"], old.to_string()).exits(2);
    assert!(run.stdout().contains("has a state under linucb already"), "{}", run.stdout());
    assert_eq!(reward(&dir, id(&score(&dir, "linucb", "u", REQUEST)), "completed")["updates"], 8);
    assert_eq!(verified(&dir), [""; 0]);
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
fn a_population_is_a_table() {
    let dir = lived_in();
    let table = dir.run(&["stats", "--csv"]).ok().stdout();
    let rows: Vec<&str> = table.lines().collect();
    assert_eq!(rows.len(), 1 + 4);
    assert!(rows[0].starts_with("user,policy,kind,updates,mean_reward,bias,hour_sin"), "{}", rows[0]);
    assert!(rows[1].starts_with("alice,egreedy-v2,,4,0.1875,"), "{}", rows[1]);
    assert!(rows[2].starts_with("alice,linucb,") && rows[2].ends_with(",,,,,"), "{}", rows[2]);
}

#[test]
pub(super) fn the_log_has_every_entry_and_is_cut_by_user_and_time() {
    let dir = lived_in();
    let (decisions, rewards) = (log(&dir, &["decisions"]), log(&dir, &["rewards"]));
    assert_eq!((decisions.len(), rewards.len()), (12, 53));
    let ops = |op: &str| rewards.iter().filter(|entry| entry["op"] == op).count();
    assert_eq!((ops("reward"), ops("reset")), (52, 1));
    // Numbers count each state's entries, in the order in which they were written.
    for user in ["alice", "bea/bell", "carol"] {
        let own = log(&dir, &["rewards", "--user", user]);
        let of_user: Vec<&Value> = rewards.iter().filter(|entry| entry["user"] == user).collect();
        assert_eq!(own.iter().collect::<Vec<_>>(), of_user);
        for policy in ["egreedy-v2", "linucb", "uniform"] {
            let of_state = own.iter().filter(|entry| entry["policy"] == policy);
            let numbers: Vec<u64> = of_state.map(|entry| entry["number"].as_u64().unwrap()).collect();
            assert!(numbers.iter().copied().eq(1..=numbers.len() as u64), "{user}: {numbers:?}");
        }
    }
    let since = decisions[5]["time_ms"].as_u64().unwrap();
    let later = log(&dir, &["decisions", "--since", &time_of(since)]);
    assert!(later.iter().all(|d| d["time_ms"].as_u64().unwrap() >= since));
    assert_eq!(later.len(), decisions.iter().filter(|d| d["time_ms"].as_u64().unwrap() >= since).count());
    assert_eq!(log(&dir, &["decisions", "--since", "1d"]).len(), 12);
    assert_eq!(log(&dir, &["rewards", "--since", "2999-01-01"]).len(), 0);
    assert_eq!(log(&dir, &["decisions", "--user", "nobody"]).len(), 0);
}

/// Milliseconds since 1970 as a time.
fn time_of(ms: u64) -> String {
    let (days, of_day) = ((ms / 86_400_000) as i64, ms % 86_400_000);
    // Howard Hinnant's civil_from_days.
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (day, month) = (doy - (153 * mp + 2) / 5 + 1, if mp < 10 { mp + 3 } else { mp - 9 });
    let year = yoe + era * 400 + i64::from(month <= 2);
    let (hour, minute) = (of_day / 3_600_000, of_day / 60_000 % 60);
    let second = (of_day % 60_000) as f64 / 1e3;
    format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:06.3}Z")
}

#[test]
fn a_backup_is_the_store_at_one_moment() {
    let dir = lived_in();
    fs::create_dir(dir.join("copy")).unwrap();
    dir.run(&["backup", "copy"]).ok();
    let before = dir.run(&["stats"]).ok().stdout();
    learned(&dir, "alice", ["later"]);
    let of_copy = |args: &[&str]| dir.run(&[args, &["--store", "copy"]].concat());
    assert_eq!(of_copy(&["stats"]).ok().stdout(), before);
    assert_eq!(of_copy(&["log", "decisions"]).ok().jsonl().len(), 12);
    dir.run(&["backup", "copy"]).refused(&["copy/rehearsal.db", "name a path that is free"]);
    dir.run(&["backup", "one.db"]).ok();
    dir.run(&["backup", "one.db"]).refused(&["one.db"]);
    dir.run(&["backup", "nowhere/one.db"]).refused(&["nowhere/one.db"]);
    // It goes on as the store that it is; its state files are written by the first command.
    let problems: Vec<String> = of_copy(&["verify"]).json()["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| problem["problem"].to_string())
        .collect();
    assert!(
        problems.iter().all(|problem| problem.contains("`rehearsal rebuild` writes it again")),
        "{problems:?}"
    );
    of_copy(&["rebuild"]).ok();
    of_copy(&["verify"]).ok();
    let args = ["reward", "--jsonl", "--store", "copy"];
    dir.run_with(&args, line("alice", "later", 1.0)).ok();
    assert_eq!(of_copy(&["stats"]).ok().stdout(), dir.run(&["stats"]).ok().stdout());
}

#[test]
pub(super) fn what_is_pruned_is_gone_and_what_was_learned_stays() {
    let dir = lived_in();
    let stats = dir.run(&["stats"]).ok().stdout();
    let old = log(&dir, &["decisions", "--user", "alice"])[0]["decision_id"].as_str().unwrap().to_owned();
    let none = dir.run(&["prune", "--before", "2000-01-01"]).ok().json();
    assert_eq!(none, json!({"decisions": 0, "rewards": 0, "lost": []}));
    let all = dir.run(&["prune", "--before", "0s"]).ok().json();
    assert_eq!(all, json!({"decisions": 12, "rewards": 53, "lost": []}));
    assert_eq!((dir.run(&["stats"]).ok().stdout(), verified(&dir)), (stats.clone(), vec![]));
    views_follow(&dir, "pruned");
    assert_eq!((log(&dir, &["decisions"]).len(), log(&dir, &["rewards"]).len()), (0, 4));
    // Again there is nothing to do.
    assert_eq!(dir.run(&["prune", "--before", "0s"]).ok().json(), none);
    dir.run(&["reward", "--decision", &old, "--reaction", "completed"]).refused(&[&old, "not in"]);
    // It goes on, and states can be made again still.
    assert_eq!(reward(&dir, id(&score(&dir, "egreedy-v2", "alice", REQUEST)), "completed")["updates"], 5);
    assert_eq!(verified(&dir), [""; 0]);
    by_hand(&dir, "UPDATE state SET model = NULL");
    dir.run(&["rebuild"]).ok();
    assert_eq!((updates(&dir, "alice"), updates(&dir, "carol"), verified(&dir)), (9, 40, vec![]));
    dir.run(&["prune"]).exits(2);
    dir.run(&["prune", "--before", "yesterday"]).exits(2);
    dir.run(&["prune", "--before=-90d"]).exits(2);
}

#[test]
pub(super) fn who_is_erased_has_left_nothing() {
    let dir = lived_in();
    let others = |dir: &Dir| (dir.run(&["stats", "--user", "alice"]).ok().stdout(), updates(dir, "carol"));
    let before = others(&dir);
    let erased = dir.run(&["reset", "--user", "bea/bell", "--erase"]).ok().json();
    let expected =
        json!({"user": "bea/bell", "removed": ["egreedy-v2"], "erased_decisions": 4, "erased_rewards": 5});
    assert_eq!(erased, expected);
    assert_eq!((others(&dir), verified(&dir)), (before, vec![]));
    views_follow(&dir, "erased");
    for log_of in ["decisions", "rewards"] {
        assert_eq!(log(&dir, &[log_of, "--user", "bea/bell"]).len(), 0);
    }
    // Nor do other files' bytes tell of them. What an earlier move of rows left in a page of the database may.
    let kept = |path: &Path| path.file_name().is_none_or(|name| name != "rehearsal.db");
    for (path, content) in dir.contents("state").into_iter().filter(|(path, _)| kept(path)) {
        assert!(!content.windows(8).any(|bytes| bytes == b"bea/bell"), "{}", path.display());
        assert!(!content.windows(10).any(|bytes| bytes == b"bea%2Fbell"), "{}", path.display());
    }
    let again = dir.run(&["reset", "--user", "bea/bell", "--erase"]).ok().json();
    assert_eq!((&again["removed"], &again["erased_decisions"]), (&json!([]), &json!(0)));
    // Under one policy only, the other one stays.
    let erased = dir.run(&["reset", "--user", "alice", "--policy", "linucb", "--erase"]).ok().json();
    assert_eq!((&erased["removed"], &erased["erased_decisions"]), (&json!(["linucb"]), &json!(4)));
    assert_eq!((updates(&dir, "alice"), verified(&dir)), (4, vec![]));
    assert_eq!(views(&dir).len(), if dir.address().is_some() { 0 } else { 2 });
    // They begin anew as anybody does.
    learned(&dir, "bea/bell", ["e"]);
    assert_eq!((updates(&dir, "bea/bell"), verified(&dir)), (1, vec![]));
}

#[test]
pub(super) fn who_was_reset_before_is_erased_with_all_that_was_learned_then() {
    let dir = lived_in();
    dir.run(&["reset", "--user", "carol"]).ok();
    let erased = dir.run(&["reset", "--user", "carol", "--erase"]).ok().json();
    assert_eq!((&erased["removed"], &erased["erased_rewards"]), (&json!([]), &json!(41)));
    assert_eq!(log(&dir, &["rewards", "--user", "carol"]).len(), 0);
    assert_eq!(verified(&dir), [""; 0]);
}

#[test]
pub(super) fn events_stay_known_over_resets_and_imports() {
    let dir = Dir::new();
    learned(&dir, "u", ["e1", "e2"]);
    let exported = dir.run(&["export"]).ok().stdout();
    let again = |event: &str| {
        let answer = dir.run_with(&["reward", "--jsonl"], line("u", event, 1.0)).ok().json();
        (answer["duplicate"].as_bool().unwrap(), answer["updates"].as_u64().unwrap())
    };
    assert_eq!(again("e1"), (true, 2));
    dir.run(&["reset", "--user", "u"]).ok();
    assert_eq!((again("e1"), updates(&dir, "u")), ((true, 0), 0));
    assert_eq!(again("e3"), (false, 1));
    dir.run_with(&["import", "--replace"], exported).ok();
    assert_eq!((again("e3"), again("e2"), again("e4")), ((true, 2), (true, 2), (false, 3)));
    dir.run(&["rebuild"]).ok();
    assert_eq!((again("e1"), again("e4"), verified(&dir)), ((true, 3), (true, 3), vec![]));
}

#[test]
fn a_store_that_may_only_be_read_is_read() {
    let dir = lived_in();
    let copy = copied(&dir);
    // With and without what the engine keeps beside the database.
    for name in ["rehearsal.db-shm", "rehearsal.db-wal"] {
        let _ = fs::remove_file(copy.join("state").join(name));
    }
    copy.run(&["rebuild"]).ok();
    for dir in [dir, copy] {
        let stats = dir.run(&["stats"]).ok().stdout();
        let Some(_mount) = read_only::Mount::new(&dir) else { return };
        let before = dir.contents("state");
        assert_eq!(dir.run(&["stats"]).ok().stdout(), stats);
        dir.run(&["verify"]).ok();
        dir.run(&["rebuild", "--into", "elsewhere"]).ok();
        assert_eq!(dir.run(&["stats", "--store", "elsewhere"]).ok().stdout(), stats);
        dir.run(&["backup", "copy.db"]).ok();
        assert_eq!(dir.run(&["export"]).ok().jsonl().len(), 4);
        assert_eq!(log(&dir, &["rewards"]).len(), 53);
        dir.run_with(&["score", "--policy", "linucb", "--user", "u"], REQUEST).exits(2);
        dir.run_with(&["reward", "--jsonl"], request_line("u", "linucb")).exits(2);
        assert_eq!(dir.contents("state"), before);
    }
}

#[test]
fn an_older_store_that_may_only_be_read_is_read_under_the_tables_of_today() {
    let dir = lived_in();
    age(&dir);
    let Some(_mount) = read_only::Mount::new(&dir) else { return };
    let before = dir.contents("state");
    let decisions = dir.run(&["log", "decisions"]).ok().jsonl();
    assert!(!decisions.is_empty());
    dir.run(&["verify"]).ok();
    assert_eq!(dir.contents("state"), before);
}

#[test]
fn a_log_that_a_killed_run_left_is_emptied_by_whoever_writes_next() {
    let dir = Dir::new();
    let store = open(&dir.join("state"), Access::Write, Pace::Bulk).unwrap();
    let service = Service::new(store, Policies::new::<&str>(&[]).unwrap(), Vec::new()).unwrap();
    let call = |i: usize| {
        let line = line(&format!("u{i}"), "e", 1.0);
        RewardCall::parse(&service, line.as_bytes(), "test", &Given::default()).unwrap()
    };
    let calls: Vec<RewardCall> = (0..2_000).map(call).collect();
    assert!(service.learn(&calls).unwrap().iter().all(Result::is_ok));
    // As after a kill: nobody tidies up.
    drop(service);
    let log = || fs::metadata(dir.join("state/rehearsal.db-wal")).unwrap().len();
    assert!(log() > 3 << 20, "{}", log());
    let decision =
        dir.run_with(&["score", "--policy", "egreedy-v2", "--user", "u7", "--no-state-files"], REQUEST);
    assert_eq!(log(), 0);
    reward(&dir, id(&decision.ok().json()), "completed");
    assert_eq!(updates(&dir, "u7"), 2);
    assert!(verified(&dir).is_empty());
}

mod read_only {
    use crate::util::{Dir, skip};
    use std::process::{Command, Stdio};

    /// The store's directory, mounted a second time so that nobody may write it.
    pub(super) struct Mount(std::path::PathBuf);

    impl Mount {
        pub(super) fn new(dir: &Dir) -> Option<Self> {
            let state = dir.join("state");
            let done = |args: &[&str]| {
                let mut command = Command::new("mount");
                command.args(args).arg(&state).stdout(Stdio::null()).stderr(Stdio::null());
                command.status().is_ok_and(|status| status.success())
            };
            let source = state.to_str().expect("a temporary directory has such a name").to_owned();
            if !done(&["--bind", &source]) {
                skip("file systems may not be mounted here, so none is read-only");
                return None;
            }
            let mount = Self(state.clone());
            assert!(done(&["-o", "remount,bind,ro"]), "what is mounted may be made read-only");
            Some(mount)
        }
    }

    impl Drop for Mount {
        fn drop(&mut self) {
            let _ = Command::new("umount").arg(&self.0).stderr(Stdio::null()).status();
        }
    }
}

/// "ago" made a span negative, and a negative span a moment to come, before which is everything.
#[test]
fn an_age_lies_in_the_past_and_a_time_without_a_zone_is_utc() {
    let dir = lived_in();
    for before in ["90 days ago", "90 days", "90d"] {
        let pruned = dir.run(&["prune", "--before", before]).ok().json();
        assert_eq!(pruned, json!({"decisions": 0, "rewards": 0, "lost": []}), "{before}");
    }
    dir.run(&["prune", "--before", "2999-01-01"])
        .refused(&["--before is 2999-01-01T00:00:00Z; allowed: a moment that is past"]);
    assert_eq!(log(&dir, &["decisions", "--since", "1 day ago"]).len(), 12);
    let compute = |as_of: &str| {
        let args = ["features", "compute", "--from", "state", "--out", "f.jsonl", "--as-of", as_of];
        dir.run(&args).ok().json()["as_of"].clone()
    };
    for as_of in ["2020-12-01T23:59", "2020-12-01 23:59:00", "2020-12-01T23:59Z"] {
        assert_eq!(compute(as_of), "2020-12-01T23:59:00Z", "{as_of}");
    }
}

/// A table is opened in a spreadsheet: names in it are no formulas, and obey nobody.
#[test]
fn names_in_the_table_of_stats_are_text() {
    let dir = Dir::new();
    for user in ["=1+1", "@SUM(1)", "a\u{202e}b\u{1b}[31m", "plain"] {
        reward(&dir, id(&score(&dir, "linucb", user, REQUEST)), "completed");
    }
    let table = dir.run(&["stats", "--csv"]).ok().stdout();
    let mut users: Vec<&str> = table.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
    users.sort_unstable();
    assert_eq!(users, ["'=1+1", "'@SUM(1)", "a b [31m", "plain"]);
}
