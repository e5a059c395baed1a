//! A forest plot: every criterion's estimate and bounds, with the line that they must clear.

use super::drawing::{Area, MEMORY, Width, draw, padded, px, stroke, text, without_minus};
use super::palette::{FAINT, GRID, INK, MUTED, hue_of};
use crate::gate::{Assessment, Standing, Verdict};
use crate::report::words;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::ops::Range;

/// Gains: differences in the direction that is better, so that the right is always the challenger's side.
struct Gain {
    estimate: f64,
    lower: f64,
    upper: f64,
}

fn gain(c: &Assessment) -> Option<Gain> {
    let (estimate, lower, upper) = (c.estimate?, c.lower?, c.upper?);
    Some(if c.more_is_better() {
        Gain { estimate, lower, upper }
    } else {
        Gain { estimate: 0.0 - estimate, lower: 0.0 - upper, upper: 0.0 - lower }
    })
}

/// One row per criterion, in the verdict's order.
pub(in super::super) fn forest(v: &Verdict, width: Width) -> String {
    let longest = v.criteria.iter().map(|c| words::label(c).len()).max().unwrap_or(0);
    // On a phone a criterion's name stands above its interval, else before it. Heights are shares of a row.
    let (row, left, anchor, name_at, interval_at) = match width {
        Width::Wide => (22.0, (7.4 * longest as f64).clamp(80.0, 340.0), HPos::Right, 0.5, 0.5),
        Width::Narrow => (36.0, 10.0, HPos::Left, 0.72, 0.3),
    };
    let rows = v.criteria.len();
    let range = range(v);
    let label = "Forest plot: estimate and bounds of every criterion";
    draw(width, (rows as f64 * row) as i32 + 56, label, |area| {
        let mut chart = ChartBuilder::on(area)
            .margin_top(px(6.0))
            .margin_right(px(16.0))
            .x_label_area_size(px(42.0))
            .margin_left(px(left + 10.0))
            .build_cartesian_2d(range.clone(), 0.0..rows as f64)
            .expect(MEMORY);
        chart
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .x_labels(if width == Width::Wide { 7 } else { 5 })
            .x_label_formatter(&|x| without_minus(format!("{x:+.2}")))
            .x_desc("worse  \u{2190}  gain, as a share of the range  \u{2192}  better")
            .axis_desc_style(text(MUTED))
            .label_style(text(MUTED))
            .axis_style(stroke(GRID, 1.0))
            .bold_line_style(stroke(GRID, 1.0))
            .light_line_style(TRANSPARENT)
            .draw()
            .expect(MEMORY);
        let zero = PathElement::new([(0.0, 0.0), (0.0, rows as f64)], stroke(FAINT, 1.0));
        chart.draw_series([zero]).expect(MEMORY);
        for (i, c) in v.criteria.iter().enumerate() {
            let bottom = (rows - 1 - i) as f64;
            let at = |x: f64, height: f64| {
                chart.backend_coord(&(x.clamp(range.start, range.end), bottom + height))
            };
            let style = text(INK).pos(Pos::new(anchor, VPos::Center));
            area.draw_text(&words::label(c), &style, (px(left), at(0.0, name_at).1)).expect(MEMORY);
            if let Some(gain) = gain(c) {
                let standing = c.standing;
                let ends = [gain.lower, gain.upper].map(|x| at(x, interval_at));
                area.draw(&PathElement::new(ends, stroke(hue_of(standing), 2.0))).expect(MEMORY);
                mark(area, standing, at(gain.estimate, interval_at));
            }
            let (x, y) = at(c.mark, interval_at);
            let limit = [(x, y - px(6.0)), (x, y + px(6.0))];
            area.draw(&PathElement::new(limit, stroke(INK, 1.5))).expect(MEMORY);
        }
    })
}

/// The estimate's mark: a disc where the criterion holds, a cross where it fails, else a ring.
fn mark(area: &Area, standing: Standing, (x, y): (i32, i32)) {
    let (hue, r) = (hue_of(standing), px(4.0));
    match standing {
        Standing::Holds => area.draw(&Circle::new((x, y), r, hue.light.filled())).expect(MEMORY),
        Standing::Fails => {
            for r in [r, -r] {
                let ends = [(x - r, y - r.abs()), (x + r, y + r.abs())];
                area.draw(&PathElement::new(ends, stroke(hue, 2.5))).expect(MEMORY);
            }
        }
        Standing::Open | Standing::Unseen => {
            area.draw(&Circle::new((x, y), r, stroke(hue, 2.0))).expect(MEMORY);
        }
    }
}

/// The axis: over all bounds and limits, unless some bounds are so wide that nothing else could be told
/// apart.
fn range(v: &Verdict) -> Range<f64> {
    let gains = || v.criteria.iter().filter_map(gain);
    let margins = || v.criteria.iter().map(|c| c.mark.abs());
    let widest = 3.0 * gains().map(|g| g.estimate.abs()).chain(margins()).fold(0.01, f64::max);
    let low = gains().map(|g| g.lower).chain(v.criteria.iter().map(|c| c.mark)).fold(-0.005, f64::min);
    let high = gains().map(|g| g.upper).chain(v.criteria.iter().map(|c| c.mark)).fold(0.005, f64::max);
    padded(low.max(-widest), high.min(widest))
}
