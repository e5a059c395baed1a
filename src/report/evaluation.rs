//! An evaluation as text.

use super::paragraph::paragraph;
use crate::base::stats::MIN_RESAMPLED;
use crate::evaluation::{
    Cluster, Diagnostics, Estimator, Evaluation, EvaluationSettings, IntervalMethod, NoEstimateReason,
    PolicyEvaluation, Support, ValueEstimate,
};
use std::fmt::Write;

/// What stands beside an estimator whose bounds are not bounds on the value.
const MARK: &str = " *";

/// The report: what was seen, what each policy is worth, what to do next.
pub fn evaluation_text(evaluation: &Evaluation, log: &str, settings: &EvaluationSettings) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{log}: {} decisions, mean reward {}",
        evaluation.rows,
        number(evaluation.on_policy_mean)
    );
    let interval = format!("{}% {}", number(100.0 * (1.0 - settings.alpha)), settings.method.name());
    let mut told = Vec::new();
    for policy in &evaluation.policies {
        let _ = write!(out, "\n{}\n  {}\n", policy.policy, weights(&policy.diagnostics, evaluation.rows));
        if let Some(kept) = policy.diagnostics.replay_kept {
            let _ = writeln!(out, "  replay keeps {kept} of {} decisions", evaluation.rows);
        }
        if policy.learns {
            out.push_str("  learns: judged as taught every logged decision so far, not as deployed (replay: deployed)\n");
        }
        if let Some(users @ 1..) = policy.users_without_state {
            let _ = writeln!(out, "  {users} of the log's users have no state of it: to them it is new");
        }
        table(&mut out, &policy.estimates, &interval);
        reasons(&mut out, &policy.estimates, &mut told);
    }
    for difference in evaluation.differences.iter().filter(|d| !d.estimates.is_empty()) {
        let _ = write!(out, "\n{} minus {}, on the same decisions\n", difference.policy, difference.minus);
        table(&mut out, &difference.estimates, &interval);
        reasons(&mut out, &difference.estimates, &mut told);
    }
    out.push('\n');
    if let Some(reason) = &evaluation.reason {
        out.push_str(&paragraph("Refused: ", &format!("{reason}.")));
        if !settings.force {
            out.push_str("The numbers, for what they are worth: --force.\n");
        }
    }
    if estimates(evaluation).any(is_marked) {
        let _ = writeln!(out, "{}: bounds leave out the bias of a model or of shrunk weights.", MARK.trim());
    }
    evaluation.policies.iter().filter_map(|p| next(evaluation, p)).for_each(|line| out.push_str(&line));
    let has_bounds = estimates(evaluation).any(is_bounded);
    if has_bounds || evaluation.effective_clusters < settings.method.least_clusters() {
        out.push_str(&paragraph("", &of_whom(evaluation, settings.method)));
    }
    if settings.method.speaks_of_others() && has_bounds {
        out.push_str(
            "Bounds are for one look at a finished log; for more: --interval anytime --reward-range.\n",
        );
    }
    out
}

/// All estimates, and differences of two.
fn estimates(evaluation: &Evaluation) -> impl Iterator<Item = &ValueEstimate> {
    let differences = evaluation.differences.iter().flat_map(|d| &d.estimates);
    evaluation.policies.iter().flat_map(|p| &p.estimates).chain(differences)
}

/// Whom bounds speak of.
fn of_whom(evaluation: &Evaluation, method: IntervalMethod) -> String {
    match evaluation.cluster {
        Cluster::User if method.speaks_of_others() => {
            let groups = format!(
                "Bounds take users as independent, not their decisions: {} groups of whole users",
                evaluation.clusters
            );
            // More of them would say more than more decisions.
            if evaluation.effective_clusters >= MIN_RESAMPLED {
                return format!("{groups}.");
            }
            let of_these = "of these alone: --interval anytime --reward-range";
            let count = number(evaluation.effective_clusters);
            let needed = method.least_clusters();
            if evaluation.effective_clusters < needed {
                format!("{groups}, which count as {count}; below {needed} there are no bounds; {of_these}.")
            } else {
                format!("{groups}, which count as {count}: few; {of_these}.")
            }
        }
        Cluster::Decision if method.speaks_of_others() => {
            "Bounds take decisions as independent: this log names no users.".to_owned()
        }
        _ => "Bounds are of these decisions, not of others or of other people.".to_owned(),
    }
}

