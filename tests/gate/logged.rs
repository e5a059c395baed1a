//! Logged decisions in a gate: shown beside the simulated people, and where they are required they withhold or
//! reject.

use super::{GATE, SHORT};
use crate::util::Dir;
use serde_json::Value;

/// One model for each kind, quick to follow the latest rewards.
const RECENT: &str = "name = \"recent\"\nexplorer = \"egreedy\"\nfeatures = \"v1\"\nstructure = \"disjoint\"\nforgetting = 0.98\n";

const REQUIRED: &str = "kind = \"not-inferior\"\nmargin = 0.05\nrequired = true\n";

/// A gate that promotes `recent` over `uniform` on simulated people, and asks `may.csv` too.
fn gate(log: &str, claim: &str) -> Dir {
    let dir = Dir::new();
    dir.write("short.toml", SHORT);
    dir.write("recent.toml", RECENT);
    dir.write("may.csv", log);
    dir.write("gate.toml", with_log(claim));
    dir
}

fn with_log(claim: &str) -> String {
    format!("{GATE}[[logs]]\nname = \"may\"\nfiles = [\"may.csv\"]\n{claim}")
}

/// A log of three items shown evenly, in no order; `reward` says what the n-th showing of an item earns.
fn log(rows: u32, reward: impl Fn(usize, u32) -> bool) -> String {
    let mut text = "action,reward,propensity\n".to_owned();
    let (mut state, mut shown) = (3_u64, [0; 3]);
    for _ in 0..rows {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let item = (state >> 33) as usize % 3;
        let reward = u8::from(reward(item, shown[item]));
        shown[item] += 1;
        text += &format!("{},{reward},0.3333333333\n", ["a", "b", "c"][item]);
    }
    text
}

/// `b` earns always, the others every third time: whoever learns is better off.
fn favourable(rows: u32) -> String {
    log(rows, |item, n| item == 1 || n % 3 == 0)
}

/// What earned last time does not earn next time: whoever follows the latest rewards is worse off.
fn treacherous(rows: u32) -> String {
    log(rows, |_, n| n % 2 == 0)
}

const CHECK: [&str; 7] =
    ["promote-check", "--gate", "gate.toml", "--baseline", "uniform", "--challenger", "recent.toml"];

