//! Tables and logs as other programs export them: what they write for nothing, for true and false, and for moments.

use crate::features::SHOP;
use crate::util::{Dir, Ran};
use std::fmt::Write;

/// A CSV of 400 decisions between `a` and `b`, with one more column.
fn with_column(dir: &Dir, column: &str, cell: &dyn Fn(usize) -> String) {
    let mut text = format!("action,reward,propensity,{column}\n");
    for i in 0..400 {
        writeln!(text, "{},{},0.5,{}", ["a", "b"][i % 2], u8::from(i % 3 == 0), cell(i)).unwrap();
    }
    dir.write("log.csv", text);
}

fn evaluate(dir: &Dir, more: &[&str]) -> Ran {
    dir.run(&[&["evaluate", "log.csv", "--policy", "uniform", "--json", "--force"][..], more].concat())
}

#[test]
fn dates_in_digits_alone_are_moments_and_other_counts_are_refused_with_what_is_allowed() {
    let dir = Dir::new();
    dir.write(
        "by-item.toml",
        "name = \"by-item\"\nexplorer = \"egreedy\"\nfeatures = \"v1\"\nstructure = \"disjoint\"\n",
    );
    let by_moment = |cell: &dyn Fn(usize, usize) -> String| {
        with_column(&dir, "timestamp", &|i| cell(1 + i / 24, i % 24));
        dir.run(&["evaluate", "log.csv", "--policy", "by-item.toml", "--json", "--force"])
    };
    let written = by_moment(&|day, hour| format!("2019-11-{day:02} {hour:02}:11:12")).json();
    let in_digits = by_moment(&|day, hour| format!("201911{day:02}{hour:02}1112")).json();
    assert_eq!(in_digits, written);
    // To the minute, as `%Y%m%d%H%M` is; of a day nobody knows the hour.
    assert_ne!(by_moment(&|day, hour| format!("201911{day:02}{hour:02}59")).json(), written);
    let said = by_moment(&|day, _| format!("201911{day:02}")).stderr();
    assert!(said.contains("400 time stamps are dates"), "{said}");
    for (stamp, part) in [
        ("2019112410", "may be an hour, as YYYYMMDDHH, or seconds since 1970, and nobody can tell which"),
        ("637101798720000000", "of the years 1995 to 2099"),
        ("132190638720000000", "of the years 1995 to 2099"),
        ("13219063872000000", "of the years 1995 to 2099"),
        ("20191324101112", "of the years 1995 to 2099"),
    ] {
        let value = format!("log.csv, line 2, column 9: timestamp is \"{stamp}\"; allowed: a date and time");
        by_moment(&|_, _| stamp.to_owned()).refused(&[&value, part, "--columns timestamp=none"]);
    }
}

#[test]
fn what_programs_write_for_nothing_is_no_category() {
    let dir = Dir::new();
    dir.write("shop.toml", SHOP);
    let fit = || {
        dir.run(&["features", "fit", "log.csv", "--domain", "shop.toml", "--out", "mine.toml", "--overwrite"])
    };
    let nothings = ["NULL", "\\N", "nan", "None", "<NA>", "(null)", "N/A", ""];
    with_column(&dir, "device", &|i| {
        [["mobile", "desktop"][i / 2 % 2], nothings[i / 2 % 8]][i % 2].to_owned()
    });
    let said = fit().ok().stderr();
    assert!(
        said.contains("175 cells of categories are how programs write that there is nothing, such as \"NULL\" of context.device"),
        "{said}"
    );
    let proposed = dir.read("mine.toml");
    assert!(
        proposed.contains("# context.device: said 200 times, unknown 200 times, 2 different texts."),
        "{proposed}"
    );
    assert!(proposed.contains("one_hot = [\"desktop\", \"mobile\"]"), "{proposed}");

    // A word that a person writes, and one that the domain knows.
    with_column(&dir, "device", &|i| ["none", "NA"][i % 2].to_owned());
    fit().ok();
    assert!(
        dir.read("mine.toml")
            .contains("# context.device: said 200 times, unknown 200 times, always the same text")
    );
    let levels = "type = \"category\"\nlevels = [\"none\", \"NA\"]\n";
    dir.write("shop.toml", SHOP.replacen("type = \"category\"\n", levels, 1));
    let said = fit().ok().stderr();
    assert!(!said.contains("write that there is nothing"), "{said}");
    assert!(dir.read("mine.toml").contains("# context.device: said 400 times, 2 of its 2 declared texts."));

    // What must be said is not said by that.
    dir.write(
        "shop.toml",
        SHOP.replacen("type = \"category\"\n", "type = \"category\"\nrequired = true\n", 1),
    );
    with_column(&dir, "device", &|_| "NULL".to_owned());
    fit().refused(&["log.csv, line 2, column 9: device is \"NULL\"; allowed: a text of 1 to 256 bytes"]);
}

