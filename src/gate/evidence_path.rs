//! How the evidence grew: e-values along the users, thinned to what a chart can show.

use super::eprocess::{EProcess, Gain};
use super::trial::Trial;
use serde::Serialize;

/// An e-process along the users, from before the first to the latest.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EvidencePath {
    /// The criterion's id.
    pub id: String,
    /// Numbers of users, increasing, and log10 of the e-value after them.
    pub points: Vec<(u64, f64)>,
    /// The same for a bet against no gain at all: of a claim of superiority whose mark is above 0, empty else.
    pub above_zero: Vec<(u64, f64)>,
}

impl Trial<'_> {
    /// The path of every criterion's evidence, in the order of the gate's file, each with at most
    /// `most` + 1 points (`most` > 0): as evenly spaced as whole users are, both ends among them.
    pub fn paths(&self, most: u64) -> Vec<EvidencePath> {
        let tracked = self.tracked.iter();
        tracked
            .map(|t| {
                let against = |mark: f64| path(mark, &t.gains, t.per_block, most);
                let mark = t.criterion.mark();
                let has_both = t.criterion.is_superior() && mark > 0.0;
                EvidencePath {
                    id: t.criterion.id.clone(),
                    points: against(mark),
                    above_zero: if has_both { against(0.0) } else { Vec::new() },
                }
            })
            .collect()
    }
}

/// The bets on the gains are made once more: a path costs no memory while the trial runs.
fn path(m0: f64, gains: &[Gain], per_block: usize, most: u64) -> Vec<(u64, f64)> {
    let n = (gains.len() / per_block) as u64;
    let intervals = n.min(most);
    let mut process = EProcess::new(m0);
    let mut points = vec![(0, 0.0)];
    for (block, users) in gains.chunks_exact(per_block).zip(1..) {
        block.iter().for_each(|gain| process.observe(*gain));
        let next = points.len() as u64;
        if users == next * n / intervals {
            points.push((users, process.log_e() / std::f64::consts::LN_10));
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_keeps_both_ends_and_no_more_points_than_asked_for() {
        let gains: Vec<Gain> = (0..1000).map(|i| Gain::of(f64::from(i % 7) / 7.0 - 0.3)).collect();
        for n in [0, 1, 2, 199, 200, 201, 999, 1000] {
            let points = path(-0.02, &gains[..n], 1, 200);
            assert_eq!(points.len(), n.min(200) + 1);
            assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0));
            let mut process = EProcess::new(-0.02);
            gains[..n].iter().for_each(|x| process.observe(*x));
            let (users, log10_e) = points[points.len() - 1];
            assert_eq!(users, n as u64);
            assert!((libm::pow(10.0, log10_e) / process.e_value() - 1.0).abs() < 1e-12);
        }
    }
}
