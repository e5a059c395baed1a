//! A comparison of simulated people with those of a log, as text.

use super::words::percent;
use crate::base::stats::MIN_RESAMPLED;
use crate::evaluation::reality::{GroupResult, RealityComparison};
use std::fmt::Write;

/// The distances, then what stands behind them, then the farthest respect and what to do. `log` is what the log is
/// called.
pub fn comparison_text(c: &RealityComparison, log: &str) -> String {
    let mut out = format!("{log} beside {} under {}\n", c.scenario, c.policy);
    let personas = match c.personas.len() {
        1 => "1 persona".to_owned(),
        n => format!("each of {n} personas"),
    };
    let _ = writeln!(
        out,
        "  {} users with {} reactions; simulated: {} users of {personas}, as many decisions each",
        c.users, c.reactions, c.simulated_users
    );
    if c.without_reaction > 0 {
        let _ = writeln!(out, "  {} rewards without a reaction were left out", c.without_reaction);
    }
    if c.rewards_off_the_table > 0 {
        let off = c.rewards_off_the_table;
        let _ = writeln!(
            out,
            "  {off} rewards beyond the reaction table's were left out of the distance of rewards"
        );
    }
    let _ = writeln!(out, "\n  {:<26} {:>8}   {:<15} {:>6}", "respect", "distance", "95% interval", "noise");
    for a in &c.aspects {
        let interval = a.lower.zip(a.upper);
        let interval = interval.map_or_else(|| "-".to_owned(), |(l, u)| format!("{l:.3} to {u:.3}"));
        let mark = match a.beyond_noise {
            _ if a.distance.is_none() => "  nothing to compare",
            Some(true) => "  beyond noise",
            _ => "",
        };
        let (distance, noise) = (digits(a.distance, 3), digits(a.noise, 3));
        let _ = writeln!(out, "  {:<26} {distance:>8}   {interval:<15} {noise:>6}{mark}", a.aspect);
    }
    out.push_str("\n  Logged / simulated shares of tips, and of what became of them\n");
    groups(&mut out, "kind", &c.kinds);
    groups(&mut out, "hour", &c.hours);
    let _ = writeln!(out, "\n  {:<26} {:>8} {:>10}", "seconds of dwell", "logged", "simulated");
    for d in &c.dwell {
        let _ = writeln!(
            out,
            "  {:<26} {:>8} {:>10}",
            d.reaction.name(),
            digits(d.logged, 1),
            digits(d.simulated, 1)
        );
    }
    let _ = writeln!(out, "\n  {:<26} {:>8} {:>10}", "mean profile value", "logged", "simulated");
    for p in &c.profile {
        let _ = writeln!(out, "  {:<26} {:>8} {:>10}", p.name, digits(p.logged, 3), digits(p.simulated, 3));
    }
    let _ = writeln!(
        out,
        "\n  {:<26} {:>8} {:>10} {:>9}  {:>7}",
        "completion as predicted", "logged", "simulated", "predicted", "tips"
    );
    for bin in &c.calibration {
        let range = format!("{:.1} to {:.1}", bin.bin[0], bin.bin[1]);
        let _ = writeln!(
            out,
            "  {range:<26} {:>8} {:>10} {:>9}  {:>7}",
            digits(bin.logged, 3),
            digits(bin.simulated, 3),
            digits(bin.predicted, 3),
            bin.tips
        );
    }
    let _ = writeln!(
        out,
        "\nDistances run from 0 to 1. Noise is what people drawn from the simulated ones stay below; all together \
         exceed\nit in {} of logs. {}",
        percent(c.alpha),
        of_intervals(c)
    );
    if c.aspects.iter().any(|a| a.distance.is_none()) {
        out.push_str("Where one side has nothing to compare, nothing is said of the distance.\n");
    }
    let _ = writeln!(out, "Farthest: {}", c.farthest.as_deref().unwrap_or("none is beyond noise"));
    let _ = writeln!(out, "Next: {}", c.next);
    out
}

/// What is said of the intervals, or why there are none.
pub(super) fn of_intervals(c: &RealityComparison) -> String {
    if c.effective_users >= MIN_RESAMPLED {
        return "Intervals are by user.".to_owned();
    }
    let users = digits(Some(c.effective_users), 1);
    format!(
        "Too few users for intervals: by their\nshares of the reactions they count as {}, and it takes \
         {MIN_RESAMPLED}.",
        users.trim_end_matches(".0")
    )
}

fn groups(out: &mut String, what: &str, groups: &[GroupResult]) {
    let heads = ["share", "completed", "snoozed", "ignored", "dismissed"];
    let _ = write!(out, "\n  {what:<10}");
    heads.iter().for_each(|head| _ = write!(out, " {head:>14}"));
    out.push('\n');
    for g in groups {
        let _ = write!(out, "  {:<10}", g.name.as_deref().unwrap_or("(unknown)"));
        let rate = |rates: Option<[f64; 4]>, r: usize| digits(rates.map(|x| x[r]), 3);
        let _ = write!(out, " {:>14}", format!("{:.3} / {:.3}", g.shares[0], g.shares[1]));
        for r in 0..4 {
            let _ = write!(out, " {:>14}", format!("{} / {}", rate(g.logged, r), rate(g.simulated, r)));
        }
        out.push('\n');
    }
}

pub(super) fn digits(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |v| format!("{v:.digits$}"))
}
