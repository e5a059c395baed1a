//! How often a gate is wrong, as a page.

use super::cast::Cast;
use crate::gate::Calibration;
use crate::report::charts::{
    BASELINE, CHALLENGER, Estimate, FAILS, HOLDS, Hue, INK, IntervalRow, MUTED, OPEN, Scale, Shape, ShareRow,
    intervals, range_of, shares,
};
use crate::report::pieces::{Cell, Page, Tile};
use crate::report::words;

/// The four ways to decide, each with its colour and mark.
const METHODS: [(&str, Hue, Shape); 4] = [
    ("this gate", CHALLENGER, Shape::Disc),
    ("this gate, worst case", INK, Shape::Ring),
    ("fixed-size t-test", MUTED, Shape::Ring),
    ("peeking t-test", BASELINE, Shape::Cross),
];

/// What a run came to, with its colour.
const OUTCOMES: [(&str, Hue); 4] =
    [("promote", HOLDS), ("reject", FAILS), ("reject as too small", MUTED), ("inconclusive", OPEN)];

/// The page of a calibration; `command` is the one that makes it again.
pub fn calibration_page(c: &Calibration, cast: &Cast, command: &str) -> String {
    let rate = |count: u64| count as f64 / c.runs as f64;
    let worst = c.nulls.iter().map(|n| n.false_promotions.max(n.worst_case)).max().unwrap_or(0);
    let (badge, verb) = if c.keeps {
        (("promote", "KEEPS ITS PROMISE"), "keeps")
    } else {
        (("reject", "BREAKS ITS PROMISE"), "breaks")
    };
    let title = format!("This gate {verb} its promise of at most {} wrong promotions", percent(c.alpha));
    let mut page = Page::new(&title);
    page.head(
        badge,
        &title,
        &format!("{} runs for each question, drawn from {} simulated users of each persona", c.runs, c.pool),
    );
    let of_method = |method: &str| {
        c.comparisons.iter().filter(|o| o.method == method).map(|o| o.false_promotions).max().unwrap_or(0)
    };
    let tile = |name: &str, count: u64| Tile {
        name: name.to_owned(),
        value: percent(rate(count)),
        note: ("wrong promotions at most, by criterion".to_owned(), None),
    };
    page.tiles(&[
        tile("This gate", c.nulls.iter().map(|n| n.false_promotions).max().unwrap_or(0)),
        tile("This gate, worst case", c.nulls.iter().map(|n| n.worst_case).max().unwrap_or(0)),
        tile("A t-test of fixed size", of_method("fixed-size t-test")),
        tile("A t-test that peeks", of_method("peeking t-test")),
    ]);
    page.answers(&[
        (
            "Why",
            format!(
                "no criterion may be crossed in more than {} of {} runs, and the worst was in {worst}; a rate of exactly {} is \
                 crossed more often with probability one in a million",
                c.allowed,
                c.runs,
                percent(c.alpha)
            ),
        ),
        (
            "How",
            "each criterion in turn is put exactly on its boundary, where every promotion is wrong; the gate then decides on \
             thousands of draws"
                .to_owned(),
        ),
    ]);
    page.contents();
    wrong_promotions(c, &mut page);
    power(c, &mut page);
    cast.write(&mut page);
    page.origin(command, &[("Version", format!("rehearsal {}", env!("CARGO_PKG_VERSION")))]);
    page.finish()
}

fn percent(of_runs: f64) -> String {
    words::share(of_runs, 1)
}

/// How often each way to decide promotes what it must not.
fn wrong_promotions(c: &Calibration, page: &mut Page) {
    let rate = |count: u64| count as f64 / c.runs as f64;
    page.section("Wrong promotions");
    page.text(
        "Share of runs that promoted with one criterion on its boundary. Beside the gate stand two tests that people use \
         instead: one of a size fixed beforehand, and one that looks after every batch and stops when it likes what it sees.",
    );
    page.legend(METHODS.map(|(name, hue, _)| (hue, name)));
    let rates = |criterion: &str, own: u64, worst: u64| {
        let other = |method: &str| {
            c.comparisons
                .iter()
                .find(|o| o.criterion == criterion && o.method == method)
                .map(|o| rate(o.false_promotions))
        };
        [Some(rate(own)), Some(rate(worst)), other("fixed-size t-test"), other("peeking t-test")]
    };
    let rows: Vec<IntervalRow> = c
        .nulls
        .iter()
        .map(|null| {
            let rates = rates(&null.criterion, null.false_promotions, null.worst_case);
            let mark = |(at, (_, hue, shape)): (Option<f64>, (&str, Hue, Shape))| {
                Some(Estimate { hue, shape, at: 100.0 * at?, bounds: None })
            };
            IntervalRow {
                name: null.criterion.clone(),
                estimates: rates.into_iter().zip(METHODS).filter_map(mark).collect(),
                mark: None,
            }
        })
        .collect();
    let scale = Scale {
        label: "Share of wrong promotions, by criterion and way to decide",
        axis: "percent of runs that promoted wrongly",
        range: range_of(&rows, &[0.0, 100.0 * c.alpha]),
        line: Some(0.0),
        named_line: Some((100.0 * c.alpha, format!("promised: {}", percent(c.alpha)))),
        format: |x| format!("{x:.0}"),
    };
    page.chart(|width| intervals(&rows, &scale, width));
    page.details("The figures", |page| {
        let columns = ["criterion", "this gate", "at most", "worst case", "fixed t-test", "peeking t-test"];
        let rows = c.nulls.iter().map(|null| {
            let [own, worst, fixed, peeking] = rates(&null.criterion, null.false_promotions, null.worst_case);
            let cell = |x: Option<f64>| Cell::from(x.map_or_else(|| "-".to_owned(), percent));
            vec![null.criterion.clone().into(), cell(own), percent(null.upper).into(), cell(worst), cell(fixed), cell(peeking)]
        });
        page.table(&columns, 1, rows);
        page.note(
            "\u{201c}At most\u{201d} is the upper 95% bound on this gate's rate. Worst cases have two values, a gain as observed \
             and a loss of everything, with their mean on the mark.",
        );
    });
}

/// What becomes of effects that there are.
fn power(c: &Calibration, page: &mut Page) {
    page.section("What it finds");
    page.text(
        "Verdicts when every observed effect is multiplied: by 0 there is nothing to find, by 1 it is what the pool shows; at \
         the right the mean users of each persona until decided.",
    );
    page.legend(OUTCOMES.map(|(name, hue)| (hue, name)));
    let rows: Vec<ShareRow> = c
        .power
        .iter()
        .map(|p| ShareRow {
            name: format!("effect x {}", p.scale),
            bars: vec![vec![p.promote, p.reject - p.too_small, p.too_small, p.inconclusive]],
            note: format!("{:.0} users", p.mean_users),
        })
        .collect();
    page.chart(|width| shares(&rows, &OUTCOMES.map(|(_, hue)| hue), "Verdicts by effect size", width));
    page.details("The figures", |page| {
        let columns = ["effect", "promote", "reject", "of these too small", "inconclusive", "mean users"];
        let rows = c.power.iter().map(|p| {
            [p.promote, p.reject, p.too_small, p.inconclusive]
                .into_iter()
                .map(|share| Cell::from(percent(share)))
                .fold(vec![format!("x {}", p.scale).into()], |mut row, cell| {
                    row.push(cell);
                    row
                })
                .into_iter()
                .chain([Cell::from(format!("{:.0}", p.mean_users))])
                .collect()
        });
        page.table(&columns, 1, rows);
    });
}
