//! The same decisions in every format: three candidates, of which each log says what it can.

use super::{complaint, file, json, plain_log, run, stderr, stdout};
use serde_json::Value;
use std::fs;
use tempfile::TempDir;

const ACTIONS: [(&str, f64); 4] = [("a", 0.5), ("b", 0.25), ("a", 0.5), ("c", 0.25)];

fn reward(i: usize, action: &str) -> u32 {
    u32::from(action == "b" || i.is_multiple_of(3))
}

fn decisions() -> impl Iterator<Item = (usize, &'static str, f64, u32)> {
    (0..2000).map(|i| {
        let (action, propensity) = ACTIONS[i % 4];
        (i, action, propensity, reward(i, action))
    })
}

pub(super) fn dsjson() -> String {
    let line = |(_, action, propensity, reward): (usize, &str, f64, u32)| {
        let index = "abc".find(action).unwrap();
        let cost = -f64::from(reward);
        // The chosen action is the first.
        let (a, p) =
            [("1,2,3", "0.5,0.25,0.25"), ("2,1,3", "0.25,0.5,0.25"), ("3,1,2", "0.25,0.5,0.25")][index];
        format!(
            r#"{{"_label_cost":{cost},"_label_probability":{propensity},"_label_Action":{},"_labelIndex":{index},"a":[{a}],"c":{{"_multi":[{{"_tag":"a"}},{{"_tag":"b"}},{{"_tag":"c"}}]}},"p":[{p}]}}"#,
            index + 1
        ) + "\n"
    };
    decisions().map(line).collect()
}

fn vw() -> String {
    let mut text = String::new();
    for (_, action, propensity, reward) in decisions() {
        text += "shared |u x\n";
        for candidate in ["a", "b", "c"] {
            if candidate == action {
                text += &format!("0:{}:{propensity} ", -f64::from(reward));
            }
            text += &format!("'{candidate} |i {candidate}\n");
        }
        text += "\n";
    }
    text
}

fn rehearsal(dir: &TempDir) -> String {
    let (mut lines, mut rewards) = (String::new(), String::new());
    for (i, action, propensity, reward) in decisions() {
        lines += &format!(
            r#"{{"decision_id":"d{i}","user":"u{user}","policy":"p","shadow":false,"chosen":"{action}","propensity":{propensity},"explored":true,"scores":[0,0,0],"propensities":[0.5,0.25,0.25],"seed":1,"request":{{"context":{{"hour":8,"weekday":1}},"candidates":[{{"id":"a","priority":0.1}},{{"id":"b","priority":0.9}},{{"id":"c","priority":0.2}}]}},"time_ms":{i}}}"#,
            user = i / 4 % 50
        );
        lines.push('\n');
        rewards += &format!(
            r#"{{"seq":{},"user":"u{}","policy":"p","op":"reward","prev":{i},"reward":{reward},"decision_id":"d{i}","time_ms":{i}}}"#,
            i + 1,
            i / 4 % 50
        );
        rewards.push('\n');
    }
    file(dir, "rewards.jsonl", rewards.as_bytes());
    file(dir, "decisions.jsonl", lines.as_bytes())
}

fn without_names(mut value: Value) -> Value {
    value.as_object_mut().unwrap().remove("policies").unwrap()[0]["estimates"].take()
}

#[test]
fn every_format_gives_the_same_estimates() {
    let dir = TempDir::new().unwrap();
    let evaluate = |log: &str| {
        let args = [log, "--policy", "uniform", "--reward-model", "item-mean"];
        without_names(json(&args, 0))
    };
    let expected = evaluate(&file(&dir, "log.csv", plain_log(2000).as_bytes()));
    let of_users = rehearsal(&dir);
    for log in
        [file(&dir, "log.json", dsjson().as_bytes()), file(&dir, "log.vw", vw().as_bytes()), of_users.clone()]
    {
        let actual = evaluate(&log);
        for (a, e) in actual.as_array().unwrap().iter().zip(expected.as_array().unwrap()) {
            // Where users are named, the bounds are of others like them.
            let fields = if log == of_users { &["value"][..] } else { &["value", "lower", "upper"] };
            for field in fields {
                let (a, e) = (a[field].as_f64(), e[field].as_f64());
                let close = a.zip(e).map_or(a == e, |(a, e)| (a - e).abs() < 1e-12);
                assert!(close, "{log}: {field} is {a:?}, not {e:?}");
            }
        }
    }
}

