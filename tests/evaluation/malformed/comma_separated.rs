//! Comma-separated logs, the Open Bandit Dataset's among them.

use super::{IN_0_1, complaint, file, refused};
use tempfile::TempDir;

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
        ("b,1,0.5,2019-11-24 00:00:17,\"x", "line 3, column 29", "a quote that is never closed"),
        ("b,1,0.5,2019-11-24 00:00:17,x\"\"y", "line 3, column 30", "a quote within a field"),
        ("b,1,0.5,2019-11-24 00:00:17,\"x\"y", "line 3, column 32", "text after the quote that ends a field"),
        // What was chosen.
        (",1,0.5,2019-11-24 00:00:17,x", "line 3, column 1", "action is empty; allowed: the name of an item"),
        ("\"\",1,0.5,2019-11-24 00:00:17,x", "line 3, column 1", "action is empty"),
        (
            " b,1,0.5,2019-11-24 00:00:17,x",
            "line 3, column 1",
            "action is \" b\"; allowed: the name of an item, without",
        ),
        (
            "b ,1,0.5,2019-11-24 00:00:17,x",
            "line 3, column 1",
            "action is \"b \"; allowed: the name of an item, without",
        ),
        // Rewards.
        ("b,,0.5,2019-11-24 00:00:17,x", "line 3, column 3", "reward is \"\"; allowed: a number"),
        ("b,maybe,0.5,2019-11-24 00:00:17,x", "line 3, column 3", "reward is \"maybe\"; allowed: a number"),
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
        ("b,1,0.5,2019-02-29 00:00:17,x", "line 3, column 9", "timestamp is \"2019-02-29 00:00:17\""),
        ("b,1,0.5,2019-11-24 00:00:17?,x", "line 3, column 9", "timestamp is \"2019-11-24 00:00:17?\""),
        ("b,1,0.5,0000-01-01 00:00,x", "line 3, column 9", "timestamp is \"0000-01-01 00:00\""),
    ] {
        refused(&dir, "log.csv", format!("{good}{line}\n").as_bytes(), &[place, reason]);
    }
    let not_utf8 = [good.as_bytes(), b"b\xff,1,0.5,2019-11-24 00:00:17,x\n"].concat();
    refused(
        &dir,
        "log.csv",
        &not_utf8,
        &["line 3, column 1", "action is \"b\u{fffd}\"; allowed: the name of an item, in UTF-8"],
    );
    let not_utf8 = [good.as_bytes(), b"b,1,0.\xff5,2019-11-24 00:00:17,x\n"].concat();
    refused(
        &dir,
        "log.csv",
        &not_utf8,
        &["line 3, column 5", "propensity is \"0.\u{fffd}5\"; allowed: a number"],
    );
}

/// What looks like decisions stands inside the quotes of a column that nobody reads.
#[test]
fn a_note_of_several_lines_is_one_field() {
    let dir = TempDir::new().unwrap();
    let text = "action,reward,propensity,note\n".to_owned()
        + &"a,1,0.5,\"first\nb,0,0.5,second\"\nb,0,0.5,\n".repeat(200);
    let log = file(&dir, "log.csv", text.as_bytes());
    let result = crate::evaluation::json(&[&log, "--policy", "uniform"], 0);
    assert_eq!((&result["rows"], &result["on_policy_mean"]), (&400.into(), &0.5.into()));
    let twice = complaint(&[&log, &log, "--policy", "uniform"]);
    assert!(twice.contains("log.csv: it is named twice"), "{twice}");
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
        (
            "[1,2]\n",
            "line 1, column 1: a list of JSON, which is not read: write its columns as CSV or Parquet",
        ),
        ("\n\n[\n", "line 3, column 1: a list of JSON, which is not read"),
        ("", "line 1, column 1: a log of no known format"),
        (
            "# exported by x\naction,reward,propensity\n",
            "line 1, column 1: a comment, and no header: remove the line",
        ),
        (
            "# exported by x, at noon\naction,reward,propensity\n",
            "line 1, column 1: a comment, and no header: remove the line",
        ),
        (
            "{\"action\":\"a\",\"reward\":1,\"propensity\":0.5}\n",
            "line 1, column 1: JSON with columns, which is not read: write them as CSV or Parquet",
        ),
    ] {
        refused(&dir, "log.csv", header.as_bytes(), &[reason]);
    }
    // What is named otherwise than usual is there to be read.
    let log = file(&dir, "log.csv", b"action,reward,propensity,user\na,1,0.5,ann\na,1,0.5,\n");
    for (columns, reason) in [
        (
            "user=person",
            "line 1, column 1: unknown column \"person\"; known: action, reward, propensity, user",
        ),
        ("timestamp=when", "line 1, column 1: unknown column \"when\""),
        ("user=user", "line 3, column 9: user is empty; allowed: the name of a user, not empty"),
    ] {
        let said = complaint(&[&log, "--policy", "uniform", "--columns", columns]);
        assert!(said.contains(reason), "{said}");
    }
    let empty = file(&dir, "log.csv", b"");
    let said = complaint(&[&empty, "--policy", "uniform", "--format", "csv"]);
    assert!(said.ends_with("log.csv, line 1, column 1: no header; it names the columns"), "{said}");
}

