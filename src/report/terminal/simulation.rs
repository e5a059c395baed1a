//! Results of a simulation in a terminal.

use super::curves::learning_curves;
use crate::report::paragraph::wrapped;
use crate::report::screen::Screen;
use crate::report::simulation::Results;
use crate::simulation::courses;
use crate::simulation::metrics::Metric;
use std::fmt::Write;

/// The tables, as far as the terminal has room for their columns, each with its learning curves below.
pub fn terminal_results(results: &Results, screen: &Screen) -> String {
    let columns = screen.columns();
    let mut out = String::new();
    let mut left_out: Vec<Metric> = Vec::new();
    for s in &results.scenarios {
        out.push_str(&wrapped(columns, "", &format!("{}: {}", s.name, s.shown_description())));
        out.push_str(&wrapped(columns, "  ", &results.size(s)));
        out.push('\n');
        left_out = s.table_within(&results.policies, columns, &mut out);
        out.push('\n');
        if screen.has_room() {
            let courses = courses(&s.sums, &results.policies, &s.personas, &s.kind_names);
            let population = courses.first().map_or(&[][..], |course| &course.reward);
            let curves = learning_curves(population, s.steps, screen);
            if !curves.is_empty() {
                let _ = writeln!(out, "{curves}");
            }
        }
    }
    out.push_str(&wrapped(
        columns,
        "",
        &format!("Means with 95% intervals over users; {}.", results.of_differences()),
    ));
    if !left_out.is_empty() {
        let names: Vec<&str> = left_out.iter().map(|metric| metric.name()).collect();
        let said = format!("For want of room without {}: --json and --html have all.", names.join(", "));
        out.push_str(&wrapped(columns, "", &said));
    }
    if let Some(next) = &results.next {
        let _ = writeln!(out, "Next: {next}");
    }
    out
}
