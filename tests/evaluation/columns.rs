//! Policies that are columns of a log, and Parquet logs.

use crate::util::Dir;
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{
    ByteArray, ByteArrayType, DataType, DoubleType, FixedLenByteArray, FixedLenByteArrayType, Int32Type,
    Int64Type,
};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::{Value, json};
use std::fmt::Write;
use std::sync::Arc;

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
    run("reward=earned").refused(&[
        "log.parquet: unknown column \"earned\"",
        "known: action, reward",
        "--columns action=NAME,reward=NAME,propensity=NAME, in a gate `columns`",
    ]);
    run("reward=propensity").refused(&["column \"propensity\" is read as two things"]);
    run("reward=user,user=none")
        .refused(&["column \"user\" is of type BYTE_ARRAY", "numbers or truth values"]);
    run("action=mine").refused(&["column \"mine\" is of type DOUBLE", "texts or whole numbers"]);
    run("timestamp=reward").refused(&["\"reward\" is read as two things"]);
    run("timestamp=nulls")
        .refused(&["log.parquet, row 8: column \"nulls\" is null", "--columns timestamp=none"]);
    run("timestamp=whole")
        .refused(&["log.parquet, row 1: whole is 0", "--columns timestamp=none, in a gate `columns`"]);
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
        evaluate(user, "a", &[]).refused(&["log.csv, line 2,", &value, "--columns user=none"]);
    }
    for action in ["NULL", "\\N", "nan", "NaN", "None", "NA", "N/A", "<NA>", "#N/A", "null", "(null)", "NaT"]
    {
        let value = format!("action is {action:?}; allowed: the name of an item, which this is not");
        evaluate("u", action, &[]).refused(&["log.csv, line 2,", &value, "leave such rows out"]);
    }
    // Words that may be names, and a column that nobody reads.
    assert_eq!(evaluate("nullius", "none", &[]).json()["rows"], 400);
    assert_eq!(evaluate("NULL", "a", &["--columns", "user=none"]).json()["rows"], 400);
}

/// Of a column in a group of rows, the offset of its first page made negative by one bit.
#[test]
fn a_negative_offset_in_a_parquet_file_is_refused() {
    let dir = Dir::new();
    let mut bytes = parquet!("gzip").to_vec();
    bytes[8114] ^= 1;
    dir.write("damaged.parquet", &bytes);
    dir.run(&["evaluate", "damaged.parquet", "--policy", "uniform"]).refused(&[
        "damaged.parquet: ",
        " of column \"",
        " is -",
        "allowed: a number of at least 0",
    ]);
}

#[test]
fn compressions_that_are_not_read_are_named_with_those_that_are() {
    let dir = Dir::new();
    for (name, bytes) in [("BROTLI", &parquet!("brotli")[..]), ("LZ4_RAW", parquet!("lz4"))] {
        dir.write("log.parquet", bytes);
        let expected = format!(
            "log.parquet: column \"action\" is compressed with {name}; allowed: snappy, gzip, zstd or no compression"
        );
        dir.run(&["evaluate", "log.parquet", "--policy", "uniform"]).refused(&[&expected]);
    }
}

/// Writes a Parquet log of actions in turn, with one more column, declared like this.
fn with_column<T: DataType>(
    dir: &Dir,
    actions: &[&str],
    declared: &str,
    values: &[T::T],
    levels: Option<&[i16]>,
) {
    let schema = format!(
        "message log {{ required binary action (UTF8); required double reward; required double propensity; {declared}; }}"
    );
    let schema = Arc::new(parse_message_type(&schema).unwrap());
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_dictionary_enabled(false)
        .set_statistics_enabled(parquet::file::properties::EnabledStatistics::None);
    let file = std::fs::File::create(dir.join("log.parquet")).unwrap();
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties.build())).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let rows = levels.map_or(values.len(), <[i16]>::len);
    let actions: Vec<ByteArray> = (0..rows).map(|i| actions[i % actions.len()].into()).collect();
    let rewards: Vec<f64> = (0..rows).map(|i| f64::from(u8::from(i % 3 == 0))).collect();
    macro_rules! column {
        ($Type:ty, $values:expr, $levels:expr) => {{
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<$Type>().write_batch($values, $levels, None).unwrap();
            column.close().unwrap();
        }};
    }
    column!(ByteArrayType, &actions, None);
    column!(DoubleType, &rewards, None);
    column!(DoubleType, &vec![0.5; rows], None);
    column!(T, values, levels);
    group.close().unwrap();
    writer.close().unwrap();
}

