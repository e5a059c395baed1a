//! docs/files.md has every field that the parsers know, and the tables of other pages every row.

use rehearsal::domain::Domain;
use rehearsal::domain::profile::PROFILE_FEATURES;
use rehearsal::evaluation::Estimator;
use rehearsal::experiment::Experiment;
use rehearsal::features::FeatureSet;
use rehearsal::gate::GateSpec;
use rehearsal::people::persona::Persona;
use rehearsal::people::scenario::Scenario;
use rehearsal::policy::{Explorer, Policy};
use rehearsal::prompt::{Prompt, Signals};
use rehearsal::report::verdict_formats;
use rehearsal::simulation::metrics::{Direction, Metric};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// The error of a file with this text; `None` if there is none.
type Parser = fn(&str) -> Option<String>;

/// What is allowed in the place of a field or value named `stray`, as the error about it lists it.
fn expected(parse: Parser, text: &str) -> Vec<String> {
    let message = parse(text).unwrap_or_default();
    let listed = ["unknown field `stray`, expected ", "unknown variant `stray`, expected "]
        .iter()
        .find_map(|start| message.split_once(start));
    let Some((_, list)) = listed else { return Vec::new() };
    let list = list.split("; also: ").next().expect("a first part");
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Adds the names of the fields that `text` may go on with, of their values where these have names, and of what is
/// in their tables. `table` is the table that `text` ends in.
fn collect(parse: Parser, text: &str, table: &str, names: &mut BTreeSet<String>) {
    for field in expected(parse, &format!("{text}\nstray = 1\n")) {
        names.extend(expected(parse, &format!("{text}\n{field} = \"stray\"\n")));
        let inner = if table.is_empty() { field.clone() } else { format!("{table}.{field}") };
        for (header, inner) in [
            (format!("[{inner}]"), inner.clone()),
            (format!("[[{inner}]]"), inner.clone()),
            (format!("[{inner}.any]"), format!("{inner}.any")),
        ] {
            collect(parse, &format!("{text}\n{header}"), &inner, names);
        }
        names.insert(field);
    }
}

/// The error of a prompt with this front matter.
fn prompt_error(front: &str) -> Option<String> {
    let text = format!("+++\n{front}\n+++\n# system\nx\n# user\nx\n");
    Prompt::from_text(&text, "f").err().map(|error| error.to_string())
}

#[test]
fn every_field_of_signals_is_explained() {
    let page = include_str!("../../docs/files.md");
    let (_, section) = page.split_once("\n## Signals\n").expect("a section");
    let section = section.split("\n## ").next().expect("a first part");
    let mut texts = vec!["{\"user\": \"u\", \"stray\": 1}".to_owned()];
    texts.extend(
        ["tasks", "calendar", "recent"]
            .map(|list| format!("{{\"user\": \"u\", \"{list}\": [{{\"stray\": 1}}]}}")),
    );
    texts.push("{\"user\": \"u\", \"quiet_hours\": {\"stray\": 1}}".to_owned());
    for text in texts {
        let error =
            Signals::from_json(text.as_bytes(), "s", None, None, 0).expect_err("there is no such field");
        let message = error.to_string();
        let (_, list) = message.split_once("unknown field `stray`, expected ").expect("a list of fields");
        let names: Vec<&str> = list.split('`').skip(1).step_by(2).collect();
        let missing: Vec<_> = names.iter().filter(|name| !section.contains(&format!("`{name}`"))).collect();
        assert!(names.len() >= 2 && missing.is_empty(), "docs/files.md, Signals: nothing on {missing:?}");
    }
}

#[test]
fn every_field_of_every_file_is_explained() {
    let page = include_str!("../../docs/files.md");
    let kinds: [(&str, Parser, &[&str]); 8] = [
        (
            "Experiments",
            |t| Experiment::from_toml(t, "f").err().map(|e| e.to_string()),
            &["margin", "prompt_version"],
        ),
        ("Personas", |t| Persona::from_toml(t, "f").err().map(|e| e.to_string()), &["strength", "taste"]),
        ("Scenarios", |t| Scenario::from_toml(t, "f").err().map(|e| e.to_string()), &["lost", "drift"]),
        ("Gates", |t| GateSpec::from_toml(t, "f").err().map(|e| e.to_string()), &["propensity", "newness"]),
        ("Prompts", prompt_error, &["quiet_hours", "context_tokens", "event"]),
        ("Policies", |t| Policy::from_toml(t, "f").err().map(|e| e.to_string()), &["gamma", "disjoint"]),
        (
            "Domains",
            |t| Domain::from_toml(t, "f").err().map(|e| e.to_string()),
            &["in_logs", "category", "reward"],
        ),
        (
            "Feature sets",
            |t| FeatureSet::from_toml(t, "f", Path::new("")).err().map(|e| e.to_string()),
            &["cross", "hidden", "unknown"],
        ),
    ];
    for (heading, parse, some) in kinds {
        let (_, section) = page.split_once(&format!("\n## {heading}\n")).expect(heading);
        let section = section.split("\n## ").next().expect("a first part");
        let mut names = BTreeSet::new();
        collect(parse, "", "", &mut names);
        if heading == "Policies" {
            collect(parse, "command = [\"any\"]", "", &mut names);
            assert!(names.contains("start_limit_seconds"), "{names:?}");
        }
        assert!(some.iter().all(|name| names.contains(*name)), "{heading}: found only {names:?}");
        if heading == "Personas" {
            names.extend(PROFILE_FEATURES.map(|feature| feature.name.to_owned()));
            names.insert("by_kind".to_owned());
        }
        // A policy may state its feature set whole, and that its domain, which have sections of their own; steps have a test
        // of their own.
        let whole = matches!(heading, "Policies" | "Feature sets");
        let own = |heading: &str| page.split_once(&format!("\n## {heading}\n")).map_or("", |(_, rest)| rest);
        let section = if whole { format!("{section}{}", own("Domains")) } else { section.to_owned() };
        if whole {
            let set: Parser = |t| FeatureSet::from_toml(t, "f", Path::new("")).err().map(|e| e.to_string());
            let steps = expected(set, STRAY_STEP);
            names.retain(|name| !steps.contains(name));
        }
        let missing: Vec<_> = names.iter().filter(|name| !section.contains(&format!("`{name}`"))).collect();
        assert!(missing.is_empty(), "docs/files.md, {heading}: nothing on {missing:?}");
    }
}

/// A step that is none.
const STRAY_STEP: &str = "name = \"a\"\n[[dimensions]]\nname = \"b\"\nsteps = [\"stray\"]\n";

/// The steps of a chain are told by the error of one that is none.
#[test]
fn every_step_of_a_feature_set_is_explained() {
    let page = include_str!("../../docs/files.md");
    let parse: Parser = |t| FeatureSet::from_toml(t, "f", Path::new("")).err().map(|e| e.to_string());
    let steps = expected(parse, STRAY_STEP);
    assert!(steps.len() >= 10, "{steps:?}");
    for step in steps {
        let rows = [format!("\n| `{{ {step} = "), format!("\n| `\"{step}\"`")];
        assert!(rows.iter().any(|row| page.contains(row)), "docs/files.md lacks a row of the step {step}");
    }
}

/// A metric's row, and its place in the schema of verdicts, follow from the table of metrics.
#[test]
fn every_metric_is_explained_and_in_the_schema_of_verdicts() {
    let page = include_str!("../../docs/files.md");
    for metric in Metric::ALL {
        let better = metric.better().map_or("neither", Direction::name);
        let row = format!("| `{}` | {} | {} | {better} |", metric.name(), metric.meaning(), metric.range());
        assert!(page.contains(&row), "docs/files.md lacks the row: {row}");
    }
    let schema: Value = serde_json::from_str(include_str!("../../schemas/verdict.schema.json")).unwrap();
    let listed = &schema["$defs"]["criterion"]["properties"]["metric"]["enum"];
    assert_eq!(*listed, serde_json::json!(Metric::ALL), "schemas/verdict.schema.json: criterion.metric");
}

/// What a policy file may hold follows from the table of explorers.
#[test]
fn every_explorer_and_its_parameter_are_explained() {
    let page = include_str!("../../docs/files.md");
    let names: Vec<String> = Explorer::NAMES.iter().map(|name| format!("`{name}`")).collect();
    let row = format!("| `explorer` | text | {} |", names.join(", "));
    assert!(page.contains(&row), "docs/files.md lacks the row: {row}");
    let number = |x: f64| if x == 1e9 { "1e9".to_owned() } else { x.to_string() };
    for name in Explorer::NAMES {
        let Some(parameter) = Explorer::parameter_of(name) else { continue };
        let (low, high) = (number(parameter.low), number(parameter.high));
        let allowed = format!("| [{low}, {high}], `{name}` only | {} |", parameter.default);
        let own = format!("| `{}` |", parameter.name);
        let row = page.lines().find(|line| line.starts_with(&own) && line.contains(&allowed));
        assert!(row.is_some(), "docs/files.md lacks a row that begins {own} and has {allowed}");
    }
}

#[test]
fn every_estimator_is_explained() {
    let (page, files) = (include_str!("../../docs/estimators.md"), include_str!("../../docs/files.md"));
    for estimator in Estimator::ALL {
        let lambda = if estimator.hyperparameter().is_some() { ":LAMBDA" } else { "" };
        let marked = if estimator.is_of_the_value() { "" } else { " *" };
        let row = format!("\n| `{}{lambda}`{marked} |", estimator.name());
        assert!(page.contains(&row), "docs/estimators.md lacks a row that begins {}", row.trim());
    }
    let names = Estimator::OF_THE_VALUE.map(|estimator| format!("`{}`", estimator.name())).join(", ");
    let row = format!("| `estimator` | text | {names} |");
    assert!(files.contains(&row), "docs/files.md lacks the row: {row}");
}

#[test]
fn every_report_is_listed() {
    let page = include_str!("../../docs/ci.md");
    for format in verdict_formats() {
        let row = format!("\n| `{}` |", format.file_name());
        assert!(page.contains(&row), "docs/ci.md lacks a row that begins {}", row.trim());
    }
}
