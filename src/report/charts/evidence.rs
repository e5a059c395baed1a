//! The paths of the e-processes, against the lines at which they decide.

use super::drawing::{MEMORY, Width, draw, px, stroke, text};
use super::palette::{BASELINE, CHALLENGER, FAINT, GRID, Hue, INK, MUTED, hue_of};
use crate::gate::promotion::Judgement;
use crate::gate::{Claim, EvidencePath};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// The axis ends this many powers of ten above the higher line and below 1.
const ABOVE: f64 = 2.2;
const BELOW: f64 = 1.6;

/// A path that stands out.
pub(in super::super) struct Highlight<'a> {
    pub(in super::super) hue: Hue,
    /// What the legend calls it.
    pub(in super::super) name: String,
    points: &'a [(u64, f64)],
}

/// Which paths stand out, and the others.
pub(in super::super) struct Highlights<'a> {
    pub(in super::super) paths: Vec<Highlight<'a>>,
    others: Vec<&'a EvidencePath>,
}

impl<'a> Highlights<'a> {
    /// The first claim of superiority, the same against no gain where its mark is another one, the criterion that is
    /// furthest from holding or came to hold last, and the evidence for rejection.
    pub(in super::super) fn of(judgement: &'a Judgement) -> Self {
        let Judgement { verdict, evidence, .. } = judgement;
        let assessment = |id: &str| verdict.criteria.iter().find(|c| c.id == id);
        let claims = |p: &&EvidencePath| assessment(&p.id).is_some_and(|c| c.kind == Claim::Superior);
        let claim = evidence.paths.iter().find(claims);
        let hardest = match verdict.criteria.first() {
            Some(c) if !c.holds => Some(c),
            _ => verdict.criteria.iter().max_by_key(|c| c.held_after),
        };
        let mut paths = Vec::new();
        let mut others = Vec::new();
        for path in &evidence.paths {
            if claim.is_some_and(|claim| claim.id == path.id) {
                let mark = if path.above_zero.is_empty() { 0.0 } else { verdict.minimum_effect };
                let name = format!("{}, the claim of superiority: a gain above {mark}", path.id);
                paths.insert(0, Highlight { hue: CHALLENGER, name, points: &path.points });
                if !path.above_zero.is_empty() {
                    let name = format!("{}, a gain above 0, however small", path.id);
                    paths.insert(1, Highlight { hue: BASELINE, name, points: &path.above_zero });
                }
            } else if let Some(c) = hardest.filter(|c| c.id == path.id) {
                let standing = c.standing;
                let note = if c.holds { "the last to hold" } else { standing.name() };
                let name = format!("{}, {note}", path.id);
                paths.push(Highlight { hue: hue_of(standing), name, points: &path.points });
            } else {
                others.push(path);
            }
        }
        let name = "against the challenger, all criteria together".to_owned();
        paths.push(Highlight { hue: INK, name, points: &evidence.rejection });
        Self { paths, others }
    }
}

/// Evidence along the users, in powers of ten, with the lines at 1/alpha and 1/beta.
pub(in super::super) fn evidence(judgement: &Judgement, highlights: &Highlights, width: Width) -> String {
    let verdict = &judgement.verdict;
    let (holds, rejects) = (1.0 / verdict.alpha, 1.0 / verdict.simulated_beta);
    let (low, high) = (-BELOW, libm::log10(holds.max(rejects)) + ABOVE);
    let users = verdict.users.max(1) as f64;
    draw(width, 320, "Evidence: e-values along the users", |area| {
        let mut chart = ChartBuilder::on(area)
            .margin(px(8.0))
            .margin_right(px(40.0))
            .x_label_area_size(px(38.0))
            .y_label_area_size(px(46.0))
            .build_cartesian_2d(0.0..users, low..high)
            .expect(MEMORY);
        chart
            .configure_mesh()
            .disable_x_mesh()
            .x_labels(6)
            .y_labels(8)
            .x_label_formatter(&|x| format!("{x:.0}"))
            .y_label_formatter(&|y| power_of_ten(*y))
            .x_desc("users of each persona")
            .axis_desc_style(text(MUTED))
            .label_style(text(MUTED))
            .axis_style(stroke(GRID, 1.0))
            .bold_line_style(stroke(GRID, 1.0))
            .light_line_style(TRANSPARENT)
            .draw()
            .expect(MEMORY);
        let others = highlights.others.iter().map(|p| (FAINT, 1.0, &p.points[..]));
        let shown = highlights.paths.iter().map(|h| (h.hue, 2.2, h.points));
        for (hue, thick, points) in others.chain(shown) {
            let line = cut(points, low, high);
            chart.draw_series([PathElement::new(line, stroke(hue, thick))]).expect(MEMORY);
        }
        // Where both are the same line it is drawn once.
        let lines = if holds.to_bits() == rejects.to_bits() { vec![holds] } else { vec![holds, rejects] };
        for e in lines {
            let y = libm::log10(e);
            let line = PathElement::new([(0.0, y), (users, y)], stroke(INK, 1.0));
            chart.draw_series([line]).expect(MEMORY);
            let style = text(INK).pos(Pos::new(HPos::Left, VPos::Center));
            let (x, y) = chart.backend_coord(&(users, y));
            area.draw_text(&format!("{:.0}", e.ceil()), &style, (x + px(6.0), y)).expect(MEMORY);
        }
    })
}

/// The beginning of a path, up to where it leaves the frame.
fn cut(points: &[(u64, f64)], low: f64, high: f64) -> Vec<(f64, f64)> {
    let mut line: Vec<(f64, f64)> = Vec::new();
    for &(users, log10_e) in points {
        let (x, y) = (users as f64, log10_e);
        if (low..=high).contains(&y) {
            line.push((x, y));
            continue;
        }
        if let Some(&(x0, y0)) = line.last() {
            let edge = y.clamp(low, high);
            // An e-value of 0 or of infinity leaves at once.
            let share = if y.is_finite() { (edge - y0) / (y - y0) } else { 0.0 };
            line.push((x0 + share * (x - x0), edge));
        }
        break;
    }
    line
}

/// The label of an axis in powers of ten: 0.1, 1, 10.
fn power_of_ten(exponent: f64) -> String {
    let decimals = if exponent < -0.5 { (-exponent).round() as usize } else { 0 };
    format!("{:.decimals$}", libm::pow(10.0, exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_ends_where_it_leaves_the_frame() {
        assert_eq!(
            cut(&[(0, 0.0), (10, 1.0), (20, 3.0), (30, 1.0)], -1.0, 2.0),
            [(0.0, 0.0), (10.0, 1.0), (15.0, 2.0)]
        );
        assert_eq!(cut(&[(0, 0.0), (10, -2.0)], -1.0, 2.0), [(0.0, 0.0), (5.0, -1.0)]);
        assert_eq!(cut(&[(0, 0.0), (10, f64::INFINITY)], -1.0, 2.0), [(0.0, 0.0), (0.0, 2.0)]);
    }
}