/// A number that is none is unknown, as it is in a column of Parquet that has numbers.
#[test]
fn a_number_that_is_none_is_unknown_in_csv_too() {
    let dir = Dir::new();
    dir.write("shop.toml", SHOP);
    for nothing in ["NaN", "nan", "NA", "NULL", ""] {
        with_column(&dir, "price", &|i| if i % 4 == 0 { nothing.to_owned() } else { (i % 7).to_string() });
        let fit =
            ["features", "fit", "log.csv", "--domain", "shop.toml", "--out", "mine.toml", "--overwrite"];
        let said = dir.run(&fit).ok().stderr();
        assert!(!said.contains("write that there is nothing"), "{said}");
        assert!(
            dir.read("mine.toml").contains("# candidate.price: said 300 times, unknown 100 times"),
            "{nothing}"
        );
    }
    with_column(&dir, "price", &|_| "-".to_owned());
    dir.run(&["features", "fit", "log.csv", "--domain", "shop.toml", "--out", "mine.toml", "--overwrite"])
        .refused(&["price is \"-\"; allowed: a number in [0, 100000]; what is unknown is left empty"]);
}

#[test]
fn truth_values_of_every_program_are_1_and_0() {
    let dir = Dir::new();
    dir.write("shop.toml", SHOP);
    let log = |truth: [&str; 2]| {
        with_column(&dir, "clicked", &|i| truth[usize::from(i % 3 == 0)].to_owned());
        evaluate(&dir, &["--columns", "reward=clicked,probability:mine=clicked"]).json()
    };
    let expected = log(["0", "1"]);
    for truth in [["False", "True"], ["f", "t"], ["false", "true"], ["no", "yes"], ["N", "Y"], ["0.0", "1.0"]]
    {
        assert_eq!(log(truth), expected, "{truth:?}");
        with_column(&dir, "new", &|i| truth[i / 2 % 2].to_owned());
        let fit =
            ["features", "fit", "log.csv", "--domain", "shop.toml", "--out", "mine.toml", "--overwrite"];
        dir.run(&fit).ok();
        let proposed = dir.read("mine.toml");
        assert!(proposed.contains("# candidate.new: said 400 times: 1 or 0."), "{truth:?} {proposed}");
    }
    with_column(&dir, "clicked", &|_| "perhaps".to_owned());
    evaluate(&dir, &["--columns", "reward=clicked"])
        .refused(&["clicked is \"perhaps\"; allowed: a number, or true or false"]);
}

/// The column of a policy is read.
#[test]
fn a_column_of_probabilities_is_not_said_to_be_passed_over() {
    let dir = Dir::new();
    with_column(&dir, "q", &|_| "0.5".to_owned());
    let said = evaluate(&dir, &["--columns", "probability:new=q"]).stderr();
    assert!(!said.contains("passed over"), "{said}");
    let said = evaluate(&dir, &[]).stderr();
    assert!(said.contains("1 column was passed over, namely \"q\""), "{said}");
}

