//! An evaluation as a person reads it.

use super::{Diagnostics, Estimate, Estimator, Evaluation, PolicyEvaluation, Settings, Unit};
use crate::stats::MIN_RESAMPLED;
use std::fmt::Write;

impl Evaluation {
    /// The report: what was seen, what each policy is worth, what to do next.
    pub fn text(&self, log: &str, settings: &Settings) -> String {
        let mut out = String::new();
        let _ = writeln!(out, "{log}: {} decisions, mean reward {}", self.rows, number(self.on_policy_mean));
        let interval = format!("{} % {}", number(100.0 * (1.0 - settings.alpha)), settings.method.name());
        for policy in &self.policies {
            let _ = write!(out, "\n{}\n  {}\n", policy.policy, weights(&policy.diagnostics, self.rows));
            table(&mut out, &policy.estimates, &interval);
        }
        for difference in &self.differences {
            let _ =
                write!(out, "\n{} minus {}, on the same decisions\n", difference.policy, difference.minus);
            table(&mut out, &difference.estimates, &interval);
        }
        out.push('\n');
        if let Some(reason) = &self.reason {
            let _ = writeln!(out, "Refused: {reason}.");
            if !settings.force {
                out.push_str("The numbers, for what they are worth: --force.\n");
            }
        }
        self.policies.iter().filter_map(|p| self.next(p)).for_each(|line| out.push_str(&line));
        let others = settings.method.speaks_of_others();
        out.push_str(&match self.unit {
            Unit::User if others => format!(
                "Bounds take users as independent, not their decisions: {} groups of whole users{}.\n",
                self.units,
                // More of them would say more than more decisions.
                if (self.units as f64) < MIN_RESAMPLED {
                    ", which are few; of these alone: --interval anytime"
                } else {
                    ""
                }
            ),
            Unit::Decision if others => {
                "Bounds take decisions as independent: this log names no users.\n".to_owned()
            }
            _ => "Bounds are of these decisions, not of others or of other people.\n".to_owned(),
        });
        if others {
            out.push_str(
                "Bounds are for one look at a finished log; for more: --interval anytime --reward-range.\n",
            );
        }
        out
    }

    /// What the most dependable estimate with bounds says against the log's own mean.
    fn next(&self, policy: &PolicyEvaluation) -> Option<String> {
        const TRUSTED: [Estimator; 5] = [
            Estimator::DoublyRobust,
            Estimator::SelfNormalizedDoublyRobust,
            Estimator::Snips,
            Estimator::Ips,
            Estimator::Replay,
        ];
        let of =
            |e: &Estimator| policy.estimates.iter().find(|x| x.estimator == e.name() && x.lower.is_some());
        let best = TRUSTED.iter().find_map(of)?;
        let (value, lower, upper) = (best.value?, best.lower?, best.upper?);
        let (name, mean) = (&policy.policy, self.on_policy_mean);
        let by = best.estimator;
        Some(if lower > mean {
            format!("{name} would have earned more than the policy that logged ({by}).\n")
        } else if upper < mean {
            format!("{name} would have earned less than the policy that logged ({by}).\n")
        } else {
            let needed = self.rows as f64 * ((upper - lower) / 2.0 / (value - mean)).powi(2);
            let how_many = if needed.is_finite() && needed < 1e12 {
                format!("about {needed:.0} decisions like these would tell a difference as large as this one")
            } else {
                "no number of decisions would tell them apart".to_owned()
            };
            format!("{name} cannot be told from the policy that logged ({by}); {how_many}.\n")
        })
    }
}

fn weights(diagnostics: &Diagnostics, rows: u64) -> String {
    let Diagnostics { mean_weight, max_weight, effective_sample_size, mean_weight_bounds, unsupported } =
        diagnostics;
    let (Some(mean), Some(largest), Some(effective)) = (mean_weight, max_weight, effective_sample_size)
    else {
        return "weights unknown: some decisions have no exact propensity".to_owned();
    };
    let bounds = mean_weight_bounds
        .map_or_else(String::new, |b| format!(", {} to {}", number(b.lower), number(b.upper)));
    format!(
        "effective sample {effective:.1} of {rows}, {} % of its choices out of reach\n  mean weight {}{bounds} \
         (1 if propensities are right), largest {}",
        number(100.0 * unsupported),
        number(*mean),
        number(*largest),
    )
}

fn table(out: &mut String, estimates: &[Estimate], interval: &str) {
    if estimates.is_empty() {
        return;
    }
    let _ = writeln!(out, "  {:<35} {:>9} {:>12}   {interval} interval", "estimator", "lambda", "estimate");
    for e in estimates {
        let known = |x: Option<f64>| x.map_or_else(|| "-".to_owned(), number);
        let bounds = match (e.lower, e.upper) {
            (Some(lower), Some(upper)) => format!("{} to {}", number(lower), number(upper)),
            _ => "-".to_owned(),
        };
        let _ =
            writeln!(out, "  {:<35} {:>9} {:>12}   {bounds}", e.estimator, known(e.lambda), known(e.value));
    }
}

/// Five significant digits, no more zeros than needed.
fn number(x: f64) -> String {
    if x == 0.0 {
        return "0".to_owned();
    }
    let magnitude = libm::floor(libm::log10(x.abs()));
    if !(-5.0..7.0).contains(&magnitude) {
        return format!("{x:.4e}");
    }
    let text = format!("{x:.*}", (4.0 - magnitude).max(0.0) as usize);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_have_five_digits() {
        for (x, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (-0.25, "-0.25"),
            (277.777_777, "277.78"),
            (0.002_359_639_5, "0.0023596"),
            (1_234_567.0, "1234567"),
            (1e-9, "1.0000e-9"),
            (95.0, "95"),
        ] {
            assert_eq!(number(x), text);
        }
    }
}
