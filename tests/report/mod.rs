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

#[test]
fn every_format_says_the_same_and_other_peoples_parsers_read_it() {
    let schema = schema();
    for case @ (_, challenger, verdict, code) in [PROMOTE, REJECT, INCONCLUSIVE, SAME] {
        let sandbox = Sandbox::new();
        let output = run(sandbox.small(case).args(["--out", "out"]), code);
        let mut files: Vec<OsString> =
            fs::read_dir(sandbox.path("out")).unwrap().map(|f| f.unwrap().file_name()).collect();
        files.sort();
        let mut expected = FILES.map(OsString::from);
        expected.sort();
        assert_eq!(files, expected);

        let value = json(&sandbox.read("out/verdict.json"));
        assert_valid(&schema, &value);
        assert_eq!(
            (value["verdict"].as_str(), value["challenger"].as_str()),
            (Some(verdict), Some(challenger))
        );
        let reason = value["reason"].as_str().unwrap();
        let criteria = value["criteria"].as_array().unwrap();
        assert_eq!(criteria.len(), 4);

        let text = sandbox.read("out/verdict.txt");
        assert_eq!(text, stdout(&output));
        assert!(text.starts_with(&verdict.to_uppercase()), "{text}");

        let markdown = sandbox.read("out/verdict.md");
        assert!(markdown.contains(&verdict.to_uppercase()), "{markdown}");

        let report = quick_junit::Report::deserialize_from_str(&sandbox.read("out/junit.xml")).unwrap();
        let suite = &report.test_suites[0];
        assert_eq!((report.tests, suite.tests, suite.test_cases.len()), (5, 5, 5));
        assert_eq!(property(suite, "verdict"), verdict);
        let count = |wanted: fn(&TestCaseStatus) -> bool| {
            suite.test_cases.iter().filter(|c| wanted(&c.status)).count()
        };
        let failures = count(|s| matches!(s, TestCaseStatus::NonSuccess { .. }));
        let skipped = count(|s| matches!(s, TestCaseStatus::Skipped { .. }));
        assert_eq!((report.failures, suite.failures), (failures, failures));
        assert_eq!(failures == 0, verdict == "promote");
        // The verdict stands before the criteria, which are those of the JSON in its order.
        let ids = suite.test_cases[1..].iter().map(|c| c.name.as_str());
        assert!(ids.eq(criteria.iter().map(|c| c["id"].as_str().unwrap())));
        let unseen = criteria.iter().filter(|c| c["users"] == 0).count();
        assert_eq!((skipped, case == SAME), (unseen, unseen > 0));
        assert!(sandbox.read("out/junit.xml").contains(&format!("skipped=\"{skipped}\"")));

        let html = sandbox.read("out/report.html");
        assert!(said(&html).contains(reason), "{reason}");
        let charts = page(&html).descendants().filter(|n| n.has_tag_name(SVG)).count();
        assert_eq!(charts, if case == SAME { 2 } else { 8 }, "two widths of each chart");
    }
}

#[test]
fn what_is_only_advisory_is_shown_and_turns_nothing_red() {
    let sandbox = Sandbox::new();
    // A greedy policy leaves some kind of tip unseen more often than one that chooses at random.
    let advisory = "[[criteria]]\nkind = \"not-inferior\"\nmetric = \"starvation\"\nscenarios = [\"./short.toml\"]\n\
                    margin = 0.001\nadvisory = true\n";
    let gate = sandbox.read("gate.toml") + advisory;
    fs::write(sandbox.path("gate.toml"), gate).unwrap();
    let output = run(sandbox.small(PROMOTE).args(["--out", "out"]).env("GITHUB_ACTIONS", "true"), 0);
    assert_eq!(stderr(&output), "");
    assert!(stdout(&output).contains("starvation/short (advisory)"), "{}", stdout(&output));
    let verdict = json(&sandbox.read("out/verdict.json"));
    assert_valid(&schema(), &verdict);
    let report = quick_junit::Report::deserialize_from_str(&sandbox.read("out/junit.xml")).unwrap();
    let suite = &report.test_suites[0];
    assert_eq!((report.failures, suite.tests), (0, 6));
    let case = suite.test_cases.iter().find(|c| c.name.as_str() == "starvation/short").unwrap();
    assert!(matches!(case.status, TestCaseStatus::Skipped { .. }), "{:?}", case.status);
}

