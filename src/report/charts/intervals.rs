//! One row for each thing that was estimated: marks with their bounds, on one scale.

use super::drawing::{Area, MEMORY, Width, draw, name, padded, px, stroke, text, text_width, without_minus};
use super::palette::{FAINT, GRID, Hue, INK, MUTED};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::ops::Range;

/// How an estimate is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Shape {
    /// A disc.
    Disc,
    /// A ring.
    Ring,
    /// A cross.
    Cross,
}

/// One estimate.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Estimate {
    pub(in super::super) hue: Hue,
    pub(in super::super) shape: Shape,
    pub(in super::super) at: f64,
    /// Its bounds, where there are any.
    pub(in super::super) bounds: Option<(f64, f64)>,
}

/// One row: a name, what was estimated, and what has to be exceeded.
#[derive(Debug, Clone)]
pub(in super::super) struct IntervalRow {
    pub(in super::super) name: String,
    pub(in super::super) estimates: Vec<Estimate>,
    pub(in super::super) mark: Option<f64>,
}

/// What the rows are drawn on.
#[derive(Debug)]
pub(in super::super) struct Scale<'a> {
    /// What the chart is, for those who do not see it.
    pub(in super::super) label: &'a str,
    /// What the axis says.
    pub(in super::super) axis: &'a str,
    /// Where it begins and ends.
    pub(in super::super) range: Range<f64>,
    /// A line through all rows: no difference, or the mean of a log.
    pub(in super::super) line: Option<f64>,
    /// A broken line through all rows, with its name at the top.
    pub(in super::super) named_line: Option<(f64, String)>,
    /// How values are written.
    pub(in super::super) format: fn(f64) -> String,
}

/// Height that each further estimate of a row takes.
const BESIDE: f64 = 9.0;

/// Room for the name of a line.
const TOP: f64 = 22.0;

/// Length of a part of a broken line, and of a gap.
const DASH: f64 = 4.0;

/// Where names end before the rows of a screen.
const LONGEST_NAME: f64 = 370.0;

/// The rows from top to bottom.
pub(in super::super) fn intervals(rows: &[IntervalRow], scale: &Scale, width: Width) -> String {
    let longest = rows.iter().map(|row| text_width(&name(&row.name))).fold(0.0, f64::max);
    // On a phone a name stands above its interval, else before it. Heights are shares of a row.
    // Bounds on one line would hide each other.
    let beside = |row: &IntervalRow| row.estimates.iter().filter(|e| e.bounds.is_some()).count();
    let more = BESIDE * rows.iter().map(beside).max().unwrap_or(0).saturating_sub(1) as f64;
    let (height, left, anchor, name_at, interval_at) = match width {
        Width::Wide => (22.0 + more, (longest + 6.0).clamp(80.0, LONGEST_NAME), HPos::Right, 0.5, 0.5),
        Width::Narrow => {
            let height = 36.0 + more;
            (height, 10.0, HPos::Left, 1.0 - 10.0 / height, 0.5 - 7.0 / height)
        }
    };
    let range = scale.range.clone();
    let top = if scale.named_line.is_some() { TOP } else { 0.0 };
    draw(width, (rows.len() as f64 * height + top) as i32 + 56, scale.label, |area| {
        let mut chart = ChartBuilder::on(area)
            .margin_top(px(6.0 + top))
            .margin_right(px(16.0))
            .x_label_area_size(px(42.0))
            .margin_left(px(left + 10.0))
            .build_cartesian_2d(range.clone(), 0.0..rows.len() as f64)
            .expect(MEMORY);
        chart
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .x_labels(if width == Width::Wide { 7 } else { 4 })
            .x_label_formatter(&|x| without_minus((scale.format)(*x)))
            .x_desc(scale.axis)
            .axis_desc_style(text(MUTED))
            .label_style(text(MUTED))
            .axis_style(stroke(GRID, 1.0))
            .bold_line_style(stroke(GRID, 1.0))
            .light_line_style(TRANSPARENT)
            .draw()
            .expect(MEMORY);
        let all = rows.len() as f64;
        if let Some(x) = scale.line {
            chart.draw_series([PathElement::new([(x, 0.0), (x, all)], stroke(FAINT, 1.0))]).expect(MEMORY);
        }
        if let Some((x, line)) = &scale.named_line {
            let (x_at, from) = chart.backend_coord(&(*x, all));
            let (_, to) = chart.backend_coord(&(*x, 0.0));
            for y in (from..to).step_by(px(DASH) as usize * 2) {
                let dash = [(x_at, y), (x_at, to.min(y + px(DASH)))];
                area.draw(&PathElement::new(dash, stroke(INK, 1.0))).expect(MEMORY);
            }
            let (x, y) = (x_at, from);
            let style = text(INK).pos(Pos::new(HPos::Center, VPos::Center));
            // A name that would leave the drawing is moved inside.
            let half = px(text_width(line) / 2.0);
            let x = x.clamp(half, (px(f64::from(width.px())) - half).max(half));
            area.draw_text(line, &style, (x, y - px(12.0))).expect(MEMORY);
        }
        for (i, row) in rows.iter().enumerate() {
            let bottom = (rows.len() - 1 - i) as f64;
            let at = |x: f64, height: f64| {
                chart.backend_coord(&(x.clamp(range.start, range.end), bottom + height))
            };
            let style = text(INK).pos(Pos::new(anchor, VPos::Center));
            area.draw_text(&name(&row.name), &style, (px(left), at(range.start, name_at).1)).expect(MEMORY);
            let bounded = beside(row).max(1);
            for (place, estimate) in row.estimates.iter().enumerate() {
                let down = if bounded > 1 { place as f64 - (bounded - 1) as f64 / 2.0 } else { 0.0 };
                let interval_at = interval_at - down * BESIDE / height;
                if let Some((lower, upper)) = estimate.bounds {
                    let ends = [lower, upper].map(|x| at(x, interval_at));
                    area.draw(&PathElement::new(ends, stroke(estimate.hue, 2.0))).expect(MEMORY);
                }
                mark(area, estimate, at(estimate.at, interval_at));
            }
            if let Some(limit) = row.mark {
                let (x, y) = at(limit, interval_at);
                let limit = [(x, y - px(6.0)), (x, y + px(6.0))];
                area.draw(&PathElement::new(limit, stroke(INK, 1.5))).expect(MEMORY);
            }
        }
    })
}

