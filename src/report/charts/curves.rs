//! Learning curves of both policies, with bands.

use super::drawing::{MEMORY, Width, axes, draw, padded, stroke};
use super::palette::{BASELINE, CHALLENGER};
use crate::gate::evidence::Evidence;
use plotters::prelude::*;

/// Mean reward along the decisions of a user.
pub(in super::super) fn curves(evidence: &Evidence, width: Width) -> String {
    let steps = f64::from(evidence.primary().steps);
    let all = evidence.curves().iter().flat_map(|c| &c.points);
    let (low, high) = all.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), p| {
        (low.min(p.lower.unwrap_or(p.mean)), high.max(p.upper.unwrap_or(p.mean)))
    });
    draw(width, 300, "Learning curves: mean reward along the decisions of a user", |area| {
        let mut chart = axes(area, (0.0..steps, padded(low, high)), "decision", |x| format!("{x:.0}"));
        for (curve, hue) in evidence.curves().iter().zip([BASELINE, CHALLENGER]) {
            let lower = curve.points.iter().filter_map(|p| Some((p.step, p.lower?)));
            let upper = curve.points.iter().rev().filter_map(|p| Some((p.step, p.upper?)));
            let band: Vec<(f64, f64)> = lower.chain(upper).collect();
            chart.draw_series([Polygon::new(band, hue.light.mix(0.16))]).expect(MEMORY);
        }
        for (curve, hue) in evidence.curves().iter().zip([BASELINE, CHALLENGER]) {
            let line: Vec<(f64, f64)> = curve.points.iter().map(|p| (p.step, p.mean)).collect();
            chart.draw_series([PathElement::new(line, stroke(hue, 2.0))]).expect(MEMORY);
        }
    })
}
