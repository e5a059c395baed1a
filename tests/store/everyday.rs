//! The everyday loop: score, reward, stats, reset.

use super::{
    REQUEST, id, known, line, random_request, request_line, reward, score, updates, verified, views,
};
use crate::util::{Dialogue, Dir, run};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use serde_json::{Value, json};
use std::fs;

#[test]
fn a_reward_is_learned_seen_and_forgotten() {
    let dir = Dir::new();
    let decision = score(&dir, "egreedy-v2", "alice", REQUEST);
    assert_eq!(decision["user"], "alice");
    assert_eq!(decision["candidates"].as_array().unwrap().len(), 3);
    let answer = reward(&dir, id(&decision), "completed");
    let expected =
        json!({"user": "alice", "policy": "egreedy-v2", "reward": 1.0, "updates": 1, "duplicate": false});
    assert_eq!(answer, expected);

    let state = dir.json("state/alice_egreedy_v2.json");
    assert_eq!((&state["updates"], &state["D"]), (&json!(1), &json!(12)));
    let stats = dir.run(&["stats", "--user", "alice"]).ok().json();
    let policy = &stats["policies"][0];
    assert_eq!((&policy["policy"], &policy["mean_reward"]), (&json!("egreedy-v2"), &json!(1.0)));
    assert_eq!(policy["theta"]["bias"], state["theta"][0]);
    assert_eq!(policy["theta"].as_object().unwrap().len(), 12);

    let forgotten = dir.run(&["reset", "--user", "alice"]).ok().json();
    assert_eq!(forgotten, json!({"user": "alice", "removed": ["egreedy-v2"]}));
    let stats = dir.run(&["stats", "--user", "alice"]).ok().json();
    assert_eq!(stats, json!({"user": "alice", "policies": []}));
    assert!(!dir.join("state/alice_egreedy_v2.json").exists());
}

#[test]
fn answers_have_the_fields_of_the_design_in_its_order() {
    let dir = Dir::new();
    let run = dir
        .run_with(
            &["score", "--policy", "uniform", "--user", "u", "--shadow", "linucb", "--seed", "1"],
            REQUEST,
        )
        .ok();
    let text = run.stdout();
    let mut from = 0;
    for key in [
        "decision_id",
        "user",
        "policy",
        "chosen",
        "propensity",
        "explored",
        "candidates",
        "id",
        "score",
        "propensity",
        "shadows",
        "policy",
        "chosen",
        "propensity",
    ] {
        let key = format!("\"{key}\":");
        from += text[from..].find(&key).unwrap_or_else(|| run.fail(&format!("no {key} in its place")));
    }
    assert_eq!(text.lines().count(), 1);
}

#[test]
fn the_same_seed_decides_alike() {
    let dir = Dir::new();
    for policy in ["uniform", "egreedy-v2", "lints-v2", "squarecb-v2"] {
        let with = |seed: &str| {
            let args = ["score", "--policy", policy, "--user", "u", "--seed", seed];
            let mut answer = dir.run_with(&args, REQUEST).ok().json();
            answer["decision_id"].take();
            answer
        };
        assert_eq!(with("5"), with("5"));
        let chosen = |seed: u64| with(&seed.to_string())["chosen"].clone();
        assert!((0..20).any(|seed| chosen(seed) != chosen(5)), "{policy} chooses alike for every seed");
    }
    // In the request, the seed is part of it.
    let seeded = REQUEST.replacen('{', "{\"seed\": 7, ", 1);
    let of = |args: &[&str], request: &str| dir.run_with(args, request).ok().json()["chosen"].clone();
    let base = ["score", "--policy", "lints-v2", "--user", "u"];
    assert_eq!(of(&base, &seeded), of(&[&base[..], &["--seed", "7"]].concat(), REQUEST));
}

