//! `promote-check`: what it decides, what it says, and what CI sees.

mod directions;
mod logged;
mod statistics;
mod verdicts;

use crate::util::Dir;
use serde_json::Value;

/// A gate that is decided in a second: one scenario, by population and by persona.
const GATE: &str = r#"
description = "a small gate"
alpha = 0.05
beta = 0.05
minimum_effect = 0.02
max_users = 1200
[[criteria]]
kind = "superior"
metric = "reward"
scenarios = ["short.toml"]
[[criteria]]
kind = "not-inferior"
metric = "reward"
scenarios = ["short.toml"]
by = "persona"
margin = 0.05
"#;

const SHORT: &str = "name = \"short\"\ndescription = \"a short steady life\"\nsteps = 60\n";

fn gate() -> Dir {
    let dir = Dir::new();
    dir.write("gate.toml", GATE);
    dir.write("short.toml", SHORT);
    dir
}

fn check(dir: &Dir, baseline: &str, challenger: &str, code: i32) -> Value {
    let args = [
        "promote-check",
        "--gate",
        "gate.toml",
        "--baseline",
        baseline,
        "--challenger",
        challenger,
        "--json",
    ];
    let ran = dir.run(&args);
    let ran = ran.exits(code);
    ran.json()
}

#[test]
fn a_clearly_better_policy_is_promoted() {
    let verdict = check(&gate(), "uniform", "egreedy-v2", 0);
    assert_eq!(verdict["verdict"], "promote");
    assert!(verdict["criteria"].as_array().unwrap().iter().all(|c| c["holds"] == true));
}

#[test]
fn uniform_is_rejected() {
    let verdict = check(&gate(), "egreedy-v2", "uniform", 1);
    assert_eq!(verdict["verdict"], "reject");
    assert!(verdict["reason"].as_str().unwrap().contains("reward/short"), "{}", verdict["reason"]);
}

#[test]
fn a_policy_against_itself_is_never_promoted_whatever_it_is_called() {
    let dir = gate();
    dir.write("same.toml", "name = \"same\"\nexplorer = \"egreedy\"\nfeatures = \"v2\"\nepsilon = 0.1\n");
    for challenger in ["egreedy-v2", "same.toml"] {
        let verdict = check(&dir, "egreedy-v2", challenger, 3);
        assert_eq!(verdict["verdict"], "inconclusive");
        assert!(verdict["reason"].as_str().unwrap().contains("same policy"));
    }
}

#[test]
fn too_few_users_are_inconclusive_and_the_reader_learns_what_it_would_take() {
    let dir = gate();
    dir.write("gate.toml", GATE.replace("max_users = 1200", "max_users = 20"));
    let verdict = check(&dir, "uniform", "egreedy-v2", 3);
    assert_eq!(verdict["verdict"], "inconclusive");
    let open = verdict["criteria"].as_array().unwrap().iter().find(|c| c["holds"] == false).unwrap();
    assert!(open["users_needed"].as_u64().unwrap() > 20);
    let args = ["promote-check", "--gate", "gate.toml", "--baseline", "uniform", "--inconclusive", "pass"];
    assert_eq!(dir.run(&args).code(), 0);
}

/// Two kinds of tip and two personas: `loyal` keeps its taste, `turncoat` takes to the other kind as soon as
/// the policies, which learned from its past, begin.
fn turncoat(dir: &Dir) {
    let persona = |name: &str, weight: u32, changeability: u32| {
        format!(
            "name = \"{name}\"\ndescription = \"{name}\"\nweight = {weight}\nchangeability = {changeability}\n\
             [response]\nbase = 0\npriority = 0\nurgency = 0\neffort = 0\nweekend = 0\nfatigue = 0\ntiming = 0\n\
             [kinds]\nleft = {{ taste = -2, preferred_hour = 9 }}\nright = {{ taste = 2, preferred_hour = 9 }}\n\
             [refusal]\nbase = -2\nrelief = 0.5\nsnooze = 0.2\n\
             [dwell]\ncompleted = 30\nsnoozed = 5\nignored = 2\ndismissed = 2\nspread = 0.5\n\
             [spread]\nbase = 0.1\ntaste = 0.1\nresponse = 0\nhours = 0\n\
             [profile]\nnoise = 0\n[profile.values]\n"
        )
    };
    std::fs::create_dir(dir.join("people")).unwrap();
    dir.write("people/loyal.toml", persona("loyal", 9, 0));
    dir.write("people/turncoat.toml", persona("turncoat", 1, 1));
    dir.write(
        "short.toml",
        format!("{SHORT}[history]\nsteps = 400\nlearn = true\n[change]\nkind = \"sudden\"\nat = 0.0\n"),
    );
}