#[test]
fn the_schema_refuses_what_is_no_verdict() {
    let sandbox = Sandbox::new();
    let output = run(sandbox.small(PROMOTE).arg("--json"), 0);
    let (schema, verdict) = (schema(), json(stdout(&output)));
    assert_valid(&schema, &verdict);
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let changes: [(&str, Value); 7] = [
        ("/verdict", "maybe".into()),
        ("/alpha", 0.0.into()),
        ("/seed", (1_u64 << 53).into()),
        ("/digests/gate", "abc".into()),
        ("/criteria", Value::Array(Vec::new())),
        ("/criteria/0/lower", (-1.5).into()),
        ("/criteria/0/holds", Value::Null),
    ];
    for (place, value) in changes {
        let mut changed = verdict.clone();
        *changed.pointer_mut(place).unwrap() = value;
        assert!(!validator.is_valid(&changed), "{place}");
    }
    for place in ["", "/criteria/0"] {
        for name in verdict.pointer(place).unwrap().as_object().unwrap().keys() {
            let mut changed = verdict.clone();
            changed.pointer_mut(place).unwrap().as_object_mut().unwrap().remove(name);
            assert!(!validator.is_valid(&changed), "without {place}/{name}");
        }
        let mut changed = verdict.clone();
        changed.pointer_mut(place).unwrap()["surprise"] = 1.into();
        assert!(!validator.is_valid(&changed), "more at {place}");
    }
    // What was there before is still the default.
    let profile = run(Command::new(BIN).arg("schema"), 0);
    assert_eq!(json(stdout(&profile))["title"], "profile_features");
}

#[test]
fn the_text_answers_and_fits_a_terminal() {
    let sandbox = Sandbox::new();
    for case @ (_, _, verdict, code) in [PROMOTE, REJECT, INCONCLUSIVE, SAME] {
        let output = run(&mut sandbox.small(case), code);
        let text = stdout(&output);
        for answer in ["\n  why ", "\n  how sure ", "\n  next ", "\n  Again: rehearsal promote-check "] {
            assert_eq!(text.matches(answer).count(), 1, "{answer} in\n{text}");
        }
        let lines = text.lines().filter(|line| !line.starts_with("  Again: "));
        for line in lines {
            assert!(line.chars().count() <= 100 && line == line.trim_end(), "{line:?}");
        }
        let standings: Vec<&str> = ["fails", "open", "unseen", "holds"]
            .into_iter()
            .filter(|s| text.contains(&format!("\n  {s} ")))
            .collect();
        assert_eq!(standings == ["holds"], verdict == "promote", "{text}");
        // What does not hold comes first.
        let first = text.lines().skip_while(|line| !line.contains("difference")).nth(1).unwrap();
        assert_eq!(first.starts_with("  holds"), verdict == "promote", "{text}");
    }
}