#[test]
fn v2_without_a_profile_chooses_as_v1() {
    let dir = Dir::new();
    let bare = r#"{"context": {"hour": 8.5, "weekday": 5}, "candidates": [{"id": "a", "priority": 0.9},
        {"id": "b", "effort_minutes": 5}, {"id": "c", "due_in_days": 1}]}"#;
    for step in 0..40 {
        let seed = step.to_string();
        let mut answers = Vec::new();
        for policy in ["egreedy-v1", "egreedy-v2"] {
            let args = ["score", "--policy", policy, "--user", "u", "--seed", &seed];
            let answer = dir.run_with(&args, bare).ok().json();
            let reaction = if answer["chosen"] == "b" { "completed" } else { "dismissed" };
            reward(&dir, id(&answer), reaction);
            answers.push((answer["chosen"].clone(), answer["candidates"].clone()));
        }
        assert_eq!(answers[0], answers[1], "step {step}");
    }
}

#[test]
pub(super) fn an_event_is_learned_once() {
    let dir = Dir::new();
    let decision = score(&dir, "linucb", "bob", REQUEST);
    reward(&dir, id(&decision), "snoozed");
    let before = known(&dir);
    let again = reward(&dir, id(&decision), "snoozed");
    assert_eq!((&again["duplicate"], &again["updates"]), (&json!(true), &json!(1)));
    dir.run(&["reward", "--decision", id(&decision), "--reaction", "completed"])
        .refused(&["learned with reward 0.25"]);
    assert_eq!(known(&dir), before);

    let direct = ["reward", "--policy", "linucb", "--user", "bob", "--chosen", "t2", "--reward", "-3.5"];
    for updates in [2, 3] {
        assert_eq!(dir.run_with(&direct, REQUEST).ok().json()["updates"], updates);
    }
    let named = [&direct[..], &["--event-id", "e1"]].concat();
    assert_eq!(dir.run_with(&named, REQUEST).ok().json()["duplicate"], false);
    assert_eq!(dir.run_with(&named, REQUEST).ok().json()["duplicate"], true);
}

#[test]
pub(super) fn shadows_are_recorded_and_learn_nothing() {
    let dir = Dir::new();
    let args =
        ["score", "--policy", "egreedy-v1", "--user", "u", "--shadow", "egreedy-v2", "--shadow", "linucb"];
    let decision = dir.run_with(&args, REQUEST).ok().json();
    assert_eq!(decision["shadows"].as_array().unwrap().len(), 2);
    let log = dir.run(&["log", "decisions"]).ok().jsonl();
    assert_eq!(log.iter().map(|l| l["shadow"].clone()).collect::<Vec<_>>(), [false, true, true]);
    assert_eq!(log[1]["policy"], "egreedy-v2");
    assert_eq!(log[1]["shadow_of"], decision["decision_id"]);
    assert_eq!(log[1]["propensities"].as_array().unwrap().len(), 3);
    assert_eq!(log[1]["request"]["candidates"][0]["id"], "t1");
    dir.run(&["reward", "--decision", id(&log[1]), "--reaction", "completed"]).refused(&["shadow"]);
    reward(&dir, id(&decision), "completed");
    assert!(!dir.join("state/u_egreedy_v2.json").exists() && !dir.join("state/u_linucb.json").exists());
}

#[test]
pub(super) fn a_shadow_that_fails_only_leaves_a_warning() {
    let dir = Dir::new();
    let file = |forgetting: &str| {
        let text = format!(
            "name = \"mine\"\nexplorer = \"egreedy\"\nfeatures = \"v1\"\nforgetting = {forgetting}\n"
        );
        dir.write("mine.toml", text);
    };
    file("0.5");
    reward(&dir, id(&score(&dir, "mine.toml", "u", REQUEST)), "completed");
    file("0.9");
    let args = ["score", "--policy", "egreedy-v1", "--user", "u", "--shadow", "mine.toml"];
    let run = dir.run_with(&args, REQUEST).ok();
    assert!(run.stderr().contains("warning: shadow mine: "), "{}", run.stderr());
    assert_eq!(run.json()["shadows"], json!([]));
    // An unknown name is wrong use, and seen before anything is done.
    let args = ["score", "--policy", "egreedy-v1", "--user", "u", "--shadow", "linucbb"];
    dir.run_with(&args, REQUEST).refused(&["did you mean \"linucb\"?"]);
}

