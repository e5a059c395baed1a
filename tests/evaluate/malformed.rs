//! Every malformed line of every format is refused with file, line, column and reason, and no default takes its
//! place. Columns are bytes of the line, from 1: of the field in CSV, of the word in Vowpal Wabbit's text, of the
//! field's name in JSON, or where the parser stopped.

use super::{complaint, file};
use flate2::{Compression, write::GzEncoder};
use std::fs;
use std::io::Write;
use tempfile::TempDir;

/// A log that is refused with one line that names the file and has every part.
fn refused(dir: &TempDir, name: &str, content: &[u8], parts: &[&str]) {
    let log = file(dir, name, content);
    let said = complaint(&[&log, "--policy", "uniform"]);
    assert_eq!(said.lines().count(), 1, "{said}");
    let shown = || String::from_utf8_lossy(&content[..content.len().min(400)]).into_owned();
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in\n{said}\nwhich is said of\n{}", shown());
    }
    assert!(said.contains(&format!("{log}, line ")) || parts[0].contains(", line "), "{said}");
}

const IN_0_1: &str = "allowed: a number in (0, 1]: the probability of the choice as it was made";

#[test]
fn csv() {
    let dir = TempDir::new().unwrap();
    let good = "action,reward,propensity,timestamp,note\na,1,0.5,2019-11-24 00:00:17,x\n";
    for (line, place, reason) in [
        // Too few and too many fields, quotes that do not fit.
        ("b,1,0.5,2019-11-24 00:00:17", "line 3, column 28", "4 fields; the header has 5"),
        ("b,1,0.5,2019-11-24 00:00:17,x,y", "line 3, column 31", "6 fields; the header has 5"),
        ("b", "line 3, column 2", "1 fields; the header has 5"),
        ("\"b,1,0.5,2019-11-24 00:00:17,x", "line 3, column 1", "a quote that is never closed"),
        ("b\"\",1,0.5,2019-11-24 00:00:17,x", "line 3, column 2", "a quote within a field"),
        ("\"b\"c,1,0.5,2019-11-24 00:00:17,x", "line 3, column 4", "text after the quote that ends a field"),
        // What was chosen.
        (",1,0.5,2019-11-24 00:00:17,x", "line 3, column 1", "action is empty; allowed: the name of an item"),
        ("\"\",1,0.5,2019-11-24 00:00:17,x", "line 3, column 1", "action is empty"),
        // Rewards.
        ("b,,0.5,2019-11-24 00:00:17,x", "line 3, column 3", "reward is \"\"; allowed: a number"),
        ("b,yes,0.5,2019-11-24 00:00:17,x", "line 3, column 3", "reward is \"yes\"; allowed: a number"),
        ("b,NaN,0.5,2019-11-24 00:00:17,x", "line 3, column 3", "reward is NaN; allowed: a finite number"),
        ("b,1e999,0.5,2019-11-24 00:00:17,x", "line 3, column 3", "reward is inf; allowed: a finite number"),
        // Propensities.
        ("b,1,,2019-11-24 00:00:17,x", "line 3, column 5", "propensity is \"\"; allowed: a number"),
        ("b,1,half,2019-11-24 00:00:17,x", "line 3, column 5", "propensity is \"half\"; allowed: a number"),
        ("b,1,0,2019-11-24 00:00:17,x", "line 3, column 5", &format!("propensity is 0; {IN_0_1}")),
        ("b,1,-0.5,2019-11-24 00:00:17,x", "line 3, column 5", &format!("propensity is -0.5; {IN_0_1}")),
        ("b,1,1.5,2019-11-24 00:00:17,x", "line 3, column 5", &format!("propensity is 1.5; {IN_0_1}")),
        ("b,1,NaN,2019-11-24 00:00:17,x", "line 3, column 5", &format!("propensity is NaN; {IN_0_1}")),
        ("b,1,inf,2019-11-24 00:00:17,x", "line 3, column 5", &format!("propensity is inf; {IN_0_1}")),
        // Moments.
        ("b,1,0.5,,x", "line 3, column 9", "timestamp is \"\"; allowed: a date and time"),
        ("b,1,0.5,2019-11-24 25:00:17,x", "line 3, column 9", "timestamp is \"2019-11-24 25:00:17\""),
    ] {
        refused(&dir, "log.csv", format!("{good}{line}\n").as_bytes(), &[place, reason]);
    }
    let not_utf8 = [good.as_bytes(), b"b\xff,1,0.5,2019-11-24 00:00:17,x\n"].concat();
    refused(&dir, "log.csv", &not_utf8, &["line 3, column 1: action is", "in UTF-8"]);
    let not_utf8 = [good.as_bytes(), b"b,1,0.\xff5,2019-11-24 00:00:17,x\n"].concat();
    refused(&dir, "log.csv", &not_utf8, &["line 3, column 5: propensity is", "allowed: a number"]);
}