fn check(dir: &Dir, code: i32) -> Value {
    dir.run(&[&CHECK[..], &["--json"]].concat()).exits(code).json()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn a_log_that_holds_is_shown_beside_the_simulated_people() {
    let dir = gate(&favourable(4000), REQUIRED);
    let verdict = check(&dir, 0);
    assert_eq!(verdict["verdict"], "promote", "{verdict:#}");
    let log = &verdict["logs"][0];
    assert_eq!((&log["id"], &log["holds"], &log["rows"]), (&"logged/may".into(), &true.into(), &4000.into()));
    // Uniform earns (1 + 1/3 + 1/3) / 3, and the challenger all but epsilon of the best, as shares of 1.5.
    assert!((number(&log["baseline_value"]) - 5.0 / 9.0).abs() < 0.03, "{log:#}");
    let difference = number(&log["challenger_value"]) - number(&log["baseline_value"]);
    assert!((number(&log["estimate"]) - difference / 1.5).abs() < 1e-12 && difference > 0.3, "{log:#}");
    // The other side of the table: the same difference among simulated people.
    assert!(number(&log["simulated"]["estimate"]) > 0.0 && log["simulated"]["scenario"] == "short");
    assert!(verdict["reason"].as_str().unwrap().ends_with("and on logged decisions 1 of 1"), "{verdict:#}");
    let sum = std::process::Command::new("sha256sum").arg(dir.join("may.csv")).output().unwrap().stdout;
    let digest = verdict["digests"]["log/may/may.csv"].as_str().unwrap();
    assert!(String::from_utf8(sum).unwrap().starts_with(digest));

    dir.run(&[&CHECK[..], &["--out", "out"]].concat()).ok();
    for (file, parts) in [
        (
            "verdict.txt",
            &["holds  logged/may", "on logged decisions", "were taught every decision of the log"][..],
        ),
        ("verdict.md", &["| holds | logged/may |"]),
        ("junit.xml", &["classname=\"rehearsal.logged\" name=\"logged/may\" time=\"0\"/>"]),
        ("report.html", &[">Logged decisions</h2>", "logged/may"]),
    ] {
        let text = dir.read(&format!("out/{file}"));
        parts.iter().for_each(|part| assert!(text.contains(part), "{part} in {file}:\n{text}"));
    }
    let card = [&CHECK[..], &["--card", "card.md"]].concat();
    dir.run(&card).ok();
    dir.run(&card).ok();
    let card = dir.read("card.md");
    assert!(card.contains("| holds | logged/may |"));
    // For programs too: what was logged, and what was simulated, side by side.
    let json = card.split_once("```json\n").and_then(|(_, rest)| rest.split_once("\n```")).unwrap().0;
    let card: Value = serde_json::from_str(json).unwrap();
    let [of_card] = &card["logs"].as_array().unwrap()[..] else { panic!("{card:#}") };
    for field in ["id", "estimate", "lower", "upper", "rows", "effective_sample_size", "required", "holds"] {
        assert_eq!(of_card[field], log[field], "{field}");
    }
    assert_eq!(of_card["simulated"], log["simulated"]["estimate"]);
}

#[test]
fn harm_on_a_required_log_rejects_what_simulated_people_would_promote() {
    let dir = gate(&treacherous(4000), REQUIRED);
    let verdict = check(&dir, 1);
    assert_eq!(verdict["verdict"], "reject");
    assert!(
        verdict["reason"].as_str().unwrap().starts_with("logged/may: on logged decisions"),
        "{verdict:#}"
    );
    assert!(verdict["criteria"].as_array().unwrap().iter().all(|c| c["holds"] == true), "{verdict:#}");
    let text = dir.run(&CHECK).exits(1).stdout();
    assert!(text.contains("fails  logged/may") && text.contains("look first at the logged"), "{text}");
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("at most 5%, as far as the normal bounds on logged/may hold"), "{text}");
    // The same log, advisory: seen, and not decisive.
    dir.write("gate.toml", with_log(&REQUIRED.replace("required = true\n", "")));
    let verdict = check(&dir, 0);
    assert_eq!(verdict["logs"][0]["harms"], true);
    let text = dir.run(&CHECK).ok().stdout();
    assert!(text.contains("fails  logged/may (advisory)"), "{text}");
}

#[test]
fn a_log_that_cannot_say_withholds_a_promotion_only_where_it_is_required() {
    // 90 rows are worth fewer than 100 decisions of anybody.
    let dir = gate(&favourable(90), REQUIRED);
    let verdict = check(&dir, 3);
    let reason = verdict["reason"].as_str().unwrap();
    assert!(reason.starts_with("logged/may: this log cannot say what"), "{reason}");
    assert!(reason.contains("effective sample size"), "{reason}");
    let text = dir.run(&CHECK).exits(3).stdout();
    assert!(text.contains("silent logged/may"), "{text}");
    // What is too wide is open, with what it would take.
    dir.write("may.csv", log(700, |item, n| (31 * n * n + 17 * n + 7 * item as u32) % 101 < 50));
    dir.write("gate.toml", with_log(&REQUIRED.replace("0.05", "0.01")));
    let verdict = check(&dir, 3);
    assert!(verdict["reason"].as_str().unwrap().starts_with("logged/may is open"), "{verdict:#}");
    // Thompson sampling has no exact probabilities: advisory logs are silent, and nothing else changes.
    dir.write("gate.toml", with_log("kind = \"superior\"\n"));
    let mut lints = CHECK;
    lints[6] = "lints-v2";
    let verdict = dir.run(&[&lints[..], &["--json"]].concat()).json();
    assert!(
        verdict["logs"][0]["refused"].as_str().unwrap().contains("lints has no exact probabilities"),
        "{verdict:#}"
    );
    assert!(!verdict["reason"].as_str().unwrap().contains("logged"), "{verdict:#}");
}

