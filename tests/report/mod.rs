//! Every format of a verdict as a user gets it: written by the program, read by other people's parsers.

use quick_junit::TestCaseStatus;
use rehearsal::gate::{GateSpec, Kind};
use rehearsal::metrics::Metric;
use rehearsal::persona::Persona;
use rehearsal::policy::Policy;
use rehearsal::promotion::{Inputs, Judgement, Source};
use serde_json::Value;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

mod card;
mod files;
mod formats;
mod github;

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

/// Baseline and challenger, the verdict of the sandbox's gate on them, and the exit code.
type Case = (&'static str, &'static str, &'static str, i32);

const PROMOTE: Case = ("uniform", "egreedy-v2", "promote", 0);
const REJECT: Case = ("egreedy-v2", "uniform", "reject", 1);
/// So small a step between two policies cannot be shown with so few users.
const INCONCLUSIVE: Case = ("egreedy-v1", "linucb", "inconclusive", 3);
const SAME: Case = ("linucb", "linucb", "inconclusive", 3);

/// A folder with a small gate: two personas, one short scenario.
struct Sandbox(TempDir);

impl Sandbox {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        fs::create_dir(dir.path().join("people")).unwrap();
        for name in ["mover", "morning-planner"] {
            let file = format!("{name}.toml");
            let from = Path::new(ROOT).join("personas").join(&file);
            fs::copy(from, dir.path().join("people").join(&file)).unwrap();
        }
        fs::write(dir.path().join("short.toml"), SCENARIO).unwrap();
        let sandbox = Self(dir);
        sandbox.gate("gate.toml", 192);
        sandbox
    }

    fn gate(&self, name: impl AsRef<Path>, max_users: u32) {
        let numbers = "alpha = 0.05\nbeta = 0.05\nminimum_effect = 0.01\nbatch = 32";
        let text = format!("description = \"small\"\n{numbers}\nmax_users = {max_users}\n{CRITERIA}");
        fs::write(self.path(name), text).unwrap();
    }

    fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: impl AsRef<Path>) -> String {
        let path = self.path(name);
        fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    /// `promote-check` in this folder, away from whatever CI the tests run in.
    fn check(&self, (baseline, challenger, ..): Case) -> Command {
        let mut command = Command::new(BIN);
        command.current_dir(self.0.path()).args(["promote-check", "--personas", "people"]);
        command.args(["--baseline", baseline, "--challenger", challenger]);
        for name in ["GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "SOURCE_DATE_EPOCH"] {
            command.env_remove(name);
        }
        command
    }

    /// The same with the sandbox's gate.
    fn small(&self, case: Case) -> Command {
        let mut command = self.check(case);
        command.args(["--gate", "gate.toml"]);
        command
    }
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// Runs to the end, and shows everything if the exit code is another one.
fn run(command: &mut Command, code: i32) -> Output {
    let output = command.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{command:?}\n{out}\n{err}");
    output
}

/// An error of the command line: exit code 2, nothing on stdout, one line on stderr.
fn refused(command: &mut Command) -> String {
    let output = run(command, 2);
    let message = stderr(&output);
    assert!(output.stdout.is_empty() && message.lines().count() == 1, "{message}");
    message.to_owned()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

fn schema() -> Value {
    let output = run(Command::new(BIN).args(["schema", "--of", "verdict"]), 0);
    let published = fs::read_to_string(Path::new(ROOT).join("schemas/verdict.schema.json")).unwrap();
    assert_eq!(stdout(&output), published);
    json(&published)
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
        eprintln!("skipped: no {name} here");
    }
    found.then_some(name)
}
