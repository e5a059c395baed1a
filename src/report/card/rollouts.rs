//! The steps of a rollout in a model card: a section of its own behind the card, between marks with the experiment's name.
//! Verdicts leave what stands there as it is, and it leaves the card.

use crate::gate::live::{RolloutEvidence, RolloutStep};
use std::fmt::Write;

/// The text of a card with the section of this experiment's rollout written anew, or added at its end.
///
/// ```
/// use rehearsal::report::with_rollout;
///
/// let card = with_rollout("a card\n", "bolder", &[]);
/// assert!(card.starts_with("a card\n") && card.contains("## Rollout of bolder"));
/// assert_eq!(with_rollout(&card, "bolder", &[]), card);
/// ```
pub fn with_rollout(card: &str, experiment: &str, steps: &[RolloutStep]) -> String {
    let begin =
        format!("<!-- rehearsal rollout of {experiment}: all between these marks is written anew -->");
    let end = format!("<!-- end of rehearsal rollout of {experiment} -->");
    let section = format!("{begin}\n{}{end}", section(experiment, steps));
    let parts = card.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)));
    match parts {
        Some((before, after)) => format!("{before}{section}{after}"),
        None if card.is_empty() => section + "\n",
        None => format!("{}\n\n{section}\n", card.trim_end()),
    }
}

fn section(experiment: &str, steps: &[RolloutStep]) -> String {
    let mut out = format!("## Rollout of {experiment}\n\n");
    out.push_str(
        "| step | when | done | share | users | gain | bounds | not inferior | harm | sample ratio |\n",
    );
    out.push_str("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for step in steps {
        let when = jiff::Timestamp::from_millisecond(step.at_ms as i64)
            .map_or_else(|_| step.at_ms.to_string(), |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string());
        let evidence = step.evidence.as_ref().map_or_else(|| "| | | | | ".to_owned(), cells);
        let (revision, share) = (step.revision, 100.0 * step.share);
        let _ = writeln!(out, "| {revision} | {when} | {} | {share}% | {evidence}|", step.action.name());
    }
    out.push_str(
        "\nGains are shares of the metric's range, with bounds on each side that hold at all times together; the rest are \
         e-values.\n",
    );
    out
}

fn cells(e: &RolloutEvidence) -> String {
    let signed = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:+.4}"));
    format!(
        "{} | {} | {} to {} | {:.2} | {:.2} | {:.2} ",
        e.users,
        signed(e.difference),
        signed(e.lower),
        signed(e.upper),
        e.e_not_inferior,
        e.e_harm,
        e.e_sample_ratio
    )
}
