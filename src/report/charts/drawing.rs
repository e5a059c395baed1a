//! What all charts are drawn with. Text is text and no font file is needed.

use super::palette::{GRID, Hue, MUTED};
use crate::report::xml::attribute;
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::TextStyle;
use std::ops::Range;

/// For what a chart is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Width {
    /// A screen.
    Wide,
    /// A phone.
    Narrow,
}

impl Width {
    /// The width in CSS pixels.
    pub(super) fn px(self) -> i32 {
        match self {
            Self::Wide => 760,
            Self::Narrow => 350,
        }
    }
}

/// Coordinates in a drawing are whole numbers: this many to a CSS pixel keep curves smooth.
const FINE: i32 = 4;

/// Most characters of a name.
const LONGEST_NAME: usize = 46;

/// Size of text in CSS pixels.
const TEXT: f64 = 12.0;

/// Writing to memory does not fail.
pub(super) const MEMORY: &str = "memory takes everything";

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// A drawing `height` CSS pixels high, which `label` describes to those who cannot see it.
pub(super) fn draw(width: Width, height: i32, label: &str, paint: impl FnOnce(&Area)) -> String {
    let (w, h) = (width.px(), height);
    let mut svg = String::new();
    let size = ((w * FINE) as u32, (h * FINE) as u32);
    {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        paint(&area);
        area.present().expect(MEMORY);
    }
    let fine = format!("<svg width=\"{}\" height=\"{}\"", size.0, size.1);
    let label = attribute(label);
    svg.replacen(&fine, &format!("<svg role=\"img\" aria-label=\"{label}\" width=\"{w}\" height=\"{h}\""), 1)
}

/// CSS pixels as coordinates of a drawing.
pub(super) fn px(pixels: f64) -> i32 {
    (pixels * f64::from(FINE)).round() as i32
}

/// A name as it may stand in a drawing: no control characters, and no longer than there is room for.
pub(super) fn name(name: &str) -> String {
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    if name.chars().count() <= LONGEST_NAME {
        name.chars().map(shown).collect()
    } else {
        name.chars().take(LONGEST_NAME - 1).map(shown).chain(['\u{2026}']).collect()
    }
}

/// How wide a text is at most, in CSS pixels: as in the widest of the fonts that pages are shown in, which is not known here.
pub(super) fn text_width(text: &str) -> f64 {
    let character = |c: char| match c {
        '%' | 'm' | 'M' | 'w' | 'W' | '@' => 11.7,
        '\u{2192}' | '\u{2190}' | '\u{2026}' => 11.0,
        ' ' | 'i' | 'j' | 'l' | 't' | 'f' | 'r' | '.' | ',' | '/' | '-' => 5.0,
        c if c.is_ascii() => 7.8,
        _ => 12.0,
    };
    text.chars().map(character).sum()
}

/// Plain text of a colour.
pub(super) fn text(color: Hue) -> TextStyle<'static> {
    // The backend divides sizes by 1.24.
    ("sans-serif", TEXT * 1.24 * f64::from(FINE)).into_font().color(&color.light)
}

/// A line, `width` CSS pixels wide.
pub(super) fn stroke(color: Hue, width: f64) -> ShapeStyle {
    color.light.stroke_width(px(width) as u32)
}

/// Axes for mean rewards over `x_name`, the ranges of both given, with a grid across. `y_name` stands above the numbers on the
/// left, which no reader has to turn their head for; it may be empty.
pub(super) fn axes<'a, 'b>(
    area: &'b Area<'a>,
    (x, y): (Range<f64>, Range<f64>),
    (x_name, y_name): (&str, &str),
    x_label: impl Fn(&f64) -> String,
) -> ChartContext<'b, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>> {
    let mut chart = ChartBuilder::on(area)
        .margin(px(8.0))
        .margin_top(px(if y_name.is_empty() { 8.0 } else { 26.0 }))
        .margin_right(px(14.0))
        .x_label_area_size(px(38.0))
        .y_label_area_size(px(40.0))
        .build_cartesian_2d(x, y)
        .expect(MEMORY);
    chart
        .configure_mesh()
        .disable_x_mesh()
        .x_labels(6)
        .y_labels(6)
        .x_label_formatter(&x_label)
        .y_label_formatter(&|y| without_minus(format!("{y:.2}")))
        .x_desc(x_name)
        .axis_desc_style(text(MUTED))
        .label_style(text(MUTED))
        .axis_style(stroke(GRID, 1.0))
        .bold_line_style(stroke(GRID, 1.0))
        .light_line_style(TRANSPARENT)
        .draw()
        .expect(MEMORY);
    if !y_name.is_empty() {
        area.draw_text(y_name, &text(MUTED), (px(8.0), px(6.0))).expect(MEMORY);
    }
    chart
}

/// `low` and `high` with a twentieth of their distance added on each side.
pub(super) fn padded(low: f64, high: f64) -> Range<f64> {
    let pad = if high > low { 0.05 * (high - low) } else { 0.5 };
    low - pad..high + pad
}

/// A label of zero without the minus of a zero that was computed.
pub(super) fn without_minus(label: String) -> String {
    let zero = label.chars().all(|c| matches!(c, '-' | '+' | '0' | '.'));
    if zero { label.replace(['-', '+'], "") } else { label }
}

#[cfg(test)]
mod tests {
    use super::super::palette::INK;
    use super::*;

    #[test]
    fn names_are_short_and_printable() {
        assert_eq!(name("a\u{1}b"), "a\u{fffd}b");
        let long = name(&"x".repeat(100));
        assert!(long.chars().count() == LONGEST_NAME && long.ends_with('\u{2026}'));
    }

    #[test]
    fn a_drawing_is_xml_with_its_size_in_pixels() {
        let svg = draw(Width::Narrow, 100, "a < \"b\"", |area| {
            area.draw(&PathElement::new([(0, 0), (px(1.5), px(2.0))], stroke(INK, 1.0))).expect(MEMORY);
        });
        let document = roxmltree::Document::parse(&svg).unwrap();
        let root = document.root_element();
        assert_eq!((root.attribute("width"), root.attribute("height")), (Some("350"), Some("100")));
        assert_eq!(root.attribute("viewBox"), Some("0 0 1400 400"));
        assert_eq!(root.attribute("aria-label"), Some("a < \"b\""));
        let line = root.children().find(roxmltree::Node::is_element).unwrap();
        assert_eq!(line.attribute("stroke"), Some("#1F2328"));
    }
}
