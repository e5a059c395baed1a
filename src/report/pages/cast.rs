//! Who and what took part: policies, scenarios, personas and the gate, each in words and in full.

use crate::gate::{Claim, GateSpec, RawCriterion};
use crate::people::persona::Persona;
use crate::people::scenario::{RawScenario, Scenario};
use crate::policy::Policy;
use crate::report::pieces::{Cell, Page};
use crate::report::words;
use crate::simulation::metrics::Direction;
use serde::Serialize;
use toml::{Table, Value};

/// Who and what a result is about.
#[derive(Debug, Clone, Default)]
pub struct Cast<'a> {
    /// Policies, each with what it is there for.
    pub policies: Vec<(&'static str, &'a Policy)>,
    /// Scenarios.
    pub scenarios: Vec<&'a Scenario>,
    /// Personas, each with its share of the people of the first scenario; `None` where it has none of them.
    pub personas: Vec<(&'a Persona, Option<f64>)>,
    /// The gate.
    pub gate: Option<&'a GateSpec>,
}

impl<'a> Cast<'a> {
    /// All of these; shares are those of the first scenario.
    pub fn new(
        policies: Vec<(&'static str, &'a Policy)>,
        scenarios: Vec<&'a Scenario>,
        personas: &'a [Persona],
        gate: Option<&'a GateSpec>,
    ) -> Self {
        let population = scenarios.first().and_then(|s| s.population(personas).ok()).unwrap_or_default();
        let share = |persona: &Persona| {
            population.iter().find(|(p, _)| p.name() == persona.name()).map(|(_, share)| *share)
        };
        let personas = personas.iter().map(|persona| (persona, share(persona))).collect();
        Self { policies, scenarios, personas, gate }
    }

    /// Writes the section.
    pub(super) fn write(&self, page: &mut Page) {
        page.section("Who and what took part");
        if let Some(gate) = self.gate {
            write_gate(gate, page);
        }
        write_policies(&self.policies, page);
        write_scenarios(&self.scenarios, page);
        write_personas(&self.personas, page);
    }
}

fn write_gate(gate: &GateSpec, page: &mut Page) {
    let raw = gate.raw();
    page.part("The gate");
    page.text(&format!("{}.", raw.description.trim_end_matches('.')));
    let mut entries = vec![
        ("Wrong promotions", format!("at most {} of them", words::percent(raw.alpha))),
        ("Wrong rejections", format!("at most {} of them", words::percent(raw.beta))),
        (
            "Minimum effect",
            format!("{} of a metric's range: a smaller gain is not worth a change", raw.minimum_effect),
        ),
        ("Users", format!("at most {} of each persona, {} at a time", raw.max_users, raw.batch)),
    ];
    if let Some(reference) = &raw.reference {
        let what = "criteria of not being worse must hold against it too";
        entries.push(("Reference", format!("{reference}: {what}")));
    }
    if let Some(propensity) = raw.propensity {
        entries.push(("Least propensity", propensity.least.to_string()));
    }
    if let Some(time) = raw.decision_time {
        entries.push(("A decision takes", format!("at most {} ms at the 99th percentile", time.p99_ms)));
    }
    page.definitions(&entries);
    page.table(
        &["what must be shown", "scenarios", "of"],
        3,
        raw.criteria.iter().map(|c| vec![demand(c).into(), c.scenarios.join(", ").into(), of_whom(c).into()]),
    );
}

/// What an entry demands, in words.
fn demand(c: &RawCriterion) -> String {
    let better = c.metric.better().or(c.better).map_or("better", |direction| match direction {
        Direction::More => "more",
        Direction::Less => "less",
    });
    let name = c.metric.name().replace('_', " ");
    let advisory = if c.advisory { " (advisory)" } else { "" };
    match (c.kind, c.margin, c.relative_margin) {
        (Claim::Superior, ..) => format!("{better} {name}{advisory}"),
        (Claim::NotInferior, margin, relative) => {
            let share = relative.map_or_else(String::new, |r| {
                format!(", or {} of what one has if that is less", words::percent(r))
            });
            let margin = margin.unwrap_or(0.0);
            format!("{name} not worse by more than {margin} of its range{share}{advisory}")
        }
    }
}

/// Whose means an entry is about.
fn of_whom(c: &RawCriterion) -> String {
    let by = Value::try_from(c.by).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
    if by == "population" { "everybody".to_owned() } else { format!("each part by {by}") }
}

