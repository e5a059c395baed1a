//! What was seen on the way, of the population and of each persona: learning curves, regret, kinds of tip, reactions.

use crate::domain::reaction::Reaction;
use crate::report::charts::{
    self, CurveLine, Grid, Panel, SERIES_LENGTH, ShareRow, panels, rival_hue, series_hue, shares,
};
use crate::report::pieces::{Cell, Page};
use crate::report::words;
use crate::simulation::{Course, LearningCurve, ShownKind};

/// More bands than these would hide each other.
const MOST_BANDS: usize = 2;

/// The name of everybody together.
const EVERYBODY: &str = "everybody";

/// The policies' colours.
pub(super) fn rivals<'a>(
    policies: impl IntoIterator<Item = &'a str>,
) -> impl Iterator<Item = (charts::Hue, &'a str)> {
    policies.into_iter().enumerate().map(|(i, name)| (rival_hue(i), name))
}

fn name(course: &Course) -> String {
    course.persona.clone().unwrap_or_else(|| EVERYBODY.to_owned())
}

/// One panel for each of these courses.
fn panels_of(courses: &[Course], of: fn(&Course) -> &[LearningCurve], named: bool) -> Vec<Panel> {
    let panel = |course: &Course| Panel {
        name: if named { name(course) } else { String::new() },
        lines: of(course)
            .iter()
            .enumerate()
            .map(|(i, c)| CurveLine::of(&c.points, rival_hue(i), of(course).len() <= MOST_BANDS))
            .collect(),
    };
    courses.iter().map(panel).collect()
}

fn grid<'a>(label: &'a str, height: &'a str) -> Grid<'a> {
    Grid { label, axis: "decision", height, format: |x| format!("{x:.0}"), diagonal: false }
}

/// The section of learning curves.
pub(super) fn learning(courses: &[Course], (scenario, steps): (&str, u32), page: &mut Page) {
    let [population, personas @ ..] = courses else { return };
    let policies: Vec<&str> = population.reward.iter().map(|c| c.policy.as_str()).collect();
    if policies.is_empty() {
        return;
    }
    let bands = if policies.len() <= MOST_BANDS { ", with 95% bands" } else { "" };
    page.section("Learning curves");
    page.text(&format!(
        "Mean reward along the {steps} decisions of a user in {scenario}{bands}: what each policy makes of a \
         person as it gets to know them."
    ));
    page.legend(rivals(policies.iter().copied()));
    let all = panels_of(&courses[..1], |c| &c.reward, false);
    page.chart(|width| {
        panels(
            &all,
            grid("Learning curves: mean reward along the decisions of a user", "mean reward of a decision"),
            width,
        )
    });
    if personas.len() > 1 {
        page.part("Each persona");
        page.legend(rivals(policies.iter().copied()));
        let each = panels_of(personas, |c| &c.reward, true);
        page.chart(|width| panels(&each, grid("Learning curves of each persona", ""), width));
    }
}

/// The section of regret.
pub(super) fn regret(courses: &[Course], page: &mut Page) {
    let [population, personas @ ..] = courses else { return };
    if population.regret.is_empty() {
        return;
    }
    let policies: Vec<&str> = population.regret.iter().map(|c| c.policy.as_str()).collect();
    page.section("What was missed");
    page.text(
        "Regret: the expected reward of a decision that somebody who knows the person would have earned more. It falls as a \
         policy learns, and stays where it cannot learn what it would have to know.",
    );
    page.legend(rivals(policies.iter().copied()));
    let all = panels_of(&courses[..1], |c| &c.regret, false);
    page.chart(|width| {
        panels(&all, grid("Regret along the decisions of a user", "reward missed in a decision"), width)
    });
    if personas.len() > 1 {
        page.details("Each persona", |page| {
            page.legend(rivals(policies.iter().copied()));
            let each = panels_of(personas, |c| &c.regret, true);
            page.chart(|width| panels(&each, grid("Regret of each persona", ""), width));
        });
    }
}