#[test]
fn the_page_fetches_nothing_and_runs_nothing() {
    let sandbox = Sandbox::new();
    run(sandbox.small(REJECT).args(["--out", "out"]), 1);
    let html = sandbox.read("out/report.html");
    let document = page(&html);
    for node in document.descendants().filter(roxmltree::Node::is_element) {
        let name = node.tag_name().name();
        assert!(!["script", "link", "img", "iframe", "object", "use", "image"].contains(&name), "{name}");
        for attribute in node.attributes() {
            let (name, value) = (attribute.name(), attribute.value());
            assert!(!name.starts_with("on") && !["src", "href", "data"].contains(&name), "{name}={value}");
            assert!(!value.contains("url("), "{name}={value}");
        }
    }
    let style = document.descendants().find(|n| n.tag_name().name() == "style").unwrap().text().unwrap();
    assert!(!style.contains("url(") && !style.contains("@import"));
    assert!(style.contains("prefers-color-scheme: dark"));
    // Every colour of every chart has a dark counterpart.
    for node in document.descendants().filter(|n| n.ancestors().any(|a| a.has_tag_name(SVG))) {
        for name in ["fill", "stroke"] {
            if let Some(value) = node.attribute(name).filter(|v| *v != "none") {
                assert!(style.contains(&format!("svg [{name}=\"{value}\"]")), "{name}={value}");
            }
        }
    }
}

#[test]
fn the_reports_are_the_same_for_any_number_of_threads() {
    let sandbox = Sandbox::new();
    run(sandbox.small(PROMOTE).args(["--out", "one", "--threads", "1"]), 0);
    run(sandbox.small(PROMOTE).args(["--out", "three", "--threads", "3"]), 0);
    for file in FILES {
        assert_eq!(sandbox.read(format!("one/{file}")), sandbox.read(format!("three/{file}")), "{file}");
    }
}

/// A file name with all that is markup, quoting or a command somewhere.
#[cfg(unix)]
const HOSTILE: &str = "-a'b\"c<script>|d` ````& $(touch pwned)\n::error::x\r\n|x|\u{1}]]>.toml";

#[cfg(unix)]
#[test]
fn a_hostile_name_is_text_in_every_format() {
    let sandbox = Sandbox::new();
    sandbox.gate(HOSTILE, 192);
    let mut command = sandbox.check(REJECT);
    command.arg(format!("--gate={HOSTILE}")).args(["--out", "out", "--summary", "summary.md"]);
    command.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", sandbox.path("step.md"));
    let output = run(&mut command, 1);
    let again = json(&sandbox.read("out/verdict.json"))["command"].as_str().unwrap().to_owned();
    assert!(again.contains("<script>") && !again.contains(char::is_control), "{again}");

    // Text and annotations: no workflow command but our own.
    assert!(!stdout(&output).lines().any(|line| line.trim_start().starts_with("::")));
    assert!(
        stderr(&output).lines().all(|line| line.starts_with("::error ") || line.starts_with("::warning "))
    );

    let html = sandbox.read("out/report.html");
    assert!(!html.contains("<script") && said(&html).contains(&again));

    let report = quick_junit::Report::deserialize_from_str(&sandbox.read("out/junit.xml")).unwrap();
    assert_eq!(property(&report.test_suites[0], "command"), again);

    let markdown = sandbox.read("out/verdict.md");
    assert_eq!(markdown, sandbox.read("summary.md"));
    assert_eq!(markdown, sandbox.read("step.md"));
    // The command stands in a fence that it cannot end.
    let lines: Vec<&str> = markdown.lines().collect();
    let at = lines.iter().position(|line| *line == again).unwrap();
    let fence = lines[at + 1];
    assert!(fence.len() > 4 && fence.chars().all(|c| c == '`') && lines[at - 1] == format!("{fence}sh"));
    assert!(!again.contains(fence));

    // A shell that runs the command gets the same verdict, and nothing else happens.
    if tool("bash").is_none() {
        return;
    }
    let folder = Path::new(BIN).parent().unwrap();
    let script = format!("PATH={}:$PATH; {again} --json", folder.display());
    let shell = run(Command::new("bash").args(["-c", &script]).current_dir(sandbox.0.path()), 1);
    assert_eq!(json(stdout(&shell)), json(&sandbox.read("out/verdict.json")));
    assert!(!sandbox.path("pwned").exists());
}

