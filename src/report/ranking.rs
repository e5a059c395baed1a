//! Several challengers as text, the best first.

use super::words;
use crate::gate::Ranking;
use std::fmt::Write;

/// A table of challengers, what was decided of each, and why.
pub fn ranking_text(ranking: &Ranking) -> String {
    let mut out = String::new();
    let Some(best) = ranking.leaderboard.first() else { return out };
    let width =
        ranking.leaderboard.iter().map(|v| v.challenger.len()).max().unwrap_or(0).max("challenger".len());
    let _ = writeln!(
        out,
        "gate: {}, people: {}, baseline: {}\n\n  {:width$}  {:12}  {:>10}  {:>16}  {:>7}  {:>7}",
        best.gate,
        best.people,
        best.baseline,
        "challenger",
        "verdict",
        "difference",
        "bounds",
        "attempt",
        "alpha"
    );
    for v in &ranking.leaderboard {
        let gain = v.superiority();
        let _ = writeln!(
            out,
            "  {:width$}  {:12}  {:>10}  {:>16}  {:>7}  {:>7}",
            v.challenger,
            v.outcome.name().replace('_', " "),
            words::signed(gain.and_then(|c| c.estimate)),
            words::interval(gain.and_then(|c| c.lower), gain.and_then(|c| c.upper)),
            v.attempt.map_or_else(|| "-".to_owned(), |n| n.to_string()),
            words::percent(v.alpha)
        );
    }
    out.push('\n');
    for v in &ranking.leaderboard {
        let _ = writeln!(out, "  {}: {}", v.challenger, v.reason);
    }
    let people = if best.attempt.is_some() { "the people of its own attempt" } else { "these people" };
    let _ = writeln!(
        out,
        "\n  The chance that any challenger of this list is promoted that fails a criterion is at most the sum of the alphas,\n  \
         if none was chosen by looking at {people}."
    );
    out
}