#[test]
fn better_on_average_and_worse_for_one_persona_is_not_promoted() {
    let dir = gate();
    turncoat(&dir);
    let args = [
        "promote-check",
        "--gate",
        "gate.toml",
        "--baseline",
        "uniform",
        "--challenger",
        "egreedy-v2",
        "--personas",
        "people",
        "--json",
    ];
    let ran = dir.run(&args);
    let ran = ran.exits(1);
    let verdict: Value = ran.json();
    let criteria = verdict["criteria"].as_array().unwrap();
    let find = |id: &str| criteria.iter().find(|c| c["id"] == id).unwrap();
    assert_eq!(find("reward/short/superior")["holds"], true);
    assert_eq!(find("reward/short/loyal")["holds"], true);
    assert_eq!(find("reward/short/turncoat")["holds"], false);
    assert!(verdict["reason"].as_str().unwrap().contains("reward/short/turncoat"), "{}", verdict["reason"]);
    let text = dir.run(&args[..args.len() - 1]);
    assert!(text.stdout().contains("turncoat"), "{}", text.stdout());
}

#[test]
fn segments_by_trait_are_judged_where_the_scenario_declares_them() {
    let dir = gate();
    dir.write("short.toml", format!("{SHORT}[traits]\nnew = 0.5\nno_profile = 0.5\nweekend = 0.5\n"));
    let by = |by: &str| {
        format!(
            "[[criteria]]\nkind = \"not-inferior\"\nmetric = \"reward\"\nscenarios = [\"short.toml\"]\nby = \"{by}\"\nmargin = 0.05\n"
        )
    };
    dir.write("gate.toml", format!("{GATE}{}{}{}", by("newness"), by("profile"), by("weekend")));
    let verdict = check(&dir, "uniform", "egreedy-v2", 0);
    let ids: Vec<&str> =
        verdict["criteria"].as_array().unwrap().iter().map(|c| c["id"].as_str().unwrap()).collect();
    for segment in [
        "new-users",
        "established-users",
        "users-without-profile",
        "users-with-profile",
        "weekend-users",
        "weekday-users",
    ] {
        assert!(ids.contains(&format!("reward/short/{segment}").as_str()), "{segment} in {ids:?}");
    }
    dir.write("short.toml", SHORT);
    dir.run(&["promote-check", "--gate", "gate.toml"])
        .refused(&["set a share between 0 and 1 in its [traits]"]);
}

/// Who differ in a trait's name alone are the same people: of them anything would hold.
#[test]
fn a_trait_that_changes_nothing_in_the_scenario_sets_nobody_apart() {
    let dir = gate();
    for (rest, by, why) in [
        ("new = 0.5\n[history]\nsteps = 0\n", "newness", "history.steps is 0"),
        ("no_profile = 0.5\n[profile]\nserving = \"missing\"\n", "profile", "profile.serving is \"missing\""),
    ] {
        dir.write("short.toml", format!("{SHORT}[traits]\n{rest}"));
        let criterion = format!(
            "[[criteria]]\nkind = \"not-inferior\"\nmetric = \"reward\"\nscenarios = [\"short.toml\"]\nby = \"{by}\"\nmargin = 0.05\n"
        );
        dir.write("gate.toml", format!("{GATE}{criterion}"));
        let parts = [by, "in scenario \"short\"", "sets nobody apart", why];
        dir.run(&["promote-check", "--gate", "gate.toml"]).refused(&parts);
    }
}

#[test]
fn the_same_inputs_give_the_same_bytes_and_the_seed_follows_from_them() {
    let dir = gate();
    let run = |threads: &str| {
        let args =
            ["promote-check", "--gate", "gate.toml", "--baseline", "uniform", "--json", "--threads", threads];
        dir.run(&args).stdout()
    };
    let first = run("1");
    assert_eq!(first, run("2"));
    assert_eq!(first, run("7"));
    // Comments and descriptions mean nothing to a gate, and how far it may go changes nobody; nor does a threshold.
    dir.write("gate.toml", format!("# a comment\n{}", GATE.replace("a small gate", "the same gate")));
    assert_eq!(first, run("2"));
    dir.write("gate.toml", GATE.replace("max_users = 1200", "max_users = 1201"));
    assert_eq!(first, run("2"));
    let seed = |text: &str| serde_json::from_str::<Value>(text).unwrap()["seed"].clone();
    dir.write("gate.toml", GATE.replace("alpha = 0.05", "alpha = 0.04"));
    assert_eq!(seed(&first), seed(&run("2")));
    // Other conditions are other people.
    dir.write("gate.toml", GATE);
    dir.write("short.toml", SHORT.replace("steps = 60", "steps = 61"));
    assert_ne!(seed(&first), seed(&run("2")));
    dir.write("short.toml", SHORT);
    dir.write("gate.toml", GATE);
    let args = ["promote-check", "--gate", "gate.toml", "--baseline", "uniform", "--seed", "1", "--json"];
    let given: Value = dir.run(&args).json();
    assert_eq!((&given["seed"], &given["seed_source"]), (&Value::from(1), &Value::from("given")));
}