#[test]
pub(super) fn the_words_of_a_tip_and_their_prompt_are_kept_and_seen_by_no_policy() {
    let dir = Dir::new();
    let digest = "0a".repeat(32);
    let labelled = REQUEST
        .replacen('{', &format!(r#"{{"prompt_version": "v2", "prompt_digest": "{digest}", "seed": 7, "#), 1)
        .replacen(r#""kind""#, r#""text": "Plan the morning", "kind""#, 1);
    let plain = REQUEST.replacen('{', r#"{"seed": 7, "#, 1);
    let (with, without) = (score(&dir, "egreedy-v2", "u", &labelled), score(&dir, "egreedy-v2", "u", &plain));
    for field in ["chosen", "propensity", "candidates"] {
        assert_eq!(with[field], without[field]);
    }
    let log = dir.run(&["log", "decisions"]).ok().jsonl();
    assert_eq!((&log[0]["prompt_version"], &log[0]["prompt_digest"]), (&json!("v2"), &json!(digest)));
    assert_eq!(log[1].get("prompt_version"), None);
    let texts = |request: &Value| {
        let candidates = request["candidates"].as_array().unwrap();
        candidates.iter().filter(|c| c["text"] == "Plan the morning").count()
    };
    assert_eq!((texts(&log[0]["request"]), texts(&log[1]["request"])), (1, 0));
    // What is learned from is kept forever, and without its words.
    reward(&dir, id(&with), "completed");
    assert!(!dir.run(&["log", "rewards"]).ok().stdout().contains("Plan the morning"));
}

#[test]
pub(super) fn a_caller_who_runs_the_shadows_says_whose_they_are() {
    let dir = Dir::new();
    let shown = score(&dir, "uniform", "u", REQUEST);
    let of = |id: &str| REQUEST.replacen('{', &format!("{{\"shadow_of\": {id:?}, "), 1);
    let shadow = score(&dir, "linucb", "u", &of(id(&shown)));
    let log = dir.run(&["log", "decisions"]).ok().jsonl();
    assert_eq!((&log[0]["shadow"], &log[1]["shadow"]), (&json!(false), &json!(true)));
    assert_eq!(log[1]["shadow_of"], shown["decision_id"]);
    let reward_shadow = ["reward", "--decision", id(&shadow), "--reaction", "completed"];
    dir.run(&reward_shadow).refused(&["is a shadow's", id(&shown)]);
    assert_eq!(reward(&dir, id(&shown), "completed")["updates"], 1);
    let before = known(&dir);
    let score = |user: &str, id: &str| dir.run_with(&["score", "--policy", "linucb", "--user", user], of(id));
    // Another user's, a shadow's own, and none at all.
    score("v", id(&shown)).refused(&["shadow_of is", "a decision of \"v\" that was shown"]);
    score("u", id(&shadow)).refused(&["shadow_of is"]);
    score("u", "nothing").refused(&["decision \"nothing\": not in"]);
    assert_eq!(known(&dir), before);
}

#[test]
pub(super) fn reset_clears_the_states_of_every_policy_of_the_user() {
    let dir = Dir::new();
    dir.write(
        "mine.toml",
        "name = \"mine\"\nexplorer = \"linucb\"\nfeatures = \"v2\"\nstructure = \"disjoint\"\n",
    );
    for user in ["u", "u2", "u_v2"] {
        for policy in ["egreedy-v1", "egreedy-v2", "./mine.toml"] {
            reward(&dir, id(&score(&dir, policy, user, REQUEST)), "completed");
        }
    }
    assert_eq!(dir.run(&["stats"]).ok().jsonl().len(), 3);
    let theta = &dir.run(&["stats", "--user", "u", "--policy", "mine"]).ok().json()["policies"][0]["theta"];
    assert_eq!(theta.as_object().unwrap().len(), 1, "one kind was shown: {theta}");
    let one = dir.run(&["reset", "--user", "u", "--policy", "egreedy-v2"]).ok().json();
    assert_eq!(one["removed"], json!(["egreedy-v2"]));
    let rest = dir.run(&["reset", "--user", "u"]).ok().json();
    assert_eq!(rest["removed"], json!(["egreedy-v1", "mine"]));
    assert_eq!(dir.run(&["reset", "--user", "u"]).ok().json()["removed"], json!([]));
    let left = dir.run(&["stats"]).ok().jsonl();
    assert_eq!(left.iter().map(|s| s["user"].clone()).collect::<Vec<_>>(), ["u2", "u_v2"]);
    assert_eq!(left[0]["policies"].as_array().unwrap().len(), 3);
}

#[test]
pub(super) fn many_lines_are_answered_in_order_and_bad_ones_in_their_place() {
    let dir = Dir::new();
    let line = |user: &str| request_line(user, "egreedy-v2");
    let input = format!("{}\n{{\"user\": 3}}\n\n{}\n{}", line("a"), line("b"), line("a"));
    let run = dir.run_with(&["score", "--jsonl", "--seed", "4"], &input);
    assert_eq!(run.code(), 2);
    let answers = run.jsonl();
    assert_eq!(answers.len(), 4);
    assert_eq!((&answers[0]["user"], &answers[2]["user"]), (&json!("a"), &json!("b")));
    assert_eq!(answers[1]["line"], 2);
    assert!(answers[1]["error"].as_str().unwrap().starts_with("line 2: user"), "{}", answers[1]);

    let rewards: Vec<String> = [0, 2, 3, 0]
        .iter()
        .map(|i| json!({"decision": answers[*i]["decision_id"], "reaction": "completed", "user": answers[*i]["user"]}).to_string())
        .collect();
    let wrong = rewards[0].replace("\"a\"", "\"z\"");
    let run = dir.run_with(&["reward", "--jsonl"], format!("{}\nnonsense\n{wrong}\n", rewards.join("\n")));
    assert_eq!(run.code(), 2);
    let learned = run.jsonl();
    let updates: Vec<_> =
        learned[..4].iter().map(|a| (a["updates"].clone(), a["duplicate"].clone())).collect();
    let expected = [(1, false), (1, false), (2, false), (2, true)].map(|(u, d)| (json!(u), json!(d)));
    assert_eq!(updates, expected);
    assert_eq!((&learned[4]["line"], &learned[5]["line"]), (&json!(5), &json!(6)));

    // The request may stand beside the other fields, or in one of its own.
    let beside = line("c").replacen('{', r#"{"chosen": "t2", "reward": 0.5, "#, 1);
    let inside = format!(
        r#"{{"user": "c", "policy": "egreedy-v2", "chosen": "t2", "reward": 0.5, "request": {}}}"#,
        REQUEST.replace('\n', " ")
    );
    let run = dir.run_with(&["reward", "--jsonl"], format!("{beside}\n{inside}\n")).ok();
    assert_eq!(run.jsonl()[1]["updates"], 2);
}

#[test]
fn unknown_profile_names_are_warned_about_once() {
    let dir = Dir::new();
    let line =
        |user: &str| request_line(user, "linucb").replace("\"tip_volume\"", "\"streak\": 3, \"tip_volume\"");
    let run = dir.run_with(&["score", "--jsonl"], format!("{}\n{}\n", line("a"), line("b"))).ok();
    assert_eq!(run.stderr().lines().count(), 1, "{}", run.stderr());
    assert!(run.stderr().contains("warning: profile_features.streak"), "{}", run.stderr());
}

#[test]
fn a_disjoint_policy_from_a_file_learns_and_is_read_back_without_the_file() {
    let dir = Dir::new();
    let file =
        "name = \"mine\"\nexplorer = \"lints\"\nfeatures = \"v2\"\nstructure = \"disjoint\"\nlambda = 2.0\n";
    dir.write("mine.toml", file);
    for reaction in ["completed", "ignored", "dismissed"] {
        reward(&dir, id(&score(&dir, "mine.toml", "u", REQUEST)), reaction);
    }
    fs::remove_file(dir.join("mine.toml")).unwrap();
    let stats = dir.run(&["stats"]).ok().json();
    assert_eq!(stats["policies"][0]["updates"], 3);
    let state = dir.json("state/u_mine.json");
    assert!(state.get("A").is_none());
    assert_eq!((&state["lambda"], &state["structure"]), (&json!(2.0), &json!("disjoint")));
    // Another lambda is another model: refused with both sides named.
    dir.write("mine.toml", file.replace("2.0", "3.0"));
    dir.run_with(&["score", "--policy", "mine.toml", "--user", "u"], REQUEST).refused(&["lambda is 2", "3"]);
}

/// The value without what differs from run to run: ids, times, and in how many pieces a run was written.
pub(super) fn without_ids(mut value: Value) -> Value {
    for field in ["decision_id", "shadow_of", "time_ms", "event", "revision"] {
        if let Some(object) = value.as_object_mut() {
            object.remove(field);
        }
    }
    value
}

/// Requests of a few users, each with a seed, and the lines that reward their decisions.
pub(super) fn seeded_requests(count: u64) -> Vec<Value> {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let request = |i: u64| {
        let mut request = random_request(&mut rng);
        request["seed"] = json!(i);
        request["user"] = json!(format!("user {}", i % 7));
        request
    };
    (0..count).map(request).collect()
}

pub(super) fn rewards_of(decisions: &[Value]) -> String {
    let reaction = |i: usize| ["completed", "dismissed", "snoozed"][i % 3];
    let line = |(i, decision): (usize, &Value)| {
        json!({"decision": decision["decision_id"], "reaction": reaction(i)}).to_string() + "\n"
    };
    decisions.iter().enumerate().map(line).collect()
}

/// Everything that is known, without ids and times.
pub(super) fn known_without_ids(dir: &Dir) -> Vec<Value> {
    let printed = |args: &[&str]| dir.run(args).ok().jsonl();
    let all = [&["export"][..], &["log", "decisions"], &["log", "rewards"]].map(printed).concat();
    all.into_iter().map(without_ids).collect()
}

#[test]
pub(super) fn many_lines_are_what_single_calls_are() {
    let (single, many, talk) = (Dir::new(), Dir::new(), Dir::new());
    let requests = seeded_requests(40);
    let score = ["score", "--policy", "squarecb-v2", "--shadow", "linucb"];
    let text: Vec<String> = requests.iter().map(Value::to_string).collect();
    let decisions: Vec<Value> =
        text.iter().map(|request| single.run_with(&score, request).ok().json()).collect();
    let rewards = rewards_of(&decisions);
    let learned: Vec<Value> =
        rewards.lines().map(|line| single.run_with(&["reward", "--jsonl"], line).ok().json()).collect();
    let score = [&score[..], &["--jsonl"]].concat();
    let of_many = many.run_with(&score, text.join("\n")).ok().jsonl();
    let learned_of_many = many.run_with(&["reward", "--jsonl"], rewards_of(&of_many)).ok().jsonl();
    let plain = |decisions: &[Value]| decisions.iter().cloned().map(without_ids).collect::<Vec<_>>();
    assert_eq!(plain(&of_many), plain(&decisions));
    assert_eq!(learned_of_many, learned);
    assert_eq!(known_without_ids(&many), known_without_ids(&single));
    // Line by line in one run it is the same.
    let (mut scorer, mut learner) =
        (Dialogue::new(&talk, &score), Dialogue::new(&talk, &["reward", "--jsonl"]));
    let asked: Vec<Value> = requests.iter().map(|request| scorer.ask(request)).collect();
    assert_eq!(plain(&asked), plain(&decisions));
    for (line, expected) in rewards_of(&asked).lines().zip(&learned) {
        assert_eq!(learner.ask(&serde_json::from_str(line).unwrap()), *expected);
    }
    scorer.end();
    learner.end();
    assert_eq!(known_without_ids(&talk), known_without_ids(&single));
    for dir in [single, many, talk] {
        assert_eq!(verified(&dir), [""; 0]);
        super::views_follow(&dir, "at the end");
    }
}

#[test]
pub(super) fn any_number_of_threads_writes_the_same() {
    let requests = seeded_requests(3_000);
    let text: Vec<String> = requests.iter().map(Value::to_string).collect();
    let mut found = Vec::new();
    for threads in ["1", "3"] {
        let dir = Dir::new();
        let with = |args: &[&str], input: &str| {
            let mut command = dir.command(args);
            command.env("RAYON_NUM_THREADS", threads);
            run(command, input.as_bytes()).ok().jsonl()
        };
        let score = ["score", "--jsonl", "--policy", "lints-v2", "--shadow", "egreedy-v1", "--seed", "3"];
        let decisions = with(&score, &text.join("\n"));
        let learned = with(&["reward", "--jsonl"], &rewards_of(&decisions));
        found.push((learned, known_without_ids(&dir)));
    }
    assert!(found[0] == found[1], "what was learned depends on the number of threads");
}

#[test]
fn a_run_is_repeated_by_its_seed() {
    let dir = Dir::new();
    let lines = vec![request_line("u", "uniform"); 50].join("\n");
    let run = |seed: &str| {
        let answers = dir.run_with(&["score", "--jsonl", "--seed", seed], &lines).ok().jsonl();
        answers.into_iter().map(|answer| answer["chosen"].to_string()).collect::<String>()
    };
    assert_eq!(run("1"), run("1"));
    assert_ne!(run("1"), run("2"));
}

#[test]
pub(super) fn the_store_and_its_log_are_evaluated_alike() {
    let dir = Dir::new();
    let lines = |i: u64| {
        let candidate = |id: &str, priority: f64| json!({"id": id, "priority": priority});
        json!({"user": format!("user {}", i % 30), "context": {"hour": 8, "weekday": 1}, "seed": i,
            "candidates": [candidate("a", 0.1), candidate("b", 0.9)]})
        .to_string()
    };
    let requests: Vec<String> = (0..300).map(lines).collect();
    let score = ["score", "--jsonl", "--policy", "uniform", "--shadow", "linucb"];
    let decisions = dir.run_with(&score, requests.join("\n")).ok().jsonl();
    dir.run_with(&["reward", "--jsonl"], rewards_of(&decisions[..250])).ok();
    dir.run(&["reset", "--user", "user 3"]).ok();
    for log in ["decisions", "rewards"] {
        let printed = dir.run(&["log", log]).ok().stdout();
        dir.write(&format!("{log}.jsonl"), printed);
    }
    let evaluated = |log: &str| {
        let args = ["evaluate", log, "--policy", "egreedy-v2", "--policy", "uniform", "--json"];
        let run = dir.run(&args);
        (run.code(), run.json()["policies"].clone(), run.json()["rows"].clone())
    };
    let of_store = evaluated(dir.store().to_str().unwrap());
    assert_eq!((of_store.0, &of_store.2), (0, &json!(250)));
    assert_eq!(evaluated("decisions.jsonl"), of_store);
}

#[test]
fn without_state_files_there_are_none_and_later_ones_come() {
    let dir = Dir::new();
    let decision = score(&dir, "linucb", "u", REQUEST);
    let reward = ["reward", "--decision", id(&decision), "--reaction", "completed", "--no-state-files"];
    assert_eq!(dir.run(&reward).ok().json()["updates"], 1);
    dir.run_with(&["reward", "--jsonl", "--no-state-files"], line("v", "e", 1.0)).ok();
    assert_eq!(views(&dir), []);
    assert_eq!((updates(&dir, "u"), updates(&dir, "v"), verified(&dir)), (1, 1, vec![]));
    // Whoever wants them has them from the next reward on.
    dir.run_with(&["reward", "--jsonl"], line("v", "f", 1.0)).ok();
    assert_eq!(dir.json("state/v_egreedy_v2.json")["updates"], 2);
    // One that is there follows its state: it would mislead otherwise.
    dir.run_with(&["reward", "--jsonl", "--no-state-files"], line("v", "g", 1.0)).ok();
    dir.run_with(&["score", "--policy", "uniform", "--user", "w"], REQUEST).ok();
    assert_eq!(dir.json("state/v_egreedy_v2.json")["updates"], 3);
    assert_eq!(verified(&dir), [""; 0]);
}

#[test]
fn stores_stand_beside_each_other() {
    let dir = Dir::new();
    let by_variable = |name: &str, value: &str, args: &[&str]| {
        let mut command = dir.command(args);
        command.env(name, value);
        run(command, REQUEST.as_bytes()).ok().json()
    };
    let score = ["score", "--policy", "linucb", "--user", "u"];
    let first = by_variable("REHEARSAL_STORE", "one", &score);
    let second = by_variable("REHEARSAL_STATE_DIR", "two", &score);
    assert!(dir.join("one/rehearsal.db").exists() && dir.join("two/rehearsal.db").exists());
    assert!(!dir.join("state").exists());
    let reward = |store: &[&str], decision: &Value| {
        dir.run(&[&["reward", "--decision", id(decision), "--reaction", "completed"], store].concat())
    };
    reward(&["--store", "two"], &first).refused(&["not in two/rehearsal.db"]);
    assert_eq!(reward(&["--store", "one"], &first).ok().json()["updates"], 1);
    assert_eq!(reward(&["--state-dir", "two"], &second).ok().json()["updates"], 1);
    // The option is stronger than the variables, and of those the first one.
    let mut command = dir.command(&["stats", "--store", "one"]);
    command.env("REHEARSAL_STORE", "nowhere").env("REHEARSAL_STATE_DIR", "nowhere");
    assert_eq!(run(command, b"").ok().json()["user"], "u");
    let mut command = dir.command(&["stats"]);
    command.env("REHEARSAL_STORE", "").env("REHEARSAL_STATE_DIR", "two");
    assert_eq!(run(command, b"").ok().json()["user"], "u");
    dir.run(&["stats", "--store", "mysql://u:hush@h/db"]).refused(&[
        "mysql://...",
        "a directory",
        "postgres://",
    ]);
}

#[test]
pub(super) fn rewards_that_cancel_leave_a_sound_state() {
    for policy in ["egreedy-v1", "egreedy-v2", "linucb-v2"] {
        let dir = Dir::new();
        for reaction in ["dismissed", "dismissed", "completed"] {
            let request = r#"{"context":{"hour":9,"weekday":1},"candidates":[{"id":"a"}]}"#;
            reward(&dir, id(&score(&dir, policy, "alice", request)), reaction);
        }
        let exported = dir.run(&["export"]).ok().stdout();
        dir.run(&["reset", "--user", "alice"]).ok();
        dir.run_with(&["import"], exported).ok();
        assert_eq!((updates(&dir, "alice"), verified(&dir)), (3, vec![]));
    }
}

#[test]
pub(super) fn no_reward_is_no_reward_whatever_its_sign() {
    let dir = Dir::new();
    let with = |reward: &str| {
        let own = ["--user", "z", "--chosen", "t1", "--reward", reward, "--event-id", "e"];
        dir.run_with(&[&["reward", "--policy", "linucb"][..], &own].concat(), REQUEST).ok().json()
    };
    assert_eq!(with("0")["duplicate"], false);
    assert_eq!(with("-0")["duplicate"], true);
}

/// With a model of its own, each kind fades at its own rewards: what others earn says nothing of it.
#[test]
fn a_kind_fades_at_its_own_rewards() {
    let dir = Dir::new();
    let file = "name = \"mine\"\nexplorer = \"egreedy\"\nfeatures = \"v1\"\nstructure = \"disjoint\"\nforgetting = 0.5\n";
    dir.write("mine.toml", file);
    let learn = |kind: &str, times: usize| {
        let request =
            json!({"context": {"hour": 8, "weekday": 1}, "candidates": [{"id": "a", "kind": kind}]});
        let line = json!({"user": "u", "policy": "mine", "chosen": "a", "reward": 1, "request": request});
        let lines = vec![line.to_string(); times].join("\n");
        dir.run_with(&["reward", "--jsonl", "--policy", "mine.toml"], lines).ok();
        dir.json("state/u_mine.json")["kinds"].clone()
    };
    let first = learn("A", 5);
    let second = learn("B", 50);
    assert_eq!(second["A"], first["A"]);
    let third = learn("A", 1);
    assert_ne!(third["A"], first["A"]);
}
