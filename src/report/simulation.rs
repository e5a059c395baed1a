//! Results of simulations: a table for people, JSON and CSV for programs.

use super::words::count;
use crate::domain::reaction::Reaction;
use crate::simulation::metrics::{Metric, UserRecord};
use crate::simulation::summary::{FigureOf, MeanEstimate, Summary, curve_estimate};
use crate::simulation::{Course, RunSums, ShownKind, courses};
use serde::Serialize;
use std::fmt::Write as _;
use std::io::{self, Write};

/// Version of the JSON of [`Results`].
pub const SCHEMA_VERSION: u32 = 1;

/// What one `simulate` run found.
#[derive(Debug, Clone)]
pub struct Results {
    /// Seed of all simulated users.
    pub seed: u64,
    /// Users of each persona.
    pub users: u64,
    /// Names of the policies.
    pub policies: Vec<String>,
    /// The command that decides between the first two policies, where there are two.
    pub next: Option<String>,
    /// One entry per scenario.
    pub scenarios: Vec<ScenarioResults>,
}

/// What was found in one scenario.
#[derive(Debug, Clone)]
pub struct ScenarioResults {
    /// Its name.
    pub name: String,
    /// What it asks, in a line.
    pub description: String,
    /// Decisions per user and policy.
    pub steps: u32,
    /// Names of the personas, with their shares of the population.
    pub personas: Vec<(String, f64)>,
    /// Number of kinds of tip.
    pub kinds: usize,
    /// Their names; empty where parts of an earlier version have none.
    pub kind_names: Vec<String>,
    /// Sums over users.
    pub summary: Summary,
    /// What was counted of their decisions.
    pub sums: RunSums,
}

/// Every metric's estimate for one policy, or for a difference of two.
#[derive(Debug, Serialize)]
struct Figures {
    policy: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    minus: Option<String>,
    #[serde(flatten)]
    metrics: serde_json::Map<String, serde_json::Value>,
    /// The kinds of tip that the policy showed.
    #[serde(skip_serializing_if = "Option::is_none")]
    kinds: Option<Vec<ShownKind>>,
}

/// One persona's figures, or the population's.
#[derive(Debug, Serialize)]
struct Group {
    persona: Option<String>,
    share: f64,
    policies: Vec<Figures>,
    differences: Vec<Figures>,
}

impl ScenarioResults {
    pub(super) fn estimate(&self, of: FigureOf, persona: Option<usize>, metric: Metric) -> MeanEstimate {
        let shares: Vec<f64> = self.personas.iter().map(|(_, share)| *share).collect();
        self.summary.figure(of, persona, &shares, metric, self.kinds)
    }

    /// The population first, then each persona.
    fn groups(&self) -> impl Iterator<Item = (Option<usize>, &str)> {
        let personas = self.personas.iter().enumerate().map(|(p, (name, _))| (Some(p), name.as_str()));
        std::iter::once((None, "population")).chain(personas)
    }

    fn group(&self, persona: Option<usize>, policies: &[String], course: &Course) -> Group {
        let figures = |of: FigureOf, policy: usize, minus: Option<String>| Figures {
            kinds: course.kinds.get(policy).filter(|_| minus.is_none()).cloned(),
            policy: policies[policy].clone(),
            minus,
            metrics: Metric::ALL
                .into_iter()
                .map(|m| (m.name().to_owned(), serde_json::json!(self.estimate(of, persona, m))))
                .collect(),
        };
        Group {
            persona: persona.map(|p| self.personas[p].0.clone()),
            share: persona.map_or(1.0, |p| self.personas[p].1),
            policies: (0..policies.len()).map(|i| figures(FigureOf::Policy(i), i, None)).collect(),
            differences: (1..policies.len())
                .map(|i| figures(FigureOf::Difference(i), i, Some(policies[0].clone())))
                .collect(),
        }
    }
}

