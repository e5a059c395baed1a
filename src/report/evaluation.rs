//! An evaluation as text.

use super::paragraph::paragraph;
use super::words::percent;
use crate::base::clean::clean_line;
use crate::base::stats::MIN_RESAMPLED;
use crate::evaluation::{
    Cluster, DetectableDifference, Diagnostics, Estimator, Evaluation, EvaluationSettings, IntervalMethod,
    MEAN_WEIGHT_SLACK, NoEstimateReason, POWER, PolicyEvaluation, PolicyVerdict, Support, ValueEstimate,
};
use std::fmt::Write;

/// What stands beside an estimator with a bias that no log shows.
const MARK: &str = " *";

/// The report: what was seen, what each policy is worth, what to do next.
pub fn evaluation_text(evaluation: &Evaluation, log: &str, settings: &EvaluationSettings) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{}: {} decisions, mean reward {}",
        clean_line(log),
        evaluation.rows,
        number(evaluation.on_policy_mean)
    );
    let interval = format!("{} {}", percent(1.0 - settings.alpha), settings.method.name());
    let mut told = Vec::new();
    for policy in &evaluation.policies {
        let name = clean_line(&policy.policy);
        let _ = write!(out, "\n{name}\n  {}\n", weights(&policy.diagnostics, evaluation.rows));
        if let Some(kept) = policy.diagnostics.replay_kept {
            let _ = writeln!(out, "  replay keeps {kept} of {} decisions", evaluation.rows);
        }
        if policy.learns {
            out.push_str("  learns: judged as taught every logged decision so far, not as deployed (replay: deployed)\n");
        }
        if let Some(users @ 1..) = policy.users_without_state {
            let _ = writeln!(out, "  {users} of the log's users have no state of it: to them it is new");
        }
        if let Some(whose) = policy.whose_decisions(evaluation.cluster) {
            out.push_str(&paragraph("  ", &format!("{whose}.")));
        }
        tables(&mut out, &policy.estimates, &interval);
        reasons(&mut out, &policy.estimates, &mut told);
    }
    for difference in evaluation.differences.iter().filter(|d| !d.estimates.is_empty()) {
        let [policy, minus] = [&difference.policy, &difference.minus].map(|name| clean_line(name));
        let _ = write!(out, "\n{policy} minus {minus}, on the same decisions\n");
        tables(&mut out, &difference.estimates, &interval);
        reasons(&mut out, &difference.estimates, &mut told);
    }
    out.push('\n');
    if let Some(reason) = &evaluation.reason {
        out.push_str(&paragraph("Refused: ", &format!("{reason}.")));
        if !settings.force {
            out.push_str("The numbers, for what they are worth: --force.\n");
        }
    }
    if estimates(evaluation).any(|e| e.biased && e.value.is_some()) {
        let _ = writeln!(
            out,
            "{}: biased, by a model or by shrunk weights, which no log shows; bounds leave it out.",
            MARK.trim()
        );
    }
    let lines: Vec<String> = evaluation.policies.iter().filter_map(|p| next(evaluation, p)).collect();
    lines.iter().for_each(|line| out.push_str(line));
    out.push_str(&together(evaluation));
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
pub(super) fn of_whom(evaluation: &Evaluation, method: IntervalMethod) -> String {
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

/// With which probability all that is said of several policies holds, where that is not the tables' own.
pub(super) fn together(evaluation: &Evaluation) -> String {
    let compared = |p: &&PolicyEvaluation| {
        matches!(p.verdict, Some(PolicyVerdict::More | PolicyVerdict::Less | PolicyVerdict::Open(_)))
    };
    if evaluation.against_log_confidence <= evaluation.confidence
        || evaluation.policies.iter().filter(compared).count() == 0
    {
        return String::new();
    }
    let text = format!(
        "What is said of all policies holds together at {}, each at {}; the tables' bounds hold one at a time.",
        percent(evaluation.confidence),
        percent(evaluation.against_log_confidence)
    );
    paragraph("", &text)
}

/// What the policy's value is beside what the policy that logged earned, if the log can say.
pub(super) fn next(evaluation: &Evaluation, policy: &PolicyEvaluation) -> Option<String> {
    let name = &policy.policy;
    let verdict = policy.verdict?;
    if verdict == PolicyVerdict::AsLogged {
        return Some(format!("{name} chooses as the policy that logged did: every weight is 1.\n"));
    }
    let by = policy.against_log.as_ref()?.estimator;
    // Replay lets it learn by its own choices.
    let (taught, verb) = if policy.learns && !rejects(by) {
        (format!("{name}, taught every decision so far,"), "is worth")
    } else {
        (name.clone(), "would have earned")
    };
    let supposed = match policy.diagnostics.support {
        Support::Propensities => "",
        Support::ItemsChosen | Support::Unknown => {
            ", supposing that all its choices were in reach, which this log does not say"
        }
    };
    let text = match verdict {
        PolicyVerdict::AsLogged | PolicyVerdict::Refused => return None,
        PolicyVerdict::More => format!("{taught} {verb} more than the policy that logged ({by}){supposed}."),
        PolicyVerdict::Less => format!("{taught} {verb} less than the policy that logged ({by}){supposed}."),
        PolicyVerdict::Withheld { reason } => {
            format!("{name}: nothing is said of it beside the policy that logged ({by}): {reason}.")
        }
        PolicyVerdict::Open(power) => format!(
            "{taught} cannot be told from the policy that logged ({by}); {}.",
            needed(evaluation, power)
        ),
    };
    Some(paragraph("", &text))
}

/// What it would take to tell a policy from the one that logged.
fn needed(evaluation: &Evaluation, power: DetectableDifference) -> String {
    let DetectableDifference { difference, times, detectable } = power;
    let seen = number(difference.abs());
    let how_many = match (times, evaluation.cluster) {
        (None, _) => format!("no number of decisions would tell the {seen} that was seen"),
        (Some(times), Cluster::Decision) => {
            let rows = times * evaluation.rows as f64;
            format!("the {seen} that was seen would take about {rows:.0} decisions like these")
        }
        (Some(times), Cluster::User) => {
            // It is a rough guess.
            let digits = (1.0 - libm::floor(libm::log10(times))).max(0.0) as usize;
            format!("the {seen} that was seen would take about {times:.digits$} times as many users")
        }
    };
    format!(
        "a log like this one tells a difference of {} in {:.0} of 100 cases; {how_many}",
        number(detectable),
        100.0 * POWER
    )
}

/// Whether the estimator of this name keeps a part of the log by rejection sampling.
fn rejects(estimator: &str) -> bool {
    Estimator::from_name(estimator).is_ok_and(Estimator::rejects)
}

fn is_bounded(estimate: &ValueEstimate) -> bool {
    estimate.lower.is_some()
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

pub(super) fn weights(diagnostics: &Diagnostics, rows: u64) -> String {
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
    let share = percent(diagnostics.out_of_reach_at_least);
    let reach = match diagnostics.support {
        Support::Propensities => format!("{share} of its choices out of reach"),
        Support::ItemsChosen => {
            format!("{share} of its choices on items never chosen, of the others it is unknown")
        }
        Support::Unknown => "what was out of its reach is unknown".to_owned(),
    };
    let worth = diagnostics.effective_rewards.map_or_else(String::new, |n| format!(", {n:.0} even rewards"));
    let below = match diagnostics.out_of_reach_at_most {
        Some(most) if *mean < 1.0 - MEAN_WEIGHT_SLACK && diagnostics.out_of_reach.is_none() => {
            let most = percent(most);
            format!("\n  below 1: up to {most} of its choices may have been out of reach")
        }
        _ => String::new(),
    };
    format!(
        "effective sample {effective:.1} of {rows}{worth}\n  {reach}\n  mean weight {}{bounds} (1 if propensities are \
         right), largest {}{below}",
        number(*mean),
        number(*largest),
    )
}

/// Those that are biased stand apart: what bounds them is not what bounds the others.
fn tables(out: &mut String, estimates: &[ValueEstimate], interval: &str) {
    let (biased, unbiased): (Vec<&ValueEstimate>, Vec<_>) = estimates.iter().partition(|e| e.biased);
    for estimates in [unbiased, biased] {
        if !estimates.is_empty() {
            table(out, &estimates, interval);
        }
    }
}

fn table(out: &mut String, estimates: &[&ValueEstimate], interval: &str) {
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
        let name = format!("{}{}", e.estimator, if e.biased { MARK } else { "" });
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
pub(super) fn number(x: f64) -> String {
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