fn write_policies(policies: &[(&'static str, &Policy)], page: &mut Page) {
    if policies.is_empty() {
        return;
    }
    page.part("Policies");
    page.table(
        &["policy", "shows", "parameters", "looks at"],
        1,
        policies.iter().map(|(role, policy)| {
            let name = if role.is_empty() {
                policy.name().to_owned()
            } else {
                format!("{} ({role})", policy.name())
            };
            vec![
                name.into(),
                Cell::of_class(policy.explorer().meaning(), "text"),
                Cell::of_class(settings(&policy.to_raw(), &["name"]), "text"),
                Cell::of_class(policy.features().names().join(", "), "text"),
            ]
        }),
    );
}

fn write_scenarios(scenarios: &[&Scenario], page: &mut Page) {
    page.part("Scenarios");
    page.table(
        &["scenario", "asks", "decisions", "unlike others"],
        1,
        scenarios.iter().map(|scenario| {
            let raw = scenario.raw();
            vec![
                raw.name.clone().into(),
                Cell::of_class(raw.description.clone(), "text"),
                raw.steps.to_string().into(),
                Cell::of_class(unlike(raw), "text"),
            ]
        }),
    );
    page.note(
        "Under \u{201c}unlike others\u{201d} stands what a scenario's file says that is not the default; docs/files.md \
         explains each.",
    );
}

fn write_personas(personas: &[(&Persona, Option<f64>)], page: &mut Page) {
    page.part("Personas");
    page.table(
        &["persona", "share", "who this is"],
        1,
        personas.iter().map(|(persona, share)| {
            let share = share.map_or_else(|| "-".to_owned(), |s| words::share(s, 1));
            vec![
                persona.name().into(),
                share.into(),
                Cell::of_class(persona.raw().description.clone(), "text"),
            ]
        }),
    );
    page.details("Every number of every persona", |page| {
        for (persona, _) in personas {
            page.part(persona.name());
            page.code(&file(persona.raw()));
        }
    });
}

/// What a file would say.
fn file(raw: &impl Serialize) -> String {
    let table = Table::try_from(raw).unwrap_or_default();
    toml::to_string(&table).unwrap_or_default()
}

/// What a flat file says but for `without`, on one line.
fn settings(raw: &impl Serialize, without: &[&str]) -> String {
    let table = Table::try_from(raw).unwrap_or_default();
    let shown = table.iter().filter(|(name, _)| !without.contains(&name.as_str()));
    shown.map(|(name, value)| format!("{name} {}", plain(value))).collect::<Vec<_>>().join(", ")
}

/// What a scenario says that is not the default.
fn unlike(raw: &RawScenario) -> String {
    let table = |raw: &RawScenario| Table::try_from(raw).unwrap_or_default();
    // The same with nothing but what every file has to say.
    let least = Table::from_iter([
        ("name".to_owned(), Value::from(raw.name.as_str())),
        ("description".to_owned(), Value::from(raw.description.as_str())),
        ("steps".to_owned(), Value::from(i64::from(raw.steps))),
    ]);
    let default: Table = least.try_into::<RawScenario>().map(|raw| table(&raw)).unwrap_or_default();
    let mut all = Vec::new();
    collect_unlike("", &table(raw), Some(&default), &mut all);
    if all.is_empty() { "nothing".to_owned() } else { all.join(", ") }
}

fn collect_unlike(prefix: &str, table: &Table, default: Option<&Table>, out: &mut Vec<String>) {
    for (name, value) in table {
        let usual = default.and_then(|d| d.get(name));
        let place = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            _ if usual == Some(value) => {}
            Value::Table(inner) => collect_unlike(&place, inner, usual.and_then(Value::as_table), out),
            value => out.push(format!("{place} {}", plain(value))),
        }
    }
}

/// A value without the marks of TOML.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Float(x) => x.to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_says_what_is_not_the_default() {
        let text =
            "name = \"a\"\ndescription = \"b\"\nsteps = 7\n[moments]\nper_day = 2\n[candidates]\ncount = 3\n";
        let scenario = Scenario::from_toml(text, "a").unwrap();
        assert_eq!(unlike(scenario.raw()), "candidates.count 3, moments.per_day 2");
        let plain = Scenario::from_toml("name = \"a\"\ndescription = \"b\"\nsteps = 7\n", "a").unwrap();
        assert_eq!(unlike(plain.raw()), "nothing");
    }

    #[test]
    fn a_persona_is_written_as_its_file_has_it() {
        for persona in Persona::shipped().unwrap() {
            let again = Persona::from_toml(&file(persona.raw()), "again").unwrap();
            assert_eq!(again, persona);
        }
    }

    #[test]
    fn a_policy_says_its_parameters() {
        let policy = Policy::named("linucb-v2-by-kind").unwrap();
        let said = settings(&policy.to_raw(), &["name"]);
        assert!(said.contains("alpha 1") && said.contains("structure disjoint"), "{said}");
    }
}
