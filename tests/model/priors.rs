//! `train`, and policies that start from what it learned.

use super::{REQUEST, trained};
use serde_json::Value;

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|v| v.as_f64().expect("a number")).collect()
}

/// The prior is what a new user is scored by, and what is learned of them starts there.
#[test]
fn a_new_user_starts_from_the_prior() {
    let dir = trained();
    let prior = dir.json("prior.json");
    let (training, mean) = (&prior["training"], numbers(&prior["mean"]));
    assert!(
        training["users"].as_u64().unwrap() > 20 && training["rows"].as_u64().unwrap() > 600,
        "{training}"
    );
    let held = &training["held_out"];
    assert!(held["log_loss"].as_f64().unwrap() < held["log_loss_plain"].as_f64().unwrap(), "{held}");
    let score = |policy: &str| {
        dir.run(&["score", "--policy", policy, "--user", "ann", "--request", "request.json", "--seed", "3"])
            .ok()
            .json()
    };
    let (plain, with) = (score("plain.toml"), score("with.toml"));
    assert_eq!(plain["candidates"][0]["score"], 0.0);
    let expected = with["candidates"][1]["score"].as_f64().unwrap();
    assert!(expected.abs() > 0.01, "{with}");
    // The score of the second candidate from the file alone: bias, hour, priority, effort and the profile.
    let stats = |user: &str| dir.run(&["stats", "--user", user]).ok().json();
    assert_eq!(stats("ann")["policies"], Value::Array(Vec::new()), "a score is no knowledge");
    let id = with["decision_id"].as_str().unwrap();
    dir.run(&["reward", "--decision", id, "--reaction", "completed"]).ok();
    let theta = &stats("ann")["policies"][0]["theta"];
    let names = prior["feature_names"].as_array().unwrap();
    let moved =
        names.iter().zip(&mean).filter(|(name, m)| theta[name.as_str().unwrap()].as_f64() != Some(**m));
    assert!(moved.count() > 3, "{theta}");
    dir.run(&["verify"]).ok();
    let line = dir.run(&["export"]).ok().stdout();
    let elsewhere = crate::util::Dir::new();
    elsewhere.run_with(&["import", "-"], &line).ok();
    assert_eq!(
        elsewhere.run(&["export"]).ok().json()["theta"],
        serde_json::from_str::<Value>(&line).unwrap()["theta"]
    );
    elsewhere.run(&["verify"]).ok();
}

/// Neither the order of rows nor the number of threads changes a byte; another seed holds others out.
#[test]
fn what_is_learned_does_not_depend_on_order_or_threads() {
    let dir = trained();
    let first = dir.read("prior.json");
    let mut lines: Vec<String> = dir.read("log/rewards.jsonl").lines().map(str::to_owned).collect();
    lines.reverse();
    lines.rotate_left(100);
    dir.write("log/rewards.jsonl", lines.join("\n") + "\n");
    for threads in ["1", "3"] {
        let train =
            ["train", "--policy", "plain.toml", "--from", "log", "--out", "again.json", "--threads", threads];
        dir.run(&train).ok();
        assert_eq!(dir.read("again.json"), first);
    }
    dir.run(&["train", "--policy", "plain.toml", "--from", "log", "--out", "other.json", "--seed", "9"]).ok();
    let (own, other) = (dir.json("again.json"), dir.json("other.json"));
    assert_ne!(own["training"]["held_out"], other["training"]["held_out"]);
    assert_eq!(own["training"]["data_digest"], other["training"]["data_digest"]);
}