impl Results {
    /// Decisions made in all.
    pub fn decisions(&self) -> u64 {
        let of = |s: &ScenarioResults| u64::from(s.steps) * s.personas.len() as u64;
        self.scenarios.iter().map(of).sum::<u64>() * self.policies.len() as u64 * self.users
    }

    /// One JSON object: for each scenario the population's figures and each persona's, with 95% intervals, the kinds of tip
    /// that each policy showed, and the differences of each further policy from the first.
    pub fn json(&self) -> serde_json::Value {
        let scenario = |s: &ScenarioResults| {
            let courses = courses(&s.sums, &self.policies, &s.personas, &s.kind_names);
            let (population, personas) = courses.split_first().expect("the population is always there");
            let personas = personas.iter().enumerate();
            serde_json::json!({
                "scenario": s.name,
                "steps": s.steps,
                "population": s.group(None, &self.policies, population),
                "personas": personas.map(|(p, course)| s.group(Some(p), &self.policies, course)).collect::<Vec<_>>(),
            })
        };
        serde_json::json!({
            "schema_version": SCHEMA_VERSION,
            "version": env!("CARGO_PKG_VERSION"),
            "seed": self.seed,
            "users": self.users,
            "decisions": self.decisions(),
            "policies": self.policies,
            "scenarios": self.scenarios.iter().map(scenario).collect::<Vec<_>>(),
        })
    }

    /// Tables for people.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for s in &self.scenarios {
            let _ = writeln!(out, "{}: {}", s.name, s.shown_description());
            let _ = writeln!(out, "  {}\n", self.size(s));
            s.table_within(&self.policies, usize::MAX, &mut out);
            out.push('\n');
        }
        let _ = writeln!(out, "Means with 95% intervals over users; {}.", self.of_differences());
        if let Some(next) = &self.next {
            let _ = writeln!(out, "Next: {next}");
        }
        out
    }

    /// How differences are signed.
    pub(super) fn of_differences(&self) -> String {
        match self.policies.as_slice() {
            [first, second] => format!("differences are {second} minus {first}, paired by user"),
            // Where there are more, the name of each difference says it.
            _ => "differences are paired by user".to_owned(),
        }
    }

    /// How much was run in one scenario.
    pub(super) fn size(&self, s: &ScenarioResults) -> String {
        let personas = match s.personas.len() {
            1 => "1 persona".to_owned(),
            n => format!("each of {n} personas"),
        };
        let (users, decisions) = (count(self.users, "user"), count(s.steps.into(), "decision"));
        format!("{users} of {personas}, {decisions} each, seed {}", self.seed)
    }

    /// Learning curves as CSV: one row per scenario, persona, policy and step, with the mean reward and the mean regret, which
    /// is empty where it was not counted.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_curve(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut csv = csv::Writer::from_writer(out);
        csv.write_record([
            "scenario",
            "persona",
            "policy",
            "step",
            "mean_reward",
            "lower",
            "upper",
            "mean_regret",
        ])?;
        for s in &self.scenarios {
            let has_regret = s.sums.has_regret();
            for (p, policy, step) in
                ndarray::indices((s.personas.len(), self.policies.len(), s.steps as usize))
            {
                let reactions = std::array::from_fn(|r| s.sums.curve[[p, policy, step, r]]);
                let e = curve_estimate(reactions);
                let cell = |v: Option<f64>| v.map_or_else(String::new, |v| v.to_string());
                csv.write_record([
                    s.name.as_str(),
                    s.personas[p].0.as_str(),
                    self.policies[policy].as_str(),
                    &(step + 1).to_string(),
                    &cell(e.mean),
                    &cell(e.lower),
                    &cell(e.upper),
                    &cell(s.sums.mean_regret(p, policy, step).filter(|_| has_regret)),
                ])?;
            }
        }
        csv.flush()
    }
}

impl ScenarioResults {
    /// What it asks, as a terminal may have it.
    pub(super) fn shown_description(&self) -> String {
        self.description.replace(char::is_control, " ")
    }

