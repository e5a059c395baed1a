//! `rehearsal evaluate` from outside.

mod claims;
mod columns;
mod coverage;
mod exports;
mod formats;
mod malformed;
mod no_estimate;
mod other_programs;
mod own_logs;
mod passed_over;
mod reality;
mod segments;
mod truth;
mod unsaid;
mod users;
mod vowpal_wabbit_features;

use crate::util::skip;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rehearsal")).arg("evaluate").args(args).output().expect("it starts")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The JSON that `args` print with this exit code.
fn json(args: &[&str], code: i32) -> Value {
    let output = run(&[args, &["--json"]].concat());
    assert_eq!(output.status.code(), Some(code), "{args:?}: {}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{args:?}: {e}: {}", stdout(&output)))
}

/// The one line of complaint that `args` end with.
fn complaint(args: &[&str]) -> String {
    let output = run(args);
    assert_eq!(output.status.code(), Some(2), "{args:?}: {}", stdout(&output));
    assert_eq!(stdout(&output), "");
    stderr(&output).trim_end().to_owned()
}

fn file(dir: &TempDir, name: &str, content: &[u8]) -> String {
    let path = dir.path().join(name);
    fs::write(&path, content).unwrap();
    path.display().to_string()
}

/// A log of a policy that shows `a` half of the time, `b` and `c` a quarter; `b` earns most.
fn plain_log(rows: u32) -> String {
    let mut text = "action,reward,propensity\n".to_owned();
    for i in 0..rows {
        let (action, propensity) = [("a", 0.5), ("b", 0.25), ("a", 0.5), ("c", 0.25)][i as usize % 4];
        let reward = u32::from(action == "b" || i % 3 == 0);
        text += &format!("{action},{reward},{propensity}\n");
    }
    text
}

/// The sample of the Open Bandit Dataset, fetched where it is missing; `None`, with a printed line, where it
/// cannot be had. Under CI that is a failure.
fn open_bandit_sample() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("data/obd/bts/all.csv");
    if !path.exists() {
        let fetched = Command::new("python3").arg(root.join("scripts/fetch_obd.py")).output();
        let why = match fetched {
            Ok(output) if output.status.success() => return Some(path),
            Ok(output) => stderr(&output),
            Err(error) => format!("python3: {error}"),
        };
        skip(&format!("the Open Bandit sample could not be had: {}", why.trim_end()));
        return None;
    }
    Some(path)
}

#[test]
fn the_open_bandit_sample_gives_the_published_estimates() {
    let Some(path) = open_bandit_sample() else { return };
    // As computed by the estimators of the package obp 0.5.7 on its sample bts/all, uniform policy, rewards
    // predicted by item means.
    let expected = [
        ("ips", 0.002_359_639_516_846_003_7),
        ("snips", 0.002_333_713_893_161_806),
        ("direct_method", 0.004_220_540_133_174_876),
        ("doubly_robust", 0.002_108_087_782_827_137_6),
        ("self_normalized_doubly_robust", 0.002_131_297_533_424_600_4),
        ("switch_doubly_robust:5", 0.003_895_238_936_760_121_4),
        ("doubly_robust_optimistic_shrinkage:5", 0.004_232_210_825_819_283),
        ("sub_gaussian_ips:0.05", 0.002_167_072_774_247_323_3),
        ("sub_gaussian_doubly_robust:0.05", 0.003_540_155_954_047_605),
    ];
    let path = path.display().to_string();
    let mut args = vec![path.as_str(), "--policy", "uniform", "--reward-model", "item-mean"];
    for (name, _) in expected {
        args.extend(["--estimator", name]);
    }
    let result = json(&args, 0);
    let close = |actual: &Value, expected: f64, what: &str| {
        let actual = actual.as_f64().unwrap();
        assert!((actual / expected - 1.0).abs() < 1e-12, "{what}: {actual} is not {expected}");
    };
    assert_eq!((&result["rows"], &result["verdict"]), (&10_000.into(), &"evaluated".into()));
    close(&result["on_policy_mean"], 0.0042, "on_policy_mean");
    let policy = &result["policies"][0];
    close(&policy["diagnostics"]["mean_weight"], 1.011_109_169_705_919_8, "mean_weight");
    close(&policy["diagnostics"]["max_weight"], 277.777_777_777_777_77, "max_weight");
    close(&policy["diagnostics"]["effective_sample_size"], 340.378_341_132_639_2, "effective sample");
    for ((name, value), estimate) in expected.iter().zip(policy["estimates"].as_array().unwrap()) {
        assert_eq!(name.split(':').next(), estimate["estimator"].as_str());
        assert_eq!(name.split(':').nth(1).map(|l| l.parse::<f64>().unwrap()), estimate["lambda"].as_f64());
        close(&estimate["value"], *value, name);
    }
}

