//! Vowpal Wabbit's dsjson and text.

use super::{IN_0_1, refused};
use tempfile::TempDir;

pub(in crate::evaluation) const DSJSON: &str = r#"{"_label_cost":-1,"_label_probability":0.8,"_label_Action":2,"_labelIndex":1,"Timestamp":"2019-11-25T06:30:00.0Z","EventId":"x","a":[2,1],"c":{"_multi":[{"_tag":"a"},{"_tag":"b"}]},"p":[0.8,0.2]}"#;

/// A log whose second line is the good one with a change.
fn changed(dir: &TempDir, from: &str, to: &str, parts: &[&str]) {
    let bad = DSJSON.replacen(from, to, 1);
    assert_ne!(bad, DSJSON, "{from}");
    refused(dir, "log.json", format!("{DSJSON}\n{bad}\n").as_bytes(), parts);
}

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
        (":-1,", ":null,", "line 2, column 2", "_label_cost is null; allowed: a number"),
        (
            ":-1,",
            ":true,",
            "line 2, column 19",
            "_label_cost: invalid type: boolean `true`, expected a number",
        ),
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
        (
            "ity\":0.8",
            "ity\":0.7",
            "line 2, column 19",
            "_label_probability is 0.7; allowed: 0.8, as the chosen action has in p",
        ),
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
            "line 2, column 168",
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
        changed(&dir, from, to, &[place, reason]);
    }
}

#[test]
fn lines_that_are_no_dsjson() {
    let dir = TempDir::new().unwrap();
    for (line, reason) in [
        ("[1]", "a list, where an object should be"),
        ("5", "invalid type: integer `5`, expected an object"),
        ("null", "invalid type: null, expected an object"),
    ] {
        let column = if line == "null" { 4 } else { 1 };
        let log = format!("{DSJSON}\n{line}\n");
        refused(&dir, "log.json", log.as_bytes(), &[&format!("line 2, column {column}"), reason]);
    }
    let neither = format!("{DSJSON}\n{{\"Version\":\"1\"}}\n");
    refused(&dir, "log.json", neither.as_bytes(), &["line 2, column 1", "_label_cost is missing"]);
    let (before, after) = DSJSON.split_once("\"b\"").unwrap();
    let not_utf8 = [before.as_bytes(), b"\"\xff\"", after.as_bytes()].concat();
    refused(
        &dir,
        "log.json",
        &not_utf8,
        &["line 1, column 176", "c._multi[1]._tag: invalid unicode code point"],
    );
    refused(
        &dir,
        "log.json",
        &DSJSON.as_bytes()[..90],
        &["line 1, column 90", "Timestamp: EOF while parsing a string"],
    );
}

#[test]
fn actions_and_probabilities_of_dsjson_belong_together() {
    let dir = TempDir::new().unwrap();
    for (from, to, place, reason) in [
        (
            "\"a\":[2,1],",
            "",
            "line 2, column 172",
            "a is missing; allowed: the numbers of the actions to which p belongs",
        ),
        (
            "\"a\":[2,1]",
            "\"a\":[1,2]",
            "line 2, column 129",
            "a is a list that begins with 1; allowed: 2, the labelled action, first",
        ),
        (
            "{\"_tag\":\"b\"}",
            "{\"_tag\":\"b\"},{}",
            "line 2, column 129",
            "a is a list of 2; allowed: 3, one for each action",
        ),
        ("[0.8,0.2]", "[0.8,0.1]", "line 2, column 182", "p is a list that adds up to 0.9"),
        (
            "\"_tag\":\"b\"",
            "\"_tag\":7",
            "line 2, column 168",
            "_tag is 7; allowed: the name of an action as a text, in quotes",
        ),
        (
            "\"_tag\":\"b\"",
            "\"_tag\":\"\"",
            "line 2, column 168",
            "_tag is \"\"; allowed: the name of an action",
        ),
        (
            "\"_tag\":\"b\"",
            "\"_tag\":\"b \"",
            "line 2, column 168",
            "_tag is \"b \"; allowed: the name of an action",
        ),
    ] {
        changed(&dir, from, to, &[place, reason]);
    }
}

