//! Where a verdict turns, as a page.

use super::cast::Cast;
use crate::gate::{Moved, Ruling};
use crate::report::charts::{
    Estimate, FAILS, HOLDS, Hue, IntervalRow, OPEN, Scale, Shape, intervals, range_of,
};
use crate::report::pieces::{Cell, Page};
use crate::report::words;

/// The page of verdicts on people who are a little different, of a gate with this minimum effect; `command` is the one that
/// makes it again.
pub fn sensitivity_page(moved: &[Moved], minimum_effect: f64, cast: &Cast, command: &str) -> String {
    let first = moved.first();
    let turned: Vec<&Moved> =
        moved.iter().filter(|m| first.is_some_and(|first| m.verdict != first.verdict)).collect();
    let ruling = first.map_or(Ruling::Inconclusive, |m| m.verdict).name();
    let title = if turned.is_empty() {
        "The verdict is the same for all of these people".to_owned()
    } else {
        format!(
            "The verdict turns for {} of {} kinds of other people",
            turned.len(),
            moved.len().saturating_sub(1)
        )
    };
    let mut page = Page::new(&title);
    page.head(
        (ruling, &ruling.to_uppercase()),
        &title,
        "As the people are; below, the same gate on people who are a little different.",
    );
    let mut answers = vec![("As they are", first.map_or_else(String::new, |m| m.reason.clone()))];
    if !turned.is_empty() {
        answers.push(("Where it turns", words::turning(moved)));
    }
    answers.push((
        "How sure",
        "each line is one draw of people at the gate's own level: it says where to look, and decides nothing"
            .to_owned(),
    ));
    page.answers(&answers);
    page.contents();
    page.section("Where it turns");
    page.text(
        "The gain that the first claim of superiority is about, with its bounds, where one thing in every persona is multiplied: \
         how much tastes for kinds of tip differ (tastes), how much people of one persona differ (noise), how much each tip of a \
         day tires (fatigue), how much it matters when a tip comes (timing).",
    );
    let rulings = [Ruling::Promote, Ruling::Reject, Ruling::Inconclusive];
    page.legend(rulings.map(|r| (style(r).0, r.name())));
    let rows: Vec<IntervalRow> = moved
        .iter()
        .map(|m| {
            let (hue, shape) = style(m.verdict);
            let estimate = m.gain.map(|at| Estimate { hue, shape, at, bounds: m.lower.zip(m.upper) });
            IntervalRow { name: called(m), estimates: estimate.into_iter().collect(), mark: None }
        })
        .collect();
    let scale = Scale {
        label: "Gain and verdict for people who are a little different",
        axis: "worse  \u{2190}  gain, as a share of the range  \u{2192}  better",
        range: range_of(&rows, &[0.0, minimum_effect]),
        line: Some(0.0),
        named_line: Some((minimum_effect, format!("minimum effect {minimum_effect}"))),
        format: |x| format!("{x:+.2}"),
    };
    page.chart(|width| intervals(&rows, &scale, width));
    let rows = moved.iter().map(|m| {
        vec![
            called(m).into(),
            Cell::of_class(m.outcome.name().replace('_', " "), class(m.verdict)),
            words::signed(m.gain).into(),
            words::interval(m.lower, m.upper).into(),
            Cell::of_class(m.reason.clone(), "text"),
        ]
    });
    page.details("The figures, and why", |page| {
        page.table(&["people", "verdict", "gain", "bounds", "why"], 1, rows);
    });
    cast.write(&mut page);
    page.origin(command, &[("Version", format!("rehearsal {}", env!("CARGO_PKG_VERSION")))]);
    page.finish()
}

fn called(m: &Moved) -> String {
    m.knob.map_or_else(|| "as they are".to_owned(), |knob| format!("{} x {}", knob.name(), m.factor))
}

fn style(ruling: Ruling) -> (Hue, Shape) {
    match ruling {
        Ruling::Promote => (HOLDS, Shape::Disc),
        Ruling::Reject => (FAILS, Shape::Cross),
        Ruling::Inconclusive => (OPEN, Shape::Ring),
    }
}

fn class(ruling: Ruling) -> &'static str {
    match ruling {
        Ruling::Promote => "word-holds",
        Ruling::Reject => "word-fails",
        Ruling::Inconclusive => "word-open",
    }
}
