//! Policies that are columns of a log, and Parquet logs.

use crate::util::Dir;
use serde_json::{Value, json};
use std::fmt::Write;

/// 400 decisions with the probability of a target, as `scripts/obp_columns.py` makes them.
fn log() -> String {
    let mut text = "what,earned,p,target\n".to_owned();
    for i in 0..400_u64 {
        let action = (i * 7 + i / 3) % 4;
        let (p, target) = ([0.1, 0.2, 0.3, 0.4][action as usize], ((i * 37 + 11) % 97) as f64 / 100.0);
        writeln!(text, "a{action},{},{p},{target}", ((i * i + 3 * action) % 11) as f64 / 10.0).unwrap();
    }
    text
}

const COLUMNS: &str = "action=what,reward=earned,propensity=p,probability:theirs=target";

/// The values that the package obp 0.5.7 gives, by `scripts/obp_columns.py`.
const OBP: [(&str, f64); 4] = [
    ("ips", 1.256_283_333_333_333_2),
    ("snips", 0.461_734_482_917_043_17),
    ("clipped_ips:2", 0.738_520_833_333_333_3),
    ("sub_gaussian_ips:0.1", 0.970_756_612_386_661_6),
];

fn value_of(result: &Value, estimator: &str) -> f64 {
    let name = estimator.split(':').next();
    let estimates = result["policies"][0]["estimates"].as_array().unwrap();
    let own = estimates.iter().find(|estimate| estimate["estimator"].as_str() == name);
    own.unwrap_or_else(|| panic!("{estimator}: {result}"))["value"].as_f64().unwrap()
}

#[test]
fn estimates_by_a_column_of_probabilities_are_those_of_obp() {
    let dir = Dir::new();
    dir.write("log.csv", log());
    for (estimator, expected) in OBP {
        let args =
            ["evaluate", "log.csv", "--columns", COLUMNS, "--estimator", estimator, "--json", "--force"];
        let result = dir.run(&args).json();
        assert_eq!(result["policies"][0]["policy"], "theirs");
        let value = value_of(&result, estimator);
        assert!((value / expected - 1.0).abs() < 1e-9, "{estimator}: {value} is not {expected}");
    }
}

