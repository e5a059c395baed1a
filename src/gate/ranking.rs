//! Several challengers tried at one gate, the best first.

use super::outcome::Ruling;
use super::verdict::Verdict;
use serde::Serialize;

/// The verdicts on several challengers, the best first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ranking {
    /// Those that may be promoted first, then by the lower bound on their gain.
    pub leaderboard: Vec<Verdict>,
}

impl Ranking {
    /// Ranks verdicts: promoted ones first, then undecided ones; among equals the larger lower bound on the gain first.
    pub fn new(mut verdicts: Vec<Verdict>) -> Self {
        let place = |v: &Verdict| match v.verdict {
            Ruling::Promote => 0,
            Ruling::Inconclusive => 1,
            Ruling::Reject => 2,
        };
        let gain = |v: &Verdict| v.superiority().and_then(|c| c.lower).unwrap_or(f64::NEG_INFINITY);
        verdicts.sort_by(|a, b| place(a).cmp(&place(b)).then(gain(b).total_cmp(&gain(a))));
        Self { leaderboard: verdicts }
    }

    /// What the best of them comes to.
    pub fn ruling(&self) -> Ruling {
        self.leaderboard.first().map_or(Ruling::Inconclusive, |best| best.verdict)
    }
}