/// A few thousand bytes that unpack to more than a process should hold.
#[test]
fn a_parquet_value_of_millions_of_letters_is_refused_before_it_is_unpacked() {
    let dir = Dir::new();
    for (letters, is_read) in [(1 << 20, true), (140 << 20, false)] {
        with_column::<Int32Type>(&dir, &[&"a".repeat(letters), "b"], "required int32 n", &[1, 2], None);
        assert!(std::fs::metadata(dir.join("log.parquet")).unwrap().len() < 20_000);
        let ran = dir.run(&["evaluate", "log.parquet", "--policy", "uniform", "--json", "--force"]);
        if is_read {
            assert_eq!(ran.json()["rows"], 2);
        } else {
            ran.refused(&["log.parquet: ", "unpack to more than 128 MiB at a time"]);
        }
    }
}

#[test]
fn a_column_that_is_there_twice_is_refused_in_parquet_too() {
    let dir = Dir::new();
    with_column::<DoubleType>(&dir, &["a", "b"], "required double reward", &[1.0, 2.0], None);
    dir.run(&["evaluate", "log.parquet", "--policy", "uniform"])
        .refused(&["log.parquet: the header is \"reward\" again; allowed: each column once"]);
}

/// 400 hours from 2024-01-01 on, of which the day or the second is what a column says.
#[test]
fn times_of_parquet_are_read_as_those_of_csv() {
    let dir = Dir::new();
    dir.write(
        "by-item.toml",
        "name = \"by-item\"\nexplorer = \"egreedy\"\nfeatures = \"v1\"\nstructure = \"disjoint\"\n",
    );
    let evaluate = |log: &str| dir.run(&["evaluate", log, "--policy", "by-item.toml", "--json", "--force"]);
    let of_csv = |stamp: &dyn Fn(i64) -> String| {
        let row = |i: i64| {
            let (action, reward) = (if i % 2 == 0 { "a" } else { "b" }, u8::from(i % 3 == 0));
            format!("{action},{reward},0.5,{}\n", stamp(i))
        };
        dir.write(
            "log.csv",
            "action,reward,propensity,timestamp\n".to_owned() + &(0..400).map(row).collect::<String>(),
        );
        evaluate("log.csv").json()
    };
    let seconds = |i: i64| 1_704_067_200 + 3600 * i;
    let (hours, days) =
        (of_csv(&|i| seconds(i).to_string()), of_csv(&|i| format!("2024-01-{:02}", 1 + i / 24)));
    assert_ne!(hours["policies"], days["policies"]);

    let numbers: Vec<i64> = (0..400).map(seconds).collect();
    with_column::<Int64Type>(&dir, &["a", "b"], "required int64 timestamp", &numbers, None);
    assert_eq!(evaluate("log.parquet").json(), hours);
    let millis: Vec<i64> = numbers.iter().map(|own| 1000 * own).collect();
    with_column::<Int64Type>(&dir, &["a", "b"], "optional int64 timestamp", &millis, Some(&[1; 400]));
    assert_eq!(evaluate("log.parquet").json(), hours);
    let points: Vec<f64> = numbers.iter().map(|own| *own as f64).collect();
    with_column::<DoubleType>(&dir, &["a", "b"], "required double timestamp", &points, None);
    assert_eq!(evaluate("log.parquet").json(), hours);
    let dates: Vec<i32> = (0..400).map(|i| 19_723 + i / 24).collect();
    with_column::<Int32Type>(&dir, &["a", "b"], "required int32 timestamp (DATE)", &dates, None);
    let ran = evaluate("log.parquet");
    assert_eq!(ran.json(), days);
    assert!(ran.stderr().contains("400 time stamps are dates"), "{}", ran.stderr());

    // What is no moment is said with what to do about it, as of CSV.
    let way_out = "--columns timestamp=none, in a gate `columns`, leaves the column unread";
    let declared = "optional int64 timestamp (TIMESTAMP_MILLIS)";
    with_column::<Int64Type>(&dir, &["a", "b"], declared, &millis[..2], Some(&[1, 0, 1]));
    let refused = |args: &[&str], expected: &[&str]| {
        let args = [&["evaluate", "log.parquet", "--policy", "uniform"], args].concat();
        dir.run(&args).refused(expected);
    };
    refused(
        &[],
        &["log.parquet, row 2: column \"timestamp\" is null; allowed: a value in every row", way_out],
    );
    with_column::<Int32Type>(&dir, &["a", "b"], "required int32 timestamp (TIME_MILLIS)", &[1, 2], None);
    refused(&[], &["column \"timestamp\" is of type INT32", way_out]);
}