/// A policy may be a table: what is wrong in it is said as of a log.
#[test]
fn tables_of_probabilities() {
    let dir = TempDir::new().unwrap();
    let log = file(&dir, "log.csv", super::super::plain_log(9).as_bytes());
    for (table, expected) in [
        (&b"item,probability\na,0.5\nb\xff,0.5\n"[..], ", line 3, column 2: not UTF-8"),
        (
            b"item,probability\na,0.5\nb,half\n",
            ", line 3: probability is \"half\"; allowed: a number in [0, 1]",
        ),
        (b"item,probability\na,0.5\nb,1.5\n", ", line 3: probability is 1.5; allowed: a number in [0, 1]"),
        (
            b"item,odds\na,1\n",
            ", line 1: the header is \"item\", \"odds\", without \"probability\"; allowed: the columns item and probability: \
             a line for each item that the policy may show, with the probability with which it shows it; together 1",
        ),
        (b"item,probability\na,1\nb,\"0\n", ", line 3, column 3: a quote that is never closed"),
    ] {
        let table = file(&dir, "t.csv", table);
        assert_eq!(complaint(&[&log, "--policy", &table]), format!("rehearsal: {table}{expected}"));
    }
}

#[test]
fn open_bandit() {
    let dir = TempDir::new().unwrap();
    let header = ",timestamp,item_id,position,click,propensity_score,user_feature_0";
    let good = format!("{header}\n0,2019-11-24 00:00:17.004101+00:00,79,2,0,0.0125,x\n");
    for (line, place, reason) in [
        ("1,2019-11-24 00:00:19,14,1,0,0.01", "line 3, column 34", "6 fields; the header has 7"),
        ("1,2019-11-24 00:00:19,,1,0,0.01,x", "line 3, column 23", "item_id is empty"),
        (
            "1,2019-11-24 00:00:19,14,1,never,0.01,x",
            "line 3, column 28",
            "click is \"never\"; allowed: a number",
        ),
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
        ("1,2019-11-24 00:00:19,14,1,3,0.01,x", "line 3, column 28", "click is \"3\"; allowed: 0 or 1"),
        ("1,2019-11-24 00:00:19,14,1,-1,0.01,x", "line 3, column 28", "click is \"-1\"; allowed: 0 or 1"),
        (
            "1,2019-11-24 00:00:19,14,x,0,0.01,x",
            "line 3, column 26",
            "position is \"x\"; allowed: a whole number",
        ),
        (
            "1,2019-11-24 00:00:19,14,,0,0.01,x",
            "line 3, column 26",
            "position is \"\"; allowed: a whole number",
        ),
        (
            "1,2019-11-24 00:00:19,7.5,1,0,0.01,x",
            "line 3, column 23",
            "item_id is \"7.5\"; allowed: a whole number",
        ),
    ] {
        refused(&dir, "all.csv", format!("{good}{line}\n").as_bytes(), &[place, reason]);
    }
    let log = file(&dir, "all.csv", good.replace("click", "clicks").as_bytes());
    let said = complaint(&[&log, "--policy", "uniform", "--format", "obd"]);
    assert!(said.contains("all.csv, line 1, column 1: unknown column \"click\""), "{said}");
}