#[test]
fn a_column_with_a_comma_is_named_in_quotes() {
    let dir = Dir::new();
    with_column(&dir, "\"reward, eur\"", &|i| (i % 2).to_string());
    let result = evaluate(&dir, &["--columns", "reward=\"reward, eur\",user=none"]).json();
    assert_eq!(result["on_policy_mean"], 0.5);
    evaluate(&dir, &["--columns", "reward=reward, eur"]).refused(&["a COLUMN with a comma in double quotes"]);
}

/// 200 decisions of Personalizer whose labels say that nothing was earned, with what was observed of them.
fn without_rewards(observed: &str) -> String {
    let decision = |i: usize| {
        format!(
            "{{\"_label_cost\":0,\"_label_probability\":0.5,\"_label_Action\":{},\"EventId\":\"e{i}\",\"o\":{observed},\
             \"c\":{{\"_multi\":[{{\"_tag\":\"a\"}},{{\"_tag\":\"b\"}}]}}}}\n",
            1 + i % 2
        )
    };
    (0..200).map(decision).collect()
}

#[test]
fn observations_that_say_another_reward_than_the_label_are_counted_and_said() {
    let dir = Dir::new();
    let said = |text: String| {
        dir.write("log.json", text);
        dir.run(&["evaluate", "log.json", "--policy", "uniform", "--json", "--force"]).stderr()
    };
    let alone = |event: &str, reward: &str| format!("{{\"RewardValue\":{reward},\"EventId\":\"{event}\"}}\n");
    // Before its decision, after it twice, and of none.
    let lines =
        [alone("e7", "1"), without_rewards("[]"), alone("e3", "1"), alone("e3", "0.5"), alone("x", "1")];
    let found = said(lines.concat());
    assert!(found.contains("log.json: 1 lines without a decision were passed over"), "{found}");
    assert!(
        found.contains("log.json: 3 lines with the reward of a decision that stands elsewhere in the log were passed over")
            && found.contains("of 2 decisions it says another reward"),
        "{found}"
    );
    let found = said(without_rewards("[]") + &alone("e3", "0"));
    assert!(found.contains("1 lines with the reward") && found.contains("of 0 decisions"), "{found}");
    let found = said(without_rewards("[{\"v\":1,\"EventId\":\"e\"}]"));
    assert!(
        found.contains(
            "log.json: 200 decisions have a _label_cost that says another reward than what was observed"
        ),
        "{found}"
    );
    for agreed in ["[]", "null", "[{\"v\":0}]", "[{\"v\":1},{\"v\":-1}]", "[{\"v\":\"x\"},{}]", "{\"v\":1}"] {
        let found = said(without_rewards(agreed));
        assert!(!found.contains("another reward"), "{agreed}: {found}");
    }
}

#[test]
fn json_over_several_lines_is_refused_with_how_to_write_it() {
    let dir = Dir::new();
    let line = without_rewards("[]").lines().next().unwrap().to_owned();
    let pretty =
        serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(&line).unwrap()).unwrap();
    for text in [pretty, line.replacen(',', ",\n", 1)] {
        dir.write("log.json", text);
        let args = ["evaluate", "log.json", "--policy", "uniform", "--format", "dsjson"];
        dir.run(&args)
            .refused(&["log.json, line 1", "each line is to be an object of its own, as `jq -c .`"]);
    }
    // A line that is cut is another thing.
    dir.write("log.json", &line[..40]);
    let said = dir.run(&["evaluate", "log.json", "--policy", "uniform"]).exits(2).stderr();
    assert!(!said.contains("jq"), "{said}");
}

#[test]
fn what_is_no_moment_on_the_command_line_is_told_what_is_one() {
    let dir = Dir::new();
    let said = dir.run(&["log", "--since", "29.03.2026"]).exits(2).stderr();
    assert!(
        said.contains("a date from 1970 on (2026-11-30, ")
            && said.contains("or an age (90d, 12h, 90 days ago)\n"),
        "{said}"
    );
}

#[test]
fn an_import_of_nothing_says_so() {
    let dir = Dir::new();
    for nothing in ["", "\n \n"] {
        let said = dir.run_with(&["import", "--state-dir", "store"], nothing).ok().stderr();
        assert!(said.contains("0 states were imported"), "{said}");
    }
}
