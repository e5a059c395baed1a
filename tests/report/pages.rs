//! The pages of all results: written by the program, read as XML, and held against the JSON of the same command.

use super::*;
use std::collections::BTreeSet;

/// A log of people who are shown everything, in the folder's scenario.
fn with_log() -> Dir {
    let dir = sandbox();
    let log = ["--users", "20", "--personas", "people", "--log", "log"];
    dir.run(&[&["simulate", "short.toml", "--policy", "uniform"][..], &log].concat()).ok();
    dir
}

/// Every command with a page, at sizes for a test.
const COMMANDS: [&[&str]; 6] = [
    &[
        "simulate",
        "short.toml",
        "--personas",
        "people",
        "--policy",
        "uniform",
        "--policy",
        "egreedy-v2",
        "--users",
        "16",
    ],
    &["evaluate", "log", "--policy", "egreedy-v2", "--policy", "uniform"],
    &[
        "calibrate",
        "--baseline",
        "uniform",
        "--challenger",
        "egreedy-v2",
        "--gate",
        "gate.toml",
        "--personas",
        "people",
        "--runs",
        "100",
        "--pool",
        "50",
    ],
    &[
        "compare-reality",
        "--log",
        "log",
        "--scenario",
        "short.toml",
        "--personas",
        "people",
        "--users",
        "20",
        "--replicates",
        "100",
    ],
    &[
        "promote-check",
        "--sensitivity",
        "--baseline",
        "uniform",
        "--challenger",
        "egreedy-v2",
        "--gate",
        "gate.toml",
        "--personas",
        "people",
    ],
    &[
        "promote-check",
        "--baseline",
        "uniform",
        "--challenger",
        "egreedy-v2",
        "--gate",
        "gate.toml",
        "--personas",
        "people",
    ],
];

/// The text of each cell, by row.
fn rows(text: &str) -> Vec<Vec<String>> {
    let document = page(text);
    let is = |name: &'static str| move |n: &roxmltree::Node| n.tag_name().name() == name;
    let of = |n: roxmltree::Node| n.descendants().filter_map(|n| n.text()).collect::<String>();
    let row = |tr: roxmltree::Node| tr.children().filter(is("td")).map(of).collect();
    document.descendants().filter(is("tr")).map(row).collect()
}

#[test]
fn every_page_is_one_file_that_fetches_and_runs_nothing_and_changes_no_byte_of_stdout() {
    let dir = with_log();
    for command in COMMANDS {
        let plain = dir.run(command);
        let with_page = dir.run(&[command, &["--html", "page.html"]].concat());
        assert_eq!((plain.code(), plain.stdout()), (with_page.code(), with_page.stdout()), "{command:?}");
        let html = dir.read("page.html");
        let document = page(&html);
        let mut ids = BTreeSet::new();
        for node in document.descendants().filter(roxmltree::Node::is_element) {
            let name = node.tag_name().name();
            assert!(!["script", "link", "img", "iframe", "object", "use", "image"].contains(&name), "{name}");
            assert!(node.attribute("id").is_none_or(|id| ids.insert(id.to_owned())), "an id twice");
        }
        for node in document.descendants() {
            let link =
                node.attribute("href").map(|href| href.strip_prefix('#').expect("a place on the page"));
            assert!(link.is_none_or(|id| ids.contains(id)), "{link:?}");
        }
        assert_eq!(document.descendants().filter(|n| n.tag_name().name() == "h1").count(), 1);
        // Every chart is there for a screen and for a phone, with words for who does not see it.
        let charts: Vec<_> = document.descendants().filter(|n| n.has_tag_name(SVG)).collect();
        assert!(!charts.is_empty() && charts.len() % 2 == 0);
        assert!(charts.iter().all(|svg| svg.attribute("aria-label").is_some_and(|label| !label.is_empty())));
        // Every row has a cell for every head, and on a phone every figure the name of its column.
        for table in document.descendants().filter(|n| n.tag_name().name() == "table") {
            let count = |name: &str, of: roxmltree::Node| {
                of.descendants().filter(|n| n.tag_name().name() == name).count()
            };
            let heads = count("th", table);
            for row in table.descendants().filter(|n| n.tag_name().name() == "tr").skip(1) {
                assert_eq!(count("td", row), heads, "{command:?}");
            }
            assert_eq!(heads > 3, table.attribute("class") == Some("cards"));
        }
        // The command that makes it again, without what changes nothing.
        let said = said(&html);
        assert!(
            said.contains(&format!("rehearsal {}", command[0])) && !said.contains("--html"),
            "{command:?}"
        );
    }
}

#[test]
fn the_pages_are_the_same_for_any_number_of_threads() {
    let dir = with_log();
    for command in COMMANDS.iter().filter(|command| command[0] != "evaluate") {
        for (file, threads) in [("one.html", "1"), ("three.html", "3")] {
            dir.run(&[command, &["--html", file, "--threads", threads][..]].concat());
        }
        assert_eq!(dir.read("one.html"), dir.read("three.html"), "{command:?}");
    }
}