#[test]
fn a_verdict_on_records_can_be_had_again_by_the_command_that_it_prints() {
    let dir = gate();
    let inputs = ["--gate", "gate.toml"];
    let simulate = |seed: &str, users: &str| {
        let args =
            ["simulate", "--policy", "uniform", "--policy", "egreedy-v2", "--seed", seed, "--users", users];
        dir.run(&[&args[..], &inputs, &["--out", "records"]].concat()).ok();
    };
    for (seed, users) in [("3", "1200"), ("3", "20")] {
        simulate(seed, users);
        let check = [
            "promote-check",
            "--baseline",
            "uniform",
            "--challenger",
            "egreedy-v2",
            "--json",
            "--from",
            "records",
        ];
        let verdict = dir.run(&[&check[..], &inputs].concat());
        let again = verdict.json()["command"].as_str().unwrap().to_owned();
        let words: Vec<&str> = again.split(' ').skip(1).chain(["--json"]).collect();
        assert_eq!(dir.run(&words).json()["criteria"], verdict.json()["criteria"], "{again}");
    }
    let text = dir.run(&[
        "promote-check",
        "--baseline",
        "uniform",
        "--challenger",
        "egreedy-v2",
        "--gate",
        "gate.toml",
        "--from",
        "records",
    ]);
    assert!(text.stdout().contains("simulate again with --users"), "{}", text.stdout());
}

#[test]
fn different_policies_of_one_name_are_told_apart() {
    let dir = gate();
    for (file, epsilon) in [("a.toml", 0.1), ("b.toml", 0.3)] {
        let policy =
            format!("name = \"mine\"\nexplorer = \"egreedy\"\nfeatures = \"v2\"\nepsilon = {epsilon}\n");
        dir.write(file, policy);
    }
    dir.run(&["promote-check", "--baseline", "a.toml", "--challenger", "b.toml"])
        .refused(&["both named \"mine\"", "change `name`"]);
    dir.run(&["simulate", "--policy", "a.toml", "--policy", "b.toml"]).refused(&["change `name`"]);
    dir.run(&["calibrate", "--baseline", "a.toml", "--challenger", "a.toml"]).refused(&["the same policy"]);
}

#[test]
fn every_format_is_written_and_bad_gates_are_named() {
    let dir = gate();
    dir.run(&["promote-check", "--gate", "gate.toml", "--baseline", "uniform", "--out", "out"]).ok();
    assert_eq!(dir.json("out/verdict.json")["verdict"], "promote");
    assert!(dir.read("out/verdict.txt").contains("PROMOTE"));
    for (change, said) in [
        (("alpha = 0.05", "alpha = 0.7"), "gate.toml: alpha is 0.7; allowed: a number in [0.000000001, 0.5]"),
        (("margin = 0.05", ""), "criteria[1].margin is missing"),
        (("kind = \"superior\"", "kind = \"better\""), "unknown variant `better`"),
        (("short.toml", "shorter.toml"), "gate.toml: criteria[0].scenarios: cannot read shorter.toml"),
        (
            ("\"short.toml\"", "\"stedy\""),
            "gate.toml: criteria[0].scenarios: unknown scenario \"stedy\", did you mean \"steady\"?",
        ),
        (
            (
                "margin = 0.05",
                "margin = 0.05\n[[criteria]]\nkind = \"superior\"\nmetric = \"regret\"\nscenarios = [\"drft\"]",
            ),
            "gate.toml: criteria[2].scenarios: unknown scenario \"drft\"",
        ),
        (("max_users = 1200", "max_users = 0"), "max_users is 0"),
    ] {
        dir.write("gate.toml", GATE.replacen(change.0, change.1, 1));
        dir.run(&["promote-check", "--gate", "gate.toml"]).refused(&[said]);
    }
    dir.write("gate.toml", GATE);
    dir.run(&["promote-check", "--gate", "gate.toml", "--baseline", "egredy-v1"]).refused(&["egreedy-v1"]);
    dir.run(&["promote-check", "--gate", "gate.toml", "--out", "gate.toml"]).refused(&["gate.toml"]);
}

