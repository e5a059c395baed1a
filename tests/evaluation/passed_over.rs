//! Decisions that do not count, for want of a label or by their own word: they are checked, and tell nothing.

use super::malformed::{DSJSON, refused};
use super::{file, json};
use serde_json::Value;
use tempfile::TempDir;

/// Decisions among `a` and `b`, shown in turn and evenly.
fn labelled(is_vw: bool, rows: usize) -> String {
    let decision = |i: usize| {
        let reward = usize::from(i % 3 == 0);
        if is_vw {
            let label = |k: usize| if k == i % 2 { format!("0:-{reward}:0.5 ") } else { String::new() };
            return format!("{}'a |f x\n{}'b |f x\n\n", label(0), label(1));
        }
        format!(
            "{{\"_label_cost\":-{reward},\"_label_probability\":0.5,\"_label_Action\":{},\"c\":{{\"_multi\":\
             [{{\"_tag\":\"a\"}},{{\"_tag\":\"b\"}}]}}}}\n",
            1 + i % 2
        )
    };
    (0..rows).map(decision).collect()
}

/// Decisions that do not count, each among two actions of its own, some of them with a label (dsjson);
/// `more` is said of the second action.
fn passed_over(is_vw: bool, rows: usize, more: &str) -> String {
    let decision = |i: usize| {
        if is_vw {
            return format!("'x{i} |f x\n|f y{i} {more}\n\n");
        }
        let label =
            if i % 2 == 0 { "" } else { "\"_label_cost\":-1,\"_label_probability\":0.5,\"_labelIndex\":0," };
        format!(
            "{{\"_skipLearn\":true,\"EventId\":\"e\",{label}\"c\":{{\"_multi\":[{{\"_tag\":\"x{i}\"}},{{\"y\":{i}{more}}}]}}}}\n"
        )
    };
    (0..rows).map(decision).collect()
}

#[test]
fn their_items_are_none_that_the_log_could_choose() {
    let dir = TempDir::new().unwrap();
    for (name, is_vw) in [("log.vw", true), ("log.json", false)] {
        let counted = labelled(is_vw, 2000);
        let evaluate = |text: &str| -> Value {
            json(
                &[
                    &file(&dir, name, text.as_bytes()),
                    "--policy",
                    "uniform",
                    "--format",
                    if is_vw { "vw" } else { "dsjson" },
                ],
                0,
            )
        };
        let alone = evaluate(&counted);
        assert_eq!(alone["policies"][0]["diagnostics"]["support"], "items_chosen", "{alone:#}");
        // With theirs there would be 1,002 items, of which most were never chosen.
        let others = passed_over(is_vw, 500, "");
        assert_eq!(evaluate(&format!("{counted}{others}")), alone, "{name}");
        assert_eq!(evaluate(&format!("{others}{counted}")), alone, "{name}");
    }
}

/// The first decision that counts tells whether a log has kinds, and the others' are not named.
#[test]
fn their_features_say_nothing_of_the_log() {
    let dir = TempDir::new().unwrap();
    let policy = b"name = \"by-item\"\nexplorer = \"egreedy\"\nfeatures = \"v1\"\nstructure = \"disjoint\"\n";
    let policy = file(&dir, "by-item.toml", policy);
    for (name, is_vw, more) in [
        ("log.vw", true, "kind=focus priority:0.5"),
        ("log.json", false, ",\"kind\":\"focus\",\"priority\":0.5"),
    ] {
        let counted = labelled(is_vw, 2000);
        let evaluate = |text: &str| {
            json(
                &[&file(&dir, name, text.as_bytes()), "--policy", &policy, "--estimator", "direct_method"],
                0,
            )
        };
        let alone = evaluate(&counted);
        assert_eq!(evaluate(&format!("{}{counted}", passed_over(is_vw, 3, more))), alone, "{name}");
    }
}

