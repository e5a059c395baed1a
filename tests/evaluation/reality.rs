//! `rehearsal compare-reality`: a log of the simulated people is theirs, and of others it is said how they differ.

use crate::util::Dir;
use serde_json::Value;
use std::fs;
use std::path::Path;

const SCENARIO: &str = "name = \"short\"\ndescription = \"two weeks\"\nsteps = 40\n";

/// Two shipped personas in `people`, and the same with `change` made in `others`.
fn people(change: impl Fn(&str) -> String) -> Dir {
    let dir = Dir::new();
    dir.write("short.toml", SCENARIO);
    for folder in ["people", "others"] {
        fs::create_dir(dir.join(folder)).unwrap();
    }
    for name in ["mover.toml", "morning-planner.toml"] {
        let text =
            fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("personas").join(name)).unwrap();
        dir.write(&format!("people/{name}"), &text);
        dir.write(&format!("others/{name}"), change(&text));
    }
    dir
}

/// Writes a log of so many of the people in `folder`.
fn record(dir: &Dir, folder: &str, policy: &str, users: &str, log: &str, rest: &[&str]) {
    let simulate = ["simulate", "short.toml", "--policy", policy, "--users", users, "--personas", folder];
    dir.run(&[&simulate[..], &["--log", log], rest].concat()).ok();
}

/// Writes a log of the people in `folder` and compares it with those in `people`.
fn compare(dir: &Dir, folder: &str, policy: &str, seed: u32) -> Value {
    let (log, seed) = (format!("log-{seed}"), seed.to_string());
    record(dir, folder, policy, "60", &log, &["--seed", &seed]);
    let decisions = format!("{log}/decisions.jsonl");
    let compare =
        ["compare-reality", "--log", &decisions, "--scenario", "short.toml", "--personas", "people"];
    dir.run(&[&compare[..], &["--users", "150", "--replicates", "400", "--json"]].concat()).ok().json()
}

fn aspect<'a>(comparison: &'a Value, name: &str) -> &'a Value {
    let all = comparison["aspects"].as_array().unwrap();
    all.iter().find(|a| a["aspect"] == name).unwrap_or_else(|| panic!("{name} in {comparison:#}"))
}

/// `field = NUMBER` made another number, in its section.
fn changed(text: &str, section: &str, field: &str, value: impl Fn(f64) -> f64) -> String {
    let mut inside = false;
    let line = |line: &str| {
        if line.starts_with('[') {
            inside = line.starts_with(section);
        }
        match line.split_once(" = ") {
            Some((name, rest)) if inside && name == field => {
                let number: f64 = rest.split_whitespace().next().unwrap().parse().unwrap();
                format!("{field} = {}\n", value(number))
            }
            _ => format!("{line}\n"),
        }
    };
    let after: String = text.lines().map(line).collect();
    assert_ne!(after, format!("{text}\n").replace("\n\n\n", "\n\n"), "{section} {field}");
    after
}

#[test]
fn people_of_the_scenario_are_not_told_apart() {
    // 12 logs, each of which may seem different with probability 0.05: more than three do with probability
    // 0.002. Emergent and no profile, learning and not.
    let dir = people(str::to_owned);
    let alarms = (0..12).filter(|seed| {
        let policy = ["egreedy-v1", "egreedy-v2", "uniform"][*seed as usize % 3];
        let comparison = compare(&dir, "people", policy, 100 + seed);
        assert_eq!(comparison["policy"], policy);
        assert!(aspect(&comparison, "profile.completion_rate")["noise"].as_f64().unwrap() > 0.0);
        !comparison["farthest"].is_null()
    });
    let alarms = alarms.count();
    assert!(alarms <= 3, "{alarms}");
}