/// In ten of 3,300 decisions one of three items was out of reach, and nothing in the log says so but the mean weight.
#[test]
fn a_log_whose_choices_may_have_been_out_of_reach_settles_nothing() {
    let unseen = favourable(3290) + &"a,1,0.5\n".repeat(10);
    let dir = gate(&unseen, REQUIRED);
    let verdict = check(&dir, 3);
    let reason = verdict["reason"].as_str().unwrap();
    assert!(reason.starts_with("logged/may: the mean weight is 0.999"), "{reason}");
    assert!(verdict["logs"][0]["lower"].is_null(), "{verdict:#}");
    dir.write("may.csv", favourable(5000));
    assert_eq!(check(&dir, 0)["logs"][0]["holds"], true);
}

#[test]
fn the_content_of_a_log_changes_no_simulated_person() {
    let dir = gate(&favourable(4000), REQUIRED);
    let first = check(&dir, 0);
    dir.write("may.csv", favourable(5000));
    let second = check(&dir, 0);
    assert_eq!((&first["seed"], &first["criteria"]), (&second["seed"], &second["criteria"]));
    assert_ne!(first["digests"]["log/may/may.csv"], second["digests"]["log/may/may.csv"]);
    // So records that were made before the log grew are still those of this gate.
    let simulate = ["simulate", "--gate", "gate.toml", "--policy", "uniform", "--policy", "recent.toml"];
    dir.run(&[&simulate[..], &["--users", "1200", "--out", "people"]].concat()).ok();
    let from = dir.run(&[&CHECK[..], &["--json", "--from", "people"]].concat()).ok().json();
    assert_eq!(from, second);
    let plan = dir.run(&[&CHECK[..], &["--plan"]].concat()).ok().stdout();
    assert!(plan.contains("logged/may (required)"), "{plan}");
}

#[test]
fn errors_of_what_a_gate_names_name_the_gate() {
    let dir = gate("action,reward,propensity\na,1,0.5\na,1,2\n", REQUIRED);
    dir.run(&CHECK).refused(&["gate.toml: logs[0]: may.csv, line 3, column 5: propensity is 2;"]);
    dir.write("gate.toml", with_log(REQUIRED).replace("may.csv", "june.csv"));
    dir.run(&CHECK).refused(&["gate.toml: logs[0]: cannot read june.csv"]);
    dir.write("gate.toml", GATE.replace("short.toml", "shorter.toml"));
    dir.run(&CHECK).refused(&["gate.toml: criteria[0].scenarios: cannot read shorter.toml"]);
    dir.write("short.toml", SHORT.replace("steps = 60", "steps = 0"));
    dir.write("gate.toml", GATE);
    dir.run(&CHECK).refused(&["gate.toml: criteria[0].scenarios: short.toml: steps is 0;"]);
    dir.write("gate.toml", with_log("kind = \"superior\"\nestimator = \"direct_method\"\n"));
    dir.run(&CHECK).refused(&["gate.toml: logs[0].estimator is \"direct_method\""]);
    let twice = with_log(REQUIRED) + "[[logs]]\nname = \"may\"\nfiles = [\"may.csv\"]\nkind = \"superior\"\n";
    dir.write("gate.toml", twice);
    dir.run(&CHECK).refused(&["logs[1].name is \"may\" again"]);
}

/// A foreign log may mean something else by `priority`.
#[test]
fn a_range_that_the_log_contradicts_is_a_mistake_of_the_gate() {
    let dir = gate(&favourable(400), &format!("{REQUIRED}reward_range = [0, 0.5]\n"));
    dir.run(&CHECK).refused(&["gate.toml: logs[0]: may.csv: reward_range is 0 to 0.5", "0 to 1"]);
}

#[test]
fn features_of_a_foreign_log_are_left_alone_on_request() {
    let dir = gate("", REQUIRED);
    let decision = |i: usize| {
        let cost =
            |k: usize| if k == i % 2 { format!("0:{}:0.5 ", -i32::from(i % 3 == 0)) } else { String::new() };
        format!("shared |u x\n{}a|f priority:7\n{}b|f priority:8\n\n", cost(0), cost(1))
    };
    dir.write("may.txt", (0..400).map(decision).collect::<String>());
    let gate = |more: &str| with_log(REQUIRED).replace("may.csv", "may.txt") + "format = \"vw\"\n" + more;
    dir.write("gate.toml", gate(""));
    dir.run(&CHECK).refused(&["gate.toml: logs[0]: may.txt, line 2", "priority is 7", "features = false"]);
    dir.write("gate.toml", gate("features = false\n"));
    let ran = dir.run(&[&CHECK[..], &["--json"]].concat());
    assert!(ran.code() != 2, "{}", ran.stderr());
    assert_eq!(ran.json()["logs"][0]["rows"], 400);
}

