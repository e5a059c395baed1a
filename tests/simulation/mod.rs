//! `simulate`: the same bytes for any number of threads, and the same choices through the command line.

mod labelled_table;
mod notation;
mod parts;
mod replay;
mod spread;
mod what_it_shows;

use crate::util::Dir;
use serde_json::Value;

#[test]
fn threads_change_no_byte_and_the_seed_does() {
    let dir = Dir::new();
    let run = |out: &str, threads: &str, seed: &str| {
        let args = [
            "simulate",
            "steady",
            "delayed-rewards",
            "--policy",
            "egreedy-v1",
            "--policy",
            "lints-v2",
            "--users",
            "70",
            "--steps",
            "25",
            "--seed",
            seed,
            "--threads",
            threads,
            "--out",
            out,
            "--json",
        ];
        let stdout = dir.run(&args).ok().stdout();
        let files = ["summary.json", "users.csv", "curve.csv"].map(|f| dir.read(&format!("{out}/{f}")));
        (stdout, files)
    };
    let one = run("one", "1", "5");
    assert_eq!(one, run("two", "2", "5"));
    assert_eq!(one, run("seven", "7", "5"));
    let other = run("other", "2", "6");
    assert_ne!(one.1[0], other.1[0]);
    assert_ne!(one.1[1], other.1[1]);
}

#[test]
fn the_files_agree_with_each_other() {
    let dir = Dir::new();
    let args = [
        "simulate",
        "--policy",
        "uniform",
        "--policy",
        "linucb-v2",
        "--users",
        "40",
        "--steps",
        "30",
        "--out",
        "out",
    ];
    dir.run(&args).ok();
    let summary: Value = dir.json("out/summary.json");
    assert_eq!(summary["decisions"], 8 * 40 * 30 * 2);
    let mut reader = csv::Reader::from_path(dir.join("out/users.csv")).unwrap();
    let rows: Vec<Vec<String>> =
        reader.records().map(|r| r.unwrap().iter().map(str::to_owned).collect()).collect();
    assert_eq!(rows.len(), 8 * 40 * 2);
    let mut sum = 0.0;
    for row in rows.iter().filter(|r| r[1] == "mover" && r[3] == "linucb-v2") {
        let number = |i: usize| row[i].parse::<f64>().unwrap();
        let reward = (number(5) + 0.25 * number(6) - 0.5 * number(8)) / number(4);
        assert!((reward - number(9)).abs() < 1e-12, "{row:?}");
        sum += reward;
    }
    let personas = summary["scenarios"][0]["personas"].as_array().unwrap();
    let mover = personas.iter().find(|p| p["persona"] == "mover").unwrap();
    let mean = mover["policies"][1]["reward"]["mean"].as_f64().unwrap();
    assert!((mean - sum / 40.0).abs() < 1e-12, "{mean} is not {}", sum / 40.0);
    let along = |column: usize| -> Vec<f64> {
        csv::Reader::from_path(dir.join("out/curve.csv"))
            .unwrap()
            .records()
            .map(|r| r.unwrap())
            .filter(|r| &r[1] == "mover" && &r[2] == "linucb-v2")
            .map(|r| r[column].parse().unwrap())
            .collect()
    };
    // Regret along the way adds up to that of all, and so do the kinds that were shown.
    let regret = mover["policies"][1]["regret"]["mean"].as_f64().unwrap();
    for (column, expected) in [(4, mean), (7, regret)] {
        let steps = along(column);
        assert_eq!(steps.len(), 30);
        let found = steps.iter().sum::<f64>() / 30.0;
        // Of each decision regret is counted in 1/4096.
        assert!(
            (found - expected).abs() < if column == 4 { 1e-12 } else { 1e-3 },
            "{found} is not {expected}"
        );
    }
    let rate = mover["policies"][1]["completion_rate"]["mean"].as_f64().unwrap();
    let kinds = mover["policies"][1]["kinds"].as_array().unwrap();
    let of = |field: fn(&Value) -> f64| kinds.iter().map(field).sum::<f64>();
    assert!(kinds.len() > 3 && kinds.iter().all(|kind| kind["kind"].is_string()), "{kinds:?}");
    assert!((of(|kind| kind["shown"].as_f64().unwrap()) - 1.0).abs() < 1e-12);
    let completed =
        |kind: &Value| kind["shown"].as_f64().unwrap() * kind["completed"].as_f64().unwrap_or(0.0);
    assert!((of(completed) - rate).abs() < 1e-12);
}

#[test]
fn bad_settings_are_one_line_and_exit_code_2() {
    let dir = Dir::new();
    dir.write("steady.toml", "name = \"x\"\ndescription = \"x\"\nsteps = 10\ncolour = 1\n");
    dir.write(
        "late.toml",
        "name = \"x\"\ndescription = \"x\"\nsteps = 10\n[change]\nkind = \"drift\"\nat = 1.0\n",
    );
    dir.write("who.toml", "name = \"x\"\ndescription = \"x\"\nsteps = 10\n[population]\nmovr = 1\n");
    dir.write("file", "");
    for (args, said) in [
        (&["simulate", "stedy", "--policy", "uniform"][..], "did you mean \"steady\"?"),
        (&["simulate", "--policy", "linucb-v3"], "did you mean \"linucb-v2\"?"),
        (&["simulate", "./steady.toml", "--policy", "uniform"], "unknown field `colour`"),
        (
            &["simulate", "late.toml", "--policy", "uniform"],
            "late.toml: change.at is 1; allowed: a number in [0, 1)",
        ),
        (
            &["simulate", "who.toml", "--policy", "uniform"],
            "unknown persona \"movr\", did you mean \"mover\"?",
        ),
        (&["simulate", "none.toml", "--policy", "uniform"], "cannot read none.toml"),
        (&["simulate", "--policy", "uniform", "--policy", "uniform"], "policy \"uniform\" is given twice"),
        (&["simulate", "--policy", "uniform", "--steps", "0"], "--steps: steps is 0; allowed"),
        (&["simulate", "--policy", "uniform", "--out", "file"], "cannot create file"),
        (&["simulate", "--policy", "uniform", "--personas", "none"], "cannot read none"),
    ] {
        dir.run(args).refused(&[said]);
    }
}