#[test]
fn what_was_changed_is_what_is_pointed_at() {
    for (what, change, farthest, next) in [
        (
            "base",
            (|t: &str| changed(t, "[response]", "base", |x| x + 1.5)) as fn(&str) -> String,
            "reactions",
            "more of tips: raise base in [response]",
        ),
        ("dwell", |t: &str| changed(t, "[dwell]", "completed", |x| 3.0 * x), "dwell", "[dwell]"),
        ("refusal", |t: &str| changed(t, "[refusal]", "base", |x| x + 2.0), "reactions", "people dismiss"),
        (
            "taste",
            |t: &str| {
                let line = |l: &str| {
                    if l.starts_with("focus = { taste") {
                        "focus = { taste = 3.0, preferred_hour = 9 }\n".to_owned()
                    } else {
                        format!("{l}\n")
                    }
                };
                t.lines().map(line).collect()
            },
            "reactions_by_kind",
            "more of focus than of other kinds, compared with personas: raise its taste",
        ),
        (
            "hours",
            |t: &str| {
                t.replace("[kinds]", "[[receptive]]\nhour = 19.5\nwidth = 1.0\nstrength = 4.0\n\n[kinds]")
            },
            "reactions_by_hour",
            "more at 18-21 than at other hours",
        ),
    ] {
        let dir = people(change);
        let comparison = compare(&dir, "others", "uniform", 7);
        assert_eq!(comparison["farthest"], farthest, "{what}: {comparison:#}");
        let said = comparison["next"].as_str().unwrap();
        assert!(said.contains(next), "{what}: {said}");
        let found = aspect(&comparison, farthest);
        assert!(
            found["lower"].as_f64() > Some(0.0) && found["lower"].as_f64() < found["upper"].as_f64(),
            "{found}"
        );
    }
}

#[test]
fn other_profiles_and_other_hours_are_told_from_other_people() {
    let dir = people(|t| t.replace("completion_rate = 0.", "completion_rate = 0.8"));
    dir.write("short.toml", format!("{SCENARIO}[profile]\nsource = \"synthetic\"\n"));
    let comparison = compare(&dir, "others", "uniform", 3);
    assert_eq!(comparison["farthest"], "profile.completion_rate", "{comparison:#}");
    // A log of one decision a day, compared with a scenario of several.
    dir.write("short.toml", format!("{SCENARIO}[moments]\nper_day = 1\n"));
    record(&dir, "people", "uniform", "60", "daily", &[]);
    dir.write("short.toml", format!("{SCENARIO}[moments]\nper_day = 16\n"));
    let compare = ["compare-reality", "--log", "daily/decisions.jsonl", "--scenario", "short.toml"];
    let text = dir.run(&[&compare[..], &["--personas", "people"]].concat()).ok().stdout();
    assert!(text.contains("reactions") && text.contains("95% interval") && text.contains("Next: "), "{text}");
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    let dir = people(str::to_owned);
    record(&dir, "people", "linucb", "9", "log", &[]);
    let compare =
        ["compare-reality", "--log", "log/rewards.jsonl", "--scenario", "short.toml", "--personas", "people"];
    let run = |rest: &[&str]| {
        dir.run(&[&compare[..], &["--users", "20", "--replicates", "100", "--json"], rest].concat())
            .ok()
            .stdout()
    };
    assert_eq!(run(&["--threads", "1"]), run(&["--threads", "3"]));
    assert_ne!(run(&[]), run(&["--seed", "1"]));
}

/// A record with another reward, and without its checksum.
fn with_reward(line: &str, reward: f64) -> String {
    let mut record: Value = serde_json::from_str(line).unwrap();
    record["reward"] = reward.into();
    record.as_object_mut().unwrap().remove("crc");
    record.to_string()
}

