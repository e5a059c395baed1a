//! Intervals, one under the other: estimates with their bounds, and the line of no difference where there is one.

use super::drawing::{MEMORY, Width, draw, padded, px, stroke, text, without_minus};
use super::palette::{CHALLENGER, FAINT, GRID, INK, MUTED};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// A name, an estimate, and its bounds.
pub(in super::super) type Interval = (String, f64, f64, f64);

/// One row for each interval; `of` is what the axis is of, and `zero` whether there is a line at 0.
pub(in super::super) fn intervals(rows: &[Interval], of: &str, zero: bool, width: Width) -> String {
    let longest = rows.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or(0);
    let (row, left, anchor, name_at, interval_at) = match width {
        Width::Wide => (22.0, (7.4 * longest as f64).clamp(60.0, 300.0), HPos::Right, 0.5, 0.5),
        Width::Narrow => (36.0, 10.0, HPos::Left, 0.72, 0.3),
    };
    let start = if zero { (0.0, 0.0) } else { (f64::INFINITY, f64::NEG_INFINITY) };
    let (low, high) =
        rows.iter().fold(start, |(low, high), (_, _, lower, upper)| (low.min(*lower), high.max(*upper)));
    let range = padded(low, high);
    let height = rows.len() as f64;
    draw(width, (height * row) as i32 + 56, "Estimates and bounds", |area| {
        let mut chart = ChartBuilder::on(area)
            .margin_top(px(6.0))
            .margin_right(px(16.0))
            .x_label_area_size(px(42.0))
            .margin_left(px(left + 10.0))
            .build_cartesian_2d(range.clone(), 0.0..height)
            .expect(MEMORY);
        chart
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .x_labels(if width == Width::Wide { 7 } else { 5 })
            .x_label_formatter(&|x| without_minus(format!("{x:.3}")))
            .x_desc(of)
            .axis_desc_style(text(MUTED))
            .label_style(text(MUTED))
            .axis_style(stroke(GRID, 1.0))
            .bold_line_style(stroke(GRID, 1.0))
            .light_line_style(TRANSPARENT)
            .draw()
            .expect(MEMORY);
        if zero {
            let line = PathElement::new([(0.0, 0.0), (0.0, height)], stroke(FAINT, 1.0));
            chart.draw_series([line]).expect(MEMORY);
        }
        for (i, (name, estimate, lower, upper)) in rows.iter().enumerate() {
            let bottom = (rows.len() - 1 - i) as f64;
            let at =
                |x: f64, share: f64| chart.backend_coord(&(x.clamp(range.start, range.end), bottom + share));
            let style = text(INK).pos(Pos::new(anchor, VPos::Center));
            area.draw_text(name, &style, (px(left), at(range.start, name_at).1)).expect(MEMORY);
            let ends = [at(*lower, interval_at), at(*upper, interval_at)];
            area.draw(&PathElement::new(ends, stroke(CHALLENGER, 2.0))).expect(MEMORY);
            let dot = Circle::new(at(*estimate, interval_at), px(4.0), CHALLENGER.light.filled());
            area.draw(&dot).expect(MEMORY);
        }
    })
}
