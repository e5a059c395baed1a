//! An analysis of real users: as text, and as a page.

use super::charts::{CHALLENGER, Estimate, IntervalRow, Scale, Shape, intervals, range_of};
use super::paragraph::paragraph;
use super::pieces::{Cell, Page};
use super::words::{self, percent, share};
use crate::gate::live::{
    Analysis, ArmDifference, GroupSummary, LiveVerdict, RehearsedCase, RolloutAction, RolloutRehearsal,
    RolloutStep,
};
use std::fmt::Write;

/// The badge of a verdict.
fn badge(verdict: LiveVerdict) -> (&'static str, &'static str) {
    match verdict {
        LiveVerdict::Better => ("BETTER", "promote"),
        LiveVerdict::Worse => ("WORSE", "reject"),
        LiveVerdict::Inconclusive => ("INCONCLUSIVE", "inconclusive"),
        LiveVerdict::Mismatch => ("SAMPLE RATIO MISMATCH", "reject"),
        LiveVerdict::Described => ("DESCRIBED", "inconclusive"),
        LiveVerdict::NoEvidence => ("NO EVIDENCE", "inconclusive"),
    }
}

/// What the verdict rests on, in a sentence.
fn why(analysis: &Analysis) -> String {
    let names = |holds: &dyn Fn(&ArmDifference) -> bool| {
        let found: Vec<&str> =
            analysis.differences.iter().filter(|d| holds(d)).map(|d| d.group.as_str()).collect();
        found.join(", ")
    };
    let control = analysis.groups.first().map_or("", |group| group.group.as_str());
    let up = names(&|d| d.lower.is_some_and(|lower| lower > 0.0));
    let down = names(&|d| d.upper.is_some_and(|upper| upper < 0.0));
    let sides = [("more", up), ("less", down)].into_iter().filter(|(_, names)| !names.is_empty());
    let sides: Vec<String> =
        sides.map(|(side, names)| format!("{names}: {side} {} than {control}", analysis.metric)).collect();
    match analysis.verdict {
        LiveVerdict::Better | LiveVerdict::Worse => sides.join("; "),
        LiveVerdict::Inconclusive => {
            "nothing is established yet; it may be looked at as often as you like".to_owned()
        }
        LiveVerdict::Mismatch => {
            "users are not where they were to be, so that no difference is an effect: find out who is missing"
                .to_owned()
        }
        LiveVerdict::Described => {
            "users were not assigned at random: these are descriptions, not effects".to_owned()
        }
        LiveVerdict::NoEvidence => "there are no two groups with closed users yet".to_owned(),
    }
}

/// The verdict, and what it rests on, in a line.
pub(super) fn finding(analysis: &Analysis) -> String {
    format!("{}: {}.", badge(analysis.verdict).0, plain(&why(analysis)))
}

fn title(analysis: &Analysis) -> String {
    let of = analysis.experiment.as_ref().map_or_else(String::new, |experiment| format!(" of {experiment}"));
    format!("{} by {}{of}", analysis.metric, analysis.by)
}

/// What is counted of a user.
fn first_decisions(analysis: &Analysis) -> String {
    match analysis.decisions_per_user {
        1 => "first decision".to_owned(),
        n => format!("first {n} decisions"),
    }
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"))
}

fn signed(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:+.4}"))
}

fn e_value(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(value) if (0.01..1e5).contains(&value) => format!("{value:.2}"),
        Some(value) => format!("{value:.1e}"),
    }
}

/// Names that somebody sent, without what would speak to a terminal.
fn plain(text: &str) -> String {
    text.replace(char::is_control, " ")
}

const GROUP_COLUMNS: [&str; 6] = ["group", "users", "decisions", "mean", "lower", "upper"];
const DIFFERENCE_COLUMNS: [&str; 5] = ["group", "difference", "lower", "upper", "e-value"];

