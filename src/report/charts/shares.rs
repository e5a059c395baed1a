//! Parts of a whole: bars that are as long as each other, and how each is divided.

use super::drawing::{MEMORY, Width, draw, name, px, text, text_width};
use super::palette::{DISMISSED, HOLDS, Hue, IGNORED, INK, MUTED, SNOOZED};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Colours in the order of `Reaction::ALL`.
pub(in super::super) const REACTIONS: [Hue; 4] = [HOLDS, SNOOZED, IGNORED, DISMISSED];

/// One row: bars with their parts, which need not add up to 1, and a note at the right.
#[derive(Debug, Clone)]
pub(in super::super) struct ShareRow {
    pub(in super::super) name: String,
    pub(in super::super) bars: Vec<Vec<f64>>,
    pub(in super::super) note: String,
}

/// Height of a bar, and of the gap between two of a row, in CSS pixels.
const BAR: f64 = 11.0;
const GAP: f64 = 2.0;

/// The rows from top to bottom, their parts in these colours.
pub(in super::super) fn shares(rows: &[ShareRow], hues: &[Hue], label: &str, width: Width) -> String {
    let longest =
        |of: fn(&ShareRow) -> &str| rows.iter().map(|row| text_width(&name(of(row)))).fold(0.0, f64::max);
    let bars = rows.iter().map(|row| row.bars.len()).max().unwrap_or(1) as f64;
    let (block, right) = (bars * BAR + (bars - 1.0) * GAP, longest(|row| &row.note) + 14.0);
    let (height, left, top) = match width {
        Width::Wide => (block + 12.0, (longest(|row| &row.name) + 18.0).min(300.0), 6.0),
        Width::Narrow => (block + 28.0, 8.0, 20.0),
    };
    draw(width, (height * rows.len() as f64 + 8.0) as i32, label, |area| {
        let full = f64::from(width.px()) - left - right;
        for (i, row) in rows.iter().enumerate() {
            let y = height * i as f64 + top;
            let middle = y + block / 2.0;
            let (anchor, at) = match width {
                Width::Wide => (HPos::Right, (px(left - 10.0), px(middle))),
                Width::Narrow => (HPos::Left, (px(left), px(y - 10.0))),
            };
            let style = text(INK).pos(Pos::new(anchor, VPos::Center));
            area.draw_text(&name(&row.name), &style, at).expect(MEMORY);
            for (bar, parts) in row.bars.iter().enumerate() {
                let y = y + bar as f64 * (BAR + GAP);
                let total: f64 = parts.iter().sum();
                let mut x = left;
                for (part, hue) in parts.iter().zip(hues) {
                    let end = x + if total > 0.0 { full * part / total } else { 0.0 };
                    let corners = [(px(x), px(y)), (px(end), px(y + BAR))];
                    area.draw(&Rectangle::new(corners, hue.light.filled())).expect(MEMORY);
                    x = end;
                }
            }
            let style = text(MUTED).pos(Pos::new(HPos::Left, VPos::Center));
            area.draw_text(&row.note, &style, (px(left + full + 8.0), px(middle))).expect(MEMORY);
        }
    })
}
