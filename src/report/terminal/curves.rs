//! Learning curves of characters.

use super::canvas::{Canvas, cell};
use crate::report::screen::{Screen, Tint};
use crate::simulation::{CurvePoint, LearningCurve};
use std::fmt::Write;

/// Lines of a chart.
const HEIGHT: usize = 12;
/// Columns before the chart, for the numbers of its axis.
const LEFT: usize = 10;
/// The marks of policies; those after the last one share it.
const MARKS: [(char, Tint); 6] = [
    ('o', Tint::Baseline),
    ('*', Tint::Challenger),
    ('+', Tint::Good),
    ('x', Tint::Warning),
    ('#', Tint::Bad),
    ('@', Tint::Faint),
];

fn mark(place: usize) -> (char, Tint) {
    MARKS[place.min(MARKS.len() - 1)]
}

/// The height of a curve above a place, between its points in a straight line.
fn at(points: &[CurvePoint], step: f64) -> Option<f64> {
    let after = points.iter().position(|p| p.step >= step).unwrap_or(points.len().checked_sub(1)?);
    let (a, b) = (&points[after.saturating_sub(1)], &points[after]);
    let share = if b.step > a.step { ((step - a.step) / (b.step - a.step)).clamp(0.0, 1.0) } else { 1.0 };
    Some(a.mean + share * (b.mean - a.mean))
}

/// The curves of some policies, over so many steps.
pub(super) fn learning_curves(curves: &[LearningCurve], steps: u32, screen: &Screen) -> String {
    let means = || curves.iter().flat_map(|c| &c.points).map(|p| p.mean);
    let (low, high) =
        means().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    let mut out = String::new();
    if low > high {
        return out;
    }
    let width = screen.columns() - LEFT;
    let mut canvas = Canvas::new(width, HEIGHT);
    for (i, curve) in curves.iter().enumerate() {
        let (character, tint) = mark(i);
        for x in 0..width {
            let step = f64::from(steps.saturating_sub(1)) * x as f64 / (width.max(2) - 1) as f64;
            let Some(mean) = at(&curve.points, step) else { continue };
            canvas.put(x, HEIGHT - 1 - cell(mean, (low, high), HEIGHT), character, Some(tint));
        }
    }
    let _ = writeln!(out, "  mean reward along the decisions of a user");
    for y in 0..HEIGHT {
        // Numbers at the top, in the middle and at the bottom.
        let height = high - (high - low) * y as f64 / (HEIGHT - 1) as f64;
        let label =
            if y % 4 == 0 || y == HEIGHT - 1 { format!("{:.3}", height + 0.0) } else { String::new() };
        let _ = writeln!(out, "{}", format!("  {label:>6} \u{2502}{}", canvas.line(y, screen)).trim_end());
    }
    let _ = writeln!(out, "         \u{2514}{}", "\u{2500}".repeat(width));
    let end = format!("decision {steps}");
    let _ = writeln!(out, "{:LEFT$}{:<rest$}{end}", "", 1, rest = width - end.len());
    let legend = curves.iter().enumerate().map(|(i, curve)| {
        let (character, tint) = mark(i);
        screen.paint(tint, &format!("{character} {}", curve.policy))
    });
    let _ = writeln!(out, "  {}", legend.collect::<Vec<_>>().join("   "));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(policy: &str, means: &[f64]) -> LearningCurve {
        let point =
            |(i, mean): (usize, &f64)| CurvePoint { step: i as f64, mean: *mean, lower: None, upper: None };
        LearningCurve { policy: policy.to_owned(), points: means.iter().enumerate().map(point).collect() }
    }

    #[test]
    fn the_curve_that_rises_ends_above_the_one_that_does_not() {
        let curves = [curve("flat", &[0.1, 0.1, 0.1]), curve("steep", &[0.1, 0.2, 0.5])];
        for columns in [60, 80, 120] {
            let text = learning_curves(&curves, 3, &Screen::new(columns, false));
            let lines: Vec<&str> = text.lines().collect();
            assert!(lines.iter().all(|line| line.chars().count() <= columns), "{text}");
            assert!(lines[1].ends_with('*') && lines[1].starts_with("   0.500"), "{text}");
            assert!(lines[HEIGHT].ends_with('o') && lines[HEIGHT].starts_with("   0.100"), "{text}");
            assert_eq!(
                lines[HEIGHT].chars().filter(|c| *c == 'o' || *c == '*').count(),
                columns.min(Screen::MAX_COLUMNS) - LEFT
            );
            assert_eq!(*lines.last().unwrap(), "  o flat   * steep");
        }
    }
}