#[test]
fn what_is_wrong_with_them_is_said() {
    let dir = TempDir::new().unwrap();
    let skipped = r#"{"_skipLearn":true,"Timestamp":"2019-11-25T06:30:00.0Z","EventId":"x","a":[2,1],"c":{"_multi":[{"_tag":"a"},{"_tag":"b"}]},"p":[0.8,0.2]}"#;
    for (from, to, place, reason) in [
        (
            "\"a\":[2,1]",
            "\"_label_probability\":0,\"a\":[2,1]",
            "column 71",
            "_label_probability is 0; allowed: a number in (0, 1]",
        ),
        (
            "\"a\":[2,1]",
            "\"_label_probability\":0.7,\"a\":[2,1]",
            "column 71",
            "_label_probability is 0.7; allowed: 0.8, as the",
        ),
        (
            "\"a\":[2,1]",
            "\"_label_Action\":3,\"a\":[2,1]",
            "column 71",
            "_label_Action is 3; allowed: 1 to 2",
        ),
        (
            "\"a\":[2,1]",
            "\"_label_Action\":1,\"a\":[2,1]",
            "column 89",
            "a is a list that begins with 2; allowed: 1",
        ),
        (
            "\"a\":[2,1]",
            "\"_label_cost\":null,\"a\":[2,1]",
            "column 71",
            "_label_cost is null; allowed: a number",
        ),
        ("[2,1]", "[2,2]", "column 71", "a is 2; allowed: each number from 1 to 2"),
        ("[2,1]", "[]", "column 1", "_label_Action is missing; allowed: 1 to 2"),
        ("\"a\":[2,1],", "", "column 114", "a is missing; allowed: the numbers of the actions"),
        ("[0.8,0.2]", "[0.8,0.1]", "column 124", "p is a list that adds up to 0.9"),
        ("[0.8,0.2]", "[0.8,1.2]", "column 124", "p is 1.2; allowed: a number in [0, 1]"),
        ("T06", "T36", "column 20", "Timestamp is \"2019-11-25T36:30:00.0Z\""),
        ("\"_tag\":\"b\"", "\"_tag\":\"a\"", "column 110", "_tag is \"a\" again"),
        ("\"_tag\":\"b\"", "\"_tag\":7", "column 110", "_tag is 7; allowed: the name of an action"),
        ("\"_tag\":\"b\"", "\"priority\":2", "column 110", "priority is 2; allowed: a number in [0, 1]"),
        ("{\"_tag\":\"a\"},{\"_tag\":\"b\"}", "", "column 86", "_multi is missing"),
        ("\"c\":{", "\"d\":{", "column 86", "_multi is missing"),
        ("\"EventId\"", "\"pdrop\":0.5,\"EventId\"", "column 57", "pdrop is 0.5; allowed: 0"),
        (":true", ":1", "column 15", "_skipLearn: invalid type: integer `1`, expected a boolean"),
        (":true,", ":true,\"_skipLearn\":true,", "column 31", "duplicate field `_skipLearn`"),
    ] {
        let bad = skipped.replacen(from, to, 1);
        assert_ne!(bad, skipped, "{from}");
        let text = format!("{DSJSON}\n{skipped}\n{bad}\n");
        refused(&dir, "log.json", text.as_bytes(), &[&format!("line 3, {place}: "), reason]);
    }
    // A reward without its decision.
    let alone = format!("{DSJSON}\n{{\"RewardValue\":1,\"EventId\":\"y\",\"Timestamp\":\"soon\"}}\n");
    refused(&dir, "log.json", alone.as_bytes(), &["line 2, column 32: Timestamp is \"soon\""]);
    let half = format!("{DSJSON}\n{{\"EventId\":\"y\",\"a\":[1],\"p\":[1]}}\n");
    refused(&dir, "log.json", half.as_bytes(), &["line 2, column 1: _label_cost is missing"]);

    let good = "0:-1:0.5 'a |i priority:0.5\n'b |i x\n\n";
    let many = "|i x\n".repeat(10_001);
    for (decision, place, reason) in [
        ("'a |i x\n'a |i y\n", "line 5, column 1", "tag is \"a\" again"),
        ("'a |i x\n'b |i priority:2\n", "line 5, column 7", "priority is 2; allowed: a number in [0, 1]"),
        ("'a |i hour:y\n", "line 4, column 12", "the value of \"hour\" is \"y\"; allowed: a finite number"),
        ("shared |u x\n", "line 4, column 1", "a shared line without actions"),
        (&many, "line 4, column 1", "candidates is a list of 10001; allowed: 1 to 10000 candidates"),
    ] {
        refused(&dir, "log.vw", format!("{good}{decision}\n{good}").as_bytes(), &[place, reason]);
    }
}
