//! docs/files.md has every field that the parsers know.

use rehearsal::domain::profile::PROFILE_FEATURES;
use rehearsal::gate::GateSpec;
use rehearsal::people::persona::Persona;
use rehearsal::people::scenario::Scenario;
use rehearsal::policy::Policy;
use std::collections::BTreeSet;

/// The error of a file with this text; `None` if there is none.
type Parser = fn(&str) -> Option<String>;

/// What is allowed in the place of a field or value named `stray`, as the error about it lists it.
fn expected(parse: Parser, text: &str) -> Vec<String> {
    let message = parse(text).unwrap_or_default();
    let listed = ["unknown field `stray`, expected ", "unknown variant `stray`, expected "]
        .iter()
        .find_map(|start| message.split_once(start));
    let Some((_, list)) = listed else { return Vec::new() };
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

#[test]
fn every_field_of_every_file_is_explained() {
    let page = include_str!("../../docs/files.md");
    let kinds: [(&str, Parser, &[&str]); 4] = [
        ("Personas", |t| Persona::from_toml(t, "f").err().map(|e| e.to_string()), &["strength", "taste"]),
        ("Scenarios", |t| Scenario::from_toml(t, "f").err().map(|e| e.to_string()), &["lost", "drift"]),
        ("Gates", |t| GateSpec::from_toml(t, "f").err().map(|e| e.to_string()), &["propensity", "newness"]),
        ("Policies", |t| Policy::from_toml(t, "f").err().map(|e| e.to_string()), &["gamma", "disjoint"]),
    ];
    for (heading, parse, some) in kinds {
        let (_, section) = page.split_once(&format!("\n## {heading}\n")).expect(heading);
        let section = section.split("\n## ").next().expect("a first part");
        let mut names = BTreeSet::new();
        collect(parse, "", "", &mut names);
        assert!(some.iter().all(|name| names.contains(*name)), "{heading}: found only {names:?}");
        if heading == "Personas" {
            names.extend(PROFILE_FEATURES.map(|feature| feature.name.to_owned()));
            names.insert("by_kind".to_owned());
        }
        let missing: Vec<_> = names.iter().filter(|name| !section.contains(&format!("`{name}`"))).collect();
        assert!(missing.is_empty(), "docs/files.md, {heading}: nothing on {missing:?}");
    }
}
