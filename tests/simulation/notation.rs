//! Tables of numbers that other programs wrote, with `simulate --data`: read as the numbers that they are, or refused;
//! never taken for words without a word.

use crate::util::{Dir, Ran};
use serde_json::Value;

const POLICY: &str =
    "name = \"by-class\"\nexplorer = \"egreedy\"\nfeatures = \"v1\"\nstructure = \"disjoint\"\n";

/// 400 numbers between 0 and 10, each with whether it is above 5, in some notation.
fn table(notation: &dyn Fn(usize, f64) -> String) -> String {
    let mut state = 7_u64;
    let mut row = |i: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let x = (state >> 33) as f64 % 1000.0 / 100.0;
        format!("{},{}\n", notation(i, x), if x > 5.0 { "yes" } else { "no" })
    };
    format!("x,class\n{}", (0..400).map(&mut row).collect::<String>())
}

fn simulate(dir: &Dir, text: &str, more: &[&str]) -> Ran {
    dir.write("t.csv", text);
    dir.write("p.toml", POLICY);
    let args = ["simulate", "--data", "t.csv", "--label", "class", "--policy", "p.toml", "--json"];
    dir.run(&[&args[..], more].concat())
}

fn loss(ran: &Ran) -> f64 {
    let result: Value = ran.json();
    result["policies"][0]["progressive_loss"].as_f64().unwrap()
}

#[test]
fn numbers_in_another_notation_are_refused_with_line_column_and_what_it_is() {
    let dir = Dir::new();
    let plain = simulate(&dir, &table(&|_, x| x.to_string()), &[]).ok();
    assert!(loss(&plain) < 0.2, "{}", loss(&plain));
    assert_eq!(plain.stderr(), "");
    let quoted = |x: f64| format!("\"{}\"", format!("{x:.2}").replace('.', ","));
    for (notation, what) in [
        (&(|_: usize, x: f64| quoted(x)) as &dyn Fn(usize, f64) -> String, "a decimal comma"),
        (&|i, x| if i % 20 == 0 { "unknown".to_owned() } else { quoted(x) }, "x is "),
        (&|_, x| format!("{x}%"), "a percent sign"),
        (&|_, x| format!("$ {x}"), "a currency"),
        (&|_, x| format!("{x} kg"), "a unit"),
        (&|_, x| format!("\"1,{:03}.5\"", x as u32), "separators of thousands"),
        (&|i, x| if i % 9 == 0 { "\\N".to_owned() } else { x.to_string() }, "x is \"\\\\N\""),
        (&|i, x| if i % 9 == 0 { ".".to_owned() } else { x.to_string() }, "x is \".\""),
    ] {
        simulate(&dir, &table(notation), &[]).refused(&["t.csv, line ", "x is ", "allowed: ", what]);
    }
    // Who means words says so, and what is read as words is said.
    let words = simulate(&dir, &table(&|_, x| format!("{x} kg")), &["--words", "x"]).ok();
    assert!(
        words.stderr().contains("columns that are words, each word a feature: \"x\" ("),
        "{}",
        words.stderr()
    );
    let named = simulate(&dir, &table(&|i, _| ["red", "blue"][i % 2].to_owned()), &[]).ok();
    assert!(named.stderr().contains("each word a feature: \"x\" (2)"), "{}", named.stderr());
}

#[test]
fn semicolons_and_tabs_separate_columns_too() {
    let dir = Dir::new();
    let text = table(&|_, x| x.to_string());
    let expected = simulate(&dir, &text, &[]).ok().json();
    for separator in [";", "\t"] {
        assert_eq!(simulate(&dir, &text.replace(',', separator), &[]).ok().json(), expected);
    }
    let commas = text.replace(',', ";").replace('.', ",");
    simulate(&dir, &commas, &[]).refused(&["t.csv, line ", "x is ", "a decimal comma"]);
}

#[test]
fn what_varies_survives_scaling() {
    let dir = Dir::new();
    let plain = loss(&simulate(&dir, &table(&|_, x| x.to_string()), &[]).ok());
    for notation in [
        &(|_: usize, x: f64| (1e9 + x).to_string()) as &dyn Fn(usize, f64) -> String,
        &|_, x| (x - 1e9).to_string(),
        &|i, x| if i == 100 { "1e12".to_owned() } else { x.to_string() },
        &|i, x| if i == 100 { "-1e12".to_owned() } else { (1e6 + x).to_string() },
    ] {
        let moved = loss(&simulate(&dir, &table(notation), &[]).ok());
        // A coin would lose half the time.
        assert!(moved < plain + 0.05, "{moved} for {plain}");
    }
}

#[test]
fn files_that_are_no_text_are_named_for_what_they_are() {
    let dir = Dir::new();
    dir.write("p.toml", POLICY);
    for (start, what) in [
        (&b"PK\x03\x04"[..], "a zip archive, or a spreadsheet"),
        (b"BZh9", "compressed with bzip2"),
        (b"\xff\xfex\0", "UTF-16"),
    ] {
        dir.write("t.csv", [start, b"rest"].concat());
        let args = ["simulate", "--data", "t.csv", "--label", "class", "--policy", "p.toml"];
        dir.run(&args).refused(&["t.csv: it is ", what]);
    }
}

#[test]
fn one_order_has_no_interval_and_costs_no_search_for_one() {
    let dir = Dir::new();
    let result = simulate(&dir, &table(&|_, x| x.to_string()), &["--orders", "1"]).ok().json();
    assert_eq!(result["policies"][0]["lower"], Value::Null);
    assert!(rehearsal::base::stats::student_t_quantile(0.975, 0.0).is_nan());
}