#[test]
fn a_summary_is_added_under_github_actions_only() {
    let sandbox = Sandbox::new();
    let step = sandbox.path("step.md");
    fs::write(&step, "before\n").unwrap();
    let check = || {
        let mut command = sandbox.small(REJECT);
        command.env("GITHUB_STEP_SUMMARY", &step);
        command
    };
    let quiet = run(&mut check(), 1);
    assert_eq!((sandbox.read("step.md").as_str(), stderr(&quiet)), ("before\n", ""));

    let loud = run(check().env("GITHUB_ACTIONS", "true"), 1);
    let added = sandbox.read("step.md");
    assert!(added.starts_with("before\n## ") && added.contains("REJECT"), "{added}");
    assert_eq!(loud.stdout, quiet.stdout);
    assert!(stderr(&loud).starts_with("::error title=REJECT%3A "), "{}", stderr(&loud));

    // Naming the step's summary adds to it too, once.
    run(check().env("GITHUB_ACTIONS", "true").arg("--summary").arg(&step), 1);
    assert_eq!(sandbox.read("step.md").matches("## ").count(), 2);

    // What does not fit is left out: GitHub would drop all of it.
    fs::write(&step, "x".repeat(1 << 20)).unwrap();
    let full = run(check().env("GITHUB_ACTIONS", "true"), 1);
    assert!(stderr(&full).contains("summary is full"));
    assert_eq!(fs::metadata(&step).unwrap().len(), 1 << 20);
}

#[test]
fn annotations_are_for_failures() {
    let sandbox = Sandbox::new();
    for case @ (_, _, verdict, code) in [PROMOTE, REJECT, INCONCLUSIVE, SAME] {
        let output = run(sandbox.small(case).arg("--json").env("GITHUB_ACTIONS", "true"), code);
        let value = json(stdout(&output));
        let open = value["criteria"].as_array().unwrap().iter().filter(|c| c["holds"] == false);
        let evaluated = open.filter(|c| c["users"] != 0).count();
        let expected = if verdict == "promote" { 0 } else { 1 + evaluated };
        assert_eq!(stderr(&output).lines().count(), expected, "{}", stderr(&output));
    }
}

#[test]
fn what_is_seen_on_the_way_adds_up() {
    let text = r#"
        description = "two scenarios, the second of which is the primary one"
        alpha = 0.05
        beta = 0.05
        minimum_effect = 0.01
        max_users = 40
        [[criteria]]
        kind = "not-inferior"
        metric = "reward"
        scenarios = ["cold-start"]
        margin = 0.001
        [[criteria]]
        kind = "superior"
        metric = "reward"
        scenarios = ["steady"]
    "#;
    let gate = GateSpec::from_toml(text, "gate").unwrap();
    let policy = |name| Policy::named(name).unwrap();
    let inputs =
        Inputs::new(gate, Persona::shipped().unwrap(), policy("egreedy-v1"), policy("linucb")).unwrap();
    let Judgement { verdict, evidence } =
        inputs.run(Source::Simulation(None), String::new(), |_| {}).unwrap();
    let names: Vec<&str> = evidence.scenarios.iter().map(|s| s.scenario.as_str()).collect();
    assert_eq!(names, ["steady", "cold-start"]);
    let steady = evidence.primary();
    assert_eq!((steady.users, steady.steps), (40, 200));
    for persona in &steady.personas {
        for (reactions, figure) in persona.reactions.iter().zip([0, 1]) {
            assert_eq!(reactions.iter().sum::<u64>(), 40 * 200);
            // The rates are those of the reactions.
            for (metric, reaction) in [(Metric::CompletionRate, 0), (Metric::DismissRate, 3)] {
                let f = persona.figures.iter().find(|f| f.metric == metric).unwrap();
                let mean = [f.baseline, f.challenger][figure].unwrap();
                assert!((mean - reactions[reaction] as f64 / (40.0 * 200.0)).abs() < 1e-12);
            }
        }
    }
    // The figure is the criterion's estimate, and the mean of the curve is the figure.
    let reward = &steady.figures[0];
    let claim = verdict.criteria.iter().find(|c| c.kind == Kind::Superior).unwrap();
    assert!((reward.difference.unwrap() - claim.estimate.unwrap()).abs() < 1e-12);
    for (curve, mean) in evidence.curves.iter().zip([reward.baseline, reward.challenger]) {
        let sum: f64 = curve.points.iter().map(|p| p.mean).sum();
        assert!((sum / curve.points.len() as f64 - mean.unwrap()).abs() < 1e-12);
        assert!(curve.points.iter().all(|p| p.lower < Some(p.mean) && Some(p.mean) < p.upper));
    }
    assert_eq!(evidence.curves.len(), 2);
    // The paths end where the verdict stands.
    for path in &evidence.paths {
        let c = verdict.criteria.iter().find(|c| c.id == path.id).unwrap();
        let (users, log10_e) = *path.points.last().unwrap();
        assert_eq!(users, c.users);
        assert!((log10_e - c.e_value.log10()).abs() < 1e-9);
    }
    let (users, log10_e) = *evidence.rejection.last().unwrap();
    assert_eq!(users, verdict.users);
    assert!((log10_e - verdict.rejection_evidence.log10()).abs() < 1e-9);
}

