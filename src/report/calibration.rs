//! A calibration as text.

use crate::gate::Calibration;
use std::fmt::Write;

/// Tables of false promotions by criterion and of power by effect size.
pub fn calibration_text(c: &Calibration) -> String {
    let mut out = String::new();
    let percent = |share: f64| format!("{:.1}%", 100.0 * share);
    let width = c.nulls.iter().map(|n| n.criterion.len()).max().unwrap_or(0);
    let _ = writeln!(
        out,
        "False promotions in {} runs with one criterion on its boundary (alpha {})\n",
        c.runs, c.alpha
    );
    let _ = writeln!(
        out,
        "  {:width$}  {:>16}  {:>16}  {:>16}",
        "criterion", "this gate", "fixed t-test", "peeking t-test"
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
            "  {:width$}  {own:>16}  {:>16}  {:>16}",
            null.criterion,
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
    let worst = c.nulls.iter().map(|n| n.upper).fold(0.0, f64::max);
    let verdict = if worst <= c.alpha { "keeps" } else { "is not shown to keep" };
    let _ = writeln!(
        out,
        "\nThis gate {verdict} its promise of at most {}: the largest 95% upper bound is {}.\n\
         Runs are drawn with replacement from {} simulated users of each persona.",
        percent(c.alpha),
        percent(worst),
        c.pool
    );
    out
}
