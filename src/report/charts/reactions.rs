//! What people did: shares of the four reactions, per persona and policy.

use super::drawing::{MEMORY, Width, draw, px, text};
use super::palette::{DISMISSED, HOLDS, Hue, IGNORED, INK, MUTED, SNOOZED};
use crate::gate::evidence::ScenarioEvidence;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Colours in the order of `Reaction::ALL`.
pub(in super::super) const REACTIONS: [Hue; 4] = [HOLDS, SNOOZED, IGNORED, DISMISSED];

/// Height of a bar, and of the gap between the two of a persona, in CSS pixels.
const BAR: f64 = 11.0;
const GAP: f64 = 2.0;
/// Room on the right for the share that was completed.
const RIGHT: f64 = 84.0;

/// Two bars per persona: the baseline's above the challenger's.
pub(in super::super) fn reactions(scenario: &ScenarioEvidence, width: Width) -> String {
    let longest = scenario.personas.iter().map(|p| p.persona.len()).max().unwrap_or(0);
    let (row, left, top) = match width {
        Width::Wide => (36.0, 6.6 * longest as f64 + 18.0, 6.0),
        Width::Narrow => (52.0, 8.0, 20.0),
    };
    let height = (row * scenario.personas.len() as f64 + 8.0) as i32;
    draw(width, height, "Reactions of each persona under both policies", |area| {
        let full = f64::from(width.px()) - left - RIGHT;
        for (i, persona) in scenario.personas.iter().enumerate() {
            let y = row * i as f64 + top;
            let middle = y + BAR + GAP / 2.0;
            let (anchor, at) = match width {
                Width::Wide => (HPos::Right, (px(left - 10.0), px(middle))),
                Width::Narrow => (HPos::Left, (px(left), px(y - 10.0))),
            };
            let style = text(INK).pos(Pos::new(anchor, VPos::Center));
            area.draw_text(&persona.persona, &style, at).expect(MEMORY);
            for (policy, counts) in persona.reactions.iter().enumerate() {
                let y = y + policy as f64 * (BAR + GAP);
                let total: u64 = counts.iter().sum();
                let mut x = left;
                for (count, hue) in counts.iter().zip(REACTIONS) {
                    let end = x + full * *count as f64 / total.max(1) as f64;
                    let corners = [(px(x), px(y)), (px(end), px(y + BAR))];
                    area.draw(&Rectangle::new(corners, hue.light.filled())).expect(MEMORY);
                    x = end;
                }
            }
            let completed = persona.reactions.map(|counts| {
                let total: u64 = counts.iter().sum();
                100.0 * counts[0] as f64 / total.max(1) as f64
            });
            let style = text(MUTED).pos(Pos::new(HPos::Left, VPos::Center));
            let label = format!("{:.0}% \u{2192} {:.0}%", completed[0], completed[1]);
            area.draw_text(&label, &style, (px(left + full + 8.0), px(middle))).expect(MEMORY);
        }
    })
}
