//! `features fit` writes a feature set for what a log says.

use super::logs::{csv, dsjson, value, with_log};
use crate::util::Dir;

fn fit(dir: &Dir, log: &str, out: &str) -> crate::util::Ran {
    dir.run(&["features", "fit", log, "--domain", "shop.toml", "--out", out])
}

#[test]
fn a_policy_over_what_is_proposed_knows_the_device() {
    let dir = with_log();
    dir.write("log.csv", csv());
    let fitted = fit(&dir, "log.csv", "mine.toml").ok().json();
    assert_eq!((fitted["feature_set"].as_str(), fitted["decisions"].as_u64()), (Some("mine"), Some(9000)));
    let checked = dir.run(&["features", "check", "mine.toml"]).ok().stdout();
    assert!(checked.contains(fitted["digest"].as_str().unwrap()), "{checked}");
    let text = dir.read("mine.toml");
    for part in [
        "# context.device: said 9000 times, 3 different texts.",
        "name = \"device-item\"\ncross = [\"device\", \"item\"]",
        "# candidate.price: said 9000 times, from 10 to 30;",
        "{ divide = 30 }",
        "# candidate.category: this log never says it.",
        "# profile.orders: this log never says it.",
        "domain = \"shop.toml\"",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    dir.write(
        "by-fit.toml",
        "name = \"by-fit\"\nexplorer = \"egreedy\"\nepsilon = 0.005\nfeatures = \"mine.toml\"\n",
    );
    let evaluated = dir
        .run(&["evaluate", "log.csv", "--policy", "by-fit.toml", "--estimator", "snips", "--json"])
        .ok()
        .json();
    let worth = value(&evaluated, "by-fit", "snips");
    assert!(worth >= 0.6, "{worth}");
}

#[test]
fn the_same_log_gives_the_same_file_and_none_is_written_over() {
    let dir = with_log();
    dir.write("log.csv", csv());
    fit(&dir, "log.csv", "mine.toml").ok();
    let first = dir.read("mine.toml");
    fit(&dir, "log.csv", "mine.toml").refused(&["mine.toml", "--overwrite"]);
    dir.run(&["features", "fit", "log.csv", "--domain", "shop.toml", "--out", "mine.toml", "--overwrite"])
        .ok();
    assert_eq!(dir.read("mine.toml"), first);
    // The order of its decisions tells nothing.
    let lines: Vec<&str> = csv_lines(&dir);
    let backwards: Vec<&str> = lines[..1].iter().chain(lines[1..].iter().rev()).copied().collect();
    dir.write("log.csv", backwards.join("\n"));
    fit(&dir, "log.csv", "again.toml").ok();
    assert_eq!(dir.read("again.toml").replace("\"again\"", "\"mine\""), first);
    // From another folder the domain is found too.
    std::fs::create_dir(dir.join("sets")).unwrap();
    fit(&dir, "log.csv", "sets/mine.toml").ok();
    dir.run(&["features", "check", "sets/mine.toml"]).ok();
    fit(&dir, "log.csv", "No Name.toml").refused(&["--name is \"No Name\""]);
}

fn csv_lines(dir: &Dir) -> Vec<&'static str> {
    Box::leak(dir.read("log.csv").into_boxed_str()).lines().collect()
}

#[test]
fn other_formats_say_of_all_candidates_what_they_are() {
    let dir = with_log();
    dir.write("log.json", dsjson());
    fit(&dir, "log.json", "mine.toml").ok();
    let text = dir.read("mine.toml");
    assert!(text.contains("# candidate.id: said 27000 times, 3 different texts."), "{text}");
    assert!(text.contains("# candidate.category: said 27000 times, always the same text"), "{text}");
    // Over tips too, from our own log.
    dir.run(&["simulate", "--policy", "uniform", "--users", "2", "--steps", "30", "--log", "own"]).ok();
    let ran = dir.run(&["features", "fit", "own", "--domain", "tips", "--out", "tips-fit.toml"]).ok();
    assert_eq!(ran.json()["decisions"], dir.read("own/decisions.jsonl").lines().count());
    let text = dir.read("tips-fit.toml");
    for part in [
        "steps = [\"cyclic\"]",
        "# context.weekday: said",
        "7 different whole numbers",
        "name = \"weekday-item\"",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    dir.write("by-fit.toml", "name = \"by-fit\"\nexplorer = \"egreedy\"\nfeatures = \"tips-fit.toml\"\n");
    dir.run(&["simulate", "--policy", "by-fit.toml", "--users", "1", "--steps", "5"]).ok();
    // A log of names alone says nothing of inputs: what is left is a constant, and what is unknown is named.
    dir.write(
        "obd.csv",
        "timestamp,item_id,position,click,propensity_score\n2019-11-24 00:00:17,1,1,0,0.5\n",
    );
    let ran = fit(&dir, "obd.csv", "none.toml").ok();
    assert_eq!(ran.json()["dimensions"], 1);
    assert!(ran.stderr().contains("it says nothing of these inputs of domain shop"), "{}", ran.stderr());
}

#[cfg(unix)]
#[test]
fn a_hostile_name_of_a_log_does_not_speak_from_what_is_proposed() {
    let dir = with_log();
    let name = "a\u{202e}b\u{9b}\n::error::c.csv";
    dir.write(name, csv());
    fit(&dir, name, "mine.toml").ok();
    let text = dir.read("mine.toml");
    assert!(text.contains("a b ::error::c.csv") && !text.contains(['\u{202e}', '\u{9b}']), "{text}");
}

/// Beside the size of such numbers what varies between them would be lost.
#[test]
fn numbers_far_from_0_are_measured_from_their_middle() {
    let dir = with_log();
    for (offset, steps) in [
        (1_000.0, "{ clip = { minimum = 1000, maximum = 1010 } }, { subtract = 1005 }, { divide = 5 }"),
        (0.0, "{ clip = { maximum = 9.9 } }, { divide = 9.9 }"),
    ] {
        let row = |i: usize| {
            format!("{},{},{},0.5\n", offset + (i % 101) as f64 / 10.0, ["a", "b"][i % 2], i % 3 % 2)
        };
        let rows: String = (0..2_000).map(row).collect();
        dir.write("log.csv", format!("price,action,reward,propensity\n{rows}"));
        let file = format!("from-{offset}.toml");
        fit(&dir, "log.csv", &file).ok();
        let text = dir.read(&file);
        assert!(text.contains(&format!("steps = [{steps}]")), "{text}");
        dir.run(&["features", "check", &file]).ok();
    }
}