/// The JSON of a card.
fn card_json(card: &str) -> Value {
    json(card.split_once("```json\n").unwrap().1.split_once("\n```").unwrap().0)
}

#[test]
fn a_card_keeps_its_history_and_what_people_wrote_around_it() {
    let sandbox = Sandbox::new();
    run(sandbox.small(PROMOTE).args(["--card", "card.md"]).env("SOURCE_DATE_EPOCH", "0"), 0);
    let first = sandbox.read("card.md");
    let card = card_json(&first);
    assert_eq!(card["challenger"], "egreedy-v2");
    assert_eq!(card["policy"]["epsilon"], 0.1);
    let inputs = card["inputs"].as_array().unwrap();
    assert_eq!(inputs.len(), 12);
    assert_eq!(inputs[11]["source"], "profile_features.tip_volume");
    assert_eq!((inputs[11]["dtype"].as_str(), inputs[4]["unknown"].as_f64()), (Some("int"), Some(0.5)));
    let reward = |s: &Value| {
        let figures = s["figures"].as_array().unwrap();
        figures.iter().find(|f| f["metric"] == "reward").unwrap()["difference"].as_f64().unwrap()
    };
    let gains: Vec<f64> = card["segments"].as_array().unwrap().iter().map(reward).collect();
    assert!(gains.len() == 2 && gains[0] <= gains[1], "{gains:?}");
    let entry = &card["history"][0];
    assert_eq!((&entry["date"], &entry["verdict"]), (&"1970-01-01T00:00:00Z".into(), &"promote".into()));

    // The second verdict: another baseline, and a seed that was chosen.
    fs::write(sandbox.path("card.md"), format!("# Ours\n\nOwner: tips\n\n{first}\nTail\n")).unwrap();
    let mut second = sandbox.small(("egreedy-v2", "egreedy-v2", "inconclusive", 3));
    second.args(["--card", "card.md", "--seed", "7"]).env("SOURCE_DATE_EPOCH", "86400");
    run(&mut second, 3);
    let text = sandbox.read("card.md");
    assert!(text.starts_with("# Ours\n\nOwner: tips\n\n<!-- ") && text.ends_with(" -->\n\nTail\n"), "{text}");
    let history = card_json(&text)["history"].clone();
    assert_eq!(history.as_array().unwrap().len(), 2);
    assert_eq!(history[0], *entry);
    assert_eq!((&history[1]["date"], &history[1]["seed"]), (&"1970-01-02T00:00:00Z".into(), &7.into()));
    assert_eq!(
        (&history[1]["verdict"], &history[1]["seed_source"]),
        (&"inconclusive".into(), &"given".into())
    );
}