/// What the policy's value is beside what the policy that logged earned, if the log can say.
fn next(evaluation: &Evaluation, policy: &PolicyEvaluation) -> Option<String> {
    let name = &policy.policy;
    if policy.refused {
        return None;
    }
    if policy.diagnostics.is_the_logged() {
        return Some(format!("{name} chooses as the policy that logged did: every weight is 1.\n"));
    }
    let ValueEstimate { estimator: by, value, lower, upper, .. } = policy.against_log.as_ref()?;
    let (difference, lower, upper) = (*value.as_ref()?, *lower.as_ref()?, *upper.as_ref()?);
    // Replay lets it learn by its own choices.
    let (name, verb) = if policy.learns && !rejects(by) {
        (format!("{name}, taught every decision so far,"), "is worth")
    } else {
        (name.clone(), "would have earned")
    };
    Some(if lower > 0.0 {
        format!("{name} {verb} more than the policy that logged ({by}).\n")
    } else if upper < 0.0 {
        format!("{name} {verb} less than the policy that logged ({by}).\n")
    } else {
        let times = ((upper - lower) / 2.0 / difference).powi(2);
        let needed = times * evaluation.rows as f64;
        let how_many = match evaluation.cluster {
            _ if !needed.is_finite() || needed >= 1e12 => {
                "no number of decisions would tell them apart".to_owned()
            }
            Cluster::Decision => {
                format!("about {needed:.0} decisions like these would tell a difference as large as this one")
            }
            Cluster::User => format!(
                "about {} times as many users would tell a difference as large as this one",
                number(times)
            ),
        };
        paragraph("", &format!("{name} cannot be told from the policy that logged ({by}); {how_many}."))
    })
}

/// Whether the estimator of this name keeps a part of the log by rejection sampling.
fn rejects(estimator: &str) -> bool {
    Estimator::from_name(estimator).is_ok_and(Estimator::rejects)
}

fn is_bounded(estimate: &ValueEstimate) -> bool {
    estimate.lower.is_some()
}

/// Whether it has bounds that leave out a bias.
fn is_marked(estimate: &ValueEstimate) -> bool {
    is_bounded(estimate) && Estimator::OF_THE_VALUE.iter().all(|e| e.name() != estimate.estimator)
}

/// Why some of the estimates in a table have no value or no bounds, each reason once in a report. What is said of the
/// users anyhow is not said of each estimate.
fn reasons(out: &mut String, estimates: &[ValueEstimate], told: &mut Vec<NoEstimateReason>) {
    for reason in estimates.iter().filter_map(|e| e.reason) {
        if matches!(reason, NoEstimateReason::FewUsers { .. }) || told.contains(&reason) {
            continue;
        }
        told.push(reason);
        let of_it = estimates.iter().filter(|e| e.reason == Some(reason));
        let names: Vec<&str> = of_it.map(|e| e.estimator).collect();
        out.push_str(&paragraph("  ", &format!("{}: {reason}.", names.join(", "))));
    }
}

fn weights(diagnostics: &Diagnostics, rows: u64) -> String {
    let Diagnostics { mean_weight, max_weight, effective_sample_size, mean_weight_bounds, .. } = diagnostics;
    let (Some(mean), Some(largest), Some(effective)) = (mean_weight, max_weight, effective_sample_size)
    else {
        let why = if diagnostics.too_large {
            "weights too large to be added up"
        } else {
            "weights unknown: some decisions have no exact propensity"
        };
        return why.to_owned();
    };
    let bounds = mean_weight_bounds
        .map_or_else(String::new, |b| format!(", {} to {}", number(b.lower), number(b.upper)));
    let share = number(100.0 * diagnostics.out_of_reach.unwrap_or(0.0));
    let reach = match diagnostics.support {
        Support::Propensities => format!("{share}% of its choices out of reach"),
        Support::ItemsChosen => format!("{share}% of its choices on items never chosen"),
        Support::Unknown => "what was out of its reach is unknown".to_owned(),
    };
    format!(
        "effective sample {effective:.1} of {rows}, {reach}\n  mean weight {}{bounds} (1 if propensities are right), \
         largest {}",
        number(*mean),
        number(*largest),
    )
}

fn table(out: &mut String, estimates: &[ValueEstimate], interval: &str) {
    if estimates.is_empty() {
        return;
    }
    let _ = writeln!(out, "  {:<36} {:>10} {:>12}   {interval} interval", "estimator", "lambda", "estimate");
    let numbers = estimates.iter().flat_map(|e| [e.value, e.lower, e.upper]).flatten();
    let aligned = aligned(numbers.fold(0.0, |largest, x| x.abs().max(largest)));
    let known = |x: Option<f64>| x.map_or_else(|| "-".to_owned(), &aligned);
    let width = estimates.iter().map(|e| known(e.lower).len()).max().unwrap_or(0);
    for e in estimates {
        let bounds = match (e.lower, e.upper) {
            (Some(lower), Some(upper)) => format!("{:>width$} to {}", aligned(lower), aligned(upper)),
            _ => "-".to_owned(),
        };
        let name = format!("{}{}", e.estimator, if is_marked(e) { MARK } else { "" });
        let lambda = e.lambda.map_or_else(|| "-".to_owned(), number);
        let _ = writeln!(out, "  {name:<36} {lambda:>10} {:>12}   {bounds}", known(e.value));
    }
}

/// How the numbers of a column are written of which `largest` has five digits: with as many decimals.
fn aligned(largest: f64) -> impl Fn(f64) -> String {
    let magnitude = libm::floor(libm::log10(largest));
    move |x| {
        if (-5.0..7.0).contains(&magnitude) {
            format!("{x:.*}", (4.0 - magnitude).max(0.0) as usize)
        } else {
            number(x)
        }
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
