//! Mean rewards over the last day, by policy, with bands.

use super::drawing::{MEMORY, Width, axes, draw, padded, px, stroke, without_minus};
use super::palette::{BASELINE, CHALLENGER, FAILS, HOLDS, Hue, MUTED, OPEN};
use plotters::prelude::*;

/// The colours of policies; those after them share the last one.
const POLICIES: [Hue; 6] = [CHALLENGER, BASELINE, HOLDS, FAILS, OPEN, MUTED];

/// How far the bars of two policies stand from each other, as a share of the chart's width.
const BESIDE: f64 = 0.008;

/// One period of one policy: hours before now, mean, bounds.
pub(in super::super) type Point = (f64, f64, Option<(f64, f64)>);

/// The colour of the policy in this place.
pub(in super::super) fn policy_hue(place: usize) -> Hue {
    POLICIES[place.min(POLICIES.len() - 1)]
}

/// Mean reward by period, each policy in a colour of its own.
pub(in super::super) fn rewards(policies: &[Vec<Point>], width: Width) -> String {
    let all = || policies.iter().flatten();
    let oldest = all().fold(1.0, |oldest: f64, (ago, ..)| oldest.max(*ago));
    let (low, high) = all().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (_, mean, bounds)| {
        let (lower, upper) = bounds.unwrap_or((*mean, *mean));
        (low.min(lower), high.max(upper))
    });
    draw(width, 260, "Mean reward by policy, in periods of ten minutes", |area| {
        let mut chart =
            axes(area, (-oldest..0.2, padded(low, high)), ("hours from now", "mean reward"), |x| {
                without_minus(format!("{x:.1}"))
            });
        for (place, points) in policies.iter().enumerate() {
            let hue = policy_hue(place);
            // Periods are the same for all policies: their bars stand beside each other, not one upon the other.
            let beside = (place as f64 - (policies.len() as f64 - 1.0) / 2.0) * BESIDE * (oldest + 0.2);
            let at = |ago: f64| beside - ago;
            let bars = points.iter().filter_map(|(ago, _, bounds)| {
                let (lower, upper) = (*bounds)?;
                Some(PathElement::new([(at(*ago), lower), (at(*ago), upper)], stroke(hue, 1.0)))
            });
            chart.draw_series(bars).expect(MEMORY);
            let line: Vec<(f64, f64)> = points.iter().map(|(ago, mean, _)| (at(*ago), *mean)).collect();
            let dots = line.iter().map(|at| Circle::new(*at, px(3.0), hue.light.filled()));
            chart.draw_series(dots).expect(MEMORY);
            chart.draw_series([PathElement::new(line.clone(), stroke(hue, 2.0))]).expect(MEMORY);
        }
    })
}
