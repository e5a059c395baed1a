//! What a verdict may depend on, and what it says: spellings, small gains, late harm, attempts.

use super::{GATE, SHORT, check, gate};
use crate::util::Dir;
use rehearsal::gate::promotion::{Inputs, UserSource};
use rehearsal::gate::{GateOutcome, GateSpec, Verdict};
use rehearsal::people::persona::Persona;
use rehearsal::policy::{Policy, RawPolicy};
use serde_json::Value;

/// A policy of a file's text.
fn policy(text: &str) -> Policy {
    Policy::try_from(toml::from_str::<RawPolicy>(text).unwrap()).unwrap()
}

fn judged(gate: &str, baseline: Policy, challenger: Policy, seed: Option<u64>) -> Verdict {
    let gate = GateSpec::from_toml(gate, "gate").unwrap();
    let inputs = Inputs::new(gate, Persona::shipped().unwrap(), baseline, challenger).unwrap();
    inputs.run(UserSource::Simulation(seed), String::new(), |_| {}).unwrap().verdict
}

/// A gate with one claim of superiority on a shipped scenario, and more criteria.
fn gate_on(scenario: &str, more: &str) -> String {
    format!(
        "description = \"one\"\nalpha = 0.05\nbeta = 0.05\nminimum_effect = 0.01\nmax_users = 4000\nbatch = 16\n\
         [[criteria]]\nkind = \"superior\"\nmetric = \"reward\"\nscenarios = [\"{scenario}\"]\n{more}"
    )
}

const HARMLESS: &str = "[[criteria]]\nkind = \"not-inferior\"\nmetric = \"early_reward\"\nscenarios = [\"steady\"]\nmargin = 0.03\n";

#[test]
fn spellings_order_comments_and_names_give_one_verdict() {
    let dir = Dir::new();
    std::fs::create_dir(dir.join("mine")).unwrap();
    let entry = |kind: &str, path: &str| {
        let margin = if kind == "superior" { "" } else { "margin = 0.05\n" };
        format!("[[criteria]]\nkind = \"{kind}\"\nmetric = \"reward\"\nscenarios = [\"{path}\"]\n{margin}")
    };
    let head = "alpha = 0.05\nbeta = 0.05\nminimum_effect = 0.02\nmax_users = 64\nbatch = 8\n";
    let mut verdicts = Vec::new();
    for path in
        ["mine/push.toml", "./mine/push.toml", "mine//push.toml", "mine/./push.toml", ".//mine/push.toml"]
    {
        for turned in [false, true] {
            for (name, comment) in
                [("push", ""), ("push", "# a comment\n"), ("pull", ""), ("pull", "# b\n"), ("p", "")]
            {
                dir.write(
                    "mine/push.toml",
                    format!("{comment}{}", SHORT.replace("\"short\"", &format!("\"{name}\""))),
                );
                let mut entries = [entry("superior", path), entry("not-inferior", path)];
                if turned {
                    entries.reverse();
                }
                dir.write("gate.toml", format!("description = \"{name}\"\n{head}{}", entries.concat()));
                // A field that changes nothing, in a spelling of its own.
                if name == "p" {
                    let nobody = "[traits]\nnew = -0.0\n[rewards]\nlost = -0.0\n[bends]\nthreshold = -0.0\n";
                    dir.write("mine/push.toml", dir.read("mine/push.toml") + nobody);
                }
                let challenger = format!(
                    "name = \"mine-{name}\"\nexplorer = \"egreedy\"\nfeatures = \"v2\"\nepsilon = 0.1\n"
                );
                dir.write("mine.toml", challenger);
                let verdict = check(&dir, "uniform", "mine.toml", 0);
                let claim =
                    verdict["criteria"].as_array().unwrap().iter().find(|c| c["kind"] == "superior").unwrap();
                verdicts.push((verdict["seed"].clone(), verdict["users"].clone(), claim["estimate"].clone()));
            }
        }
    }
    assert_eq!(verdicts.len(), 50);
    assert!(verdicts.iter().all(|v| *v == verdicts[0]), "{verdicts:?}");
}

#[test]
fn a_gates_scenarios_are_found_beside_its_file() {
    let dir = Dir::new();
    std::fs::create_dir(dir.join("inner")).unwrap();
    dir.write("inner/gate.toml", GATE);
    dir.write("inner/short.toml", SHORT);
    let args = ["promote-check", "--gate", "inner/gate.toml", "--baseline", "uniform", "--json"];
    assert_eq!(dir.run(&args).ok().json()["verdict"], "promote");
}

