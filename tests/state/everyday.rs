//! The everyday loop: score, reward, stats, reset.

use super::{REQUEST, id, reward, score};
use crate::util::Dir;
use serde_json::json;

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
fn an_event_is_learned_once() {
    let dir = Dir::new();
    let decision = score(&dir, "linucb", "bob", REQUEST);
    reward(&dir, id(&decision), "snoozed");
    let before = dir.contents("state");
    let again = reward(&dir, id(&decision), "snoozed");
    assert_eq!((&again["duplicate"], &again["updates"]), (&json!(true), &json!(1)));
    dir.run(&["reward", "--decision", id(&decision), "--reaction", "completed"])
        .refused(&["learned with reward 0.25"]);
    assert_eq!(dir.contents("state"), before);

    let direct = ["reward", "--policy", "linucb", "--user", "bob", "--chosen", "t2", "--reward", "-3.5"];
    for updates in [2, 3] {
        assert_eq!(dir.run_with(&direct, REQUEST).ok().json()["updates"], updates);
    }
    let named = [&direct[..], &["--event-id", "e1"]].concat();
    assert_eq!(dir.run_with(&named, REQUEST).ok().json()["duplicate"], false);
    assert_eq!(dir.run_with(&named, REQUEST).ok().json()["duplicate"], true);
}

#[test]
fn shadows_are_recorded_and_learn_nothing() {
    let dir = Dir::new();
    let args =
        ["score", "--policy", "egreedy-v1", "--user", "u", "--shadow", "egreedy-v2", "--shadow", "linucb"];
    let decision = dir.run_with(&args, REQUEST).ok().json();
    assert_eq!(decision["shadows"].as_array().unwrap().len(), 2);
    let log: Vec<serde_json::Value> =
        dir.read("state/decisions.jsonl").lines().map(|l| serde_json::from_str(l).unwrap()).collect();
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
fn a_shadow_that_fails_only_leaves_a_warning() {
    let dir = Dir::new();
    let decision = score(&dir, "linucb", "u", REQUEST);
    reward(&dir, id(&decision), "completed");
    dir.write("state/u_linucb.json", "{}");
    let args = ["score", "--policy", "egreedy-v1", "--user", "u", "--shadow", "linucb"];
    let run = dir.run_with(&args, REQUEST).ok();
    assert!(run.stderr().contains("warning: shadow linucb"), "{}", run.stderr());
    assert_eq!(run.json()["shadows"], json!([]));
    // An unknown name is wrong use, and seen before anything is done.
    let args = ["score", "--policy", "egreedy-v1", "--user", "u", "--shadow", "linucbb"];
    dir.run_with(&args, REQUEST).refused(&["did you mean \"linucb\"?"]);
}

#[test]
fn reset_clears_the_states_of_every_policy_of_the_user() {
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
fn many_lines_are_answered_in_order_and_bad_ones_in_their_place() {
    let dir = Dir::new();
    let line = |user: &str| {
        REQUEST.replace('\n', " ").replacen(
            '{',
            &format!("{{\"user\": {user:?}, \"policy\": \"egreedy-v2\", "),
            1,
        )
    };
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
    let line = |user: &str| {
        REQUEST
            .replace('\n', " ")
            .replacen('{', &format!("{{\"user\": {user:?}, \"policy\": \"linucb\", "), 1)
            .replace("\"tip_volume\"", "\"streak\": 3, \"tip_volume\"")
    };
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
    std::fs::remove_file(dir.join("mine.toml")).unwrap();
    let stats = dir.run(&["stats"]).ok().json();
    assert_eq!(stats["policies"][0]["updates"], 3);
    let state = dir.json("state/u_mine.json");
    assert!(state.get("A").is_none());
    assert_eq!((&state["lambda"], &state["structure"]), (&json!(2.0), &json!("disjoint")));
    // Another lambda is another model: refused with both sides named.
    dir.write("mine.toml", file.replace("2.0", "3.0"));
    dir.run_with(&["score", "--policy", "mine.toml", "--user", "u"], REQUEST).refused(&["lambda is 2", "3"]);
}