#[test]
fn hyperparameters_are_selected_as_the_published_package_selects_them() {
    let Some(path) = open_bandit_sample() else { return };
    // What the tuning classes of obp 0.5.7 choose for the same grids, with their rule slope and delta 0.1.
    let expected = [
        ("clipped_ips", 1.0, 0.001_462_202_554_215_702_3),
        ("switch_doubly_robust", 1.0, 0.004_291_915_161_813_977_5),
        ("doubly_robust_optimistic_shrinkage", 1.0, 0.004_297_166_173_382_287_5),
        ("sub_gaussian_ips", 0.0625, 0.002_134_253_137_843_03),
        ("sub_gaussian_doubly_robust", 0.5, 0.004_154_921_378_861_831),
    ];
    let path = path.display().to_string();
    let mut args = vec![path.as_str(), "--policy", "uniform", "--reward-model", "item-mean"];
    for (name, ..) in expected {
        args.extend(["--estimator", name]);
    }
    let result = json(&args, 0);
    for ((name, lambda, value), estimate) in
        expected.iter().zip(result["policies"][0]["estimates"].as_array().unwrap())
    {
        assert_eq!(estimate["lambda"], *lambda, "{name}");
        assert!((estimate["value"].as_f64().unwrap() / value - 1.0).abs() < 1e-12, "{name}");
    }
}