#[test]
fn challengers_that_are_all_but_alike_get_one_verdict() {
    let gate = gate_on("cold-start", "").replace("max_users = 4000", "max_users = 32");
    let of = |epsilon: f64| {
        let text =
            format!("name = \"c\"\nexplorer = \"egreedy\"\nfeatures = \"v2\"\nepsilon = {epsilon:?}\n");
        let verdict = judged(&gate, Policy::named("uniform").unwrap(), policy(&text), None);
        (verdict.outcome, verdict.users, verdict.provenance.seed)
    };
    let first = of(0.1);
    for i in 1..200 {
        assert_eq!(of(0.1 + 5e-12 * f64::from(i)), first, "{i}");
    }
    // Nothing at all and next to nothing are alike too.
    assert_eq!(of(0.0), of(3e-12));
    // One that is all but the baseline did the same in every decision.
    let text = "name = \"c\"\nexplorer = \"egreedy\"\nfeatures = \"v1\"\nepsilon = 0.1000000000001\n";
    let verdict =
        judged(&gate.replace("= 32", "= 200"), Policy::named("egreedy-v1").unwrap(), policy(text), None);
    assert_eq!(verdict.outcome, GateOutcome::Inconclusive);
    assert!(verdict.reason.contains("the same in every decision"), "{}", verdict.reason);
}

/// The verdicts on a challenger who truly gains about 0.004: epsilon 0 instead of 0.1.
fn small_gains(seeds: std::ops::Range<u64>) -> Vec<Verdict> {
    let greedy = "name = \"greedy\"\nexplorer = \"egreedy\"\nfeatures = \"v1\"\nepsilon = 0\n";
    let gate = gate_on("steady", HARMLESS);
    let of = |seed| judged(&gate, Policy::named("egreedy-v1").unwrap(), policy(greedy), Some(seed));
    seeds.map(of).collect()
}

fn is_said_truly(verdict: &Verdict) {
    assert_eq!(verdict.outcome, GateOutcome::TooSmall, "{}", verdict.reason);
    assert_eq!(verdict.decided_by.as_deref(), Some("reward/steady/superior"));
    assert!(verdict.reason.contains("a real gain, too small to matter"), "{}", verdict.reason);
    let claim = verdict.superiority().unwrap();
    assert_eq!((claim.gains, claim.holds), (Some(true), false));
}

#[test]
fn a_gain_that_is_too_small_is_called_so() {
    small_gains(0..3).iter().for_each(is_said_truly);
}

#[test]
#[ignore = "a hundred gates: minutes"]
fn a_gain_that_is_too_small_is_called_so_whoever_is_drawn() {
    // A wrong side of either mark has probability at most 0.025 + 0.05 in each: at least 95 have the true outcome.
    let verdicts = small_gains(0..100);
    let true_ones: Vec<&Verdict> = verdicts.iter().filter(|v| v.outcome == GateOutcome::TooSmall).collect();
    assert!(true_ones.len() >= 95, "{}", true_ones.len());
    true_ones.into_iter().for_each(is_said_truly);
}

/// The harm that the default gate let through: its scenario, its criterion, who suffers, and who does it.
fn harms(scenario: &str, criterion: &str, challenger: Policy, id: &str) {
    let entry = format!(
        "[[criteria]]\nkind = \"not-inferior\"\n{criterion}\nscenarios = [\"{scenario}\"]\nby = \"persona\"\n"
    );
    let gate = gate_on(scenario, &entry);
    let verdict = judged(&gate, Policy::named("egreedy-v1").unwrap(), challenger, None);
    assert_eq!(
        (verdict.outcome, verdict.decided_by.as_deref()),
        (GateOutcome::Harm, Some(id)),
        "{}",
        verdict.reason
    );
}

#[test]
fn harm_that_comes_with_a_change_of_life_is_found() {
    let challenger = Policy::named("egreedy-v2").unwrap();
    let criterion = "metric = \"middle_reward\"\nmargin = 0.02";
    harms("sudden-change", criterion, challenger, "middle_reward/sudden-change/changeling");
}