#[test]
fn headers_of_csv() {
    let dir = TempDir::new().unwrap();
    for (header, reason) in [
        ("action,reward\na,1\n", "line 1, column 1: unknown column \"propensity\"; known: action, reward"),
        (
            "action,rewards,propensity\n",
            "line 1, column 1: unknown column \"reward\", did you mean \"rewards\"?",
        ),
        ("action,reward,propensity,reward\n", "line 1, column 26: the header is \"reward\" again"),
        ("\"action,reward,propensity\n", "line 1, column 1: a quote that is never closed"),
        ("nothing\n", "line 1, column 1: a log of no known format"),
        ("", "line 1, column 1: a log of no known format"),
    ] {
        refused(&dir, "log.csv", header.as_bytes(), &[reason]);
    }
    let empty = file(&dir, "log.csv", b"");
    let said = complaint(&[&empty, "--policy", "uniform", "--format", "csv"]);
    assert!(said.ends_with("log.csv, line 1, column 1: no header; it names the columns"), "{said}");
}

#[test]
fn open_bandit() {
    let dir = TempDir::new().unwrap();
    let header = ",timestamp,item_id,position,click,propensity_score,user_feature_0";
    let good = format!("{header}\n0,2019-11-24 00:00:17.004101+00:00,79,2,0,0.0125,x\n");
    for (line, place, reason) in [
        ("1,2019-11-24 00:00:19,14,1,0,0.01", "line 3, column 34", "6 fields; the header has 7"),
        ("1,2019-11-24 00:00:19,,1,0,0.01,x", "line 3, column 23", "item_id is empty"),
        ("1,2019-11-24 00:00:19,14,1,no,0.01,x", "line 3, column 28", "click is \"no\"; allowed: a number"),
        (
            "1,2019-11-24 00:00:19,14,1,0,,x",
            "line 3, column 30",
            "propensity_score is \"\"; allowed: a number",
        ),
        (
            "1,2019-11-24 00:00:19,14,1,0,0,x",
            "line 3, column 30",
            &format!("propensity_score is 0; {IN_0_1}"),
        ),
        (
            "1,2019-11-24 00:00:19,14,1,0,-1,x",
            "line 3, column 30",
            &format!("propensity_score is -1; {IN_0_1}"),
        ),
        ("1,2019-11-24 00:00:19,14,1,0,1.01,x", "line 3, column 30", "propensity_score is 1.01;"),
        ("1,2019-11-24 00:00:19,14,1,0,nan,x", "line 3, column 30", "propensity_score is NaN;"),
        ("1,24/11/2019,14,1,0,0.01,x", "line 3, column 3", "timestamp is \"24/11/2019\""),
    ] {
        refused(&dir, "all.csv", format!("{good}{line}\n").as_bytes(), &[place, reason]);
    }
    let log = file(&dir, "all.csv", good.replace("click", "clicks").as_bytes());
    let said = complaint(&[&log, "--policy", "uniform", "--format", "obd"]);
    assert!(said.contains("all.csv, line 1, column 1: unknown column \"click\""), "{said}");
}

const DSJSON: &str = r#"{"_label_cost":-1,"_label_probability":0.8,"_label_Action":2,"_labelIndex":1,"Timestamp":"2019-11-25T06:30:00.0Z","EventId":"x","a":[2,1],"c":{"_multi":[{"_tag":"a"},{"_tag":"b"}]},"p":[0.8,0.2]}"#;

