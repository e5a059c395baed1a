//! How far simulated people are from those of a log, as a page.

use super::cast::Cast;
use crate::domain::reaction::Reaction;
use crate::evaluation::reality::{GroupResult, RealityComparison};
use crate::report::charts::{
    self, BASELINE, CHALLENGER, CurveLine, Estimate, FAILS, Grid, HOLDS, IntervalRow, Panel, Scale, Shape,
    ShareRow, intervals, panels, range_of, shares,
};
use crate::report::comparison::{digits, of_intervals};
use crate::report::pieces::{Cell, Page};
use crate::report::words;

/// The page of a comparison with `log`; `command` is the one that makes it again.
pub fn comparison_page(c: &RealityComparison, log: &str, cast: &Cast, command: &str) -> String {
    let far = c.aspects.iter().filter(|a| a.beyond_noise == Some(true)).count();
    let title = match far {
        0 => "Simulated people cannot be told from those of the log".to_owned(),
        _ => {
            format!("Simulated people differ from those of the log in {far} of {} respects", c.aspects.len())
        }
    };
    let mut page = Page::new(&title);
    let badge = if far == 0 { ("promote", "ALIKE") } else { ("inconclusive", "DIFFERENT") };
    page.head(badge, &title, &format!("{log} beside {} under {}", c.scenario, c.policy));
    let mut answers = vec![
        (
            "Farthest",
            c.farthest.as_ref().map_or_else(|| "none is beyond noise".to_owned(), |f| f.replace('_', " ")),
        ),
        ("Next", c.next.clone()),
        (
            "Compared",
            format!(
                "{} users with {} reactions; simulated: {} users of each of {} personas, as many decisions each",
                c.users,
                c.reactions,
                c.simulated_users,
                c.personas.len()
            ),
        ),
    ];
    if c.without_reaction > 0 {
        answers.push(("Left out", format!("{} rewards without a reaction", c.without_reaction)));
    }
    page.answers(&answers);
    page.contents();

    page.section("Distances");
    page.text(&format!(
        "From 0, alike, to 1. The upright mark is noise: what people drawn from the simulated ones stay below; all together \
         exceed it in {} of logs. {}",
        words::percent(c.alpha),
        of_intervals(c).replace('\n', " ")
    ));
    page.legend([(FAILS, "beyond noise"), (HOLDS, "within noise")]);
    let rows: Vec<IntervalRow> = c
        .aspects
        .iter()
        .map(|a| {
            let far = a.beyond_noise == Some(true);
            let estimate = a.distance.map(|at| Estimate {
                hue: if far { FAILS } else { HOLDS },
                shape: if far { Shape::Cross } else { Shape::Disc },
                at,
                bounds: a.lower.zip(a.upper),
            });
            IntervalRow {
                name: a.aspect.replace('_', " "),
                estimates: estimate.into_iter().collect(),
                mark: a.noise,
            }
        })
        .collect();
    let scale = Scale {
        label: "Distance in each respect, with its bounds and noise",
        axis: "distance",
        range: range_of(&rows, &[0.0]),
        line: Some(0.0),
        named_line: None,
        format: |x| format!("{x:.2}"),
    };
    page.chart(|width| intervals(&rows, &scale, width));
    page.details("The figures", |page| {
        let rows = c.aspects.iter().map(|a| {
            let bounds =
                a.lower.zip(a.upper).map_or_else(|| "-".to_owned(), |(l, u)| format!("{l:.3} to {u:.3}"));
            vec![
                a.aspect.replace('_', " ").into(),
                Cell::of_class(a.measure, "text"),
                digits(a.distance, 3).into(),
                bounds.into(),
                digits(a.noise, 3).into(),
            ]
        });
        page.table(&["respect", "measured as", "distance", "95% interval", "noise"], 1, rows);
    });

    groups("By kind of tip", &c.kinds, &mut page);
    groups("By hour", &c.hours, &mut page);
    predicted(c, &mut page);
    pairs(c, &mut page);
    cast.write(&mut page);
    page.origin(command, &[("Seed", c.seed.to_string()), ("Version", format!("rehearsal {}", c.version))]);
    page.finish()
}