/// Digits that spell a moment are that, and no thousandths of seconds in 1976 or 2609.
#[test]
fn digits_of_parquet_are_the_moments_that_they_spell_in_csv() {
    let dir = Dir::new();
    dir.write(
        "by-item.toml",
        "name = \"by-item\"\nexplorer = \"egreedy\"\nfeatures = \"v1\"\nstructure = \"disjoint\"\n",
    );
    let evaluate = |log: &str| dir.run(&["evaluate", log, "--policy", "by-item.toml", "--json", "--force"]);
    let stamp = |i: i64| (1 + i / 24, i % 24);
    let row = |i: i64| {
        let ((day, hour), action) = (stamp(i), if i % 2 == 0 { "a" } else { "b" });
        format!("{action},{},0.5,2024-01-{day:02} {hour:02}:30\n", u8::from(i % 3 == 0))
    };
    let rows: String = (0..400).map(row).collect();
    dir.write("log.csv", format!("action,reward,propensity,timestamp\n{rows}"));
    let expected = evaluate("log.csv").json();
    // To the minute, and to the second.
    let minutes = |i: i64| 202_401_000_030 + 10_000 * stamp(i).0 + 100 * stamp(i).1;
    for with_seconds in [1, 100] {
        let numbers: Vec<i64> = (0..400).map(|i| minutes(i) * with_seconds).collect();
        with_column::<Int64Type>(&dir, &["a", "b"], "required int64 timestamp", &numbers, None);
        assert_eq!(evaluate("log.parquet").json(), expected);
    }
    let way_out = "--columns timestamp=none, in a gate `columns`, leaves the column unread";
    for (number, part) in [
        (2_019_112_410, "may be an hour, as YYYYMMDDHH, or seconds since 1970"),
        (637_101_798_720_000_000, "of the years 1995 to 2099"),
        (132_190_638_720_000_000, "of the years 1995 to 2099"),
        (13_219_063_872_000_000, "of the years 1995 to 2099"),
    ] {
        with_column::<Int64Type>(&dir, &["a", "b"], "required int64 timestamp", &[number; 2], None);
        let value = format!("log.parquet, row 1: timestamp is {number}; allowed: a date and time");
        evaluate("log.parquet").refused(&[&value, part, way_out]);
    }
}