fn group_row(group: &GroupSummary) -> Vec<String> {
    vec![
        plain(&group.group),
        group.users.to_string(),
        group.decisions.to_string(),
        number(group.mean),
        number(group.lower),
        number(group.upper),
    ]
}

fn difference_row(d: &ArmDifference) -> Vec<String> {
    vec![
        format!("{} minus {}", plain(&d.group), plain(&d.control)),
        signed(d.difference),
        signed(d.lower),
        signed(d.upper),
        e_value(d.e_value),
    ]
}

fn columns(header: &[&str], rows: &[Vec<String>], out: &mut String) {
    let header: Vec<String> = header.iter().map(|&name| name.to_owned()).collect();
    let width = |i: usize| {
        let cells = rows.iter().chain([&header]).map(|row| row[i].chars().count());
        cells.max().unwrap_or(0)
    };
    for row in [&header].into_iter().chain(rows) {
        let mut line = format!("  {:<1$}", row[0], width(0));
        for (i, cell) in row.iter().enumerate().skip(1) {
            let _ = write!(line, "  {cell:>0$}", width(i));
        }
        let _ = writeln!(out, "{}", line.trim_end());
    }
}

/// What the sample ratio says.
fn ratio(analysis: &Analysis) -> Option<String> {
    let e = analysis.sample_ratio.e_value?;
    let state = if analysis.sample_ratio.mismatch == Some(true) { "NOT in order" } else { "in order" };
    Some(format!("Sample ratio {state}: e-value {} against the stated shares.", e_value(Some(e))))
}

/// The report in a terminal.
pub fn analysis_text(analysis: &Analysis) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{}: each user's {}, or {} days from exposure; {}% bounds, at any time\n",
        plain(&title(analysis)),
        first_decisions(analysis),
        analysis.window_days,
        100.0 * (1.0 - analysis.alpha)
    );
    let rows: Vec<_> = analysis.groups.iter().map(group_row).collect();
    columns(&GROUP_COLUMNS, &rows, &mut out);
    if !analysis.differences.is_empty() {
        out.push('\n');
        let rows: Vec<_> = analysis.differences.iter().map(difference_row).collect();
        columns(&DIFFERENCE_COLUMNS, &rows, &mut out);
    }
    out.push('\n');
    out.push_str(&ratio(analysis).map_or_else(String::new, |text| paragraph("", &text)));
    for note in &analysis.notes {
        out.push_str(&paragraph("Note: ", &plain(note)));
    }
    let (word, _) = badge(analysis.verdict);
    out.push_str(&paragraph(&format!("{word}: "), &plain(&why(analysis))));
    out
}

fn table(header: &[&str], rows: impl Iterator<Item = Vec<String>>, page: &mut Page) {
    page.table(header, 1, rows.map(|row| row.into_iter().map(Cell::from).collect()));
}

fn chart(rows: &[IntervalRow], axis: &str, line: Option<f64>, page: &mut Page) {
    if rows.is_empty() {
        return;
    }
    let scale = Scale {
        label: "Estimates and bounds",
        axis,
        range: range_of(rows, line.as_slice()),
        line,
        named_line: None,
        format: |x| format!("{x:.2}"),
    };
    page.chart(|width| intervals(rows, &scale, width));
}

/// An estimate with its bounds as a row of a chart, if there is one.
fn bounded(name: &str, estimate: Option<f64>, bounds: Option<(f64, f64)>) -> Option<IntervalRow> {
    let estimate = Estimate { hue: CHALLENGER, shape: Shape::Disc, at: estimate?, bounds };
    Some(IntervalRow { name: plain(name), estimates: vec![estimate], mark: None })
}

fn groups(analysis: &Analysis, page: &mut Page) {
    let rows = analysis.groups.iter().filter_map(|g| bounded(&g.group, g.mean, g.lower.zip(g.upper)));
    chart(&rows.collect::<Vec<_>>(), &format!("mean {}", analysis.metric), None, page);
    table(&GROUP_COLUMNS, analysis.groups.iter().map(group_row), page);
}

