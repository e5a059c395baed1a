//! Feature sets of one's own in the simulator, which knows the domain that ships.

use super::shop;
use crate::util::Dir;
use serde_json::Value;

/// A copy of v2 that is none to the program: one unknown effort apart, which simulated candidates never have.
fn like_v2(dir: &Dir) {
    let text = include_str!("../../features/v2.toml");
    let text =
        text.replace("name = \"v2\"", "name = \"like-v2\"").replace("unknown = 0.25", "unknown = 0.26");
    dir.write("like-v2.toml", text);
    dir.write("like.toml", "name = \"like\"\nexplorer = \"egreedy\"\nfeatures = \"like-v2.toml\"\n");
}

#[test]
fn a_set_that_does_what_a_built_in_one_does_has_its_figures() {
    let dir = Dir::new();
    like_v2(&dir);
    for scenario in ["steady", "cold-start", "delayed-rewards", "mixed-users"] {
        let args = [
            "simulate",
            scenario,
            "--users",
            "4",
            "--steps",
            "30",
            "--policy",
            "egreedy-v2",
            "--policy",
            "like.toml",
            "--json",
        ];
        let results = dir.run(&args).ok().json();
        let mut differences = Vec::new();
        collect(&results, &mut differences);
        let are_none = |difference: &&Value| {
            let figures = difference.as_object().unwrap().values().filter(|value| value.is_object());
            figures.flat_map(|figure| figure.as_object().unwrap().values()).all(|x| x.as_f64() == Some(0.0))
        };
        assert!(differences.len() > 8 && differences.iter().all(are_none), "{scenario}: {results}");
    }
}

/// Every difference between two policies in a result.
fn collect<'v>(value: &'v Value, found: &mut Vec<&'v Value>) {
    match value {
        Value::Object(map) => {
            if map.contains_key("minus") {
                found.push(value);
            }
            map.values().for_each(|value| collect(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| collect(value, found)),
        _ => {}
    }
}

#[test]
fn the_gate_judges_a_set_with_crosses() {
    let dir = Dir::new();
    dir.write("crossed.toml", "name = \"crossed\"\n[[dimensions]]\nname = \"bias\"\nconstant = 1\n[[dimensions]]\nname = \"kind\"\n\
        input = \"candidate.kind\"\nsteps = [{ one_hot = [\"focus\", \"rest\", \"plan\"] }]\n[[dimensions]]\nname = \"hour\"\n\
        input = [\"candidate.hour\", \"context.hour\"]\nsteps = [\"cyclic\"]\n[[dimensions]]\nname = \"kind-hour\"\ncross = [\"kind\", \"hour\"]\n");
    dir.write(
        "challenger.toml",
        "name = \"challenger\"\nexplorer = \"egreedy\"\nfeatures = \"crossed.toml\"\n",
    );
    dir.write("short.toml", "name = \"short\"\ndescription = \"a short steady life\"\nsteps = 30\n");
    dir.write("gate.toml", "description = \"a gate\"\nalpha = 0.05\nbeta = 0.05\nminimum_effect = 0.02\nmax_users = 64\nbatch = 16\n\
        [[criteria]]\nkind = \"superior\"\nmetric = \"reward\"\nscenarios = [\"short.toml\"]\n");
    let args = [
        "promote-check",
        "--baseline",
        "uniform",
        "--challenger",
        "challenger.toml",
        "--gate",
        "gate.toml",
        "--json",
        "--out",
        "report",
        "--seed",
        "1",
    ];
    let verdict = dir.run(&args);
    if ![0, 1, 3].contains(&verdict.code()) {
        verdict.fail("a verdict");
    }
    assert_eq!(verdict.json()["challenger"], "challenger");
}

#[test]
fn people_of_other_domains_are_refused_with_the_reason() {
    let dir = shop();
    dir.run(&["simulate", "steady", "--policy", "by-device.toml", "--users", "1"]).refused(&[
        "by-device: it looks at inputs of domain shop",
        "`rehearsal evaluate` judges it on a log",
    ]);
    dir.run(&["promote-check", "--challenger", "by-device.toml"])
        .refused(&["by-device: it looks at inputs of domain shop"]);
}