#[test]
fn calibrate_measures_the_gate() {
    let dir = gate();
    let args = ["calibrate", "--gate", "gate.toml", "--runs", "400", "--pool", "100", "--json"];
    let calibration: Value = dir.run(&args).ok().json();
    let nulls = calibration["nulls"].as_array().unwrap();
    assert_eq!(nulls.len(), 9);
    for null in nulls {
        // 400 runs at a rate of 0.05: above 38 with probability below 1e-4.
        assert!(null["false_promotions"].as_u64().unwrap() <= 38, "{null}");
    }
    let peeking =
        calibration["comparisons"].as_array().unwrap().iter().filter(|c| c["method"] == "peeking t-test");
    assert!(peeking.clone().any(|c| c["false_promotions"].as_u64().unwrap() > 60), "{calibration}");
    // The null that uses up alpha: fewer than 4 of 400 at a rate of 4% have probability below 1e-4.
    assert!(nulls.iter().all(|null| null["worst_case"].as_u64().unwrap() >= 4), "{calibration}");
    assert_eq!(calibration["keeps"], true);
    assert_eq!(calibration["power"].as_array().unwrap().len(), 5);
    assert_eq!(calibration["power"][0]["promote"], 0.0);
}

#[test]
fn every_result_has_a_file_of_its_own_which_is_no_input() {
    let dir = gate();
    let check = ["promote-check", "--gate", "gate.toml", "--challenger", "mine.toml"];
    dir.write("mine.toml", "name = \"mine\"\nexplorer = \"egreedy\"\nfeatures = \"v2\"\n");
    for more in [
        &["--summary", "gate.toml"][..],
        &["--card", "./mine.toml"],
        &["--out", "o", "--summary", "o/verdict.json"],
        &["--card", "card.md", "--summary", "card.md"],
    ] {
        let ran = dir.run(&[&check[..], more].concat());
        ran.refused(&["it is read or written already"]);
        assert!(!dir.join("card.md").exists());
    }
    assert_eq!(dir.read("gate.toml"), GATE);
    for inner in ["personas", "records"] {
        std::fs::create_dir(dir.join(inner)).unwrap();
    }
    for persona in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/personas")).unwrap() {
        let path = persona.unwrap().path();
        std::fs::copy(&path, dir.join("personas").join(path.file_name().unwrap())).unwrap();
    }
    let pair = ["--policy", "egreedy-v1", "--policy", "mine.toml", "--users", "16", "--out", "records"];
    dir.run(&[&["simulate", "--gate", "gate.toml"][..], &pair].concat()).ok();
    let (scenario, records) = (dir.read("short.toml"), dir.read("records/records.jsonl"));
    for more in [
        &["--summary", "short.toml"][..],
        &["--from", "records", "--summary", "./records/records.jsonl"],
        &["--personas", "personas", "--card", "personas/changeling.toml"],
    ] {
        dir.run(&[&check[..], more].concat()).refused(&["it is read or written already"]);
    }
    assert_eq!((dir.read("short.toml"), dir.read("records/records.jsonl")), (scenario, records));
}

#[test]
fn records_for_a_gate_say_how_it_is_asked() {
    let dir = gate();
    let args =
        ["simulate", "--gate", "gate.toml", "--policy", "uniform", "--policy", "linucb", "--users", "32"];
    let text = dir.run(&[&args[..], &["--out", "records"]].concat()).ok().stdout();
    let next = "promote-check --baseline uniform --challenger linucb --gate gate.toml --from records";
    assert!(text.contains(next), "{text}");
}

#[test]
fn a_gate_of_one_user_can_be_calibrated() {
    let dir = gate();
    dir.write("gate.toml", GATE.replace("max_users = 1200", "max_users = 1"));
    let args = ["calibrate", "--gate", "gate.toml", "--runs", "100", "--pool", "100", "--json"];
    let calibration: Value = dir.run(&args).ok().json();
    let promoted = |null: &Value| null["false_promotions"] != 0;
    assert!(!calibration["nulls"].as_array().unwrap().iter().any(promoted), "{calibration}");
}