#[test]
fn what_is_no_log_of_reactions_is_named() {
    let dir = people(str::to_owned);
    let compare = |log: &str| dir.run(&["compare-reality", "--log", log, "--scenario", "short.toml"]);
    dir.write("log.csv", "action,reward,propensity\na,1,0.5\n");
    compare("log.csv").refused(&["log.csv: only this program's own logs say how people reacted"]);
    compare("decisions.jsonl").refused(&["cannot read rewards.jsonl"]);
    compare("nowhere").refused(&["cannot read nowhere"]);
    record(&dir, "people", "uniform", "2", "log", &[]);
    dir.run(&["compare-reality", "--log", "log", "--scenario", "short.toml", "--policy", "egreedy-v1"])
        .refused(&["unknown policy of the log \"egreedy-v1\"; known: uniform"]);
    let rewards = dir.read("log/rewards.jsonl");
    for (from, to, said) in [
        ("\"hour\":", "\"hour\":3", "request.context.hour is 3"),
        ("\"reaction\":", "\"reaction\":1", "log/rewards.jsonl, line 3, column"),
        ("\"time_ms\":", "\"time\":", "missing field `time_ms`"),
        ("\"user\":", "\"person\":", "user is missing; allowed: a user's name"),
        ("\"op\":\"reward\"", "\"op\":\"rewards\"", "op: unknown variant `rewards`"),
        ("\"dwell_seconds\":", "\"dwell_seconds\":-", "dwell_seconds is -"),
        (
            "\"candidates\":[",
            "\"candidates\":[{\"id\":\"other\"},",
            "request.candidates is a list of 2; allowed: 1, the tip",
        ),
    ] {
        let lines: Vec<String> = rewards
            .lines()
            .enumerate()
            .map(|(i, line)| if i == 2 { line.replacen(from, to, 1) } else { line.to_owned() })
            .collect();
        dir.write("log/rewards.jsonl", lines.join("\n"));
        compare("log/decisions.jsonl").refused(&["log/rewards.jsonl, line 3, column", said]);
    }
    let first = rewards.lines().next().unwrap();
    let other = format!("{rewards}{}\n", with_reward(first, 0.125));
    dir.write("log/rewards.jsonl", other);
    compare("log/decisions.jsonl")
        .refused(&["reward is 0.125; allowed: ", ", which its decision has before"]);
    dir.write("log/rewards.jsonl", rewards.replace("\"reaction\":", "\"unknown\":"));
    compare("log/decisions.jsonl").refused(&["reactions of 0 users"]);
    dir.write("log/rewards.jsonl", rewards.replace("\"policy\":\"uniform\"", "\"policy\":\"mine\""));
    compare("log/decisions.jsonl").refused(&["most rewards of this log were learned by mine", "--policy"]);
    let simulate = ["simulate", "short.toml", "--policy", "uniform", "--log", "log"];
    dir.run(&simulate).refused(&["log/decisions.jsonl is there already"]);
    dir.run(&[&simulate[..], &["--policy", "linucb"]].concat()).refused(&["--log is of one policy"]);
}

/// A log of `users` users who dismiss some tips of a kind, all at nine, `of(user)` of them each; without dwell.
fn dismissals(kind: &str, users: usize, of: impl Fn(usize) -> usize) -> String {
    let line = |user: usize, tip: usize| {
        format!(
            "{{\"user\":\"u{user}\",\"policy\":\"uniform\",\"op\":\"reward\",\"reward\":-0.5,\"decision_id\":\
             \"d{user}-{tip}\",\"reaction\":\"dismissed\",\"request\":{{\"context\":{{\"hour\":9,\"weekday\":0}},\
             \"candidates\":[{{\"id\":\"a\",\"kind\":\"{kind}\"}}]}},\"time_ms\":{}}}\n",
            1000 * tip
        )
    };
    (0..users).flat_map(|user| (0..of(user)).map(move |tip| (user, tip))).map(|(u, t)| line(u, t)).collect()
}

/// What is said of such a log beside two personas.
fn beside_dismissals(log: &str, rest: &[&str]) -> crate::util::Ran {
    let dir = people(str::to_owned);
    dir.write("rewards.jsonl", log);
    let compare = ["compare-reality", "--log", "rewards.jsonl", "--scenario", "short.toml"];
    let compare = [&compare[..], &["--personas", "people", "--users", "60", "--replicates", "100"]].concat();
    dir.run(&[&compare[..], rest].concat()).ok()
}