fn differences(analysis: &Analysis, page: &mut Page) {
    if analysis.differences.is_empty() {
        return;
    }
    let rows = analysis.differences.iter();
    let rows = rows.filter_map(|d| bounded(&d.group, d.difference, d.lower.zip(d.upper)));
    let axis = format!("{} more than {}", analysis.metric, control(analysis));
    chart(&rows.collect::<Vec<_>>(), &axis, Some(0.0), page);
    table(&DIFFERENCE_COLUMNS, analysis.differences.iter().map(difference_row), page);
}

/// The group that the others are held against.
fn control(analysis: &Analysis) -> String {
    plain(analysis.groups.first().map_or("", |group| group.group.as_str()))
}

/// An analysis as a part of a page.
pub(super) fn section(analysis: &Analysis, page: &mut Page) {
    groups(analysis, page);
    differences(analysis, page);
    notes(analysis, page);
}

fn notes(analysis: &Analysis, page: &mut Page) {
    if let Some(text) = ratio(analysis) {
        page.text(&text);
    }
    for note in &analysis.notes {
        page.note(&plain(note));
    }
}

/// The report as a page; `command` is the one that makes it again.
pub fn analysis_page(analysis: &Analysis, command: &str) -> String {
    let title = words::capitalized(&title(analysis));
    let mut page = Page::new(&title);
    let (word, class) = badge(analysis.verdict);
    let note = format!(
        "Each user's {}, or {} days from exposure. Bounds hold with probability {}%, however often one looks.",
        first_decisions(analysis),
        analysis.window_days,
        100.0 * (1.0 - analysis.alpha)
    );
    page.head((class, word), &title, &note);
    page.answers(&[("Why", plain(&why(analysis)))]);
    page.contents();
    page.section("What each group earned");
    groups(analysis, &mut page);
    if !analysis.differences.is_empty() {
        page.section(&format!("Beside {}", control(analysis)));
        page.text("To the right a group has more.");
        differences(analysis, &mut page);
    }
    page.section("How to read it");
    notes(analysis, &mut page);
    page.text("A user is one observation, however many decisions they made. Lines are bounds, which hold however often one looks.");
    if analysis.metric == "reward" {
        page.definitions(&[("Reward", words::REWARD.to_owned())]);
    }
    page.definitions(&[
        ("Sample ratio", "whether as many users are in each group as were to be".to_owned()),
        (
            "E-value",
            "evidence against there being no difference, which would let it reach 20 at most once in 20 times".to_owned(),
        ),
    ]);
    let entries = [("Version", format!("rehearsal {}", env!("CARGO_PKG_VERSION")))];
    page.origin(command, &entries);
    page.finish()
}

/// The history of a rollout in a terminal: each step with what it rested on.
pub fn rollout_text(experiment: &str, history: &[RolloutStep]) -> String {
    let mut out = String::new();
    let now = history.last().map_or_else(
        || "no rollout was started".to_owned(),
        |last| {
            let state = match last.action {
                RolloutAction::Start | RolloutAction::Advance => "running",
                RolloutAction::Finish => "finished",
                RolloutAction::FallBack => "fell back",
                RolloutAction::Stop => "stopped",
            };
            format!("{state}, {} have the second variant", percent(last.share))
        },
    );
    let _ = writeln!(out, "{}: {now}", plain(experiment));
    for step in history {
        let moment = jiff::Timestamp::from_millisecond(step.at_ms as i64)
            .map_or_else(|_| step.at_ms.to_string(), |at| at.strftime("%Y-%m-%d %H:%M:%S").to_string());
        let _ = write!(
            out,
            "  {}  {moment}  {:<9}  {:>6}",
            step.revision,
            step.action.name(),
            percent(step.share)
        );
        if let Some(e) = &step.evidence {
            let _ = write!(
                out,
                "  {} users, gain {} ({} to {}), not inferior {}, harm {}, ratio {}",
                e.users,
                signed(e.difference),
                signed(e.lower),
                signed(e.upper),
                e_value(Some(e.e_not_inferior)),
                e_value(Some(e.e_harm)),
                e_value(Some(e.e_sample_ratio))
            );
        }
        out.push('\n');
    }
    out
}

