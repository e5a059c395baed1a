//! What policies did to simulated people, as a page.

use super::cast::Cast;
use super::courses;
use crate::report::charts::{Estimate, IntervalRow, Scale, Shape, intervals, range_of, rival_hue};
use crate::report::pieces::{Cell, Page, Tile};
use crate::report::simulation::{Results, ScenarioResults};
use crate::report::words;
use crate::simulation::metrics::Metric;
use crate::simulation::summary::{FigureOf, MeanEstimate};
use crate::simulation::{Course, courses as courses_of};

/// The page of a run; `command` is the one that makes it again.
pub fn simulation_page(results: &Results, cast: &Cast, command: &str) -> String {
    let title = match results.policies.as_slice() {
        [only] => format!("{only} among simulated people"),
        [first, second] => format!("{second} beside {first}, among simulated people"),
        [first, others @ ..] => format!("{} policies beside {first}, among simulated people", others.len()),
        [] => "Simulated people".to_owned(),
    };
    let mut page = Page::new(&title);
    let names: Vec<&str> = results.scenarios.iter().map(|s| s.name.as_str()).collect();
    let note = format!(
        "{} of each persona in {}; {} decisions in all",
        words::count(results.users, "user"),
        names.join(", "),
        results.decisions()
    );
    page.head(("plain", "SIMULATED"), &title, &note);
    if let Some(first) = results.scenarios.first() {
        first.tiles(results, &mut page);
    }
    page.contents();
    for scenario in &results.scenarios {
        scenario.write(results, &mut page);
    }
    cast.write(&mut page);
    page.origin(
        command,
        &[
            ("Intervals", format!("95%, over users; {}", results.of_differences())),
            ("Seed", results.seed.to_string()),
            ("Version", format!("rehearsal {}", env!("CARGO_PKG_VERSION"))),
        ],
    );
    if let Some(next) = &results.next {
        page.text("To decide between the first two:");
        page.code(next);
    }
    page.finish()
}

/// The metrics that the tables have.
fn shown() -> impl Iterator<Item = Metric> {
    Metric::ALL.into_iter().filter(|metric| metric.is_in_table())
}

/// A mean per hundred with its bounds.
fn hundred(estimate: &MeanEstimate, signed: bool) -> String {
    let Some(mean) = estimate.mean else { return "-".to_owned() };
    let mean_text =
        if signed { format!("{:+.1}", 100.0 * mean + 0.0) } else { format!("{:.1}", 100.0 * mean + 0.0) };
    estimate.upper.map_or_else(
        || mean_text.clone(),
        |upper| format!("{mean_text} \u{b1} {:.1}", 100.0 * (upper - mean)),
    )
}

impl ScenarioResults {
    /// The population's figures in large.
    fn tiles(&self, results: &Results, page: &mut Page) {
        let policies = &results.policies;
        let versus = match policies.as_slice() {
            [first, second, ..] => format!(", under {first} \u{2192} under {second}"),
            _ => String::new(),
        };
        page.note(&format!("Per 100 tips in {}{versus}:", self.name));
        let tile = |metric: Metric| {
            let of =
                |policy: usize| Some(100.0 * self.estimate(FigureOf::Policy(policy), None, metric).mean?);
            let before = of(0)?;
            let (value, note) = if policies.len() > 1 {
                let by = self.estimate(FigureOf::Difference(1), None, metric).mean?;
                let said = words::in_brief(metric, by);
                (format!("{before:.1} \u{2192} {:.1}", of(1)?), (said, words::is_better(metric, None, by)))
            } else {
                (format!("{before:.1}"), (String::new(), None))
            };
            Some(Tile { name: words::capitalized(words::counted(metric)), value, note })
        };
        page.tiles(&shown().filter_map(tile).collect::<Vec<_>>());
    }

    fn write(&self, results: &Results, page: &mut Page) {
        let policies: Vec<&str> = results.policies.iter().map(String::as_str).collect();
        page.section(&format!("In {}", self.name));
        page.text(&format!("{}.", self.description.trim_end_matches('.')));
        self.figures(&policies, page);
        if policies.len() > 1 {
            self.gains(&policies, page);
        }
        let courses = courses_of(&self.sums, &results.policies, &self.personas, &self.kind_names);
        page.nested(|page| self.courses(&courses, &policies, page));
    }

