//! The program's own decisions and rewards.

use super::{IN_0_1, complaint, file, refused};
use std::fs;
use tempfile::TempDir;

pub(super) const DECISION: &str = r#"{"decision_id":"d1","user":"ann","policy":"egreedy-v1","shadow":false,"chosen":"b","propensity":0.05,"explored":true,"scores":[0.1,0],"propensities":[0.95,0.05],"seed":1,"request":{"context":{"hour":8.5,"weekday":0},"candidates":[{"id":"a"},{"id":"b"}]},"time_ms":1000}"#;
pub(super) const REWARD: &str = r#"{"seq":1,"user":"ann","policy":"egreedy-v1","op":"reward","prev":0,"event":"d1","reward":-0.5,"decision_id":"d1","reaction":"dismissed","dwell_seconds":2,"request":{"context":{"hour":8.5,"weekday":0},"candidates":[{"id":"b"}]},"time_ms":4000}"#;

/// Logs whose second line is wrong: the decision as changed, alone, as a shadow's, and without a reward.
#[test]
fn decisions_of_our_own() {
    let dir = TempDir::new().unwrap();
    file(&dir, "rewards.jsonl", format!("{REWARD}\n").as_bytes());
    let good = DECISION.replace("d1", "d0");
    for (from, to, place, reason) in [
        // Broken JSON.
        ("\"shadow\":false", "\"shadow\":", "line 2, column 65", "shadow: expected value"),
        ("1000}", "1000}}", "line 2, column 270", "trailing characters"),
        ("\"seed\":1,", "\"chosen\":\"a\",", "line 2, column 169", "duplicate field `chosen`"),
        // Fields that are missing or of another type.
        ("\"user\":\"ann\",", "", "line 2, column 256", "missing field `user`"),
        ("\"shadow\":false,", "", "line 2, column 254", "missing field `shadow`"),
        ("\"propensity\":0.05,", "", "line 2, column 251", "missing field `propensity`"),
        ("\"propensities\":[0.95,0.05],", "", "line 2, column 242", "missing field `propensities`"),
        ("\"time_ms\":1000", "\"time\":1000", "line 2, column 266", "missing field `time_ms`"),
        (":false", ":\"no\"", "line 2, column 68", "shadow: invalid type: string \"no\", expected a boolean"),
        ("\"ann\"", "\"\"", "line 2, column 21", "user is \"\"; allowed: a name of at least one character"),
        (
            "\"d1\"",
            "\"\"",
            "line 2, column 2",
            "decision_id is \"\"; allowed: a name of at least one character",
        ),
        ("\"ann\"", "7", "line 2, column 28", "user: invalid type: integer `7`, expected a string"),
        (
            ":1000",
            ":-1000",
            "line 2, column 269",
            "time_ms: invalid value: integer `-1000`, expected a whole number, 0 or more",
        ),
        // Propensities.
        (":0.05,", ":0,", "line 2, column 84", &format!("propensity is 0; {IN_0_1}")),
        (":0.05,", ":-0.05,", "line 2, column 84", &format!("propensity is -0.05; {IN_0_1}")),
        (":0.05,", ":1.05,", "line 2, column 84", &format!("propensity is 1.05; {IN_0_1}")),
        (":0.05,", ":NaN,", "line 2, column 97", "propensity: expected"),
        (":0.05,", ":\"0.05\",", "line 2, column 102", "propensity: invalid type: string \"0.05\""),
        (":0.05,", ":0.5,", "line 2, column 84", "propensity is 0.5; allowed: 0.05, as the chosen one has"),
        (
            "[0.95,0.05]",
            "[0.05]",
            "line 2, column 135",
            "propensities is a list of 1; allowed: 2, as candidates",
        ),
        (
            "[0.95,0.05]",
            "[1.95,0.05]",
            "line 2, column 135",
            "propensities[0] is 1.95; allowed: a number in [0, 1]",
        ),
        (
            "[0.95,0.05]",
            "[0.5,0.05]",
            "line 2, column 135",
            "propensities is a list that adds up to 0.55; allowed: one that adds up to 1",
        ),
        ("[0.95,0.05]", "[null,0.05]", "line 2, column 154", "propensities[0]: invalid type: null"),
        // What could be chosen, and what was.
        (
            "\"b\",\"prop",
            "\"c\",\"prop",
            "line 2, column 71",
            "chosen is \"c\"; allowed: the id of a candidate",
        ),
        ("{\"id\":\"a\"}", "{\"id\":\"b\"}", "line 2, column 171", "request.candidates[1].id is \"b\""),
        ("[{\"id\":\"a\"},{\"id\":\"b\"}]", "[]", "line 2, column 171", "request.candidates is a list of 0;"),
        (
            "{\"id\":\"a\"}",
            "{\"name\":\"a\"}",
            "line 2, column 237",
            "request.candidates[0].name: unknown field `name`",
        ),
        ("8.5", "24", "line 2, column 171", "request.context.hour is 24;"),
        ("\"weekday\":0", "\"weekday\":7", "line 2, column 171", "request.context.weekday is 7;"),
    ] {
        let bad = DECISION.replacen(from, to, 1);
        assert_ne!(bad, DECISION, "{from}");
        refused(&dir, "decisions.jsonl", format!("{good}\n{bad}\n").as_bytes(), &[place, reason]);
    }
    // Also what would be passed over has to be what it says.
    let bad = DECISION.replace(":0.05,", ":0,");
    for passed_over in [bad.replace("\"d1\"", "\"d2\""), bad.replace(":false", ":true ")] {
        let place = "line 2, column 84: propensity is 0;";
        refused(&dir, "decisions.jsonl", format!("{good}\n{passed_over}\n").as_bytes(), &[place]);
    }
    // Damage that is still JSON.
    let damaged = DECISION.replace("1000}", "1000,\"crc\":\"01234567\"}");
    refused(
        &dir,
        "decisions.jsonl",
        format!("{good}\n{damaged}\n").as_bytes(),
        &["line 2, column 1", "checksum 62fbe742, but 01234567 is stated"],
    );
    let twice = format!("{DECISION}\n{DECISION}\n");
    let reason = "line 2, column 2: decision_id is \"d1\" again; allowed: each decision once";
    refused(&dir, "decisions.jsonl", twice.as_bytes(), &[reason]);
    // The same of decisions that nothing followed.
    let twice = twice.replace("\"d1\"", "\"d7\"");
    let reason = "line 2, column 2: decision_id is \"d7\" again; allowed: each decision once";
    refused(&dir, "decisions.jsonl", twice.as_bytes(), &[reason]);
}