#[test]
fn gates_that_run_at_once_all_add_to_the_card() {
    let sandbox = Sandbox::new();
    let run = |seed: u64| {
        let mut command = sandbox.small(PROMOTE);
        command.args(["--card", "card.md", "--seed", &seed.to_string()]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let children: Vec<_> = (0..6).map(run).collect();
    for mut child in children {
        assert!(matches!(child.wait().unwrap().code(), Some(0 | 1 | 3)));
    }
    let card = card_json(&sandbox.read("card.md"));
    let mut seeds: Vec<u64> =
        card["history"].as_array().unwrap().iter().map(|entry| entry["seed"].as_u64().unwrap()).collect();
    seeds.sort_unstable();
    assert_eq!(seeds, [0, 1, 2, 3, 4, 5]);
}

#[test]
fn a_card_that_is_not_this_challengers_is_refused_and_left_alone() {
    let sandbox = Sandbox::new();
    let policy = |epsilon: f64| {
        let text =
            format!("name = \"mine\"\nexplorer = \"egreedy\"\nfeatures = \"v2\"\nepsilon = {epsilon}\n");
        fs::write(sandbox.path("mine.toml"), text).unwrap();
    };
    policy(0.1);
    let mine: Case = ("uniform", "mine.toml", "promote", 0);
    run(sandbox.small(mine).args(["--card", "card.md"]), 0);
    let good = sandbox.read("card.md");
    let refused_with = |text: &str, case, part: &str| {
        fs::write(sandbox.path("card.md"), text).unwrap();
        let message = refused(sandbox.small(case).args(["--card", "card.md", "--out", "none"]));
        assert!(message.contains("card.md") && message.contains(part), "{message}");
        assert_eq!(sandbox.read("card.md"), text);
        assert!(!sandbox.path("none/verdict.json").exists());
    };
    refused_with(&good, PROMOTE, "the model card of \"mine\", not of \"egreedy-v2\"");
    refused_with("", mine, "no model card, or a damaged one");
    refused_with(&good[..good.len() / 2], mine, "damaged");
    refused_with(&good.replace("```json", "```"), mine, "damaged");
    refused_with(&format!("{good}{good}"), mine, "two cards");
    refused_with(&good.replace("\"history\"", "\"past\""), mine, "past");
    refused_with(&good.replace("\"verdict\": \"promote\"", "\"verdict\": \"maybe\""), mine, "maybe");
    refused_with(&good.replace("\"schema_version\": 1", "\"schema_version\": 2"), mine, "version 2");
    policy(0.2);
    refused_with(&good, mine, "with other parameters");
    let message = refused(sandbox.small(PROMOTE).args(["--card", "new.md"]).env("SOURCE_DATE_EPOCH", "soon"));
    assert!(message.contains("SOURCE_DATE_EPOCH is \"soon\""), "{message}");
}

#[test]
fn what_cannot_be_written_is_refused_before_the_run() {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path("out/report.html")).unwrap();
    let file = ["--out", "short.toml"];
    for arguments in [["--out", "out"], file, ["--summary", "people"], ["--card", "none/card.md"]] {
        let message = refused(sandbox.small(PROMOTE).args(arguments));
        assert!(message.contains(arguments[1].split('/').next().unwrap()), "{message}");
    }
    assert!(!sandbox.path("out/verdict.json").exists());
    #[cfg(unix)]
    {
        let message = refused(sandbox.small(PROMOTE).args(["--summary", "/dev/null"]));
        assert!(message.contains("no regular file"), "{message}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_is_followed_and_stays() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path("real.md"), "old").unwrap();
    std::os::unix::fs::symlink("real.md", sandbox.path("link.md")).unwrap();
    run(sandbox.small(SAME).args(["--summary", "link.md"]), 3);
    assert!(sandbox.path("link.md").is_symlink());
    assert!(sandbox.read("real.md").contains("INCONCLUSIVE"));
}

#[test]
fn a_reader_that_leaves_does_not_change_the_verdict() {
    let sandbox = Sandbox::new();
    let mut child = sandbox.small(REJECT).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

/// A tool that not every machine has: its name, or `None` with a reason on stderr.
fn tool(name: &str) -> Option<&str> {
    let found = Command::new(name).arg("--version").output().is_ok_and(|o| o.status.success());
    if !found {
        eprintln!("skipped: no {name} here");
    }
    found.then_some(name)
}

#[test]
fn the_actions_script_passes_shellcheck() {
    let Some(shellcheck) = tool("shellcheck") else { return };
    run(Command::new(shellcheck).arg(Path::new(ROOT).join("scripts/gate-action.sh")), 0);
}

#[cfg(unix)]
#[test]
fn the_actions_script_runs_the_gate_and_sets_the_outputs() {
    if tool("bash").is_none() || tool("jq").is_none() {
        return;
    }
    let sandbox = Sandbox::new();
    let step = |(baseline, challenger): (&str, &str)| {
        let _ = fs::remove_file(sandbox.path("output"));
        let mut command = Command::new("bash");
        command.arg(Path::new(ROOT).join("scripts/gate-action.sh")).current_dir(sandbox.0.path());
        command.env("REHEARSAL_BIN", BIN).env("GITHUB_OUTPUT", sandbox.path("output"));
        command.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", sandbox.path("step.md"));
        command.env("INPUT_BASELINE", baseline).env("INPUT_CHALLENGER", challenger);
        command.env("INPUT_GATE", "gate.toml").env("INPUT_PERSONAS", "people").env("INPUT_OUT", "a folder");
        command
    };
    for (baseline, challenger, verdict, code) in [PROMOTE, REJECT, INCONCLUSIVE] {
        run(&mut step((baseline, challenger)), code);
        let reason = json(&sandbox.read("a folder/verdict.json"))["reason"].as_str().unwrap().to_owned();
        let expected = format!("verdict={verdict}\nreason={reason}\nout=a folder\n");
        assert_eq!(sandbox.read("output"), expected);
        assert!(sandbox.read("step.md").contains(&verdict.to_uppercase()));
    }
    run(step((INCONCLUSIVE.0, INCONCLUSIVE.1)).env("INPUT_INCONCLUSIVE", "pass"), 0);
    // What is no policy is an argument and nothing else, and no verdict of an earlier run is left behind.
    let hostile = "$(touch pwned); --gate=x\nverdict=promote";
    run(&mut step(("uniform", hostile)), 2);
    assert!(!sandbox.path("pwned").exists() && !sandbox.path("output").exists());
    assert!(!sandbox.path("a folder/verdict.json").exists());
    run(step((PROMOTE.0, PROMOTE.1)).env("REHEARSAL_BIN", ""), 2);
}

#[test]
fn no_input_of_the_action_is_pasted_into_a_shell() {
    let text = fs::read_to_string(Path::new(ROOT).join("action.yml")).unwrap();
    let runs: Vec<&str> = text.lines().filter(|l| l.trim_start().starts_with("run:")).collect();
    assert_eq!(runs.len(), 2);
    for line in runs {
        // One line each, so that this test sees all of it.
        assert!(!line.contains("${{") && !line.trim_end().ends_with(['|', '>', '-']), "{line}");
    }
    let script = fs::read_to_string(Path::new(ROOT).join("scripts/gate-action.sh")).unwrap();
    for name in ["baseline", "challenger", "gate", "personas", "inconclusive", "card", "out"] {
        let variable = format!("INPUT_{}", name.to_uppercase());
        assert!(text.contains(&format!("{variable}: ${{{{ inputs.{name} }}}}")), "{name}");
        assert!(script.contains(&variable), "{name}");
    }
}