/// One model for each kind; a kind that was never seen takes what all have in common.
#[test]
fn kinds_that_were_not_seen_take_the_pooled_prior() {
    let dir = trained();
    let kinds = "structure = \"disjoint\"\n";
    dir.write("kinds.toml", format!("{}{kinds}", super::PLAIN));
    dir.run(&["train", "--policy", "kinds.toml", "--from", "log", "--out", "kinds.json"]).ok();
    let prior = dir.json("kinds.json");
    assert!(prior["kinds"].as_object().unwrap().len() > 3);
    let with = format!("{}{kinds}prior = \"kinds.json\"\n", super::PLAIN);
    dir.write("with-kinds.toml", with);
    let request = REQUEST.replace("\"rest\"", "\"never seen\"");
    dir.write("request.json", &request);
    let score = |policy: &str| {
        dir.run(&["score", "--policy", policy, "--user", "bob", "--request", "request.json", "--seed", "1"])
            .ok()
            .json()
    };
    let of = |i: usize| score("with-kinds.toml")["candidates"][i]["score"].as_f64().unwrap();
    // A prior for one model of all candidates is the pooled one of every kind.
    dir.write(
        "shared-prior.toml",
        format!("{}{kinds}prior = \"shared.json\"\n", super::PLAIN).replace("tips", "other"),
    );
    let mut shared = prior.clone();
    shared["structure"] = "shared".into();
    shared.as_object_mut().unwrap().remove("kinds");
    dir.write("shared.json", shared.to_string());
    let pooled = score("shared-prior.toml");
    assert_eq!(of(1), pooled["candidates"][1]["score"].as_f64().unwrap());
    assert_ne!(of(0), pooled["candidates"][0]["score"].as_f64().unwrap());
    dir.write("wrong.toml", super::WITH_PRIOR.replace("prior.json", "kinds.json"));
    let refused = dir.run(&["score", "--policy", "wrong.toml", "--user", "bob", "--request", "request.json"]);
    refused.refused(&["wrong.toml", "prior.structure", "shared"]);
}

/// Simulated people in whose presence a prior was learned may not judge it, and others may.
#[test]
fn a_gate_refuses_a_prior_that_was_learned_from_its_own_people() {
    let dir = trained();
    dir.write(
        "gate.toml",
        "description = \"small\"\nalpha = 0.05\nbeta = 0.05\nminimum_effect = 0.05\nmax_users = 32\n\
         [[criteria]]\nkind = \"superior\"\nmetric = \"reward\"\nscenarios = [\"short.toml\"]\n",
    );
    dir.write("short.toml", "name = \"short\"\ndescription = \"d\"\nsteps = 30\n");
    let gate = |seed: &str| {
        dir.run(&[
            "promote-check",
            "--gate",
            "gate.toml",
            "--baseline",
            "uniform",
            "--challenger",
            "with.toml",
            "--seed",
            seed,
        ])
    };
    gate("5").refused(&[
        "the prior of \"tips\" was learned from the very people of scenario \"short\" under seed 5",
    ]);
    let others = gate("6");
    assert!([0, 1, 3].contains(&others.code()), "{}", others.stderr());
    // Without the file that says who they are nobody can tell.
    assert!(dir.json("log/people.json")["seed"] == 5);
}

#[test]
fn what_no_prior_can_be_learned_from_is_refused() {
    let dir = trained();
    let train = |from: &str| dir.run(&["train", "--policy", "plain.toml", "--from", from, "--out", "x.json"]);
    dir.write("rewards.jsonl", "");
    train("rewards.jsonl").refused(&["no rewards"]);
    let line = dir.read("log/rewards.jsonl").lines().next().unwrap().to_owned();
    let mut nobody: Value = serde_json::from_str(&line).unwrap();
    nobody.as_object_mut().unwrap().remove("user");
    dir.write("rewards.jsonl", nobody.to_string());
    train("rewards.jsonl").refused(&["rewards.jsonl: line 1", "without its user"]);
    dir.write("rewards.jsonl", &line[..line.len() / 2]);
    train("rewards.jsonl").refused(&["rewards.jsonl: line 1"]);
    // What others wrote is another sort of log.
    dir.write("shop.csv", "action,reward,propensity\na,1,0.5\n");
    train("shop.csv").refused(&["shop.csv: it is no log of rewards", "`evaluate`"]);
    // Who was forgotten teaches nobody.
    let user = serde_json::from_str::<Value>(&line).unwrap()["user"].clone();
    let reset = serde_json::json!({"user": user, "op": "reset", "time_ms": 9});
    dir.write("rewards.jsonl", format!("{line}\n{reset}\n"));
    train("rewards.jsonl").refused(&["no rewards"]);
    assert!(!dir.join("x.json").exists());
}