/// Weights that no sum holds are no evidence, however sure they look.
#[test]
fn weights_that_overflow_promote_nobody() {
    let tiny = favourable(3000) + &"b,1,1e-160\n".repeat(200);
    let dir = gate(&tiny, REQUIRED);
    let verdict = check(&dir, 3);
    let reason = verdict["reason"].as_str().unwrap();
    assert!(reason.starts_with("logged/may: ") && reason.contains("too large to be added up"), "{reason}");
}

/// A log of so many users with 100 decisions each, of whom every other one is worth more to who learns.
fn of_users(users: usize) -> String {
    let rows = favourable(100 * users as u32);
    let user = |(i, line): (usize, &str)| match i {
        0 => format!("user,{line}\n"),
        _ => format!("u{},{line}\n", i % users),
    };
    rows.lines().enumerate().map(user).collect()
}

#[test]
fn few_users_are_not_called_alike() {
    let dir = gate(&of_users(12), &(REQUIRED.to_owned() + "interval = \"bootstrap\"\n"));
    let verdict = check(&dir, 3);
    let reason = verdict["reason"].as_str().unwrap();
    assert!(
        reason.contains("bounds need decisions of 30 users, and those of this log count as 12.0"),
        "{reason}"
    );
    // What is known is shown all the same.
    assert!(number(&verdict["logs"][0]["estimate"]) > 0.1, "{verdict:#}");
    let text = dir.run(&CHECK).exits(3).stdout();
    assert!(text.contains("until decisions of more users are logged"), "{text}");
    // Where nothing earns anything, nothing is known of what would.
    dir.write("may.csv", of_users(40).replace(",1,", ",0,"));
    let verdict = check(&dir, 3);
    let refused = verdict["logs"][0]["refused"].as_str().unwrap();
    assert!(refused.contains("count as 0 that fall like a fair coin"), "{refused}");
}

#[test]
fn columns_of_a_gate_are_those_of_csv_alone() {
    let dir = gate("", &(REQUIRED.to_owned() + "columns = { user = \"who\" }\n"));
    dir.write("may.csv", "0:-1:0.5 'a |f x\n'b |f x\n\n");
    dir.run(&CHECK).refused(&["gate.toml: logs[0]: may.csv: it is vw, and --columns (in a gate `columns`)"]);
}

#[test]
fn a_gate_reads_inputs_from_columns_of_other_names() {
    let art = |line: &str| match line.split(',').next() {
        Some("action") => format!("{line},art\n"),
        Some("b") => format!("{line},good\n"),
        _ => format!("{line},poor\n"),
    };
    let log: String = favourable(4000).lines().map(art).collect();
    let claim = REQUIRED.to_owned() + "estimator = \"snips\"\n";
    let dir = gate(&log, &claim);
    let value = || number(&check(&dir, 0)["logs"][0]["challenger_value"]);
    let unmapped = value();
    let mapping = |path: &str| format!("{claim}columns = {{ inputs = {{ \"{path}\" = \"art\" }} }}\n");
    dir.write("gate.toml", with_log(&mapping("candidate.kind")));
    let mapped = value();
    // Two kinds instead of three are learned sooner.
    assert!(mapped > unmapped, "{mapped} {unmapped}");
    let evaluate = "evaluate may.csv --policy recent.toml --domain tips --columns candidate:kind=art --estimator snips --json";
    let evaluated = dir.run(&evaluate.split(' ').collect::<Vec<_>>()).ok().json();
    assert_eq!(mapped, number(&evaluated["policies"][0]["estimates"][0]["value"]), "{evaluated:#}");
    dir.write("gate.toml", with_log(&mapping("candidate.knid")));
    dir.run(&CHECK).refused(&["logs[0].columns.inputs is \"candidate.knid\"; allowed: ", "candidate.kind"]);
}