    /// What was seen on the way.
    fn courses(&self, courses: &[Course], policies: &[&str], page: &mut Page) {
        courses::learning(courses, (&self.name, self.steps), page);
        courses::regret(courses, page);
        courses::kinds(courses, policies, page);
        let counts: Vec<(&str, Vec<[u64; 4]>)> = self
            .personas
            .iter()
            .enumerate()
            .map(|(p, (name, _))| (name.as_str(), self.reactions(p)))
            .collect();
        courses::reactions(&self.name, policies, &counts, page);
    }

    /// A persona's reactions under each policy.
    fn reactions(&self, persona: usize) -> Vec<[u64; 4]> {
        let (_, policies, steps, _) = self.sums.curve.dim();
        let count =
            |policy: usize, r: usize| (0..steps).map(|s| self.sums.curve[[persona, policy, s, r]]).sum();
        (0..policies).map(|policy| std::array::from_fn(|r| count(policy, r))).collect()
    }

    /// Each policy's figures, of the population and of each persona.
    fn figures(&self, policies: &[&str], page: &mut Page) {
        let heads: Vec<&str> = shown().map(words::counted).collect();
        let table = |persona: Option<usize>, page: &mut Page| {
            let columns: Vec<&str> = std::iter::once("policy").chain(heads.iter().copied()).collect();
            let row = |name: String, of: FigureOf, signed: bool| {
                let figures = shown().map(|metric| {
                    let estimate = self.estimate(of, persona, metric);
                    let better =
                        estimate.mean.filter(|_| signed).and_then(|by| words::is_better(metric, None, by));
                    Cell::of_change(hundred(&estimate, signed), better)
                });
                std::iter::once(Cell::from(name)).chain(figures).collect::<Vec<Cell>>()
            };
            let means =
                policies.iter().enumerate().map(|(i, p)| row((*p).to_owned(), FigureOf::Policy(i), false));
            let differences = policies.iter().enumerate().skip(1);
            let differences = differences
                .map(|(i, p)| row(format!("{p} minus {}", policies[0]), FigureOf::Difference(i), true));
            page.table(&columns, 1, means.chain(differences));
        };
        page.part("Everybody, per 100 tips");
        table(None, page);
        if self.personas.len() > 1 {
            page.details("Each persona", |page| {
                for (p, (name, share)) in self.personas.iter().enumerate() {
                    let share = words::share(*share, 1);
                    page.part(&format!("{name}, {share} of the people"));
                    table(Some(p), page);
                }
            });
        }
    }

    /// The gain of reward of every further policy, of the population and of each persona.
    fn gains(&self, policies: &[&str], page: &mut Page) {
        page.part("Who gains");
        page.text(&format!(
            "Reward per 100 tips more than under {}, with 95% intervals; a completed tip is worth 1.",
            policies[0]
        ));
        page.legend(courses::rivals(policies.iter().copied()).skip(1));
        let groups = std::iter::once((None, "everybody"))
            .chain(self.personas.iter().enumerate().map(|(p, (name, _))| (Some(p), name.as_str())));
        let row = |(persona, name): (Option<usize>, &str)| {
            let estimate = |i: usize| {
                let e = self.estimate(FigureOf::Difference(i), persona, Metric::Reward);
                let hundred = |x: f64| 100.0 * x;
                Some(Estimate {
                    hue: rival_hue(i),
                    shape: Shape::Disc,
                    at: hundred(e.mean?),
                    bounds: e.lower.map(hundred).zip(e.upper.map(hundred)),
                })
            };
            IntervalRow {
                name: name.to_owned(),
                estimates: (1..policies.len()).filter_map(estimate).collect(),
                mark: None,
            }
        };
        let rows: Vec<IntervalRow> = groups.map(row).collect();
        let scale = Scale {
            label: "Gain of reward of everybody and of each persona",
            axis: "worse  \u{2190}  points of reward per 100 tips  \u{2192}  better",
            range: range_of(&rows, &[0.0]),
            line: Some(0.0),
            named_line: None,
            format: |x| format!("{x:+.1}"),
        };
        page.chart(|width| intervals(&rows, &scale, width));
    }
}
