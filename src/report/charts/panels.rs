//! Lines with bands, in one panel or in several that share their axes, so that they can be compared.

use super::drawing::{self, Area, MEMORY, Width, axes, draw, padded, px, stroke, text};
use super::palette::{FAINT, Hue, INK};
use crate::simulation::CurvePoint;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// One line.
#[derive(Debug, Clone)]
pub(in super::super) struct CurveLine {
    pub(in super::super) hue: Hue,
    /// Place, height, and the band around it, where there is one.
    pub(in super::super) points: Vec<(f64, f64, Option<(f64, f64)>)>,
}

/// One panel, with its name where there are several.
#[derive(Debug, Clone)]
pub(in super::super) struct Panel {
    pub(in super::super) name: String,
    pub(in super::super) lines: Vec<CurveLine>,
}

impl CurveLine {
    /// A learning curve, with its band or without.
    pub(in super::super) fn of(points: &[CurvePoint], hue: Hue, band: bool) -> Self {
        let point = |p: &CurvePoint| (p.step, p.mean, p.lower.zip(p.upper).filter(|_| band));
        Self { hue, points: points.iter().map(point).collect() }
    }
}

/// What panels share.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Grid<'a> {
    /// What the chart is, for those who do not see it.
    pub(in super::super) label: &'a str,
    /// What the axis across says.
    pub(in super::super) axis: &'a str,
    /// What the axis upwards says, where there is one panel.
    pub(in super::super) height: &'a str,
    /// How places on it are written.
    pub(in super::super) format: fn(f64) -> String,
    /// Whether a line shows where both axes have the same value.
    pub(in super::super) diagonal: bool,
}

/// Height of the only panel, and of one of several.
const ALONE: f64 = 300.0;
const BESIDE: f64 = 190.0;
/// Room for a panel's name.
const NAME: f64 = 20.0;

/// The panels, side by side on a screen and below each other on a phone.
pub(in super::super) fn panels(panels: &[Panel], grid: Grid, width: Width) -> String {
    let columns = if width == Width::Wide && panels.len() > 1 { 2 } else { 1 };
    let (rows, each) = (panels.len().div_ceil(columns), if panels.len() > 1 { BESIDE } else { ALONE });
    let points = || panels.iter().flat_map(|p| &p.lines).flat_map(|line| &line.points);
    let ends = |(low, high): (f64, f64), x: f64| (low.min(x), high.max(x));
    let none = (f64::INFINITY, f64::NEG_INFINITY);
    let (left, right) = points().map(|(x, ..)| *x).fold(none, ends);
    let heights = points().flat_map(|(_, y, band)| [*y, band.map_or(*y, |b| b.0), band.map_or(*y, |b| b.1)]);
    let (low, high) = heights.fold(none, ends);
    if !(left <= right && low <= high) {
        return draw(width, ALONE as i32, grid.label, |_| {});
    }
    let across = if right > left { left..right } else { padded(left, right) };
    draw(width, (each * rows as f64) as i32, grid.label, |area| {
        for (panel, area) in panels.iter().zip(area.split_evenly((rows, columns))) {
            // Panels with names share what the first of their kind, above them, says of its height.
            let height = if panel.name.is_empty() { grid.height } else { "" };
            let inner = if panel.name.is_empty() { area } else { named(&area, &panel.name) };
            let mut chart =
                axes(&inner, (across.clone(), padded(low, high)), (grid.axis, height), |x| (grid.format)(*x));
            if grid.diagonal {
                let ends = [(left.max(low), left.max(low)), (right.min(high), right.min(high))];
                chart.draw_series([PathElement::new(ends, stroke(FAINT, 1.0))]).expect(MEMORY);
            }
            for line in &panel.lines {
                let lower = line.points.iter().filter_map(|(x, _, band)| Some((*x, (*band)?.0)));
                let upper = line.points.iter().rev().filter_map(|(x, _, band)| Some((*x, (*band)?.1)));
                let band: Vec<(f64, f64)> = lower.chain(upper).collect();
                if !band.is_empty() {
                    chart.draw_series([Polygon::new(band, line.hue.light.mix(0.16))]).expect(MEMORY);
                }
            }
            for line in &panel.lines {
                let path: Vec<(f64, f64)> = line.points.iter().map(|(x, y, _)| (*x, *y)).collect();
                chart.draw_series([PathElement::new(path, stroke(line.hue, 2.0))]).expect(MEMORY);
            }
        }
    })
}

/// Writes the name of a panel; returns the rest of its area.
fn named<'a>(area: &Area<'a>, name: &str) -> Area<'a> {
    let (head, rest) = area.split_vertically(px(NAME));
    let style = text(INK).pos(Pos::new(HPos::Left, VPos::Center));
    head.draw_text(&drawing::name(name), &style, (px(48.0), px(NAME / 2.0 + 2.0))).expect(MEMORY);
    rest
}