/// What is found out once for all rows that are alike is what is found out row by row, by every estimator and interval: a policy
/// that is a column of the log is asked of each row, and all others beside it.
#[test]
fn rows_that_are_alike_count_as_often_as_they_are_there() {
    let dir = TempDir::new().unwrap();
    let table = file(&dir, "table.csv", b"item,probability\na,0.2\nb,0.5\nc,0.3\n");
    // Of the second log nearly every row is another one, more than are told apart.
    let rewards = |of: &dyn Fn(usize) -> f64| {
        let row = |(i, (action, propensity)): (usize, &(&str, f64))| {
            format!("{action},{},{propensity}\n", f64::from(reward(i, action)) + of(i))
        };
        let rows: String = ACTIONS.iter().cycle().take(40_000).enumerate().map(row).collect();
        format!("action,reward,propensity\n{rows}")
    };
    for (name, of) in
        [("few.csv", &(|_| 0.0) as &dyn Fn(usize) -> f64), ("many.csv", &|i| (i % 30_011) as f64 * 1e-6)]
    {
        let log = file(&dir, name, rewards(of).as_bytes());
        for interval in ["normal", "bootstrap", "bernstein", "anytime"] {
            let together = [
                &log,
                "--policy",
                "uniform",
                "--policy",
                &table,
                "--interval",
                interval,
                "--reward-range",
                "0,2",
            ];
            let replicates = if interval == "bootstrap" { &["--replicates", "400"][..] } else { &[] };
            let together = [&together[..], replicates, &["--seed", "3", "--force"]].concat();
            let one_by_one = [&together[..], &["--columns", "probability:theirs=propensity"]].concat();
            let [together, one_by_one] = [together, one_by_one].map(|args| json(&args, 0));
            let mut compared = 0;
            for policy in 0..2 {
                let of = |value: &Value| value["policies"][policy]["estimates"].as_array().unwrap().clone();
                let (own, other) = (of(&together), of(&one_by_one));
                assert_eq!(own.len(), other.len());
                for (own, other) in own.iter().zip(&other) {
                    for field in ["value", "lower", "upper", "lambda"] {
                        let (a, b) = (own[field].as_f64(), other[field].as_f64());
                        let close =
                            a.zip(b).map_or(a == b, |(a, b)| (a - b).abs() <= 1e-12 * a.abs().max(1.0));
                        assert!(close, "{name}, {interval}, {field}: {own} and {other}");
                        compared += usize::from(a.is_some());
                    }
                }
                let kept = |value: &Value| value["policies"][policy]["diagnostics"]["replay_kept"].clone();
                assert!(kept(&together).is_u64() && kept(&together) == kept(&one_by_one));
            }
            assert!(compared > 30, "{interval}: {compared}");
        }
    }
}

#[test]
fn a_log_may_begin_with_blank_lines() {
    let dir = TempDir::new().unwrap();
    for (name, text) in [("log.csv", plain_log(2000)), ("log.json", dsjson()), ("log.vw", vw())] {
        let plain = json(&[&file(&dir, name, text.as_bytes()), "--policy", "uniform"], 0);
        let blank = file(&dir, name, format!("\n \r\n{text}").as_bytes());
        assert_eq!(json(&[&blank, "--policy", "uniform"], 0), plain, "{name}");
    }
}

#[test]
fn a_user_column_makes_users_the_unit_and_policies_learn_of_each() {
    let dir = TempDir::new().unwrap();
    let users = |text: &str, name: &str| {
        let line = |(i, line): (usize, &str)| match i {
            0 => format!("{line},{name}\n"),
            _ => format!("{line},u{}\n", i / 4 % 50),
        };
        text.lines().enumerate().map(line).collect::<String>()
    };
    let plain = plain_log(2000);
    let log = file(&dir, "log.csv", users(&plain, "user").as_bytes());
    let renamed = file(&dir, "renamed.csv", users(&plain, "person").as_bytes());
    let result = json(&[&log, "--policy", "uniform"], 0);
    assert_eq!((&result["unit"], &result["units"]), (&"user".into(), &50.into()));
    let args = [renamed.as_str(), "--policy", "uniform"];
    assert_eq!(json(&args, 0)["unit"], "decision");
    assert_eq!(json(&[&args[..], &["--columns", "user=person"]].concat(), 0), result);
    let text = stdout(&run(&[&log, "--policy", "uniform"]));
    assert!(text.contains("Bounds take users as independent, not their decisions: 50 groups"), "{text}");
    let policy = b"name = \"by-item\"\nexplorer = \"egreedy\"\nfeatures = \"v1\"\nstructure = \"disjoint\"\n";
    let policy = file(&dir, "by-item.toml", policy);
    let value = |log: &str| {
        let args = [log, "--policy", &policy, "--estimator", "snips"];
        json(&args, 0)["policies"][0]["estimates"][0]["value"].as_f64().unwrap()
    };
    let frozen = [renamed.as_str(), "--policy", &policy, "--frozen"];
    assert!(complaint(&frozen).contains("its states are of single users, and this log names none"));
    // Who learns of fifty people one by one has found out less of each.
    assert!(value(&log) < value(&renamed) - 0.02, "{} and {}", value(&log), value(&renamed));
}