/// What is shown is what was found: per 100 tips, in the direction that the sign says.
#[test]
fn the_page_of_a_simulation_says_what_its_json_says() {
    let dir = sandbox();
    let command = [COMMANDS[0], &["--html", "page.html", "--json"]].concat();
    let json = dir.run(&command).ok().json();
    let html = dir.read("page.html");
    let population = &json["scenarios"][0]["population"];
    let mean = |of: &Value, metric: &str| 100.0 * of[metric]["mean"].as_f64().unwrap();
    let (before, after) = (&population["policies"][0], &population["policies"][1]);
    let difference = &population["differences"][0];
    let text = said(&html);
    for metric in ["reward", "completion_rate", "dismiss_rate", "regret"] {
        let both = format!("{:.1} \u{2192} {:.1}", mean(before, metric), mean(after, metric));
        assert!(text.contains(&both), "{metric}: {both}");
        let by = mean(difference, metric);
        let said = format!("{:.1} {}", by.abs(), if by > 0.0 { "more" } else { "fewer" });
        assert!(text.contains(&said), "{metric}: {said}");
    }
    // Fewer dismissals and less regret are for the better: the style sheet shows them as completions.
    let document = page(&html);
    let better = document.descendants().filter(|n| n.attribute("class") == Some("small better")).count();
    assert_eq!(better, 4);
    // Kinds of tip: shares of all that each policy showed add up.
    let shares = |policy: usize| -> f64 {
        let kinds = ["connect", "focus", "move", "plan", "rest"];
        let of = rows(&html).into_iter().filter(|row| row.len() == 5 && kinds.contains(&row[0].as_str()));
        of.map(|row| row[1 + 2 * policy].trim_end_matches('%').parse::<f64>().unwrap()).sum()
    };
    assert!(
        (shares(0) - 100.0).abs() < 0.3 && (shares(1) - 100.0).abs() < 0.3,
        "{} {}",
        shares(0),
        shares(1)
    );
}

#[test]
fn the_page_of_a_verdict_has_one_sign_and_says_who_took_part() {
    let dir = sandbox();
    run(small(&dir, REJECT).args(["--html", "page.html", "--out", "out"]), b"").exits(1);
    let html = dir.read("page.html");
    assert_eq!(html, dir.read("out/report.html"), "--html is the page of --out");
    let verdict = dir.json("out/verdict.json");
    let rows = rows(&html);
    for c in verdict["criteria"].as_array().unwrap() {
        let row =
            rows.iter().find(|row| row.len() == 8 && row[1] == c["id"].as_str().unwrap()).expect("its row");
        let difference = c["estimate"].as_f64().unwrap();
        let is_rate = c["metric"] == "dismiss_rate";
        let gain = if is_rate { -difference } else { difference };
        assert_eq!(row[3], format!("{gain:+.3}"), "{row:?}");
        assert_eq!(
            row[5],
            format!(
                "> {}",
                c["mark"].as_f64().unwrap_or_else(|| if c["kind"] == "superior" { 0.01 } else { -0.05 })
            )
        );
        let range = if is_rate { 1.0 } else { 1.5 };
        let size = format!(
            "{:.1} {} ",
            100.0 * range * difference.abs(),
            if difference > 0.0 { "more" } else { "fewer" }
        );
        assert!(row[2].starts_with(&size), "{size} in {row:?}");
    }
    let text = said(&html);
    for what in [
        "minimum effect 0.01",
        "small",
        "A month",
        "Would rather be outside, with other people",
        "any tip, at random",
        "epsilon 0.1",
        "Learning curves",
        "What was missed",
        "Kinds of tip",
    ] {
        assert!(text.contains(what), "{what}");
    }
}

#[test]
fn a_page_replaces_nothing_that_is_read_and_is_refused_before_the_run() {
    let dir = with_log();
    fs::create_dir(dir.join("folder")).unwrap();
    for (command, taken) in [
        (COMMANDS[0], "short.toml"),
        (COMMANDS[0], "people/mover.toml"),
        (COMMANDS[1], "log/decisions.jsonl"),
        (COMMANDS[2], "gate.toml"),
        (COMMANDS[3], "log/rewards.jsonl"),
        (COMMANDS[4], "people/mover.toml"),
        (COMMANDS[5], "gate.toml"),
    ] {
        let before = fs::read(dir.join(taken)).unwrap();
        dir.run(&[command, &["--html", taken]].concat()).refused(&[taken, "read or written already"]);
        assert_eq!(fs::read(dir.join(taken)).unwrap(), before);
        dir.run(&[command, &["--html", "folder"]].concat()).refused(&["folder"]);
        dir.run(&[command, &["--html", "nowhere/page.html"]].concat()).refused(&["nowhere"]);
    }
    dir.run(&[COMMANDS[0], &["--blocks", "0..1", "--out", "part.json", "--html", "p.html"]].concat())
        .refused(&["--html is of a whole run"]);
}

/// Policies of `evaluate` are called as their files are.
#[cfg(unix)]
#[test]
fn a_hostile_name_is_text_on_a_page() {
    let dir = Dir::new();
    let name = "a\"b<script>'&\u{1}\u{1b}[31m.csv";
    dir.write(name, "item,probability\na,0.1\nb,0.9\n");
    let rows: String = (0..400).map(|i| format!("{},{},0.5\n", ["a", "b"][i % 2], i % 3)).collect();
    dir.write("log.csv", format!("action,reward,propensity\n{rows}"));
    dir.run(&["evaluate", "log.csv", "--policy", name, "--policy", "uniform", "--html", "page.html"]).ok();
    let html = dir.read("page.html");
    assert!(
        !html.contains("<script")
            && !html.contains('\u{1b}')
            && said(&html).contains("a\"b<script>'&\u{fffd}")
    );
}