    /// The table, without the metrics for which so many columns have no room; those are returned.
    pub(super) fn table_within(&self, policies: &[String], columns: usize, out: &mut String) -> Vec<Metric> {
        let mut shown: Vec<Metric> = Metric::ALL.into_iter().filter(|metric| metric.is_in_table()).collect();
        let first = self.groups().map(|(_, name)| name.len()).max().unwrap_or(0);
        let longest = policies.iter().map(String::len).max().unwrap_or(0).max("difference".len());
        // With several policies a difference names both.
        let both = policies.iter().skip(1).map(|p| p.len() + " - ".len() + policies[0].len()).max();
        let second = if policies.len() > 2 { longest.max(both.unwrap_or(0)) } else { longest };
        // Names, then each metric with its gap; one metric is always there.
        let room = columns.saturating_sub(2 + first + 2 + second) / (2 + 16);
        let left_out = shown.split_off(room.clamp(1, shown.len()));
        let _ = write!(out, "  {:first$}  {:second$}", "persona", "policy");
        for metric in &shown {
            let _ = write!(out, "  {:>16}", metric.name());
        }
        out.push('\n');
        for (persona, name) in self.groups() {
            let mut label = name;
            let mut line = |policy: &str, of: FigureOf, signed: bool| {
                let _ = write!(out, "  {label:first$}  {policy:second$}");
                for metric in &shown {
                    let _ = write!(out, "  {:>16}", cell(&self.estimate(of, persona, *metric), signed));
                }
                out.push('\n');
                label = "";
            };
            for (i, policy) in policies.iter().enumerate() {
                line(policy, FigureOf::Policy(i), false);
            }
            for (i, policy) in policies.iter().enumerate().skip(1) {
                let name = if policies.len() > 2 {
                    format!("{policy} - {}", policies[0])
                } else {
                    "difference".to_owned()
                };
                line(&name, FigureOf::Difference(i), true);
            }
        }
        left_out
    }
}

fn cell(estimate: &MeanEstimate, signed: bool) -> String {
    let Some(mean) = estimate.mean else { return "-".to_owned() };
    let mean_text = if signed { format!("{:+.3}", mean + 0.0) } else { format!("{mean:.3}") };
    estimate.upper.map_or_else(|| mean_text.clone(), |upper| format!("{mean_text} ± {:.3}", upper - mean))
}

/// Rows of `users.csv`, written while the users pass by.
pub struct UserRows<W: Write> {
    csv: csv::Writer<W>,
}

impl<W: Write> UserRows<W> {
    /// A file with its header.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn new(out: W) -> io::Result<Self> {
        let mut csv = csv::Writer::from_writer(out);
        let names = ["scenario", "persona", "user", "policy", "decisions"];
        let reactions = Reaction::ALL.map(Reaction::name);
        csv.write_record(names.into_iter().chain(reactions).chain(Metric::ALL.map(Metric::name)))?;
        Ok(Self { csv })
    }

    /// Writes one user of one persona under one policy.
    ///
    /// # Errors
    /// Those of the file.
    pub fn write(
        &mut self,
        place: [&str; 2],
        user: u64,
        policy: &str,
        record: &UserRecord,
    ) -> io::Result<()> {
        let [scenario, persona] = place;
        let numbers = record.reactions.map(|count| count.to_string());
        let figures = Metric::ALL.map(|m| record.mean(m).map_or_else(String::new, |v| v.to_string()));
        let (user, decisions) = (user.to_string(), record.decisions().to_string());
        let names = [scenario, persona, &user, policy, &decisions];
        let rest = numbers.iter().chain(&figures).map(String::as_str);
        Ok(self.csv.write_record(names.into_iter().chain(rest))?)
    }

    /// Writes what is still in memory.
    ///
    /// # Errors
    /// Those of the file.
    pub fn finish(mut self) -> io::Result<()> {
        self.csv.flush()
    }
}