/// Replay lets policies learn by their own choices, the other estimators teach them all: a report says which it was.
#[test]
fn the_report_says_what_a_policy_that_learns_was_taught() {
    let dir = gate(&of_users(40), REQUIRED);
    let replay = with_log(REQUIRED) + "estimator = \"replay\"\n";
    let (all, own) =
        ("taught every decision of the log, whatever", "from the decisions alone that replay accepted");
    for (file, said, unsaid) in [(with_log(REQUIRED), all, own), (replay.clone(), own, all)] {
        dir.write("gate.toml", file);
        dir.run(&[&CHECK[..], &["--out", "out"]].concat()).ok();
        for report in ["verdict.txt", "verdict.md", "report.html"] {
            let text = dir.read(&format!("out/{report}")).split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(text.contains(said) && !text.contains(unsaid), "{report}: {text}");
        }
    }
    // Why replay cannot say is what `evaluate` knows of it.
    for (log, why) in [
        (
            favourable(4000),
            "replay lets a policy learn by its own choices, which is one path through this log",
        ),
        (
            of_users(40) + "u1,b,1,0.006\n",
            "this log cannot say what uniform is worth by replay: rejection sampling kept",
        ),
    ] {
        dir.write("may.csv", log);
        dir.write("gate.toml", replay.clone());
        let verdict = check(&dir, 3);
        let refused = verdict["logs"][0]["refused"].as_str().unwrap();
        assert!(refused.starts_with(why), "{refused}");
    }
}

#[test]
fn results_never_take_the_place_of_a_log_or_of_states() {
    let dir = gate("", REQUIRED);
    let people = ["simulate", "short.toml", "--policy", "uniform", "--users", "4", "--log", "lived"];
    dir.run(&people).ok();
    std::fs::create_dir(dir.join("states")).unwrap();
    let claim = format!("{REQUIRED}states = \"states\"\n");
    for (log, result) in [
        ("lived", "lived/decisions.jsonl"),
        ("lived", "./lived/rewards.jsonl"),
        ("lived/decisions.jsonl", "lived/rewards.jsonl"),
        ("lived", "states/ann_uniform.json"),
    ] {
        dir.write("states/ann_uniform.json", "{}");
        dir.write("gate.toml", with_log(&claim).replace("may.csv", log));
        let before = dir.read(result);
        dir.run(&[&CHECK[..], &["--summary", result]].concat()).refused(&["it is read or written already"]);
        assert_eq!(dir.read(result), before);
    }
}

/// It clears a screen, turns the direction of text, and is a command to a workflow.
#[cfg(unix)]
#[test]
fn a_hostile_name_of_a_log_speaks_from_no_file() {
    const NAME: &str = "a\u{1b}[2J\u{202e}b\u{9b}\n::error::c.csv";
    let dir = gate(&favourable(4000), REQUIRED);
    dir.write(NAME, favourable(4000));
    let quoted = serde_json::to_string(NAME).unwrap();
    dir.write("gate.toml", with_log(REQUIRED).replace("\"may.csv\"", &quoted));
    dir.run(&[&CHECK[..], &["--out", "out", "--summary", "summary.md", "--card", "card.md"]].concat())
        .exits(0);
    let evaluated =
        dir.run(&["evaluate", NAME, "--policy", "uniform", "--out", "out", "--html", "out/evaluation.html"]);
    assert!([0, 3].contains(&evaluated.code()), "{}", evaluated.stderr());
    let mut written = vec![dir.join("summary.md"), dir.join("card.md")];
    written.extend(std::fs::read_dir(dir.join("out")).unwrap().map(|entry| entry.unwrap().path()));
    assert_eq!(written.len(), 11, "{written:?}");
    for path in written {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{9b}']), "{}", path.display());
        assert!(!text.lines().any(|line| line.trim_start().starts_with("::")), "{}", path.display());
    }
    let verdict: Value = serde_json::from_str(&dir.read("out/verdict.json")).unwrap();
    assert!(verdict.to_string().contains("a\\u001b[2J\u{202e}b"), "{verdict:#}");
}
