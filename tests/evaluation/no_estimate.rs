//! What the log cannot say of a single estimator: replay of a log that it keeps too little of, and bounds that a method
//! does not have.

use super::claims::{BY_ITEM, luck, of};
use super::{file, json, plain_log, run, stdout};
use serde_json::Value;
use tempfile::TempDir;

/// One decision of a tiny propensity: its weight is 333, and nothing else is wrong with this log.
fn with_a_tiny_propensity() -> String {
    plain_log(8000) + "b,1,0.001\n"
}

#[test]
fn replay_of_too_few_decisions_says_nothing() {
    let dir = TempDir::new().unwrap();
    let log = file(&dir, "log.csv", with_a_tiny_propensity().as_bytes());
    let args = [&log, "--policy", "uniform"];
    let result = json(&args, 0);
    let policy = &result["policies"][0];
    let kept = policy["diagnostics"]["replay_kept"].as_u64().unwrap();
    assert!((1..100).contains(&kept), "{kept}");
    let replay = of(policy, "replay");
    assert_eq!((&replay["value"], &replay["lower"]), (&Value::Null, &Value::Null));
    let reason = replay["reason"].as_str().unwrap();
    let expected = format!(
        "rejection sampling kept {kept} of 8001 decisions (needed: 100), each with its weight over the largest, 333.3; \
         collect more rows"
    );
    assert!(reason.starts_with(&expected), "{reason}");
    // The others have nothing to do with it.
    assert_eq!((&result["verdict"], &result["reason"]), (&"evaluated".into(), &Value::Null));
    assert!(of(policy, "snips")["lower"].is_number() && of(policy, "snips").get("reason").is_none());
    let text = stdout(&run(&args)).replace("\n  ", " ");
    assert!(text.contains(&format!("replay keeps {kept} of 8001 decisions ")), "{text}");
    assert!(text.contains(&format!("replay: {expected}")), "{text}");

    // Where it was asked for, the log cannot say; alone or among others.
    for more in [&[][..], &["--estimator", "snips"]] {
        let asked = [&args[..], &["--estimator", "replay"], more].concat();
        let result = json(&asked, 3);
        let said = format!("this log cannot say what uniform is worth by replay: {reason}");
        assert_eq!((&result["verdict"], &result["reason"]), (&"refused".into(), &said.into()));
        assert_eq!(of(&result["policies"][0], "replay")["value"], Value::Null);
        // A number that is forced is one that the log does not stand for.
        let forced = json(&[&asked[..], &["--force"]].concat(), 3);
        assert_eq!(of(&forced["policies"][0], "replay")["reason"], reason);
        assert_ne!(forced["policies"][0]["against_log"]["estimator"], "replay");
        assert!(of(&forced["policies"][0], "replay")["value"].is_number(), "{forced:#}");
        assert_eq!(forced["policies"][0]["diagnostics"]["replay_kept"], kept);
    }
    // Without that decision it keeps three quarters.
    let log = file(&dir, "even.csv", plain_log(4000).as_bytes());
    let policy = &json(&[&log, "--policy", "uniform", "--estimator", "replay"], 0)["policies"][0];
    let kept = policy["diagnostics"]["replay_kept"].as_u64().unwrap();
    assert!((2900..3100).contains(&kept) && of(policy, "replay")["value"].is_number(), "{policy:#}");
    let policy = &json(&[&log, "--policy", "uniform", "--estimator", "snips"], 0)["policies"][0];
    assert_eq!(policy["diagnostics"]["replay_kept"], Value::Null);
}

/// Where a policy learns of what it accepts, one tiny propensity takes nearly all of that.
#[test]
fn replay_of_a_policy_that_learns_hangs_on_the_smallest_propensity() {
    let dir = TempDir::new().unwrap();
    let learner = file(&dir, "by-item.toml", BY_ITEM);
    let mut luck = luck();
    let mut text = "user,action,reward,propensity\n".to_owned();
    for i in 0..3100 {
        let item = (2.0 * luck()) as usize;
        text += &format!("u{},{},{},0.5\n", i % 100, ["a", "b"][item], u8::from(luck() < [0.3, 0.6][item]));
    }
    let even = file(&dir, "even.csv", text.as_bytes());
    let tiny = file(&dir, "tiny.csv", format!("{text}u1,a,1,0.002\n").as_bytes());
    let args = |log| [log, "--policy", "uniform", "--policy", &learner];
    let kept = |result: &Value| result["policies"][1]["diagnostics"]["replay_kept"].as_u64().unwrap();
    let before = json(&args(&even), 0);
    assert!(kept(&before) > 1000 && of(&before["differences"][0], "replay")["lower"].is_number());
    let after = json(&args(&tiny), 0);
    assert!(kept(&after) < 100, "{after:#}");
    let reason = of(&after["policies"][1], "replay")["reason"].as_str().unwrap();
    assert!(
        reason.contains("each with its weight times the smallest propensity of the log, 0.002;"),
        "{reason}"
    );
    // A difference says nothing where one of the two does not.
    let difference = of(&after["differences"][0], "replay");
    assert_eq!((&difference["value"], &difference["reason"]), (&Value::Null, &reason.into()));
}

