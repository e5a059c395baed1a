//! A forest plot: every criterion's estimate and bounds, with the line that they must clear.

use super::drawing::{Width, padded};
use super::intervals::{Estimate, IntervalRow, Scale, Shape, intervals};
use super::palette::hue_of;
use crate::gate::{Assessment, Claim, Standing, Verdict};
use crate::report::words;
use std::ops::Range;

/// One row per criterion, in the verdict's order.
pub(in super::super) fn forest(v: &Verdict, width: Width) -> String {
    let rows: Vec<IntervalRow> = v.criteria.iter().map(row).collect();
    let claims = v.criteria.iter().any(|c| c.kind == Claim::Superior);
    let scale = Scale {
        label: "Forest plot: estimate and bounds of every criterion",
        axis: "worse  \u{2190}  gain, as a share of the range  \u{2192}  better",
        range: forest_range(v),
        line: Some(0.0),
        named_line: claims.then(|| (v.minimum_effect, format!("minimum effect {}", v.minimum_effect))),
        format: |x| format!("{x:+.2}"),
    };
    intervals(&rows, &scale, width)
}

fn row(c: &Assessment) -> IntervalRow {
    let (hue, shape) = (hue_of(c.standing), shape_of(c.standing));
    let estimate = words::gain(c).map(|gain| Estimate {
        hue,
        shape,
        at: gain.estimate,
        bounds: Some((gain.lower, gain.upper)),
    });
    IntervalRow { name: words::label(c), estimates: estimate.into_iter().collect(), mark: Some(c.mark) }
}

/// A disc where the criterion holds, a cross where it fails, else a ring.
fn shape_of(standing: Standing) -> Shape {
    match standing {
        Standing::Holds => Shape::Disc,
        Standing::Fails => Shape::Cross,
        Standing::Open | Standing::Unseen => Shape::Ring,
    }
}

/// The axis: over all bounds and limits, unless some bounds are so wide that nothing else could be told
/// apart.
pub(in super::super) fn forest_range(v: &Verdict) -> Range<f64> {
    let gains = || v.criteria.iter().filter_map(words::gain);
    let margins = || v.criteria.iter().map(|c| c.mark.abs());
    let widest = 3.0 * gains().map(|g| g.estimate.abs()).chain(margins()).fold(0.01, f64::max);
    let low = gains().map(|g| g.lower).chain(v.criteria.iter().map(|c| c.mark)).fold(-0.005, f64::min);
    let high = gains().map(|g| g.upper).chain(v.criteria.iter().map(|c| c.mark)).fold(0.005, f64::max);
    padded(low.max(-widest), high.min(widest))
}
