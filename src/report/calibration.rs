//! A calibration as text.

use super::words::share;
use crate::gate::Calibration;
use std::fmt::Write;

/// Tables of false promotions by criterion and of power by effect size.
pub fn calibration_text(c: &Calibration) -> String {
    let mut out = String::new();
    let percent = |of_runs: f64| share(of_runs, 1);
    let width = c.nulls.iter().map(|n| n.criterion.len()).max().unwrap_or(0);
    let _ = writeln!(
        out,
        "False promotions in {} runs with one criterion on its boundary (alpha {})\n",
        c.runs, c.alpha
    );
    let _ = writeln!(
        out,
        "  {:width$}  {:>16}  {:>10}  {:>12}  {:>14}",
        "criterion", "this gate", "worst case", "fixed t-test", "peeking t-test"
    );
    for null in &c.nulls {
        let other = |method: &str| {
            let found = c.comparisons.iter().find(|o| o.criterion == null.criterion && o.method == method);
            found.map_or(0, |o| o.false_promotions)
        };
        let cell = |count: u64| percent(count as f64 / c.runs as f64);
        let own = format!("{} (< {})", cell(null.false_promotions), percent(null.upper));
        let _ = writeln!(
            out,
            "  {:width$}  {own:>16}  {:>10}  {:>12}  {:>14}",
            null.criterion,
            cell(null.worst_case),
            cell(other("fixed-size t-test")),
            cell(other("peeking t-test"))
        );
    }
    let _ = writeln!(out, "\nVerdicts when every observed effect is multiplied\n");
    let _ = writeln!(
        out,
        "  {:>6}  {:>9}  {:>9}  {:>12}  {:>10}",
        "effect", "promote", "reject", "inconclusive", "mean users"
    );
    for p in &c.power {
        let _ = writeln!(
            out,
            "  {:>6}  {:>9}  {:>9}  {:>12}  {:>10.0}",
            format!("x {}", p.scale),
            percent(p.promote),
            percent(p.reject),
            percent(p.inconclusive),
            p.mean_users
        );
    }
    let worst = c.nulls.iter().map(|n| n.false_promotions.max(n.worst_case)).max().unwrap_or(0);
    let verdict = if c.keeps { "keeps" } else { "breaks" };
    let _ = writeln!(
        out,
        "\nThis gate {verdict} its promise of at most {}: no criterion may be crossed in more than {} of {} runs, and the\n\
         worst was in {worst}. A rate of exactly {} is crossed more often with probability one in a million.\n\
         Worst cases have two values, a gain as observed and a loss of everything, with their mean on the mark.\n\
         Runs are drawn with replacement from {} simulated users of each persona.",
        percent(c.alpha),
        c.allowed,
        c.runs,
        percent(c.alpha),
        c.pool
    );
    out
}
