//! Charts as SVG, each drawn at two widths, for a screen and for a phone.
//!
//! Text is text and no font file is needed. Colours stand in the drawing as those of the light page;
//! [`style`] gives the rules that exchange them on a dark one.

mod curves;
mod evidence;
mod forest;
mod reactions;

pub(super) use curves::curves;
pub(super) use evidence::{Highlights, evidence};
pub(super) use forest::forest;
pub(super) use reactions::{REACTIONS, reactions};

use super::xml::attribute;
use crate::gate::Standing;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::TextStyle;
use std::fmt::Write;

/// A colour on a light and on a dark page, each with its name in CSS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hue {
    pub(super) name: &'static str,
    light: RGBColor,
    dark: RGBColor,
}

const fn hue(name: &'static str, light: u32, dark: u32) -> Hue {
    const fn rgb(hex: u32) -> RGBColor {
        RGBColor((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
    }
    Hue { name, light: rgb(light), dark: rgb(dark) }
}

pub(super) const INK: Hue = hue("ink", 0x1f_23_28, 0xe6_ea_ef);
pub(super) const MUTED: Hue = hue("muted", 0x5f_68_73, 0x9a_a4_b0);
pub(super) const GRID: Hue = hue("grid", 0xe3_e6_ea, 0x30_36_3d);
pub(super) const FAINT: Hue = hue("faint", 0xb4_bb_c4, 0x57_60_6a);
pub(super) const BASELINE: Hue = hue("baseline", 0x8a_5a_00, 0xe3_b3_41);
pub(super) const CHALLENGER: Hue = hue("challenger", 0x0b_63_c4, 0x6c_b2_ff);
pub(super) const HOLDS: Hue = hue("holds", 0x1a_7f_4b, 0x4a_c2_80);
pub(super) const OPEN: Hue = hue("open", 0xb2_5f_00, 0xf0_a0_3c);
pub(super) const FAILS: Hue = hue("fails", 0xc4_26_2e, 0xff_7b_72);
pub(super) const SNOOZED: Hue = hue("snoozed", 0x8c_c9_a8, 0x2b_6b_48);
pub(super) const IGNORED: Hue = hue("ignored", 0xcd_d2_d9, 0x48_50_59);
pub(super) const DISMISSED: Hue = hue("dismissed", 0xd9_69_5f, 0xd9_5f_55);

const HUES: [Hue; 12] =
    [INK, MUTED, GRID, FAINT, BASELINE, CHALLENGER, HOLDS, OPEN, FAILS, SNOOZED, IGNORED, DISMISSED];

/// The colour of a criterion's standing.
pub(super) fn hue_of(standing: Standing) -> Hue {
    match standing {
        Standing::Fails => FAILS,
        Standing::Open => OPEN,
        Standing::Holds => HOLDS,
        Standing::Unseen => MUTED,
    }
}

/// CSS: every colour as a variable, on a light page and on a dark one, and the rules that make the charts
/// follow them.
pub(super) fn style() -> String {
    let hex = |c: RGBColor| format!("#{:02X}{:02X}{:02X}", c.0, c.1, c.2);
    let variables = |of: fn(&Hue) -> RGBColor| {
        HUES.iter().fold(String::new(), |css, h| css + &format!("--{}:{};", h.name, hex(of(h))))
    };
    let (light, dark) = (variables(|h| h.light), variables(|h| h.dark));
    let mut css = format!(":root{{{light}}}\n@media (prefers-color-scheme: dark){{:root{{{dark}}}}}\n");
    for h in HUES {
        let (name, hex) = (h.name, hex(h.light));
        let _ = writeln!(css, "svg [fill=\"{hex}\"]{{fill:var(--{name})}}");
        let _ = writeln!(css, "svg [stroke=\"{hex}\"]{{stroke:var(--{name})}}");
    }
    css
}

/// For what a chart is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    /// A screen.
    Wide,
    /// A phone.
    Narrow,
}

impl Width {
    /// In CSS pixels.
    fn px(self) -> i32 {
        match self {
            Self::Wide => 760,
            Self::Narrow => 350,
        }
    }
}

/// Coordinates in a drawing are whole numbers: this many to a CSS pixel keep curves smooth.
const FINE: i32 = 4;

/// Size of text in CSS pixels.
const TEXT: f64 = 12.0;

/// Writing to memory does not fail.
const MEMORY: &str = "memory takes everything";

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// A drawing `height` CSS pixels high, which `label` describes to those who cannot see it.
fn draw(width: Width, height: i32, label: &str, paint: impl FnOnce(&Area)) -> String {
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
fn px(pixels: f64) -> i32 {
    (pixels * f64::from(FINE)).round() as i32
}

/// Plain text of a colour.
fn text(color: Hue) -> TextStyle<'static> {
    // The backend divides sizes by 1.24.
    ("sans-serif", TEXT * 1.24 * f64::from(FINE)).into_font().color(&color.light)
}

/// A line, `width` CSS pixels wide.
fn stroke(color: Hue, width: f64) -> ShapeStyle {
    color.light.stroke_width(px(width) as u32)
}

/// `low` and `high` with a twentieth of their distance added on each side.
fn padded(low: f64, high: f64) -> std::ops::Range<f64> {
    let pad = if high > low { 0.05 * (high - low) } else { 0.5 };
    low - pad..high + pad
}

/// A label of zero without the minus of a zero that was computed.
fn without_minus(label: String) -> String {
    let zero = label.chars().all(|c| matches!(c, '-' | '+' | '0' | '.'));
    if zero { label.replace(['-', '+'], "") } else { label }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_colours_are_one_for_the_style_sheet() {
        for (i, a) in HUES.iter().enumerate() {
            assert!(HUES[..i].iter().all(|b| a.light != b.light && a.name != b.name), "{}", a.name);
        }
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