#[test]
#[ignore = "a thousand decisions each: a minute"]
fn harm_that_comes_late_is_found() {
    let forgetful =
        "name = \"forgetful\"\nexplorer = \"egreedy\"\nfeatures = \"v2\"\nepsilon = 0.1\nforgetting = 0.95\n";
    let criterion = "metric = \"late_reward\"\nmargin = 0.02\nrelative_margin = 0.25";
    harms("long", criterion, policy(forgetful), "late_reward/long/deadline-driven");
}

#[test]
#[ignore = "whole gates: minutes"]
fn the_default_gate_lets_no_harm_through_and_the_best_pass() {
    let shipped = |baseline: Policy, challenger: Policy| {
        let inputs =
            Inputs::new(GateSpec::shipped().unwrap(), Persona::shipped().unwrap(), baseline, challenger)
                .unwrap();
        inputs.run(UserSource::Simulation(None), String::new(), |_| {}).unwrap().verdict
    };
    let own = |name: &str, rest: &str| {
        policy(&format!("name = \"{name}\"\nexplorer = \"egreedy\"\nfeatures = \"v2\"\n{rest}"))
    };
    let named = |name| Policy::named(name).unwrap();
    let forgetful = own("forgetful", "forgetting = 0.95\n");
    // What sells the first weeks and forgets ever faster is harm of the same kind.
    let seller = own("seller", "structure = \"disjoint\"\nforgetting = 0.97\n");
    let curious = || own("curious", "epsilon = 0.37\n");
    for (baseline, challenger) in [
        (named("egreedy-v1"), forgetful),
        (named("egreedy-v1"), seller),
        (named("egreedy-v1"), curious()),
        (curious(), named("egreedy-v2-by-kind")),
        (named("egreedy-v1"), named("egreedy-v2-by-kind")),
        (named("egreedy-v1"), named("egreedy-v2")),
    ] {
        let verdict = shipped(baseline, challenger);
        assert_eq!(verdict.outcome, GateOutcome::Harm, "{}: {}", verdict.challenger, verdict.reason);
    }
    let best = shipped(named("egreedy-v1"), named("linucb-v2-by-kind"));
    assert_eq!(best.outcome, GateOutcome::Promote, "{}", best.reason);
    assert!(best.warnings[0].contains("probability 0"), "{:?}", best.warnings);
}

#[test]
fn attempts_are_counted_by_what_they_mean() {
    let dir = gate();
    let mine = |name: &str, epsilon: &str| {
        format!("name = \"{name}\"\nexplorer = \"egreedy\"\nfeatures = \"v2\"\nepsilon = {epsilon}\n")
    };
    let tried = |text: String| -> Value {
        dir.write("mine.toml", text);
        let args =
            ["promote-check", "--gate", "gate.toml", "--baseline", "uniform", "--challenger", "mine.toml"];
        dir.run(&[&args[..], &["--attempts", "attempts.jsonl", "--json"]].concat()).ok().json()
    };
    let first = tried(mine("a", "0.1"));
    let second = tried(mine("b", "0.2"));
    let again = tried(mine("c", "1e-1"));
    assert_eq!([&first["attempt"], &second["attempt"], &again["attempt"]], [1, 2, 1]);
    assert_eq!((first["alpha"].as_f64(), second["alpha"].as_f64()), (Some(0.05 / 2.0), Some(0.05 / 6.0)));
    assert_ne!(first["seed"], second["seed"]);
    assert_eq!((&first["seed"], &first["criteria"]), (&again["seed"], &again["criteria"]));
    assert_eq!(dir.read("attempts.jsonl").lines().count(), 2);
    let args = ["promote-check", "--gate", "gate.toml", "--baseline", "uniform", "--challenger", "mine.toml"];
    for other in ["/dev/zero", "."] {
        dir.run(&[&args[..], &["--attempts", other]].concat()).refused(&["a regular file"]);
    }
    let said = |more: &[&str]| {
        let text = dir.run(&[&args[..], more].concat()).ok().stdout();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let counted = said(&["--attempts", "attempts.jsonl"]);
    let theorem = "this is attempt 1: that any in its file promotes wrongly has a chance of at most 5%, if no challenger was \
                   chosen by looking at the people of its own attempt";
    assert!(counted.contains("at most 2.5%; ") && counted.contains(theorem), "{counted}");
    // Who draws people until they please has chosen the seed.
    let condition = |what: &str| format!("this holds if {what} chosen by looking at these people");
    assert!(said(&[]).contains(&condition("c was not")));
    assert!(said(&["--seed", "1"]).contains(&condition("neither c nor the seed was")));
    // Without the file nobody counts, and the text says so.
    let text = dir.run(&args).ok().stdout();
    assert!(text.contains("gate: gate.toml, people: shipped, attempts: not counted"), "{text}");
}

#[test]
fn several_challengers_are_ranked() {
    let dir = gate();
    let args = ["promote-check", "--gate", "gate.toml", "--baseline", "uniform"];
    let both = ["--challenger", "egreedy-v1", "--challenger", "linucb-v2"];
    let ranking: Value = dir.run(&[&args[..], &both, &["--json"]].concat()).ok().json();
    let board = ranking["leaderboard"].as_array().unwrap();
    assert_eq!((board.len(), &board[0]["challenger"]), (2, &Value::from("linucb-v2")));
    assert!(board.iter().all(|v| v["alpha"] == 0.025 && v["attempt"].is_null()));
    let counted: Value =
        dir.run(&[&args[..], &both, &["--json", "--attempts", "attempts.jsonl"]].concat()).ok().json();
    let mut numbers: Vec<u64> =
        counted["leaderboard"].as_array().unwrap().iter().map(|v| v["attempt"].as_u64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2]);
    dir.run(&[&args[..], &both, &["--out", "out"]].concat())
        .refused(&["2 challengers, where a report is about one"]);
    // One that cannot run is said before any attempt is counted, and before anybody is drawn.
    dir.write("broken.toml", "name = \"broken\"\ncommand = [\"false\"]\n");
    let with_broken =
        ["--challenger", "linucb", "--challenger", "broken.toml", "--attempts", "attempts.jsonl"];
    dir.run(&[&args[..], &with_broken].concat()).refused(&["broken"]);
    assert_eq!(dir.read("attempts.jsonl").lines().count(), 2);
}