/// A frame of pandas whose moments have a zone: its CSV has the hours of that zone, and its Parquet those of UTC.
#[test]
fn hours_of_parquet_are_those_of_the_zone_as_in_the_csv_of_it() {
    let dir = Dir::new();
    dir.write(
        "by-item.toml",
        "name = \"by-item\"\nexplorer = \"egreedy\"\nfeatures = \"v1\"\nstructure = \"disjoint\"\n",
    );
    dir.write("zone.parquet", parquet!("zone"));
    let zone = jiff::tz::TimeZone::get("America/Los_Angeles").unwrap();
    let lines: Vec<&str> = include_str!("parquet/log.csv").lines().collect();
    let zoned = |(i, line): (usize, &&str)| {
        let moment = jiff::Timestamp::from_second(1_709_856_000 + 3600 * i as i64).unwrap();
        let stamp = moment.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M:%S%:z").to_string();
        let cells: Vec<&str> = line.split(',').collect();
        format!("{},{stamp},{}\n", cells[..3].join(","), cells[4..].join(","))
    };
    let rows: String = lines[1..].iter().enumerate().map(zoned).collect();
    dir.write("zone.csv", format!("{}\n{rows}", lines[0]));
    let evaluate = |log: &str| dir.run(&["evaluate", log, "--policy", "by-item.toml", "--json", "--force"]);
    let (of_csv, of_parquet) = (evaluate("zone.csv"), evaluate("zone.parquet"));
    assert_eq!(of_parquet.json(), of_csv.json());
    assert!(!of_parquet.stderr().contains("UTC"), "{}", of_parquet.stderr());

    // What names no zone is said to be in UTC, unless it is no moment of UTC.
    for (is_utc, said) in [("true", true), ("false", false)] {
        let declared = format!("required int64 timestamp (TIMESTAMP(MICROS,{is_utc}))");
        with_column::<Int64Type>(&dir, &["a", "b"], &declared, &[1_709_856_000_000_000; 2], None);
        let note = "log.parquet: the hours of timestamp are those of UTC";
        let ran = evaluate("log.parquet");
        assert_eq!(ran.stderr().contains(note), said, "{}", ran.stderr());
    }
}

/// The mean of these rewards, in a column declared like this, is that of the texts in a CSV.
#[test]
fn decimals_and_numbers_of_16_bits_are_what_their_texts_are() {
    let dir = Dir::new();
    let evaluate = |log: &str, columns: &str| {
        let args = ["evaluate", log, "--policy", "uniform", "--columns", columns, "--json", "--force"];
        dir.run(&args)
    };
    let texts = ["-1.25", "0.07", "12345.67", "0.00"];
    let row = |i: usize| format!("{},{},0.5\n", ["a", "b"][i % 2], texts[i]);
    let rows: String = (0..4).map(row).collect();
    dir.write("log.csv", format!("action,amount,propensity\n{rows}"));
    let expected = evaluate("log.csv", "reward=amount").json();
    let unscaled = [-125_i32, 7, 1_234_567, 0];
    let same = || assert_eq!(evaluate("log.parquet", "reward=amount").json(), expected);
    with_column::<Int32Type>(&dir, &["a", "b"], "required int32 amount (DECIMAL(9,2))", &unscaled, None);
    same();
    let long = unscaled.map(i64::from);
    with_column::<Int64Type>(&dir, &["a", "b"], "required int64 amount (DECIMAL(18,2))", &long, None);
    same();
    let bytes = unscaled.map(|own| i128::from(own).to_be_bytes());
    let texts = bytes.map(|own| ByteArray::from(own[10..].to_vec()));
    with_column::<ByteArrayType>(&dir, &["a", "b"], "required binary amount (DECIMAL(14,2))", &texts, None);
    same();
    for (length, precision) in [(5, 10), (16, 38), (32, 76)] {
        let fixed = bytes.map(|own| {
            let sign = if own[0] == 0 { 0 } else { 0xff };
            let whole = [vec![sign; 32 - own.len()], own.to_vec()].concat();
            FixedLenByteArray::from(ByteArray::from(whole[32 - length..].to_vec()))
        });
        let declared = format!("required fixed_len_byte_array({length}) amount (DECIMAL({precision},2))");
        with_column::<FixedLenByteArrayType>(&dir, &["a", "b"], &declared, &fixed, None);
        same();
    }
    // 0.5 and 0.25, with which actions were chosen, and a policy would have chosen them.
    let halves =
        [0x3800_u16, 0x3400].map(|own| FixedLenByteArray::from(ByteArray::from(own.to_le_bytes().to_vec())));
    let declared = "required fixed_len_byte_array(2) p (FLOAT16)";
    with_column::<FixedLenByteArrayType>(&dir, &["a", "b"], declared, &halves, None);
    dir.write("log.csv", "action,reward,propensity,p\na,1,0.5,0.5\nb,0,0.5,0.25\n");
    for columns in ["propensity=p", "reward=p", "probability:mine=p"] {
        assert_eq!(evaluate("log.parquet", columns).json(), evaluate("log.csv", columns).json(), "{columns}");
    }
}