#[test]
fn lines_that_are_no_decision() {
    let dir = TempDir::new().unwrap();
    file(&dir, "rewards.jsonl", format!("{REWARD}\n").as_bytes());
    let good = DECISION.replace("d1", "d0");
    // Its fields in their order are no decision.
    let list = "[\"d1\",\"ann\",false,\"b\",0.05,[0.95,0.05],{\"candidates\":[{\"id\":\"b\"}]},1000]";
    let list = format!("{good}\n{list}\n");
    refused(
        &dir,
        "decisions.jsonl",
        list.as_bytes(),
        &["line 2, column 1", "a list, where an object should be"],
    );
    let (before, after) = DECISION.split_once("ann").unwrap();
    let not_utf8 = [before.as_bytes(), b"\xff", after.as_bytes()].concat();
    let reason = "line 1, column 29: user: invalid unicode code point";
    refused(&dir, "decisions.jsonl", &not_utf8, &[reason]);
    refused(
        &dir,
        "decisions.jsonl",
        &DECISION.as_bytes()[..100],
        &["line 1, column 100", "EOF while parsing"],
    );
}

#[test]
fn rewards_of_our_own() {
    let dir = TempDir::new().unwrap();
    let decisions = file(&dir, "decisions.jsonl", format!("{DECISION}\n").as_bytes());
    let rewards = dir.path().join("rewards.jsonl");
    let other = REWARD.replace("d1", "d0");
    for (from, to, place, reason) in [
        ("-0.5,", "", "line 2, column 102", "reward: invalid type: string \"decision_id\""),
        ("\"reward\":-0.5,", "", "line 2, column 1", "reward is missing; allowed: a finite number"),
        ("-0.5", "null", "line 2, column 81", "reward is missing; allowed: a finite number"),
        ("-0.5", "\"much\"", "line 2, column 95", "reward: invalid type: string \"much\", expected a number"),
        ("-0.5", "1e999", "line 2, column 94", "reward: number out of range"),
        (
            "\"reward\":-0.5,\"decision_id\":\"d1\",",
            "",
            "line 2, column 1",
            "reward is missing; allowed: a finite",
        ),
        (
            "\"ann\"",
            "\"bob\"",
            "line 2, column 1",
            "user is another; allowed: \"ann\", as its decision has at",
        ),
        ("4000}", "4000,\"crc\":\"01234567\"}", "line 2, column 1", "checksum "),
        ("\"op\":\"reward\",", "", "line 2, column 228", "missing field `op`"),
        (":\"reward\",", ":\"rewarded\",", "line 2, column 59", "op: unknown variant `rewarded`"),
        ("\"time_ms\"", "\"time\"", "line 2, column 239", "missing field `time_ms`"),
        ("4000}", "4000", "line 2, column 241", "EOF while parsing an object"),
    ] {
        let bad = REWARD.replacen(from, to, 1);
        assert_ne!(bad, REWARD, "{from}");
        fs::write(&rewards, format!("{other}\n{bad}\n")).unwrap();
        let said = complaint(&[&decisions, "--policy", "uniform"]);
        let place = format!("rewards.jsonl, {place}: ");
        assert!(said.contains(&place) && said.contains(reason), "{place}{reason}\nis not in\n{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    let twice = format!("{other}\n{REWARD}\n{}\n", REWARD.replace("-0.5", "1").replace("v1", "v2"));
    fs::write(&rewards, twice).unwrap();
    let said = complaint(&[&decisions, "--policy", "uniform"]);
    assert!(
        said.contains("rewards.jsonl, line 3, column 1: reward is 1; allowed: -0.5, which its"),
        "{said}"
    );
    assert!(said.ends_with("rewards.jsonl, line 2, column 1"), "{said}");
}
