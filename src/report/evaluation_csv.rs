//! Results of `evaluate` as a table: one line for each estimate, for spreadsheets and data frames.

use crate::base::clean::clean_cell;
use crate::evaluation::{Evaluation, LogVerdict, ValueEstimate};

/// Its columns.
const COLUMNS: [&str; 14] = [
    "policy",
    "minus",
    "estimator",
    "lambda",
    "value",
    "lower",
    "upper",
    "confidence",
    "biased",
    "reason",
    "rows",
    "unit",
    "effective_sample_size",
    "log_verdict",
];

/// The table, a header first. `minus` is the policy that is taken off, in a line about a difference: the first policy, or
/// the one that `logged`. What is not known is empty. Names are of files and columns, and nobody's formulas.
pub fn evaluation_csv(evaluation: &Evaluation) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut line = |fields: [String; 14]| writer.write_record(fields).expect("memory takes everything");
    line(COLUMNS.map(str::to_owned));
    let number = |x: Option<f64>| x.map_or_else(String::new, |x| x.to_string());
    let unit = serde_json::to_value(evaluation.cluster).ok();
    let unit = unit.as_ref().and_then(|unit| unit.as_str()).unwrap_or_default().to_owned();
    let verdict = match evaluation.verdict {
        LogVerdict::Evaluated => "evaluated",
        LogVerdict::Refused => "refused",
    };
    let fields = |policy: &str, minus: &str, e: &ValueEstimate, confidence: f64, effective: Option<f64>| {
        [
            clean_cell(policy),
            clean_cell(minus),
            e.estimator.to_owned(),
            number(e.lambda),
            number(e.value),
            number(e.lower),
            number(e.upper),
            confidence.to_string(),
            e.biased.to_string(),
            e.reason.as_ref().map_or_else(String::new, ToString::to_string),
            evaluation.rows.to_string(),
            unit.clone(),
            number(effective),
            verdict.to_owned(),
        ]
    };
    for policy in &evaluation.policies {
        let effective = policy.diagnostics.effective_sample_size;
        for estimate in &policy.estimates {
            line(fields(&policy.policy, "", estimate, evaluation.confidence, effective));
        }
        if let Some(estimate) = &policy.against_log {
            line(fields(&policy.policy, "logged", estimate, evaluation.against_log_confidence, effective));
        }
    }
    for difference in &evaluation.differences {
        for estimate in &difference.estimates {
            line(fields(&difference.policy, &difference.minus, estimate, evaluation.confidence, None));
        }
    }
    let bytes = writer.into_inner().expect("memory takes everything");
    String::from_utf8(bytes).expect("every field is text")
}