/// The mark of an estimate.
fn mark(area: &Area, estimate: &Estimate, (x, y): (i32, i32)) {
    let (hue, r) = (estimate.hue, px(4.0));
    match estimate.shape {
        Shape::Disc => area.draw(&Circle::new((x, y), r, hue.light.filled())).expect(MEMORY),
        Shape::Ring => area.draw(&Circle::new((x, y), r, stroke(hue, 2.0))).expect(MEMORY),
        Shape::Cross => {
            for r in [r, -r] {
                let ends = [(x - r, y - r.abs()), (x + r, y + r.abs())];
                area.draw(&PathElement::new(ends, stroke(hue, 2.5))).expect(MEMORY);
            }
        }
    }
}

/// A range over all estimates, marks and `others`, unless some bounds are so wide that nothing else could be told apart:
/// those leave it.
pub(in super::super) fn range_of(rows: &[IntervalRow], others: &[f64]) -> Range<f64> {
    let estimates = || rows.iter().flat_map(|row| &row.estimates);
    let marks = || rows.iter().filter_map(|row| row.mark).chain(others.iter().copied());
    let points: Vec<f64> = estimates().map(|e| e.at).chain(marks()).filter(|x| x.is_finite()).collect();
    let ends = |low: f64, high: f64, x: f64| (low.min(x), high.max(x));
    let (low, high) =
        points.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| ends(low, high, *x));
    if points.is_empty() {
        return padded(0.0, 1.0);
    }
    // Bounds may reach as far beyond the points as these are apart, or as three times the largest of them.
    let largest = points.iter().fold(0.01, |largest: f64, x| largest.max(x.abs()));
    let reach = (high - low).max(2.0 * largest);
    let bounds = estimates().filter_map(|e| e.bounds).filter(|(l, u)| l.is_finite() && u.is_finite());
    let (far_low, far_high) = bounds.fold((low, high), |(low, high), (l, u)| (low.min(l), high.max(u)));
    padded(far_low.max(low - reach), far_high.min(high + reach))
}