#[test]
fn dsjson_keys_that_stand_elsewhere_too() {
    let dir = TempDir::new().unwrap();
    let elsewhere = DSJSON.replace("\"c\":{", "\"c\":{\"x\":{\"a\":1,\"p\":1},");
    let late = elsewhere.replace("\"a\":[2,1],", "").replace("\"p\":[", "\"a\":[2,3],\"p\":[");
    let prior = |x: &str, y: &str| {
        let tag = |t: &str, of: &str| format!("{{\"_tag\":\"{t}\"{of}}}");
        DSJSON.replace(&tag("a", ""), &tag("a", x)).replace(&tag("b", ""), &tag("b", y))
    };
    let shared = prior(",\"hour\":1", "").replace("\"b\"}]", "\"b\"}],\"u\":{\"hour\":24}");
    for (bad, place, reason) in [
        (late, "line 2, column 190", "a is 3;"),
        (elsewhere.replace("0.2]", "1.2]"), "line 2, column 200", "p is 1.2;"),
        (prior(",\"priority\":0.5", ",\"priority\":1.5"), "line 2, column 194", "priority is 1.5;"),
        (shared, "line 2, column 195", "hour is 24;"),
        (
            DSJSON.replace("\"b\"}]", "\"b\"}],\"_multi\":[{}]"),
            "line 2, column 188",
            "c: duplicate field `_multi`",
        ),
        (
            DSJSON.replace("\"c\":{", "\"c\":{\"x\":1,\"x\":2,"),
            "line 2, column 152",
            "c: duplicate field `x`",
        ),
    ] {
        refused(&dir, "log.json", format!("{DSJSON}\n{bad}\n").as_bytes(), &[place, reason]);
    }
}

#[test]
fn features_of_dsjson() {
    let dir = TempDir::new().unwrap();
    for (from, to, place, reason) in [
        (
            "{\"_tag\":\"a\"}",
            "{\"_tag\":\"a\",\"i\":{\"priority\":1.5}}",
            "line 2, column 171",
            "priority is 1.5; allowed: a number in [0, 1]",
        ),
        (
            "\"c\":{",
            "\"c\":{\"u\":{\"hour\":24},",
            "line 2, column 149",
            "hour is 24; allowed: an hour in [0, 24)",
        ),
        ("\"c\":{", "\"c\":{\"weekday\":7,", "line 2, column 144", "weekday is 7; allowed: 0 (Monday) to 6"),
        (
            "\"c\":{",
            "\"c\":{\"hour\":2,\"u\":{\"hour\":3},",
            "line 2, column 144",
            "hour is there again; allowed: each feature once",
        ),
    ] {
        changed(&dir, from, to, &[place, reason]);
    }
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
            "0:1:0.5 'a |i priority:much\n'b |i x\n",
            "line 5, column 24",
            "the value of \"priority\" is \"much\"; allowed: a finite",
        ),
        (
            "0:1:0.5 'a |i:NaN x\n'b |i x\n",
            "line 5, column 15",
            "the value of \"i\" is \"NaN\"; allowed: a finite",
        ),
        // Features that are read.
        (
            "0:1:0.5 'a |i x priority:1.5\n'b |i x\n",
            "line 5, column 17",
            "priority is 1.5; allowed: a number in [0, 1]",
        ),
        (
            "0:1:0.5 'a |i hour=9 |j hour:10\n'b |i x\n",
            "line 5, column 25",
            "hour is there again; allowed: each",
        ),
        (
            "shared |u weekday:7\n0:1:0.5 'a |i x\n",
            "line 5, column 11",
            "weekday is 7; allowed: 0 (Monday) to 6",
        ),
        // What touches the bar would be a tag.
        ("0:1:0.5|i x\n", "line 5, column 1", "label is \"0:1:0.5\"; allowed: a blank before '|'"),
        (
            "shared|u x\n0:1:0.5 |i x\n",
            "line 5, column 1",
            "label is \"shared\"; allowed: a blank before '|'",
        ),
        ("0:1:0.5 a|i x\na |i y\n", "line 6, column 1", "label is \"a\"; allowed: action:cost:probability"),
        (
            "0:1:0.5 a|i x\na|i y\n",
            "line 6, column 1",
            "tag is \"a\" again; allowed: each action of a decision",
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
        (
            "x:1:0.5 'a |i x\n",
            "line 5, column 1",
            "label is \"x:1:0.5\"; allowed: action:cost:probability, the action a whole number",
        ),
        ("0:1:0.5 'a |i x\n0:1:0.5 'b |i x\n", "line 6, column 1", "a second chosen action in one decision"),
        (
            "0:1:0.5 'a |i x\n'a |i y\n",
            "line 6, column 1",
            "tag is \"a\" again; allowed: each action of a decision",
        ),
        // Costs.
        ("0::0.5 'a |i x\n", "line 5, column 3", "cost is \"\"; allowed: a number"),
        ("0:x:0.5 'a |i x\n", "line 5, column 3", "cost is \"x\"; allowed: a number"),
        ("0:1e999:0.5 'a |i x\n", "line 5, column 3", "cost is inf; allowed: a finite number"),
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
