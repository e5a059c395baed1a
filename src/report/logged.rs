//! What all formats say alike of logged decisions: one row for each log, beside what was simulated.

use super::words::{interval, percent, signed};
use crate::evaluation::{Cluster, Estimator};
use crate::gate::{Claim, LogAssessment, Verdict};

/// Heads of the columns, the standing's first.
pub(crate) const COLUMNS: [&str; 8] =
    ["", "on logged decisions", "difference", "bounds", "needs", "rows", "effective", "simulated"];

/// A log's cells, in the order of [`COLUMNS`].
pub(crate) fn row(log: &LogAssessment) -> [String; 8] {
    let simulated = log.simulated.as_ref().and_then(|s| s.estimate);
    let count = |x: Option<f64>| x.map_or_else(|| "-".to_owned(), |x| format!("{x:.0}"));
    [
        standing(log).to_owned(),
        label(log),
        signed(log.estimate),
        interval(log.lower, log.upper),
        claim(log),
        count(log.rows.map(|n| n as f64)),
        count(log.effective_sample_size),
        signed(simulated),
    ]
}

/// Where a log stands, in the words of criteria; `silent` where it cannot say.
pub(crate) fn standing(log: &LogAssessment) -> &'static str {
    match (&log.refused, log.holds, log.harms) {
        (Some(_), ..) => "silent",
        (None, true, _) => "holds",
        (None, false, true) => "fails",
        (None, false, false) => "open",
    }
}

/// A log's id, marked where no promotion needs it.
pub(crate) fn label(log: &LogAssessment) -> String {
    if log.required { log.id.clone() } else { format!("{} (advisory)", log.id) }
}

/// What is demanded of the difference.
pub(crate) fn claim(log: &LogAssessment) -> String {
    match log.kind {
        Claim::Superior => "> 0".to_owned(),
        Claim::NotInferior => format!("> -{}", log.margin),
    }
}

/// A log's finding in a line.
pub(crate) fn summary(log: &LogAssessment) -> String {
    let [_, _, difference, bounds, needs, rows, effective, simulated] = row(log);
    match &log.refused {
        Some(why) => why.clone(),
        None => format!(
            "difference {difference} in {bounds}, needs {needs}; {rows} decisions, worth {effective} of the \
             policies' own; simulated {simulated}"
        ),
    }
}

/// What has to be known of each log: why it is silent, and what deserves attention.
pub(crate) fn remarks(v: &Verdict) -> Vec<String> {
    let of = |log: &LogAssessment| {
        let silent = log.refused.as_ref().map(|why| format!("{}: {why}", log.id));
        let remarks = log.remarks.iter().map(|remark| format!("{}: {remark}", log.id));
        silent.into_iter().chain(remarks).collect::<Vec<_>>()
    };
    v.logs.iter().flat_map(of).collect()
}

fn units(unit: Cluster) -> &'static str {
    match unit {
        Cluster::User => "users",
        Cluster::Decision => "decisions",
    }
}

/// What policies had learned when they were judged on a log.
fn learned(log: &LogAssessment) -> String {
    match &log.states {
        Some(states) => format!("were taken as {states} has them"),
        None if log.estimator == Estimator::Replay.name() => {
            "that learn began with nothing and learned from the decisions alone that replay accepted, as they would \
             deployed"
                .to_owned()
        }
        None => {
            "that learn began with nothing and were taught every decision of the log, whatever they would have chosen \
             themselves, each scored before it was learned from: that is not what they would earn deployed"
                .to_owned()
        }
    }
}

/// How to read the table of logs; `None` without logs.
pub(crate) fn reading(v: &Verdict) -> Option<String> {
    let first = v.logs.first()?;
    let mut learned: Vec<String> = v.logs.iter().map(learned).collect();
    learned.dedup();
    let mut units: Vec<&str> = v.logs.iter().filter_map(|log| log.unit).map(units).collect();
    units.dedup();
    let units = if units.is_empty() {
        String::new()
    } else {
        format!(", taking {} as independent", units.join("; elsewhere "))
    };
    let scenario = first.simulated.as_ref().map_or("", |s| &s.scenario);
    Some(format!(
        "On logged decisions differences are shares of the reward's range too; bounds hold together at {}, for \
         one look at a finished log{units}. Policies {}. A log is silent where it cannot carry the question; \
         effective is how many decisions of the policies' own it is worth, simulated the same difference among \
         simulated people in {scenario}.",
        percent(first.confidence),
        learned.join("; elsewhere policies "),
    ))
}