#[test]
fn dsjson() {
    let dir = TempDir::new().unwrap();
    for (from, to, place, reason) in [
        // Broken JSON.
        ("}]}", "}]", "line 2, column 194", "EOF while parsing an object"),
        ("{\"_label_cost\"", "{_label_cost", "line 2, column 2", "key must be a string"),
        ("[0.8,0.2]}", "[0.8,0.2]} x", "line 2, column 197", "trailing characters"),
        (":-1,", ":-1,\"_label_cost\":-1,", "line 2, column 31", "duplicate field `_label_cost`"),
        // Costs.
        ("\"_label_cost\":-1,", "", "line 2, column 1", "_label_cost is missing; allowed: a number"),
        (":-1,", ":null,", "line 2, column 2", "_label_cost is missing; allowed: a number"),
        (":-1,", ":true,", "line 2, column 19", "_label_cost: invalid type: boolean `true`, expected f64"),
        (":-1,", ":1e999,", "line 2, column 20", "_label_cost: number out of range"),
        // Propensities.
        ("\"_label_probability\":0.8,", "", "line 2, column 1", "_label_probability is missing"),
        ("ity\":0.8", "ity\":null", "line 2, column 19", "_label_probability is missing"),
        ("ity\":0.8", "ity\":0", "line 2, column 19", &format!("_label_probability is 0; {IN_0_1}")),
        ("ity\":0.8", "ity\":-0.8", "line 2, column 19", &format!("_label_probability is -0.8; {IN_0_1}")),
        ("ity\":0.8", "ity\":1.8", "line 2, column 19", &format!("_label_probability is 1.8; {IN_0_1}")),
        ("ity\":0.8", "ity\":NaN", "line 2, column 40", "_label_probability: expected value"),
        (
            "ity\":0.8",
            "ity\":\"0.8\"",
            "line 2, column 44",
            "_label_probability: invalid type: string \"0.8\"",
        ),
        ("[0.8,0.2]", "[0.8,1.2]", "line 2, column 182", "p is 1.2; allowed: a number in [0, 1]"),
        ("[0.8,0.2]", "[0.8,-0.2]", "line 2, column 182", "p is -0.2; allowed: a number in [0, 1]"),
        ("[0.8,0.2]", "[1]", "line 2, column 182", "p is a list of 1; allowed: 2, as a has"),
        // Actions.
        (
            "Action\":2",
            "Action\":1",
            "line 2, column 44",
            "_label_Action is 1 and _labelIndex 1; allowed: 1 to 2",
        ),
        (
            "\"_label_Action\":2,\"_labelIndex\":1,",
            "\"_labelIndex\":2,",
            "line 2, column 1",
            "_label_Action is 3;",
        ),
        ("2,\"_labelIndex\":1,", "0,", "line 2, column 44", "_label_Action is 0; allowed: 1 to 2"),
        ("Action\":2", "Action\":-2", "line 2, column 61", "_label_Action: invalid value: integer `-2`"),
        ("\"a\":[2,1]", "\"a\":[2,3]", "line 2, column 129", "a is 3; allowed: each number from 1 to 2"),
        ("\"a\":[2,1]", "\"a\":[2,2]", "line 2, column 129", "a is 2; allowed: each number from 1 to 2"),
        (
            "\"_tag\":\"b\"",
            "\"_tag\":\"a\"",
            "line 2, column 155",
            "_tag is \"a\" again; allowed: each action of",
        ),
        (
            "{\"_tag\":\"b\"}",
            "7",
            "line 2, column 167",
            "c._multi[1]: invalid type: integer `7`, expected a map",
        ),
        (
            "[{\"_tag\":\"a\"},{\"_tag\":\"b\"}]",
            "[]",
            "line 2, column 144",
            "_multi is missing; allowed: the list of",
        ),
        (
            ",\"c\":{\"_multi\":[{\"_tag\":\"a\"},{\"_tag\":\"b\"}]}",
            "",
            "line 2, column 1",
            "_multi is missing",
        ),
        // The rest.
        (
            "2019-11-25T06",
            "2019-11-25T36",
            "line 2, column 78",
            "Timestamp is \"2019-11-25T36:30:00.0Z\"; allowed",
        ),
        ("\"EventId\"", "\"pdrop\":0.5,\"EventId\"", "line 2, column 115", "pdrop is 0.5; allowed: 0"),
    ] {
        let bad = DSJSON.replacen(from, to, 1);
        assert_ne!(bad, DSJSON, "{from}");
        refused(&dir, "log.json", format!("{DSJSON}\n{bad}\n").as_bytes(), &[place, reason]);
    }
    let neither = format!("{DSJSON}\n{{\"Version\":\"1\"}}\n");
    refused(&dir, "log.json", neither.as_bytes(), &["line 2, column 1", "_label_cost is missing"]);
    let (before, after) = DSJSON.split_once("\"b\"").unwrap();
    let not_utf8 = [before.as_bytes(), b"\"\xff\"", after.as_bytes()].concat();
    refused(&dir, "log.json", &not_utf8, &["line 1, column", "invalid unicode code point"]);
    refused(&dir, "log.json", &DSJSON.as_bytes()[..90], &["line 1, column 90", "EOF while parsing a string"]);
}