#[test]
fn nobody_falls_below_the_reference_however_low_the_baseline() {
    let dir = gate();
    let with = |reference: &str| {
        let gate = GATE.replacen("max_users", &format!("reference = \"{reference}\"\nmax_users"), 1);
        dir.write("gate.toml", gate);
    };
    with("uniform");
    let verdict = check(&dir, "uniform", "egreedy-v1", 0);
    assert!(verdict["reference"].is_null());
    with("linucb-v2");
    let verdict = check(&dir, "uniform", "egreedy-v1", 1);
    assert_eq!(
        (&verdict["outcome"], &verdict["reference"]),
        (&Value::from("harm"), &Value::from("linucb-v2"))
    );
    assert!(verdict["decided_by"].as_str().unwrap().ends_with("/reference"), "{verdict}");
    assert!(
        verdict["look"].as_str().unwrap().starts_with("rehearsal simulate short.toml --policy"),
        "{verdict}"
    );
}

#[test]
fn a_challenger_whose_log_cannot_be_evaluated_is_named_and_withheld_where_the_gate_says_so() {
    let dir = gate();
    let with = |required: bool| {
        let wanted = format!("[propensity]\nleast = 0.001\nrequired = {required}\n[[criteria]]");
        dir.write("gate.toml", GATE.replacen("[[criteria]]", &wanted, 1));
    };
    with(false);
    let verdict = check(&dir, "uniform", "linucb-v2", 0);
    let warned =
        "linucb-v2 shows some candidates with probability 0: its log cannot tell what they would have done";
    assert_eq!(verdict["warnings"], serde_json::json!([warned]));
    assert_eq!(check(&dir, "uniform", "egreedy-v2", 0)["warnings"], serde_json::json!([]));
    with(true);
    let verdict = check(&dir, "uniform", "linucb-v2", 3);
    assert_eq!((&verdict["verdict"], &verdict["reason"]), (&"inconclusive".into(), &warned.into()));
    check(&dir, "uniform", "egreedy-v2", 0);
}

#[test]
fn where_a_verdict_turns_is_said() {
    let dir = gate();
    dir.write("gate.toml", GATE.replace("max_users = 1200", "max_users = 200"));
    let args = ["promote-check", "--gate", "gate.toml", "--baseline", "uniform", "--sensitivity"];
    let moved: Value = dir.run(&[&args[..], &["--json"]].concat()).json();
    assert_eq!(moved.as_array().unwrap().len(), 17);
    assert!(dir.run(&args).stdout().contains("The verdict "));
}