#[test]
fn what_cannot_be_compared_is_not_called_the_same() {
    let log = dismissals("alien", 40, |_| 5);
    let comparison = beside_dismissals(&log, &["--json"]).json();
    for name in ["reactions_by_kind", "reactions_by_hour", "dwell", "calibration"] {
        let found = aspect(&comparison, name);
        for field in ["distance", "lower", "upper", "noise", "beyond_noise"] {
            assert_eq!(found.get(field), Some(&Value::Null), "{name} {field}: {found}");
        }
    }
    // The personas know no such kind, but they do not dismiss everything.
    let reactions = aspect(&comparison, "reactions");
    assert!(reactions["distance"].as_f64() > Some(0.3), "{reactions}");
    assert!(reactions["lower"].as_f64() > Some(0.2) && reactions["beyond_noise"] == true, "{reactions}");
    assert_eq!(comparison["farthest"], "reactions");
    assert_eq!(aspect(&comparison, "kinds_shown")["distance"], 1.0);
    let text = beside_dismissals(&log, &[]).stdout();
    let line = text.lines().find(|line| line.trim_start().starts_with("dwell ")).unwrap();
    assert_eq!(line.split_whitespace().collect::<Vec<_>>().join(" "), "dwell - - - nothing to compare");
    assert!(text.contains("Where one side has nothing to compare"), "{text}");
}

#[test]
fn rewards_beyond_the_reaction_table_are_left_out_and_said() {
    let log = dismissals("focus", 40, |_| 5)
        .replace("\"reward\":-0.5,\"decision_id\":\"d3", "\"reward\":9,\"decision_id\":\"d3");
    let comparison = beside_dismissals(&log, &["--json"]).json();
    // Users 3 and 30 to 39.
    assert_eq!(comparison["rewards_off_the_table"], 55);
    let text = beside_dismissals(&log, &[]).stdout();
    assert!(text.contains("  55 rewards beyond the reaction table's were left out"), "{text}");
}

/// With the same seed on both sides the people of the log would be the simulated ones, and nothing but themselves.
#[test]
fn the_simulated_people_are_not_those_of_the_log() {
    let dir = people(str::to_owned);
    record(&dir, "people", "uniform", "60", "log", &["--seed", "0"]);
    let compare = ["compare-reality", "--log", "log", "--scenario", "short.toml", "--personas", "people"];
    let comparison =
        dir.run(&[&compare[..], &["--users", "60", "--replicates", "100", "--json"]].concat()).ok().json();
    assert!(aspect(&comparison, "reactions")["distance"].as_f64() > Some(0.0), "{comparison:#}");
}

#[test]
fn few_users_have_no_intervals() {
    let few = dismissals("focus", 2, |_| 10);
    // Many users, of whom two have most of the tips.
    let few_count = dismissals("focus", 40, |user| if user < 2 { 200 } else { 2 });
    for log in [&few, &few_count] {
        let comparison = beside_dismissals(log, &["--json"]).json();
        let reactions = aspect(&comparison, "reactions");
        assert!(reactions["distance"].as_f64() > Some(0.3), "{reactions}");
        assert_eq!((&reactions["lower"], &reactions["upper"]), (&Value::Null, &Value::Null));
        assert_eq!(reactions["beyond_noise"], true, "{reactions}");
        let text = beside_dismissals(log, &[]).stdout();
        let said = text.replace('\n', " ");
        assert!(said.contains("Too few users for intervals"), "{text}");
        assert!(said.contains("they count as 2, and it takes 30."), "{text}");
    }
    let enough = beside_dismissals(&dismissals("focus", 30, |_| 10), &["--json"]).json();
    let reactions = aspect(&enough, "reactions");
    assert!(reactions["lower"].as_f64() <= reactions["distance"].as_f64() && reactions["lower"].is_f64());
}