#[test]
fn vw_text() {
    let dir = TempDir::new().unwrap();
    let good = "shared |u age:3\n'a |i x:1\n0:-1:0.5 'b |i x\n\n";
    for (decision, place, reason) in [
        // Lines that are none.
        ("'a |i x\n0:1:0.5 'b i x\n", "line 6, column 15", "no '|' before the features"),
        ("'a |i x\nshared |u age:3\n", "line 6, column 1", "a shared line amid the actions"),
        ("shared |u age:3\n\n0:1:0.5 |i x\n", "line 5, column 1", "a shared line without actions"),
        (
            "shared 0:1:0.5 |u age:3\n'a |i\n",
            "line 5, column 8",
            "label is \"0:1:0.5\"; allowed: nothing on a",
        ),
        (
            "0:1:0.5 'a |i x:much\n'b |i x\n",
            "line 5, column 17",
            "the value of \"x\" is \"much\"; allowed: a finite",
        ),
        (
            "0:1:0.5 'a |i:NaN x\n'b |i x\n",
            "line 5, column 15",
            "the value of \"i\" is \"NaN\"; allowed: a finite",
        ),
        // Labels.
        ("0:1 'a |i x\n", "line 5, column 1", "label is \"0:1\"; allowed: action:cost:probability"),
        (
            "0:1:0.5:1 'a |i x\n",
            "line 5, column 1",
            "label is \"0:1:0.5:1\"; allowed: action:cost:probability",
        ),
        (
            "'a |i x\n 1 'b |i x\n",
            "line 6, column 2",
            "label is \"1\"; allowed: action:cost:probability, or nothing",
        ),
        ("x:1:0.5 'a |i x\n", "line 5, column 1", "the action a whole number"),
        ("0:1:0.5 'a |i x\n0:1:0.5 'b |i x\n", "line 6, column 1", "a second chosen action in one decision"),
        (
            "0:1:0.5 'a |i x\n'a |i y\n",
            "line 6, column 1",
            "tag is \"a\" again; allowed: each action of a decision",
        ),
        // Costs.
        ("0::0.5 'a |i x\n", "line 5, column 3", "cost is \"\"; allowed: a number"),
        ("0:x:0.5 'a |i x\n", "line 5, column 3", "cost is \"x\"; allowed: a number"),
        ("0:1e999:0.5 'a |i x\n", "line 5, column 3", "cost is -inf; allowed: a finite number"),
        // Propensities.
        ("0:1: 'a |i x\n", "line 5, column 5", "probability is \"\"; allowed: a number"),
        ("0:1:half 'a |i x\n", "line 5, column 5", "probability is \"half\"; allowed: a number"),
        ("0:1:0 'a |i x\n", "line 5, column 5", &format!("probability is 0; {IN_0_1}")),
        ("0:-1.5:-0.5 'a |i x\n", "line 5, column 8", &format!("probability is -0.5; {IN_0_1}")),
        ("0:1:1.5 'a |i x\n", "line 5, column 5", &format!("probability is 1.5; {IN_0_1}")),
        ("'b |i x\n0:1:NaN 'a |i x\n", "line 6, column 5", &format!("probability is NaN; {IN_0_1}")),
    ] {
        refused(&dir, "log.vw", format!("{good}{decision}").as_bytes(), &[place, reason]);
    }
    let not_utf8 = [good.as_bytes(), b"0:1:0.5 'a |i \xffx\n"].concat();
    refused(&dir, "log.vw", &not_utf8, &["line 5, column 15", "not UTF-8"]);
}