#[test]
fn the_report_says_what_was_seen_and_what_to_do_next() {
    let dir = TempDir::new().unwrap();
    let log = file(&dir, "log.csv", plain_log(4000).as_bytes());
    let only_b = file(&dir, "b.csv", b"item,probability\nb,1\n");
    let text = stdout(&run(&[&log, "--policy", &only_b, "--policy", "uniform"]));
    for part in [
        "log.csv: 4000 decisions, mean reward 0.50025",
        "effective sample 1000.0 of 4000, 0 even rewards\n  0% of its choices on items never chosen, of the others it is unknown\n",
        "and those of this log, as the policy would have met them, count as 0 that fall like",
        "What is said of all policies holds together at 95%, each at 97.5%;",
        "uniform would have earned more than the policy that logged (doubly_robust), supposing that all its",
        "uniform minus",
        "for more: --interval anytime --reward-range",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    assert!(text.lines().all(|l| l.len() <= 100 || l.contains(&only_b)), "{text}");
    let small = file(&dir, "small.csv", plain_log(60).as_bytes());
    let text = stdout(&run(&[&small, "--policy", "uniform"]));
    assert!(text.contains("Refused: this log cannot say what uniform is worth: its effective"), "{text}");
    assert!(text.contains("collect more rows") && text.contains("--force"), "{text}");
}

#[test]
fn the_json_has_the_promised_fields_and_no_others() {
    let dir = TempDir::new().unwrap();
    let log = file(&dir, "log.csv", plain_log(4000).as_bytes());
    let result = json(&[&log, "--policy", "uniform"], 0);
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let top = [
        "against_log_confidence",
        "confidence",
        "effective_units",
        "on_policy_mean",
        "policies",
        "reason",
        "rows",
        "schema_version",
        "unit",
        "units",
        "verdict",
    ];
    assert_eq!(keys(&result), top);
    assert_eq!((&result["unit"], &result["units"]), (&"decision".into(), &4000.into()));
    let policy = &result["policies"][0];
    assert_eq!(keys(policy), ["against_log", "diagnostics", "estimates", "learns", "policy", "verdict"]);
    let diagnostics = [
        "effective_rewards",
        "effective_sample_size",
        "max_weight",
        "mean_weight",
        "mean_weight_bounds",
        "out_of_reach",
        "out_of_reach_at_least",
        "out_of_reach_at_most",
        "replay_kept",
        "support",
    ];
    assert_eq!(keys(&policy["diagnostics"]), diagnostics);
    assert_eq!(policy["estimates"].as_array().unwrap().len(), 11);
    for estimate in policy["estimates"].as_array().unwrap() {
        let selected = estimate["lambda"].is_number();
        let reason = selected.then_some("reason");
        let expected = ["biased", "estimator", "lambda", "lower"].into_iter().chain(reason);
        assert_eq!(keys(estimate), expected.chain(["upper", "value"]).collect::<Vec<_>>());
        // Where lambda was selected nothing bounds the estimate.
        assert_eq!(estimate["lower"].is_null(), selected, "{estimate}");
        let biased = selected || estimate["estimator"] == "direct_method";
        assert_eq!(estimate["biased"], biased, "{estimate}");
    }
}

#[test]
fn a_table_of_probabilities_is_a_policy() {
    let dir = TempDir::new().unwrap();
    let log = file(&dir, "log.csv", plain_log(4000).as_bytes());
    let only_b = file(&dir, "b.csv", b"item,probability\nb,1\n");
    let result = json(&[&log, "--policy", &only_b, "--policy", "uniform"], 0);
    let value = |list: &Value, name: &str| {
        let all = list["estimates"].as_array().unwrap();
        all.iter().find(|e| e["estimator"] == name).unwrap()["value"].as_f64().unwrap()
    };
    for estimator in ["ips", "snips", "replay", "doubly_robust"] {
        // The model of each part has seen b a little more or less often.
        assert!((value(&result["policies"][0], estimator) - 1.0).abs() < 1e-3, "{estimator}");
    }
    let difference = &result["differences"][0];
    assert_eq!((&difference["policy"], &difference["minus"]), (&"uniform".into(), &only_b.into()));
    let uniform = value(&result["policies"][1], "snips");
    assert!((value(difference, "snips") - (uniform - 1.0)).abs() < 1e-12);
}

#[test]
fn a_log_that_cannot_say_is_refused_with_exit_code_3() {
    let dir = TempDir::new().unwrap();
    let small = file(&dir, "small.csv", plain_log(60).as_bytes());
    let result = json(&[&small, "--policy", "uniform"], 3);
    assert_eq!(result["verdict"], "refused");
    assert!(result["reason"].as_str().unwrap().contains("effective sample size is"), "{result}");
    // What looks at no weight would stand alone, as biased as it is.
    let names = |result: &Value| -> Vec<String> {
        let estimates = result["policies"][0]["estimates"].as_array().unwrap();
        estimates.iter().map(|e| e["estimator"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&result), [""; 0]);
    assert_eq!(result["policies"][0]["verdict"], serde_json::json!({"says": "refused"}));
    assert_eq!(names(&json(&[&small, "--policy", "uniform", "--estimator", "ips"], 3)), [""; 0]);
    assert!(result["policies"][0]["diagnostics"]["mean_weight"].is_number());

    let forced = json(&[&small, "--policy", "uniform", "--force"], 3);
    assert_eq!(forced["policies"][0]["estimates"].as_array().unwrap().len(), 11);
    json(&[&small, "--policy", "uniform", "--estimator", "direct_method"], 0);

    let log = file(&dir, "log.csv", plain_log(4000).as_bytes());
    let never_shown = file(&dir, "d.csv", b"item,probability\nb,0.9\nd,0.1\n");
    let result = json(&[&log, "--policy", &never_shown], 3);
    assert!(result["reason"].as_str().unwrap().contains("10.0% of the policy's choices fall on items"));
    // What nobody was shown, no model has seen.
    let result = json(&[&log, "--policy", &never_shown, "--estimator", "direct_method"], 3);
    assert_eq!(result["policies"][0]["estimates"], serde_json::json!([]));

    let wrong = file(&dir, "wrong.csv", plain_log(4000).replace("0.25", "0.125").as_bytes());
    let result = json(&[&wrong, "--policy", "uniform"], 3);
    assert!(result["reason"].as_str().unwrap().contains("the mean weight is 1.6667"), "{result}");
}

#[test]
fn bad_lines_are_named_and_nothing_is_printed() {
    let dir = TempDir::new().unwrap();
    let good = plain_log(10);
    for (bad, complaint_about) in [
        ("a,1,0", "line 12, column 5: propensity is 0; allowed: a number in (0, 1]"),
        ("a,1,NaN", "line 12, column 5: propensity is NaN"),
        ("a,1,", "line 12, column 5: propensity is \"\"; allowed: a number"),
        ("a,1,1.5", "line 12, column 5: propensity is 1.5"),
        ("a,much,0.5", "line 12, column 3: reward is \"much\""),
        ("a,1", "line 12, column 4: 2 fields; the header has 3"),
    ] {
        let log = file(&dir, "log.csv", format!("{good}{bad}\n").as_bytes());
        let complaint = complaint(&[&log, "--policy", "uniform"]);
        assert!(complaint.contains(complaint_about), "{bad}: {complaint}");
        assert!(complaint.contains("log.csv"), "{complaint}");
    }
}

#[test]
fn wrong_use_says_what_is_allowed() {
    let dir = TempDir::new().unwrap();
    let log = file(&dir, "log.csv", plain_log(400).as_bytes());
    for (extra, expected) in [
        (["--estimator", "isp"], "possible values: replay, ips, clipped_ips, snips"),
        (["--estimator", "ips:3"], "lambda of ips is 3; allowed: none"),
        (["--estimator", "sub_gaussian_ips:2"], "allowed: a number in [0, 1]"),
        (["--reward-model", "ridge"], "needs candidates with feature vectors"),
        (["--reward-model", "rigde"], "a similar value exists: 'ridge'"),
        (["--interval", "exact"], "possible values: normal, bootstrap, bernstein, anytime"),
        (["--interval", "anytime"], "interval anytime: reward_range is absent"),
        (["--interval", "bernstein"], "interval bernstein: reward_range is absent"),
        (["--confidence", "1"], "--confidence is 1;"),
        (["--reward-range", "1,0"], "--reward-range is \"1,0\""),
        (["--columns", "click"], "--columns is \"click\""),
        (["--format", "arrow"], "possible values: auto, parquet, rehearsal, obd, dsjson, vw, csv"),
        (["--policy", "lints-v2"], "no exact probabilities"),
        (["--policy", "egreedy-v2"], "structure = \"disjoint\""),
    ] {
        let complaint = complaint(&[&[log.as_str(), "--policy", "uniform"], &extra[..]].concat());
        assert!(complaint.contains(expected), "{extra:?}: {complaint}");
    }
    let range = complaint(&[&log, "--policy", "uniform", "--reward-range", "0,0.5"]);
    assert!(
        range.contains(
            "reward_range is 0 to 0.5; allowed: a range that holds the rewards of this log, 0 to 1"
        ),
        "{range}"
    );
    let text = file(&dir, "log.vw", b"0:1:0.5 |i a\n|i b\n");
    assert!(
        complaint(&[&log, &text, "--policy", "uniform"]).contains("it is vw, the files before it are csv")
    );
    let empty = file(&dir, "empty.csv", b"action,reward,propensity\n");
    assert!(complaint(&[&empty, "--policy", "uniform"]).contains("no decision with a reward"));
}

#[test]
fn a_policy_may_learn_as_it_goes() {
    let dir = TempDir::new().unwrap();
    let log = file(&dir, "log.csv", plain_log(4000).as_bytes());
    let policy = file(
        &dir,
        "by-item.toml",
        b"name = \"by-item\"\nexplorer = \"egreedy\"\nfeatures = \"v1\"\nstructure = \"disjoint\"\n",
    );
    let result = json(&[&log, "--policy", &policy, "--estimator", "snips"], 0);
    // It finds out that b earns most, and explores a tenth of the time.
    let value = result["policies"][0]["estimates"][0]["value"].as_f64().unwrap();
    assert!((0.92..0.97).contains(&value), "{value}");
}

#[test]
fn results_are_the_same_for_any_number_of_threads_and_land_in_the_directory() {
    let dir = TempDir::new().unwrap();
    let logs = [
        file(&dir, "log.csv", plain_log(2000).as_bytes()),
        file(&dir, "log.json", formats::dsjson().as_bytes()),
    ];
    let with = |log: &str, threads: &str, name: &str| {
        let args = [log, "--policy", "uniform", "--interval", "bootstrap", "--seed", "7"];
        let out = dir.path().join(name);
        let status = Command::new(env!("CARGO_BIN_EXE_rehearsal"))
            .arg("evaluate")
            .args(args)
            .args(["--out", &out.display().to_string()])
            .env("RAYON_NUM_THREADS", threads)
            .output()
            .unwrap();
        assert!(status.status.success());
        let text = fs::read_to_string(out.join("evaluation.txt")).unwrap();
        assert_eq!(text, stdout(&status));
        fs::read(out.join("evaluation.json")).unwrap()
    };
    for log in logs {
        let one = with(&log, "1", "one");
        assert!(one == with(&log, "2", "two") && one == with(&log, "3", "three"), "{log}");
    }
}