/// Whatever policies learned a reward and whatever exports tell it; a reset takes away what its own policy alone had learned.
#[test]
fn a_reward_counts_once_in_whatever_policies_and_exports_it_stands() {
    let dir = trained();
    let log = dir.read("log/rewards.jsonl");
    let changed = |line: &str, change: &dyn Fn(&mut Value)| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        change(&mut line);
        line.to_string() + "\n"
    };
    let warm: String =
        log.lines().map(|line| changed(line, &|line| line["policy"] = "warm".into())).collect();
    let train = |rewards: &str| {
        dir.write("r.jsonl", rewards);
        let args = ["train", "--policy", "plain.toml", "--from", "r.jsonl", "--out", "x.json", "--json"];
        dir.run(&args).ok().json()
    };
    let (once, rows) = (train(&log), log.lines().count() as u64);
    assert_eq!((&once["rows"], &once["repeats"]), (&rows.into(), &0.into()));
    // Forgotten under one policy, each stands under the other still.
    let user: Value = serde_json::from_str::<Value>(log.lines().next().unwrap()).unwrap();
    let reset = |policy: &Value| {
        let line = serde_json::json!({"user": user["user"], "policy": policy, "op": "reset", "time_ms": 9});
        line.to_string() + "\n"
    };
    let resets = [reset(&"warm".into()), reset(&user["policy"])];
    for twice in [
        log.clone() + &log,
        log.clone() + &warm,
        warm.clone() + &log,
        log.clone() + &warm + &resets[0],
        log.clone() + &warm + &resets[1],
        warm.clone() + &log + &resets[0],
        warm.clone() + &log + &resets[1],
    ] {
        let found = train(&twice);
        assert_eq!((&found["data_digest"], &found["repeats"]), (&once["data_digest"], &rows.into()));
    }
    // Once both have forgotten, an older export brings nothing back.
    let without: String = log
        .lines()
        .filter(|line| serde_json::from_str::<Value>(line).unwrap()["user"] != user["user"])
        .map(|line| line.to_owned() + "\n")
        .collect();
    let fewer = train(&without);
    assert_ne!(fewer["data_digest"], once["data_digest"]);
    for forgotten in [&resets.concat(), &reset(&Value::Null)] {
        let told = format!("{log}{warm}{forgotten}");
        assert_eq!(train(&told)["data_digest"], fewer["data_digest"]);
        assert_eq!(train(&(told + &log))["data_digest"], fewer["data_digest"]);
    }

    // Of one event with two values the first counts, whoever tells the other one.
    let two_values = |policy: Option<&str>| {
        let lines = log.lines().map(|line| {
            changed(line, &|line| {
                line["reward"] = 0.125.into();
                if let Some(policy) = policy {
                    line["policy"] = policy.into();
                }
            })
        });
        lines.collect::<String>()
    };
    for told in [log.clone() + &two_values(None), log.clone() + &two_values(Some("warm"))] {
        let found = train(&told);
        assert_eq!((&found["data_digest"], &found["rows"]), (&once["data_digest"], &rows.into()));
        assert_eq!(found["repeats"], rows);
    }
    assert_ne!(train(&(two_values(Some("warm")) + &log))["data_digest"], once["data_digest"]);

    // A file that is named twice is refused; rewards that come along with decisions are named by the way.
    let from = |paths: &[&str]| {
        let paths = paths.iter().flat_map(|path| ["--from", path]);
        let args = ["train", "--policy", "plain.toml", "--out", "x.json", "--json"];
        dir.run(&args.into_iter().chain(paths).collect::<Vec<_>>())
    };
    from(&["log", "./log"]).refused(&["rewards.jsonl: it is named twice"]);
    from(&["log", "log/rewards.jsonl"]).refused(&["rewards.jsonl: it is named twice"]);
    let both = from(&["log/decisions.jsonl", "log/rewards.jsonl"]).ok().json();
    assert_eq!((&both["rows"], &both["repeats"]), (&rows.into(), &0.into()));
}