#[test]
fn records_made_in_parts_give_the_verdict_of_the_gate_itself() {
    let dir = gate();
    let policies = ["--policy", "uniform", "--policy", "egreedy-v2", "--users", "1200"];
    for (blocks, part) in [("0..10", "a"), ("10..38", "b")] {
        let args =
            [&["simulate", "--gate", "gate.toml", "--blocks", blocks, "--out", part], &policies[..]].concat();
        dir.run(&args).ok();
    }
    dir.run(&["merge", "b", "a", "--out", "merged"]).ok();
    // What no user did is found out, whatever it would prove.
    let part = dir.read("a");
    let begin = part.find("\"records\":[[").expect("records") + 12;
    let end = begin + part[begin..].find(',').expect("several numbers");
    dir.write("forged", format!("{}90000{}", &part[..begin], &part[end..]));
    dir.run(&["merge", "forged", "b", "--out", "forged-too"]).refused(&["forged, block 0 of ", "decisions"]);
    let check = [
        "promote-check",
        "--gate",
        "gate.toml",
        "--baseline",
        "uniform",
        "--challenger",
        "egreedy-v2",
        "--json",
    ];
    let direct = dir.run(&check).ok().stdout();
    let from = dir.run(&[&check[..], &["--from", "merged"]].concat()).ok().stdout();
    assert_eq!(direct, from);
    // Another gate, other policies, records made for no gate: not a pass, not a fail.
    let other = [
        "promote-check",
        "--gate",
        "gate.toml",
        "--baseline",
        "egreedy-v1",
        "--challenger",
        "egreedy-v2",
        "--from",
        "merged",
    ];
    dir.run(&other).refused(&["not made for this gate: they differ in baseline"]);
    dir.write("gate.toml", GATE.replace("alpha = 0.05", "alpha = 0.01"));
    dir.run(&[&check[..], &["--from", "merged"]].concat()).refused(&["they differ in gate"]);
    dir.run(&["simulate", "short.toml", "--policy", "uniform", "--users", "32", "--out", "plain"]).ok();
    dir.run(&[&check[..], &["--from", "plain"]].concat()).refused(&["not made for this gate"]);
}

#[test]
fn a_plan_says_what_can_be_shown() {
    let dir = gate();
    let text = dir.run(&["promote-check", "--gate", "gate.toml", "--plan"]).ok().stdout();
    // ln 0.05 / ln 0.95 = 58.4
    assert!(text.contains("59 users") && text.contains("80% power"), "{text}");
    let plans = dir.run(&["promote-check", "--gate", "gate.toml", "--plan", "--json"]).ok().json();
    for plan in plans.as_array().unwrap() {
        let [low, high] = [0, 1].map(|i| plan["detectable"][i].as_f64().unwrap());
        assert!(low < high, "{plan}");
    }
    // A population's block has eight people to bet on: a bet on their mean would need the 59 users of one persona.
    let population = "[[criteria]]\nkind = \"not-inferior\"\nmetric = \"early_reward\"\nscenarios = [\"short.toml\"]\nmargin = 0.05\n";
    dir.write("gate.toml", format!("{GATE}{population}"));
    let plans = dir.run(&["promote-check", "--gate", "gate.toml", "--plan", "--json"]).ok().json();
    let floor =
        |id: &str| plans.as_array().unwrap().iter().find(|p| p["criterion"] == id).unwrap()["floor"].as_u64();
    assert_eq!(floor("reward/short/mover"), Some(59));
    assert!(floor("early_reward/short").unwrap() <= 59 / 3, "{plans}");
    // And needs no more where a challenger is shown not to be worse.
    let verdict = check(&dir, "uniform", "egreedy-v2", 0);
    let held = |id: &str| {
        let criterion = verdict["criteria"].as_array().unwrap().iter().find(|c| c["id"] == id).unwrap();
        criterion["held_after"].as_u64().unwrap()
    };
    assert!(held("early_reward/short") <= 59 / 3, "{verdict:#}");
}

#[test]
fn a_decision_that_takes_too_long_is_said_and_counts_only_where_it_is_required() {
    let dir = gate();
    let limit = |required: bool| format!("[decision_time]\np99_ms = 0.000001\nrequired = {required}\n");
    let with = |required| {
        GATE.replace(
            "[[criteria]]\nkind = \"superior\"",
            &format!("{}[[criteria]]\nkind = \"superior\"", limit(required)),
        )
    };
    let args = ["promote-check", "--gate", "gate.toml", "--baseline", "uniform"];
    dir.write("gate.toml", with(false));
    let ran = dir.run(&args).ok();
    assert!(ran.stderr().contains("above 0.000001 ms"), "{}", ran.stderr());
    dir.write("gate.toml", with(true));
    let ran = dir.run(&args).exits(3);
    assert!(ran.stdout().contains("one decision takes longer"), "{}", ran.stdout());
}
