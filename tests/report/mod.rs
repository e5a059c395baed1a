//! Every format of a verdict as a user gets it: written by the program, read by other people's parsers.

use crate::util::{Dir, run};
use quick_junit::TestCaseStatus;
use rehearsal::gate::promotion::{Inputs, Judgement, UserSource};
use rehearsal::gate::{Claim, GateSpec};
use rehearsal::people::persona::Persona;
use rehearsal::policy::Policy;
use rehearsal::simulation::metrics::Metric;
use serde_json::Value;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

mod card;
mod files;
mod formats;
mod github;
mod pages;
mod terminal;

const BIN: &str = env!("CARGO_BIN_EXE_rehearsal");
const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const FILES: [&str; 5] = ["verdict.json", "verdict.txt", "verdict.md", "junit.xml", "report.html"];
const SVG: (&str, &str) = ("http://www.w3.org/2000/svg", "svg");

const SCENARIO: &str = "name = \"short\"\ndescription = \"A month\"\nsteps = 100\n";
const CRITERIA: &str = r#"
[[criteria]]
kind = "superior"
metric = "reward"
scenarios = ["./short.toml"]

[[criteria]]
kind = "not-inferior"
metric = "reward"
scenarios = ["./short.toml"]
by = "persona"
margin = 0.05

[[criteria]]
kind = "not-inferior"
metric = "dismiss_rate"
scenarios = ["./short.toml"]
margin = 0.05
"#;

/// Baseline and challenger, the verdict of the folder's gate on them, and the exit code.
type Case = (&'static str, &'static str, &'static str, i32);

const PROMOTE: Case = ("uniform", "egreedy-v2", "promote", 0);
const REJECT: Case = ("egreedy-v2", "uniform", "reject", 1);
/// So small a step between two policies cannot be shown with so few users.
const INCONCLUSIVE: Case = ("egreedy-v1", "linucb", "inconclusive", 3);
/// It shows some candidates with probability 0, so that its log says nothing of them.
const DETERMINISTIC: Case = ("uniform", "linucb", "promote", 0);
const SAME: Case = ("linucb", "linucb", "inconclusive", 3);

/// A folder with a small gate: two personas, one short scenario.
fn sandbox() -> Dir {
    let dir = Dir::new();
    fs::create_dir(dir.join("people")).unwrap();
    for name in ["mover", "morning-planner"] {
        let file = format!("{name}.toml");
        fs::copy(Path::new(ROOT).join("personas").join(&file), dir.join("people").join(&file)).unwrap();
    }
    dir.write("short.toml", SCENARIO);
    gate(&dir, "gate.toml", 192);
    dir
}

fn gate(dir: &Dir, name: &str, max_users: u32) {
    let numbers = "alpha = 0.05\nbeta = 0.05\nminimum_effect = 0.01\nbatch = 32";
    dir.write(name, format!("description = \"small\"\n{numbers}\nmax_users = {max_users}\n{CRITERIA}"));
}

/// `promote-check` in this folder.
fn check(dir: &Dir, (baseline, challenger, ..): Case) -> Command {
    let policies = ["--baseline", baseline, "--challenger", challenger];
    let mut command = dir.command(&["promote-check", "--personas", "people"]);
    command.args(policies).env_remove("SOURCE_DATE_EPOCH");
    command
}

/// The same with the folder's gate.
fn small(dir: &Dir, case: Case) -> Command {
    let mut command = check(dir, case);
    command.args(["--gate", "gate.toml"]);
    command
}

fn schema() -> Value {
    let printed = Dir::new().run(&["schema", "--of", "verdict"]).ok();
    let published = fs::read_to_string(Path::new(ROOT).join("schemas/verdict.schema.json")).unwrap();
    assert_eq!(printed.stdout(), published);
    printed.json()
}

fn assert_valid(schema: &Value, verdict: &Value) {
    let validator = jsonschema::draft202012::new(schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(verdict).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

/// Reads a page as the XML that it also is.
fn page(text: &str) -> roxmltree::Document<'_> {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    roxmltree::Document::parse_with_options(text, options).unwrap()
}

/// Everything that the page says, markup left out.
fn said(text: &str) -> String {
    page(text).descendants().filter(roxmltree::Node::is_text).filter_map(|n| n.text()).collect()
}

fn property(suite: &quick_junit::TestSuite, name: &str) -> String {
    let property = suite.properties.iter().find(|p| p.name.as_str() == name);
    property.unwrap_or_else(|| panic!("no property {name}")).value.as_str().to_owned()
}

/// A tool that not every machine has: its name, or `None` with a reason on stderr.
fn tool(name: &str) -> Option<&str> {
    let found = Command::new(name).arg("--version").output().is_ok_and(|o| o.status.success());
    if !found {
        crate::util::skip(&format!("no {name} here"));
    }
    found.then_some(name)
}