#[test]
fn a_column_is_judged_by_what_needs_no_more_than_the_chosen_one() {
    let dir = Dir::new();
    dir.write("log.csv", log());
    let run = |more: &[&str]| dir.run(&[&["evaluate", "log.csv"][..], more].concat());
    let all = run(&["--columns", COLUMNS, "--policy", "uniform", "--json", "--force"]).json();
    let names = |policy: usize| -> Vec<String> {
        let estimates = all["policies"][policy]["estimates"].as_array().unwrap();
        estimates.iter().map(|estimate| estimate["estimator"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        (&all["policies"][0]["policy"], &all["policies"][1]["policy"]),
        (&json!("uniform"), &json!("theirs"))
    );
    assert!(names(0).iter().any(|name| name == "doubly_robust"));
    let own = names(1);
    assert!(
        own.iter().any(|name| name == "snips") && own.iter().all(|name| !name.contains("robust")),
        "{own:?}"
    );
    run(&["--columns", COLUMNS, "--estimator", "doubly_robust"]).refused(&[
        "doubly_robust predicts what every action",
        "theirs is a column",
        "snips",
    ]);
    assert!(run(&[]).exits(2).stderr().contains("--policy"));
    run(&["--columns", "action=what,reward=earned,propensity=p"]).refused(&["--policy is absent"]);
    run(&["--columns", "probability:=target"]).refused(&["probability:NAME"]);
    let more = format!("{COLUMNS},probability:theirs=p");
    run(&["--columns", &more]).refused(&["\"theirs\" is given twice"]);
    dir.write("bad.csv", log().replacen(",0.48\n", ",1.48\n", 1));
    dir.run(&["evaluate", "bad.csv", "--columns", COLUMNS]).refused(&[
        "bad.csv, line 3",
        "target is 1.48",
        "[0, 1]",
    ]);
}

/// A Parquet file as pyarrow writes it: see `tests/evaluation/parquet/make.py`.
macro_rules! parquet {
    ($name:literal) => {
        include_bytes!(concat!("parquet/", $name, ".parquet"))
    };
}

/// Decisions of users at some time, as a CSV and as Parquet in every compression that is read.
#[test]
fn parquet_is_read_as_the_csv_of_it() {
    let dir = Dir::new();
    let args = |file| {
        ["evaluate", file, "--policy", "uniform", "--columns", "probability:mine=mine", "--json", "--force"]
    };
    dir.write("log.csv", include_str!("parquet/log.csv"));
    let expected = dir.run(&args("log.csv")).json();
    assert_eq!((&expected["rows"], &expected["unit"]), (&json!(300), &json!("user")));
    for (name, bytes) in [
        ("snappy", &parquet!("snappy")[..]),
        ("gzip", parquet!("gzip")),
        ("zstd", parquet!("zstd")),
        ("plain", parquet!("plain")),
        // Nullable columns without a null, whole numbers, single precision, other units of time.
        ("types", parquet!("types")),
    ] {
        // It is told by its first bytes, whatever its name is.
        dir.write(name, bytes);
        let found = dir.run(&args(name)).json();
        assert_eq!(found, expected, "{name}");
    }
    // A policy that looks at the moment sees the same one.
    dir.write(
        "by-item.toml",
        "name = \"by-item\"\nexplorer = \"egreedy\"\nfeatures = \"v1\"\nstructure = \"disjoint\"\n",
    );
    let by_moment =
        |file| dir.run(&["evaluate", file, "--policy", "by-item.toml", "--json", "--force"]).json();
    assert_eq!(by_moment("snappy"), by_moment("log.csv"));
}

#[test]
fn a_parquet_file_that_is_no_log_is_refused_with_row_column_and_what_is_allowed() {
    let dir = Dir::new();
    dir.write("log.parquet", parquet!("snappy"));
    let run =
        |columns: &str| dir.run(&["evaluate", "log.parquet", "--policy", "uniform", "--columns", columns]);
    run("reward=earned").refused(&["log.parquet: unknown column \"earned\"", "known: action, reward"]);
    run("reward=propensity").refused(&["column \"propensity\" is read as two things"]);
    run("reward=user,user=none")
        .refused(&["column \"user\" is of type BYTE_ARRAY", "numbers or truth values"]);
    run("action=mine").refused(&["column \"mine\" is of type DOUBLE", "texts or whole numbers"]);
    run("timestamp=reward").refused(&["\"reward\" is read as two things"]);
    run("timestamp=whole").refused(&["column \"whole\" is of type INT64", "timestamps or texts"]);
    run("action=listed").refused(&["unknown column \"listed\""]);
    run("action=listed.list.element").refused(&["in a list", "in no list"]);
    run("reward=nulls")
        .refused(&["log.parquet, row 8: column \"nulls\" is null; allowed: a value in every row"]);
    run("propensity=nothing").refused(&["log.parquet, row 1: nothing is 0; allowed: a number in (0, 1]"]);
    run("user=blank")
        .refused(&["log.parquet, row 3: blank is \" u\"; allowed: the name of a user, without blanks"]);
    dir.write("cut.parquet", &parquet!("snappy")[..900]);
    dir.run(&["evaluate", "cut.parquet", "--policy", "uniform"])
        .refused(&["cut.parquet: it cannot be read as Parquet"]);
    dir.run(&["evaluate", "log.parquet", "--format", "dsjson", "--policy", "uniform"]).exits(2);
}

/// Whatever is spoiled in a file, the command ends with an answer or an error.
#[test]
fn a_spoiled_parquet_file_is_an_error_or_another_log() {
    let dir = Dir::new();
    let whole = parquet!("gzip");
    for i in 0..60 {
        let mut bytes = whole.to_vec();
        let place = i * 7919 % bytes.len();
        bytes[place] ^= 1 << (i % 8);
        dir.write("spoiled.parquet", &bytes);
        let ran = dir.run(&["evaluate", "spoiled.parquet", "--format", "parquet", "--policy", "uniform"]);
        assert!([0, 2, 3].contains(&ran.code()), "byte {place}: {} {}", ran.code(), ran.stderr());
        assert!(!ran.stderr().contains("panicked"), "byte {place}: {}", ran.stderr());
    }
}

/// As `reward --reaction 5` takes it, so a table: a star is an outcome, not a number.
#[test]
fn outcomes_whose_names_are_numbers_are_outcomes() {
    let dir = Dir::new();
    let outcomes = "[[outcomes]]\nname = \"nothing\"\nreward = 0\n";
    let stars = [("1", -1), ("3", 0), ("5", 1)]
        .map(|(name, reward)| format!("[[outcomes]]\nname = \"{name}\"\nreward = {reward}\n"));
    let shop = crate::features::SHOP;
    let before = &shop[..shop.find("[[outcomes]]").unwrap()];
    dir.write("shop.toml", format!("{before}{outcomes}{}", stars.concat()));
    dir.write("shop-v1.toml", crate::features::SHOP_SET);
    dir.write("p.toml", "name = \"p\"\nexplorer = \"egreedy\"\nfeatures = \"shop-v1.toml\"\n");
    for [good, bad] in [["5", "1"], ["5.0", "1.0"]] {
        let mut log = "device,action,reward,propensity\n".to_owned();
        for i in 0..400 {
            writeln!(log, "mobile,a{},{},0.5", i % 2, [good, bad][i / 2 % 2]).unwrap();
        }
        dir.write("log.csv", log);
        let result = dir.run(&["evaluate", "log.csv", "--policy", "p.toml", "--json", "--force"]).json();
        assert_eq!(result["on_policy_mean"], 0.0, "{result}");
    }
}

/// Three hundred rows without a user are not one person's.
#[test]
fn how_tables_write_that_there_is_none_is_no_user_and_no_action() {
    let dir = Dir::new();
    let evaluate = |user: &str, action: &str, more: &[&str]| {
        let row = |i: usize| format!("{action},{},0.5,{user}\nb,1,0.5,u{i}\n", i % 2);
        let rows: String = (0..200).map(row).collect();
        dir.write("log.csv", format!("action,reward,propensity,user\n{rows}"));
        dir.run(&[&["evaluate", "log.csv", "--policy", "uniform", "--json", "--force"][..], more].concat())
    };
    for user in ["NULL", "\\N", "nan", "None", "NA"] {
        let value = format!("user is {user:?}; allowed: the name of a user, which this is not");
        evaluate(user, "a", &[]).refused(&["log.csv:2:", &value, "--columns user=none"]);
    }
    for action in ["NULL", "\\N"] {
        let value = format!("action is {action:?}; allowed: the name of an item, which this is not");
        evaluate("u", action, &[]).refused(&["log.csv:2:", &value, "leave such rows out"]);
    }
    // Words that may be names, and a column that nobody reads.
    assert_eq!(evaluate("nullius", "none", &[]).json()["rows"], 400);
    assert_eq!(evaluate("NULL", "a", &["--columns", "user=none"]).json()["rows"], 400);
}
