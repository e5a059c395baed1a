//! A plan as text.

use crate::gate::{GateSpec, POWERS, Plan};
use std::fmt::Write;

/// A table of what each criterion can show within `max_users`.
pub fn plan_text(spec: &GateSpec, plans: &[Plan], pilot: u64) -> String {
    let raw = spec.raw();
    let width = plans.iter().map(|p| p.criterion.len()).max().unwrap_or(0);
    let mut out = String::new();
    let _ = writeln!(
        out,
        "Smallest gains that can be established with {} users at alpha {}\n",
        raw.max_users, raw.alpha
    );
    let power = |i: usize| format!("{:.0}% power", 100.0 * POWERS[i]);
    let _ = writeln!(
        out,
        "  {:width$}  {:>9}  {:>9}  {:>11}  {:>11}",
        "criterion",
        "sd",
        "floor",
        power(0),
        power(1)
    );
    for p in plans {
        let floor = p.floor.map_or_else(|| "-".to_owned(), |f| format!("{f} users"));
        let sd = p.standard_deviation.map_or_else(|| "-".to_owned(), |s| format!("{s:.4}"));
        let gain = |i: usize| p.detectable[i].map_or_else(|| "none".to_owned(), |g| format!("{g:+.4}"));
        let _ =
            writeln!(out, "  {:width$}  {sd:>9}  {floor:>9}  {:>11}  {:>11}", p.criterion, gain(0), gain(1));
    }
    for log in spec.logs() {
        let (kind, files) = (if log.required { "required" } else { "advisory" }, log.files.join(", "));
        let _ = writeln!(
            out,
            "  logged/{} ({kind}): asked of {files} as it is; no number of simulated users changes it",
            log.name
        );
    }
    let _ = writeln!(
        out,
        "\n  Gains are in the direction that is better, as shares of the metric's range; a negative one lies\n  \
         within the margin. Below the floor no evidence suffices for a challenger that is\n  \
         exactly equal. Standard deviations come from {pilot} pilot users of each persona.\n\n\
         Next: run the gate without --plan."
    );
    out
}
