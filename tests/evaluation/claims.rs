//! What the report may claim: each of these once said more than the log did.

use super::{complaint, file, json, plain_log, run, stderr, stdout};
use serde_json::Value;
use std::fmt::Write as _;
use tempfile::TempDir;

pub(super) const BY_ITEM: &[u8] =
    b"name = \"by-item\"\nexplorer = \"egreedy\"\nfeatures = \"v1\"\nstructure = \"disjoint\"\n";

pub(super) fn of<'a>(list: &'a Value, estimator: &str) -> &'a Value {
    let all = list["estimates"].as_array().unwrap();
    all.iter().find(|e| e["estimator"] == estimator).unwrap_or_else(|| panic!("{estimator} in {list:#}"))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// Numbers in [0, 1) that look like chance.
pub(super) fn luck() -> impl FnMut() -> f64 {
    let mut state = 7_u64;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The log's own rewards are uncertain too: a policy whose value is known to the digit is no better for it.
#[test]
fn what_the_log_earned_is_no_known_number() {
    let dir = TempDir::new().unwrap();
    let mut text = "action,reward,propensity\n".to_owned();
    for i in 0..600 {
        // a earns 0.5 give or take little, b 1 in 52 of 100: more than a, as far as anybody can tell.
        let (action, reward) = if i % 2 == 0 {
            ("a", 0.499 + f64::from(i % 3) / 1000.0)
        } else {
            ("b", f64::from(u8::from(i % 100 < 52)))
        };
        let _ = writeln!(text, "{action},{reward},0.5");
    }
    let log = file(&dir, "log.csv", text.as_bytes());
    let only_a = file(&dir, "a.csv", b"item,probability\na,1\n");
    let text = stdout(&run(&[&log, "--policy", &only_a])).replace('\n', " ");
    let open = "cannot be told from the policy that logged (doubly_robust); a log like this one tells a difference of ";
    assert!(text.contains(open), "{text}");
    let policy = &json(&[&log, "--policy", &only_a], 0)["policies"][0];
    let (own, against) = (of(policy, "doubly_robust"), &policy["against_log"]);
    let width = |e: &Value| number(&e["upper"]) - number(&e["lower"]);
    assert!(width(own) < 0.001 && width(against) > 0.05, "{policy:#}");
}

#[test]
fn where_every_reward_is_paired_little_differences_are_seen() {
    let dir = TempDir::new().unwrap();
    let (mut luck, mut text) = (luck(), "action,reward,propensity\n".to_owned());
    for _ in 0..2000 {
        let b = luck() < 0.1;
        let reward = u8::from(luck() < if b { 0.1 } else { 0.5 });
        let _ = writeln!(text, "{},{reward},{}", if b { "b" } else { "a" }, if b { 0.1 } else { 0.9 });
    }
    let log = file(&dir, "log.csv", text.as_bytes());
    let closer = file(&dir, "closer.csv", b"item,probability\na,0.98\nb,0.02\n");
    let text = stdout(&run(&[&log, "--policy", &closer, "--estimator", "doubly_robust"]));
    assert!(text.contains("would have earned more than the policy that logged"), "{text}");
}

#[test]
fn the_policy_that_logged_is_not_held_against_itself() {
    let dir = TempDir::new().unwrap();
    let log = file(&dir, "log.csv", plain_log(4000).as_bytes());
    let itself = file(&dir, "itself.csv", b"item,probability\na,0.5\nb,0.25\nc,0.25\n");
    let text = stdout(&run(&[&log, "--policy", &itself]));
    assert!(
        text.contains("itself.csv chooses as the policy that logged did: every weight is 1.\n"),
        "{text}"
    );
    assert!(!text.contains("earned") && !text.contains("cannot be told"), "{text}");
    assert_eq!(json(&[&log, "--policy", &itself], 0)["policies"][0]["against_log"], Value::Null);
}

/// Five items in turn: by the number of the row each part of cross-fitting would hold one of them.
#[test]
fn items_that_take_turns_are_all_in_every_part() {
    let dir = TempDir::new().unwrap();
    let mut text = "action,reward,propensity\n".to_owned();
    for i in 0..2000 {
        let _ = writeln!(text, "{},{},0.2", ["a", "b", "c", "d", "e"][i % 5], u8::from(i % 5 == 1));
    }
    let log = file(&dir, "log.csv", text.as_bytes());
    let only_b = file(&dir, "b.csv", b"item,probability\nb,1\n");
    let policy = &json(&[&log, "--policy", &only_b], 0)["policies"][0];
    for estimator in
        ["direct_method", "switch_doubly_robust", "doubly_robust", "self_normalized_doubly_robust"]
    {
        assert!((number(&of(policy, estimator)["value"]) - 1.0).abs() < 0.02, "{estimator}: {policy:#}");
    }
}

#[test]
fn weights_that_overflow_are_refused_and_nothing_is_nan() {
    let dir = TempDir::new().unwrap();
    for propensity in ["1e-160", "1e-300", "5e-324"] {
        let tiny = plain_log(4000) + &format!("a,1,{propensity}\n").repeat(200);
        let log = file(&dir, "log.csv", tiny.as_bytes());
        let output = run(&[&log, "--policy", "uniform", "--force"]);
        assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
        let text = stdout(&output);
        assert!(text.contains("too large to be added up"), "{text}");
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    }
    let large = plain_log(4000).replace(",1,", ",1e200,");
    let large = file(&dir, "large.csv", large.as_bytes());
    let only_b = file(&dir, "b.csv", b"item,probability\nb,1\n");
    let text = stdout(&run(&[&large, "--policy", &only_b, "--policy", "uniform"]));
    assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
}

/// Fifty items of which one earns. Taught by all of the log a policy soon knows it; on its own it has to find it.
#[test]
fn a_policy_that_is_taught_is_not_said_to_earn() {
    let dir = TempDir::new().unwrap();
    let log = |name: &str, rows: u32, share: f64| {
        let (mut luck, mut text) = (luck(), "action,reward,propensity\n".to_owned());
        for _ in 0..rows {
            let item = (50.0 * luck()) as usize;
            let _ = writeln!(text, "i{item},{},0.02", u8::from(item == 31 && luck() < share));
        }
        file(&dir, name, text.as_bytes())
    };
    let [log, long] = [log("log.csv", 6000, 1.0), log("long.csv", 40_000, 0.9)];
    let policy = file(&dir, "by-item.toml", BY_ITEM);
    let result = json(&[&log, "--policy", &policy], 0);
    let policies = &result["policies"][0];
    assert_eq!(policies["learns"], true);
    let value = |name: &str| number(&of(policies, name)["value"]);
    assert!(value("snips") > 0.85 && value("replay") < value("snips") - 0.2, "{policies:#}");
    let text = stdout(&run(&[&long, "--policy", &policy]));
    assert!(text.contains("  learns: judged as taught every logged decision so far"), "{text}");
    let next =
        "by-item, taught every decision so far, is worth more than the policy that logged (doubly_robust)";
    let flat = text.replace('\n', " ");
    assert!(flat.contains(next) && !flat.contains("would have earned"), "{text}");
    // Deployed it would begin anew with each user, of whom this log says nothing.
    assert!(flat.contains("by-item learns of each user alone, and this log names no users"), "{text}");
    assert_eq!(policies["decisions_of_each_user"], 6000.0);
    // Its terms depend on each other: empirical Bernstein bounds are not for them.
    let bernstein = ["--interval", "bernstein", "--reward-range", "0,1", "--estimator", "ips"];
    let result = json(&[&[log.as_str(), "--policy", &policy], &bernstein[..]].concat(), 0);
    assert_eq!(of(&result["policies"][0], "ips")["lower"], Value::Null);
}

#[test]
fn an_item_that_only_a_table_names_is_no_choice_of_others() {
    let dir = TempDir::new().unwrap();
    let log = file(&dir, "log.csv", plain_log(8000).as_bytes());
    let by_item = file(&dir, "by-item.toml", BY_ITEM);
    let more = file(&dir, "more.csv", b"item,probability\na,0.5\nb,0.5\nx,0\ny,0\n");
    let alone = json(&[&log, "--policy", "uniform", "--policy", &by_item], 0);
    let beside = json(&[&log, "--policy", "uniform", "--policy", &by_item, "--policy", &more], 0);
    for p in 0..2 {
        for part in ["diagnostics", "estimates"] {
            assert_eq!(alone["policies"][p][part], beside["policies"][p][part]);
        }
        // What is said of three policies together holds less tightly of each.
        let [alone, beside] = [&alone, &beside].map(|result| &result["policies"][p]["against_log"]);
        assert_eq!(alone["value"], beside["value"]);
        assert!(number(&beside["lower"]) < number(&alone["lower"]));
    }
}

/// A log whose decisions have the propensity of the chosen one alone, and never choose c.
#[test]
fn what_was_never_chosen_is_out_of_reach_in_every_format() {
    let dir = TempDir::new().unwrap();
    let vw = |i: usize, tags: [&str; 3]| {
        let label = |k: usize| if k == i % 2 { "0:-1:0.5 " } else { "" };
        format!("{}{}|f x\n{}{}|f x\n{}|f x\n\n", label(0), tags[0], label(1), tags[1], tags[2])
    };
    let same: String = (0..2000).map(|i| vw(i, ["'a ", "'b ", "'c "])).collect();
    let line = |i: usize| {
        let action = 1 + i % 2;
        format!(
            "{{\"_label_cost\":0,\"_label_probability\":0.5,\"_label_Action\":{action},\"c\":{{\"_multi\":\
             [{{\"_tag\":\"a\"}},{{\"_tag\":\"b\"}},{{\"_tag\":\"c\"}}]}}}}\n"
        )
    };
    let dsjson: String = (0..2000).map(line).collect();
    for (name, text) in [("log.vw", same), ("log.json", dsjson)] {
        let log = file(&dir, name, text.as_bytes());
        let result = json(&[&log, "--policy", "uniform", "--estimator", "direct_method"], 3);
        let reason = result["reason"].as_str().unwrap();
        assert!(
            reason.contains("33.3% of the policy's choices fall on items that were never chosen"),
            "{reason}"
        );
        let diagnostics = &result["policies"][0]["diagnostics"];
        assert_eq!(diagnostics["support"], "items_chosen");
        assert_eq!(diagnostics["out_of_reach"], Value::Null);
        assert!((number(&diagnostics["out_of_reach_at_least"]) - 1.0 / 3.0).abs() < 1e-12);
    }
    // Where each name is new, one that was not chosen says nothing.
    let new: String = (0..2000)
        .map(|i| {
            let [a, b, c] = ["a", "b", "c"].map(|tag| format!("'{tag}{i} "));
            vw(i, [&a, &b, &c])
        })
        .collect();
    let log = file(&dir, "new.vw", new.as_bytes());
    let result = json(&[&log, "--policy", "uniform", "--estimator", "direct_method"], 0);
    assert_eq!(result["policies"][0]["diagnostics"]["out_of_reach"], Value::Null);
    let text = stdout(&run(&[&log, "--policy", "uniform", "--force"]));
    assert!(text.contains("what was out of its reach is unknown"), "{text}");
}

#[test]
fn two_logs_do_not_share_the_luck_of_replay() {
    let dir = TempDir::new().unwrap();
    let table = file(&dir, "a.csv", b"item,probability\na,0.3\nb,0.7\n");
    let replay = |last: &str, seed: &str| {
        let row = |i: u32| format!("{},{},0.5\n", if i % 2 == 0 { "a" } else { "b" }, i % 7);
        let rows: String = (0..4000).map(row).collect();
        let log = file(&dir, "log.csv", format!("action,reward,propensity\n{rows}{last}").as_bytes());
        let args = [&log, "--policy", &table, "--estimator", "replay", "--seed", seed];
        number(&json(&args, 0)["policies"][0]["estimates"][0]["value"])
    };
    let first = replay("a,0,0.5\n", "1");
    assert_eq!(first, replay("a,0,0.5\n", "1"));
    // Under the same luck one reward would change the mean of some 2,857 by 0.0021 at most.
    let farthest = |others: [f64; 3]| others.iter().map(|other| (first - other).abs()).fold(0.0, f64::max);
    assert!(farthest(["1", "2", "3"].map(|reward| replay(&format!("a,{reward},0.5\n"), "1"))) > 0.005);
    assert!(farthest(["2", "3", "4"].map(|seed| replay("a,0,0.5\n", seed))) > 0.005);
}

#[test]
fn biased_estimators_are_marked() {
    let dir = TempDir::new().unwrap();
    let log = file(&dir, "log.csv", plain_log(4000).as_bytes());
    let only_b = file(&dir, "b.csv", b"item,probability\nb,1\n");
    let text = stdout(&run(&[&log, "--policy", &only_b]));
    let note = "\n*: biased, by a model or by shrunk weights, which no log shows; bounds leave it out.\n";
    assert!(text.contains(note), "{text}");
    let marked: Vec<&str> = text
        .lines()
        .filter(|line| line.contains(" * "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(
        marked,
        [
            "clipped_ips",
            "direct_method",
            "switch_doubly_robust",
            "doubly_robust_optimistic_shrinkage",
            "sub_gaussian_ips",
            "sub_gaussian_doubly_robust"
        ]
    );
    let heads = text.lines().filter(|line| line.contains("estimator "));
    assert!(heads.map(str::len).all(|length| length < 100), "{text}");
    let plain = stdout(&run(&[&log, "--policy", &only_b, "--estimator", "ips"]));
    assert!(!plain.contains('*'), "{plain}");
}

#[test]
fn a_refusal_is_wrapped_and_promises_nothing() {
    let dir = TempDir::new().unwrap();
    let small = file(&dir, "small.csv", plain_log(60).as_bytes());
    let only_b = file(&dir, "b.csv", b"item,probability\nb,1\n");
    for rest in [&["--estimator", "ips"][..], &["--force"]] {
        let text = stdout(&run(&[&[&small, "--policy", "uniform", "--policy", &only_b], rest].concat()));
        assert!(text.contains("Refused: this log cannot say"), "{text}");
        let too_long = |line: &&str| line.len() > 100 && !line.contains(&only_b);
        assert_eq!(text.lines().find(too_long), None);
        assert!(!text.contains("would have earned") && !text.contains("cannot be told"), "{text}");
        assert_eq!(text.contains(" minus "), rest == ["--force"], "{text}");
    }
    let twice = complaint(&[&small, "--policy", "uniform", "--policy", "uniform"]);
    assert!(twice.contains("policy \"uniform\" is given twice"), "{twice}");
}

#[test]
fn a_table_that_leaves_no_choice_is_named_with_the_decision() {
    let dir = TempDir::new().unwrap();
    let log = file(&dir, "log.vw", b"0:-1:0.5 'a |f x\n'b |f x\n\n0:-1:0.5 'c |f x\n'd |f x\n\n");
    let table = file(&dir, "t.csv", b"item,probability\na,0.5\nb,0.5\n");
    let said = complaint(&[&log, "--policy", &table]);
    for part in ["log.vw, line 6: ", "t.csv: it gives no probability to any candidate"] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn columns_are_named_for_csv_alone_and_may_be_switched_off() {
    let dir = TempDir::new().unwrap();
    let vw = file(&dir, "log.vw", b"0:-1:0.5 'a |f x\n'b |f x\n\n");
    let said = complaint(&[&vw, "--policy", "uniform", "--columns", "reward=gain"]);
    assert!(said.contains("log.vw: it is vw, and --columns"), "{said}");
    let row = |i: u32| format!("a,{},1,soon,\n", i % 2);
    let rows: String = (0..400).map(row).collect();
    let log = file(&dir, "log.csv", format!("action,reward,propensity,timestamp,user\n{rows}").as_bytes());
    let args = [&log, "--policy", "uniform", "--columns"];
    assert!(complaint(&[&args[..], &["user=none"]].concat()).contains("timestamp is \"soon\""));
    let result = json(&[&args[..], &["user=none,timestamp=none"]].concat(), 0);
    assert_eq!(result["unit"], "decision");
}

/// Replay lets a policy learn by its own choices: without users that is one path, of which there is no second.
#[test]
fn one_path_of_choices_has_no_bounds() {
    let dir = TempDir::new().unwrap();
    let (mut luck, mut plain) = (luck(), "action,reward,propensity\n".to_owned());
    let mut named = "user,action,reward,propensity\n".to_owned();
    for i in 0..2000 {
        let item = (3.0 * luck()) as usize;
        let reward = u8::from(luck() < [0.3, 0.5, 0.7][item]);
        let _ = writeln!(plain, "{item},{reward},0.333333");
        let _ = writeln!(named, "u{},{item},{reward},0.333333", i % 100);
    }
    let learner = file(&dir, "by-item.toml", BY_ITEM);
    for (name, text, bounded) in [("plain.csv", plain, false), ("named.csv", named, true)] {
        let log = file(&dir, name, text.as_bytes());
        for method in ["normal", "bootstrap"] {
            let args = [
                &log,
                "--policy",
                "uniform",
                "--policy",
                &learner,
                "--estimator",
                "replay",
                "--interval",
                method,
            ];
            let report = json(&args, 0);
            let [uniform, learner] = [0, 1].map(|p| &report["policies"][p]);
            assert!(of(uniform, "replay")["lower"].is_number(), "{report:#}");
            let told = [
                of(learner, "replay")["lower"].clone(),
                of(&report["differences"][0], "replay")["upper"].clone(),
            ];
            assert!(told.iter().all(|bound| bound.is_number() == bounded), "{method}: {report:#}");
            assert_eq!(learner["against_log"].is_object(), bounded, "{method}: {report:#}");
        }
    }
}

/// Propensities of four digits leave weights that are nearly 1: that is the policy that logged.
#[test]
fn rounded_propensities_are_no_difference() {
    let dir = TempDir::new().unwrap();
    let (mut luck, mut text) = (luck(), "action,reward,propensity\n".to_owned());
    for _ in 0..900 {
        let _ = writeln!(text, "{},{},0.3333", (3.0 * luck()) as usize, u8::from(luck() < 0.5));
    }
    let log = file(&dir, "log.csv", text.as_bytes());
    for estimator in ["ips", "snips"] {
        let text = stdout(&run(&[&log, "--policy", "uniform", "--estimator", estimator]));
        assert!(text.contains("uniform chooses as the policy that logged did"), "{text}");
    }
}

/// Who learns of each user alone learns little of one who decides twice, and one line of its file would change that.
#[test]
fn a_policy_that_learns_of_strangers_is_told_from_one_that_learns_of_all() {
    let dir = TempDir::new().unwrap();
    let (mut luck, mut text) = (luck(), "action,reward,propensity,user\n".to_owned());
    for i in 0..3000 {
        let item = (4.0 * luck()) as usize;
        let _ = writeln!(text, "i{item},{},0.25,u{}", u8::from(item == 2 && luck() < 0.9), i / 2);
    }
    let log = file(&dir, "log.csv", text.as_bytes());
    let alone = file(&dir, "by-item.toml", BY_ITEM);
    let of_all = String::from_utf8(BY_ITEM.to_vec()).unwrap().replace("by-item", "of-all");
    let of_all = file(&dir, "of-all.toml", (of_all + "learns = \"everybody\"\n").as_bytes());
    let args = [log.as_str(), "--policy", &alone, "--policy", &of_all, "--estimator", "snips"];
    let policies = &json(&args, 0)["policies"];
    assert_eq!(policies[0]["decisions_of_each_user"], 2.0);
    assert_eq!(policies[1].get("decisions_of_each_user"), None);
    let text = stdout(&run(&args)).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(
        text.matches("learns of each user alone, of whom this log has 2.0 decisions").count(),
        1,
        "{text}"
    );
}