/// What many simulated rollouts came to.
pub fn rehearsal_text(rehearsal: &RolloutRehearsal) -> String {
    let mut out = String::new();
    let ramp: Vec<String> = rehearsal.ramp.iter().map(|share| percent(*share)).collect();
    let _ = writeln!(
        out,
        "{}: {} rollouts of each challenger over {}, {}, margin {}, looked at after every {} users\n",
        plain(&rehearsal.experiment),
        rehearsal.rollouts,
        ramp.join(", "),
        rehearsal.metric,
        rehearsal.guardrails.margin(),
        rehearsal.look_every
    );
    let header = [
        "challenger",
        "gain",
        "finished",
        "fell back",
        "waiting",
        "mean users",
        "95 of 100",
        "most",
        "met it",
    ];
    let row = |case: &RehearsedCase| {
        vec![
            case.case.clone(),
            signed(Some(case.gain)),
            share(case.finished, 1),
            share(case.fell_back, 1),
            share(case.waiting, 1),
            format!("{:.0}", case.mean_users),
            case.users_95.to_string(),
            case.most_users.to_string(),
            share(case.exposed, 1),
        ]
    };
    columns(&header, &rehearsal.cases.iter().map(row).collect::<Vec<_>>(), &mut out);
    let worst = rehearsal.cases.iter().map(|case| case.most_exposed_users).max().unwrap_or(0);
    let note = format!(
        "Gains are shares of the metric's range. At most {worst} users met a challenger that fell back. Users who come back \
         and observations that take days make a real rollout longer in time, not in users."
    );
    out.push('\n');
    out + &paragraph("", &note)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::live::{ANALYSIS_SCHEMA_VERSION, SampleRatioFinding};
    use proptest::prelude::*;

    fn analysis(name: &str) -> Analysis {
        let group = |name: &str, mean: f64| GroupSummary {
            group: name.into(),
            users: 10,
            decisions: 200,
            mean: Some(mean),
            lower: Some(mean - 0.1),
            upper: Some(mean + 0.1),
            exposed: 12,
            weight: Some(0.5),
        };
        Analysis {
            schema_version: ANALYSIS_SCHEMA_VERSION,
            metric: "reward",
            by: "variant".to_owned(),
            experiment: Some("e".into()),
            randomised: true,
            alpha: 0.05,
            decisions_per_user: 20,
            window_days: 14.0,
            as_of_ms: 0,
            verdict: LiveVerdict::Better,
            groups: vec![group("control", 0.2), group(name, 0.4)],
            differences: vec![ArmDifference {
                group: name.into(),
                control: "control".into(),
                difference: Some(0.2),
                lower: Some(0.1),
                upper: Some(0.3),
                e_value: Some(1e9),
            }],
            sample_ratio: SampleRatioFinding { e_value: Some(0.5), mismatch: Some(false) },
            notes: vec![format!("on {name}")],
        }
    }

    #[test]
    fn the_text_says_what_is_better_and_how_sure() {
        let text = analysis_text(&analysis("new\u{1b}[2J"));
        assert!(text.contains("BETTER: new [2J: more reward than control"), "{text}");
        assert!(
            text.contains("+0.2000") && text.contains("1.0e9") && text.contains("ratio in order"),
            "{text}"
        );
        assert!(!text.contains('\u{1b}'));
    }

    proptest! {
        #[test]
        fn the_page_is_well_formed_whatever_groups_are_called(name in "\\PC*[<>&\"']*") {
            let page = analysis_page(&analysis(&name), "rehearsal analyze");
            let xml = page.strip_prefix("<!DOCTYPE html>\n").unwrap();
            prop_assert!(roxmltree::Document::parse(xml).is_ok());
        }
    }
}