const DECISION: &str = r#"{"decision_id":"d1","user":"ann","policy":"egreedy-v1","shadow":false,"chosen":"b","propensity":0.05,"explored":true,"scores":[0.1,0],"propensities":[0.95,0.05],"seed":1,"request":{"context":{"hour":8.5,"weekday":0},"candidates":[{"id":"a"},{"id":"b"}]},"time_ms":1000}"#;
const REWARD: &str = r#"{"seq":1,"user":"ann","policy":"egreedy-v1","op":"reward","prev":0,"event":"d1","reward":-0.5,"decision_id":"d1","reaction":"dismissed","dwell_seconds":2,"request":{"context":{"hour":8.5,"weekday":0},"candidates":[{"id":"b"}]},"time_ms":4000}"#;

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
        ("\"ann\"", "7", "line 2, column 28", "user: invalid type: integer `7`, expected a string"),
        (":1000", ":-1000", "line 2, column 269", "time_ms: invalid value: integer `-1000`, expected u64"),
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
    let twice = format!("{DECISION}\n{DECISION}\n");
    let reason = "line 2, column 2: decision_id is \"d1\" again; allowed: each decision once";
    refused(&dir, "decisions.jsonl", twice.as_bytes(), &[reason]);
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
        ("-0.5", "\"much\"", "line 2, column 95", "reward: invalid type: string \"much\", expected f64"),
        ("-0.5", "1e999", "line 2, column 94", "reward: number out of range"),
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

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(text).unwrap();
    gzip.finish().unwrap()
}

fn zstd(text: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(text, ruzstd::encoding::CompressionLevel::Fastest)
}

#[test]
fn compressed_logs() {
    let dir = TempDir::new().unwrap();
    let text = super::plain_log(20_000);
    for (name, compress) in [("log.csv.gz", gzip as fn(&[u8]) -> Vec<u8>), ("log.csv.zst", zstd)] {
        // What is wrong in a line is said of the line as it was before compression.
        let bad = compress(format!("{text}a,1,0\n").as_bytes());
        refused(&dir, name, &bad, &["line 20002, column 5: propensity is 0"]);
        let whole = compress(text.as_bytes());
        for kept in [1, 2, whole.len() / 3, whole.len() / 2, whole.len() - 5, whole.len() - 1] {
            let kept = kept.max(6);
            refused(
                &dir,
                name,
                &whole[..kept],
                &[", line ", ", column ", "the compressed data cannot be read on"],
            );
        }
        for from_end in [2, 6] {
            let mut damaged = whole.clone();
            damaged[whole.len() - from_end] ^= 0x55;
            refused(&dir, name, &damaged, &["the compressed data cannot be read on"]);
        }
        let trailing = [&whole[..], b"more"].concat();
        refused(&dir, name, &trailing, &["line 20002, column 1: the compressed data cannot be read on"]);
        // Several pieces, one after the other, are one log.
        let (first, second) = text.split_at(text.len() / 2);
        let pieces = [compress(first.as_bytes()), compress(second.as_bytes())].concat();
        let log = file(&dir, name, &pieces);
        assert_eq!(super::json(&[&log, "--policy", "uniform"], 0)["rows"], 20_000, "{name}");
    }
    // A frame that is no content.
    let skipped = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3][..], &zstd(text.as_bytes())].concat();
    let log = file(&dir, "log.csv.zst", &skipped);
    assert_eq!(super::json(&[&log, "--policy", "uniform"], 0)["rows"], 20_000);
    refused(&dir, "log.csv.zst", &skipped[..9], &["line 1, column 1: the compressed data cannot be read on"]);
}

#[test]
fn lines_that_never_end() {
    let dir = TempDir::new().unwrap();
    let endless = "x".repeat(65 << 20);
    for (name, start) in [
        ("log.csv.gz", "action,reward,propensity\na,1,0.5\n"),
        ("log.csv.gz", "action,reward,propensity\na,1,0.5\n\""),
        ("log.vw.gz", "0:1:0.5 |i x\n|"),
        ("log.json.gz", &format!("{DSJSON}\n{{\"")),
    ] {
        let log = gzip(format!("{start}{endless}").as_bytes());
        refused(&dir, name, &log, &["column 1: a line of more than 67108864 bytes"]);
    }
}