/// What became of the tips of each group, logged and simulated.
fn groups(name: &str, groups: &[GroupResult], page: &mut Page) {
    page.section(name);
    page.text("What became of tips: logged above, simulated below; at the right, the share completed.");
    page.legend(charts::REACTIONS.into_iter().zip(Reaction::ALL.map(Reaction::name)));
    let called = |g: &GroupResult| g.name.clone().unwrap_or_else(|| "(unknown)".to_owned());
    let rows: Vec<ShareRow> = groups
        .iter()
        .map(|g| {
            let both = [g.logged, g.simulated];
            let completed =
                |rates: Option<[f64; 4]>| rates.map_or_else(|| "-".to_owned(), |r| words::share(r[0], 0));
            ShareRow {
                name: called(g),
                bars: both.iter().map(|rates| rates.unwrap_or_default().to_vec()).collect(),
                note: both.map(completed).join(" / "),
            }
        })
        .collect();
    page.chart(|width| shares(&rows, &charts::REACTIONS, "Reactions, logged and simulated", width));
    page.details("The figures", |page| {
        let reactions = Reaction::ALL.map(Reaction::name);
        let columns: Vec<&str> = ["of", "share of tips"].into_iter().chain(reactions).collect();
        let rows = groups.iter().map(|g| {
            let rate = |rates: Option<[f64; 4]>, r: usize| digits(rates.map(|x| x[r]), 3);
            let shares = format!("{:.3} / {:.3}", g.shares[0], g.shares[1]);
            let rates =
                (0..4).map(|r| Cell::from(format!("{} / {}", rate(g.logged, r), rate(g.simulated, r))));
            [Cell::from(called(g)), shares.into()].into_iter().chain(rates).collect()
        });
        page.table(&columns, 1, rows);
        page.note("Logged / simulated.");
    });
}

/// Fewer tips than these make a share that says nothing, and a line that jumps.
const LEAST_DRAWN: u64 = 100;

/// Completions as predicted, and as they were.
fn predicted(c: &RealityComparison, page: &mut Page) {
    page.section("Completion as predicted");
    page.text(&format!(
        "Tips by the probability of completion that the personas give them, and the share that was completed. On the faint line \
         people do what the personas say. Of fewer than {LEAST_DRAWN} tips only the figures are given.",
    ));
    page.legend([(BASELINE, "logged"), (CHALLENGER, "simulated")]);
    let drawn = || c.calibration.iter().filter(|bin| bin.tips >= LEAST_DRAWN);
    let line = |hue, of: fn(&crate::evaluation::reality::CalibrationResult) -> Option<f64>| CurveLine {
        hue,
        points: drawn().filter_map(|bin| Some((bin.predicted?, of(bin)?, None))).collect(),
    };
    let lines = vec![line(BASELINE, |bin| bin.logged), line(CHALLENGER, |bin| bin.simulated)];
    let panel = [Panel { name: String::new(), lines }];
    let grid = Grid {
        label: "Share completed by predicted probability",
        axis: "predicted probability of completion",
        height: "share completed",
        format: |x| format!("{x:.2}"),
        diagonal: true,
    };
    page.chart(|width| panels(&panel, grid, width));
    page.details("The figures", |page| {
        let rows = c.calibration.iter().map(|bin| {
            vec![
                format!("{:.1} to {:.1}", bin.bin[0], bin.bin[1]).into(),
                digits(bin.logged, 3).into(),
                digits(bin.simulated, 3).into(),
                digits(bin.predicted, 3).into(),
                bin.tips.to_string().into(),
            ]
        });
        page.table(&["predicted", "logged", "simulated", "mean predicted", "tips"], 1, rows);
    });
}

/// Dwell and profile values on both sides.
fn pairs(c: &RealityComparison, page: &mut Page) {
    page.section("Dwell and profiles");
    let dwell = c.dwell.iter().map(|d| {
        let name = format!("seconds of dwell, {}", d.reaction.name());
        vec![name.into(), digits(d.logged, 1).into(), digits(d.simulated, 1).into()]
    });
    let profile = c.profile.iter().map(|p| {
        let name = format!("mean of {}", p.name.replace('_', " "));
        vec![name.into(), digits(p.logged, 3).into(), digits(p.simulated, 3).into()]
    });
    page.table(&["figure", "logged", "simulated"], 1, dwell.chain(profile));
}