#[test]
fn features_of_other_programs_are_read_where_a_feature_set_knows_them() {
    let dir = TempDir::new().unwrap();
    let priority = [("a", 0.1), ("b", 0.9), ("c", 0.2)];
    let (mut json_text, mut vw_text) = (dsjson(), vw());
    for (name, p) in priority {
        let tag = format!("{{\"_tag\":\"{name}\"");
        json_text = json_text.replace(&tag, &format!("{tag},\"i\":{{\"priority\":{p},\"colour\":\"red\"}}"));
        vw_text =
            vw_text.replace(&format!("'{name} |i {name}"), &format!("{name}|i priority:{p} colour=red"));
    }
    for (name, text) in [("log.json", json_text), ("log.vw", vw_text)] {
        let log = file(&dir, name, text.as_bytes());
        let output = run(&[&log, "--policy", "egreedy-v1", "--estimator", "snips", "--json"]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let said = stderr(&output);
        // The shared x of the text is one more.
        let passed_over = if name == "log.vw" { 8000 } else { 6000 };
        assert!(said.contains(&format!("{passed_over} features were passed over, such as")), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        let result: Value = serde_json::from_slice(&output.stdout).unwrap();
        let value = result["policies"][0]["estimates"][0]["value"].as_f64().unwrap();
        // Priority tells it which one is b; it explores a tenth of the time.
        assert!((0.92..0.98).contains(&value), "{name}: {value}");
        let told_nothing = complaint(&[&log, "--policy", "egreedy-v1", "--no-features"]);
        assert!(told_nothing.contains("structure = \"disjoint\""), "{told_nothing}");
    }
}

#[test]
fn compression_changes_nothing() {
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;
    let dir = TempDir::new().unwrap();
    let text = plain_log(2000);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let zstd =
        ruzstd::encoding::compress_to_vec(text.as_bytes(), ruzstd::encoding::CompressionLevel::Fastest);
    let plain = json(&[&file(&dir, "log.csv", text.as_bytes()), "--policy", "uniform"], 0);
    let gzip = file(&dir, "log.csv.gz", &gzip.finish().unwrap());
    let zstd = file(&dir, "log.csv.zst", &zstd);
    assert_eq!(json(&[&gzip, "--policy", "uniform"], 0), plain);
    assert_eq!(json(&[&zstd, "--policy", "uniform"], 0), plain);
    // Cut short, both say so instead of ending early.
    for path in [gzip, zstd] {
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        complaint(&[&path, "--policy", "uniform"]);
    }
}

#[test]
fn named_policies_learn_from_our_own_logs() {
    let dir = TempDir::new().unwrap();
    let log = rehearsal(&dir);
    let rewards = dir.path().join("rewards.jsonl").display().to_string();
    let args = [&log, &rewards, "--policy", "egreedy-v2", "--estimator", "snips"];
    let result = json(&args, 0);
    assert_eq!(result["rows"], 2000);
    // Priority tells it which one is b; it explores a tenth of the time.
    let value = result["policies"][0]["estimates"][0]["value"].as_f64().unwrap();
    assert!((0.92..0.98).contains(&value), "{value}");
}

#[test]
fn a_log_without_propensities_is_refused_for_weights_alone() {
    let dir = TempDir::new().unwrap();
    let log = rehearsal(&dir);
    let text = fs::read_to_string(&log).unwrap();
    let text = text.replace("\"propensity\":0.25", "\"propensity\":null");
    fs::write(&log, text).unwrap();
    let result = json(&[&log, "--policy", "uniform", "--force"], 3);
    assert!(result["reason"].as_str().unwrap().contains("no exact propensity"), "{result}");
    assert_eq!(result["policies"][0]["diagnostics"]["mean_weight"], Value::Null);
    // Nothing stands in for what is missing, in no estimator that would need it.
    for estimate in result["policies"][0]["estimates"].as_array().unwrap() {
        assert_eq!(estimate["value"].is_number(), estimate["estimator"] == "direct_method", "{estimate}");
    }
    json(&[&log, "--policy", "uniform", "--estimator", "direct_method"], 0);
}