/// The section of kinds of tip.
pub(super) fn kinds(courses: &[Course], policies: &[&str], page: &mut Page) {
    let Some(population) = courses.first().filter(|c| !c.kinds.is_empty()) else { return };
    let names: Vec<&str> = population.kinds[0].iter().map(|k| k.kind.as_str()).collect();
    let above = match policies {
        [_] => String::new(),
        [first, second] => format!(": {first} above, {second} below"),
        more => format!(", in this order: {}", more.join(", ")),
    };
    page.section("Kinds of tip");
    page.text(&format!("Which kinds each policy showed, as shares of all tips that it showed{above}."));
    // Kinds beyond the colours are one.
    let shown = names.len().min(SERIES_LENGTH);
    let many = names.len() > SERIES_LENGTH;
    let legend = names[..shown].iter().enumerate().map(|(i, name)| {
        (series_hue(i), if many && i + 1 == SERIES_LENGTH { "all other kinds" } else { *name })
    });
    page.legend(legend);
    let parts = |kinds: &Vec<ShownKind>| {
        let mut parts = vec![0.0; shown];
        kinds.iter().enumerate().for_each(|(i, kind)| parts[i.min(shown - 1)] += kind.shown);
        parts
    };
    let rows: Vec<ShareRow> = courses
        .iter()
        .map(|c| ShareRow { name: name(c), bars: c.kinds.iter().map(parts).collect(), note: String::new() })
        .collect();
    let hues: Vec<charts::Hue> = (0..shown).map(series_hue).collect();
    page.chart(|width| shares(&rows, &hues, "Kinds of tip that each policy showed to each persona", width));
    page.details("The figures", |page| {
        page.text("Of all tips, and of those of the kind how many were completed, among everybody.");
        let percent = |of_all: f64| words::share(of_all, 1);
        let heads: Vec<String> =
            policies.iter().flat_map(|p| [format!("shown by {p}"), format!("completed under {p}")]).collect();
        let columns: Vec<&str> = std::iter::once("kind").chain(heads.iter().map(String::as_str)).collect();
        let rows = names.iter().enumerate().map(|(k, kind)| {
            let of_policy = |kinds: &Vec<ShownKind>| {
                let ShownKind { shown, completed, .. } = kinds[k];
                [percent(shown), completed.map_or_else(|| "-".to_owned(), percent)]
            };
            let figures = population.kinds.iter().flat_map(of_policy).map(Cell::from);
            std::iter::once(Cell::from(*kind)).chain(figures).collect()
        });
        page.table(&columns, 1, rows);
    });
}

/// The section of reactions: of each persona the counts under each policy, in the order of [`Reaction::ALL`].
pub(super) fn reactions(
    scenario: &str,
    policies: &[&str],
    personas: &[(&str, Vec<[u64; 4]>)],
    page: &mut Page,
) {
    page.section("Reactions");
    let order = match policies {
        [only] => format!("under {only}"),
        [first, second] => format!("{first} above, {second} below"),
        more => format!("in this order: {}", more.join(", ")),
    };
    page.text(&format!(
        "What each persona did with the tips in {scenario}: {order}; at the right, the share completed."
    ));
    page.legend(charts::REACTIONS.into_iter().zip(Reaction::ALL.map(Reaction::name)));
    let rows: Vec<ShareRow> = personas
        .iter()
        .map(|(persona, counts)| {
            let completed = |counts: &[u64; 4]| {
                let total: u64 = counts.iter().sum();
                words::share(counts[0] as f64 / total.max(1) as f64, 0)
            };
            ShareRow {
                name: (*persona).to_owned(),
                bars: counts.iter().map(|c| c.map(|n| n as f64).to_vec()).collect(),
                note: counts.iter().map(completed).collect::<Vec<_>>().join(" \u{2192} "),
            }
        })
        .collect();
    page.chart(|width| {
        shares(&rows, &charts::REACTIONS, "Reactions of each persona under each policy", width)
    });
}