#[test]
fn what_is_no_number_in_parquet_is_named_in_words() {
    let dir = Dir::new();
    let refused = |columns: &str, found: &str| {
        let args = ["evaluate", "log.parquet", "--policy", "uniform", "--columns", columns];
        dir.run(&args).refused(&[found, "allowed: a column of "]);
    };
    let uuids = [
        FixedLenByteArray::from(ByteArray::from(vec![7; 16])),
        FixedLenByteArray::from(ByteArray::from(vec![8; 16])),
    ];
    with_column::<FixedLenByteArrayType>(
        &dir,
        &["a", "b"],
        "required fixed_len_byte_array(16) own (UUID)",
        &uuids,
        None,
    );
    refused("user=own", "column \"own\" is of type FIXED_LEN_BYTE_ARRAY (a UUID); allowed");
    with_column::<Int32Type>(&dir, &["a", "b"], "required int32 own (DATE)", &[1, 2], None);
    refused("reward=own", "column \"own\" is of type INT32 (a date); allowed");
    with_column::<Int32Type>(&dir, &["a", "b"], "required int32 own (DECIMAL(9,2))", &[1, 2], None);
    refused("action=own", "column \"own\" is of type INT32 (a decimal); allowed");
    refused("timestamp=own", "column \"own\" is of type INT32 (a decimal); allowed");
}

/// A length of time is a whole number to Parquet; nobody says there of what.
#[test]
fn durations_of_arrow_are_no_numbers() {
    let dir = Dir::new();
    dir.write(
        "shop.toml",
        "name = \"shop\"\n[[inputs]]\nof = \"context\"\nname = \"wait\"\ntype = \"number\"\n[[outcomes]]\nname = \"x\"\nreward = 1\n",
    );
    dir.write("log.parquet", parquet!("durations"));
    let evaluate = ["evaluate", "log.parquet", "--policy", "uniform", "--force"];
    // Where nothing reads it, it is in nobody's way.
    assert!([0, 3].contains(&dir.run(&evaluate).code()));
    for args in [
        ["--columns", "action=wait"],
        ["--columns", "reward=wait"],
        ["--columns", "timestamp=wait"],
        ["--columns", "probability:p=wait"],
        ["--domain", "shop.toml"],
    ] {
        dir.run(&[&evaluate[..], &args].concat()).refused(&[
            "log.parquet: column \"wait\" is of type INT64, a duration of Arrow; allowed: a column of",
        ]);
    }
}

#[test]
fn dates_and_times_of_parquet_are_no_numbers() {
    let dir = Dir::new();
    dir.write(
        "shop.toml",
        "name = \"shop\"\n[[inputs]]\nof = \"context\"\nname = \"when\"\ntype = \"number\"\n[[outcomes]]\nname = \"x\"\nreward = 1\n",
    );
    for declared in ["required int32 when (DATE)", "required int32 when (TIME_MILLIS)"] {
        with_column::<Int32Type>(&dir, &["a", "b"], declared, &[1, 2], None);
        for args in [["--columns", "action=when"], ["--columns", "reward=when"], ["--domain", "shop.toml"]] {
            let args = [&["evaluate", "log.parquet", "--policy", "uniform"], &args[..]].concat();
            dir.run(&args).refused(&["column \"when\" is of type INT32", "numbers"]);
        }
    }
}

/// Larger costs would be praised.
#[test]
fn a_reward_that_is_called_a_cost_is_named() {
    let dir = Dir::new();
    let row = |i: usize| format!("{},{},0.5,1\n", ["a", "b"][i % 2], i % 3);
    let rows: String = (0..400).map(row).collect();
    dir.write("log.csv", format!("action,Total_Cost,propensity,losing\n{rows}"));
    let said = |column: &str| {
        let columns = format!("reward={column}");
        dir.run(&["evaluate", "log.csv", "--policy", "uniform", "--columns", &columns, "--force"]).stderr()
    };
    let cost = said("Total_Cost");
    assert!(cost.contains("column \"Total_Cost\" is read as the reward, of which more is better"), "{cost}");
    assert!(!said("losing").contains("more is better"));
}