/// Empirical Bernstein bounds and those at any time are for few estimators: of the others nothing is claimed.
#[test]
fn footnotes_are_of_bounds_that_are_there() {
    let dir = TempDir::new().unwrap();
    let log = file(&dir, "log.csv", plain_log(4000).as_bytes());
    let learner = file(&dir, "by-item.toml", BY_ITEM);
    let ask = |policy: &str, rest: &[&str]| {
        stdout(&run(&[&[log.as_str(), "--policy", policy, "--reward-range", "0,1"], rest].concat()))
    };
    for interval in ["bernstein", "anytime"] {
        let none =
            ask("uniform", &["--interval", interval, "--estimator", "direct_method", "--estimator", "snips"]);
        assert!(none.contains("\n*: biased") && none.contains("direct_method * "), "{none}");
        assert!(!none.contains("Bounds take") && !none.contains("Bounds are"), "{none}");
        assert!(none.contains("  direct_method, snips: ") && none.contains("are for "), "{none}");
        let one =
            ask("uniform", &["--interval", interval, "--estimator", "clipped_ips:2", "--estimator", "snips"]);
        assert!(one.contains("\n*: biased") && one.contains("clipped_ips * "), "{one}");
        assert!(one.contains("Bounds "), "{one}");
    }
    let learns = ask(&learner, &["--interval", "bernstein", "--estimator", "ips"]).replace("\n ", "");
    assert!(
        learns.contains("ips: empirical Bernstein bounds are for independent decisions, and those"),
        "{learns}"
    );
    let result = json(&[&log, "--policy", &learner, "--estimator", "replay"], 0);
    let reason = of(&result["policies"][0], "replay")["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("replay lets a policy learn by its own choices, which is one path"),
        "{reason}"
    );
}

/// Percentiles need replicates beyond them: too few give no bounds, and who does not say how many gets enough.
#[test]
fn resampled_logs_are_as_many_as_the_level_takes() {
    let dir = TempDir::new().unwrap();
    let log = file(&dir, "log.csv", plain_log(800).as_bytes());
    let tables: Vec<String> = (0..7)
        .map(|i| {
            let (b, rest) = (0.3 + 0.05 * f64::from(i), 0.35 - 0.025 * f64::from(i));
            let table = format!("item,probability\na,{rest}\nb,{b}\nc,{rest}\n");
            file(&dir, &format!("{i}.csv"), table.as_bytes())
        })
        .collect();
    let mut args = vec![log.as_str(), "--interval", "bootstrap", "--estimator", "snips"];
    tables.iter().for_each(|table| args.extend(["--policy", table]));
    // Seven policies at 95%: 10 / (0.05 / 7) replicates.
    let enough = json(&args, 0);
    assert!(enough["policies"].as_array().unwrap().iter().all(|p| p["against_log"]["lower"].is_number()));
    let few = json(&[&args[..], &["--replicates", "1300"]].concat(), 0);
    let policy = &few["policies"][0];
    assert!(of(policy, "snips")["lower"].is_number(), "one policy alone needs 200: {policy:#}");
    let against = &policy["against_log"];
    assert_eq!((&against["lower"], &policy["verdict"]["says"]), (&Value::Null, &"withheld".into()));
    assert!(against["reason"].as_str().unwrap().ends_with("--replicates 1400 or more"), "{against}");
}

/// One of a hundred decisions is rewarded, and the effective sample is fine: nothing is said, and why.
#[test]
fn rare_rewards_have_an_estimate_without_bounds() {
    let dir = TempDir::new().unwrap();
    let mut luck = luck();
    let mut text = "action,reward,propensity\n".to_owned();
    for _ in 0..5000 {
        let item = usize::from(luck() < 0.2);
        text += &format!("{},{},{}\n", ["a", "b"][item], u8::from(luck() < 0.01), [0.8, 0.2][item]);
    }
    let log = file(&dir, "log.csv", text.as_bytes());
    let table = file(&dir, "t.csv", b"item,probability\na,0.4\nb,0.6\n");
    let args = [&log, "--policy", &table];
    let result = json(&args, 0);
    let policy = &result["policies"][0];
    let diagnostics = &policy["diagnostics"];
    assert!(diagnostics["effective_sample_size"].as_f64().unwrap() > 2000.0, "{diagnostics}");
    assert!(diagnostics["effective_rewards"].as_f64().unwrap() < 200.0, "{diagnostics}");
    for estimator in ["snips", "doubly_robust", "ips"] {
        let estimate = of(policy, estimator);
        assert!(estimate["value"].is_number() && estimate["lower"].is_null(), "{estimate}");
        assert!(
            estimate["reason"].as_str().unwrap().starts_with("bounds rest on many rewards"),
            "{estimate}"
        );
    }
    assert_eq!(policy["verdict"]["says"], "withheld");
    let said = stdout(&run(&args)).replace('\n', " ");
    assert!(said.contains("nothing is said of it beside the policy that logged (doubly_robust)"), "{said}");
    // Bounds that are forced are shown, and still nothing is said.
    let forced = json(&[&args[..], &["--force"]].concat(), 0);
    assert!(of(&forced["policies"][0], "snips")["lower"].is_number(), "{forced:#}");
    assert_eq!(forced["policies"][0]["verdict"]["says"], "withheld");
    // Those that hold whatever the rewards are, are given.
    let wide = json(&[&args[..], &["--interval", "bernstein", "--reward-range", "0,1"]].concat(), 0);
    assert!(of(&wide["policies"][0], "ips")["lower"].is_number(), "{wide:#}");
}
