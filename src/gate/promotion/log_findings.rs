//! Logged decisions beside simulated people: what the logs that a gate names say of the same two policies.

use crate::base::digest::{self, Digests};
use crate::base::error::{Error, Result};
use crate::domain::Domain;
use crate::evaluation::log::{LogReader, Logs};
use crate::evaluation::{
    Evaluation, EvaluationSettings, LogRefusal, NoEstimateReason, Target, ValueEstimate, evaluate,
};
use crate::gate::log_assessment::LogAssessment;
use crate::gate::log_criterion::LogCriterion;
use crate::gate::spec::GateSpec;
use crate::policy::Policy;
use std::path::{Path, PathBuf};

/// Resampled logs of a bootstrap, at least.
const REPLICATES: u32 = 1000;

/// What the logs of a gate say.
#[derive(Debug, Clone, Default)]
pub(super) struct LogFindings {
    /// One for each log, in the order of the gate's file.
    pub(super) assessments: Vec<LogAssessment>,
    /// SHA-256 of every file, by `log/NAME/FILE`. They stand in the verdict and are no part of the seed: who
    /// adds a line to a log must not get other people by it.
    pub(super) digests: Digests,
}

/// What the gate says that a log is in.
fn paths_of(criterion: &LogCriterion) -> Vec<PathBuf> {
    criterion.files.iter().map(PathBuf::from).collect()
}

/// Asks every log of the gate. What a log is refused for is part of its assessment.
///
/// # Errors
/// Files that cannot be read or have a bad line; both name the gate's file.
pub(super) fn ask_logs(
    gate: &GateSpec,
    level: f64,
    policies: [&Policy; 2],
    seed: u64,
) -> Result<LogFindings> {
    let mut findings = LogFindings::default();
    for (i, criterion) in gate.logs().iter().enumerate() {
        let named = || named_by_log(gate, i);
        for path in files_of_log(gate, i)? {
            let name = format!("log/{}/{}", criterion.name, path.display());
            findings.digests.insert(name, digest::of_file(&path).map_err(named())?);
        }
        let assessment =
            ask(gate.log_alpha(level), criterion, policies, &paths_of(criterion), seed).map_err(named())?;
        findings.assessments.push(assessment);
    }
    Ok(findings)
}

/// The files of the `i`-th log.
pub(super) fn files_of_log(gate: &GateSpec, i: usize) -> Result<Vec<PathBuf>> {
    Logs::files(&paths_of(&gate.logs()[i])).map_err(named_by_log(gate, i))
}

fn named_by_log(gate: &GateSpec, i: usize) -> impl FnOnce(Error) -> Error + use<> {
    Error::named_by(format!("{}: logs[{i}]", gate.origin()))
}

fn ask(
    alpha: f64,
    criterion: &LogCriterion,
    [baseline, challenger]: [&Policy; 2],
    paths: &[PathBuf],
    seed: u64,
) -> Result<LogAssessment> {
    let mut blank = LogAssessment::blank(criterion, 1.0 - alpha);
    let settings = EvaluationSettings {
        estimators: vec![(criterion.estimator, None)],
        named: true,
        model: None,
        method: criterion.interval,
        alpha,
        seed,
        replicates: REPLICATES.max(criterion.interval.least_replicates(alpha)),
        reward_range: Some(criterion.reward_range),
        force: false,
    };
    let target = |policy: &Policy| {
        let target = Target::of(policy.clone())?;
        Ok::<_, Error>(match &criterion.states {
            Some(states) => target.frozen(Path::new(states)),
            None => target,
        })
    };
    let mut logs = Logs::new(paths, criterion.format, criterion.columns.clone())?;
    if !criterion.columns.inputs.is_empty() {
        logs = logs.with_domain(Domain::tips());
    }
    if !criterion.features {
        logs = logs.without_features();
    }
    if criterion.same_tags {
        logs = logs.with_same_tags();
    }
    let evaluation = target(baseline)
        .and_then(|baseline| Ok([baseline, target(challenger)?]))
        .and_then(|targets| evaluate(&mut logs, &targets, &settings));
    blank.remarks = logs.remarks();
    match evaluation {
        Ok(evaluation) => Ok(blank.told(&evaluation, criterion)),
        // Well-formed, but no answer: whether that matters depends on whether the log is required.
        Err(error) => match error.cause::<LogRefusal>() {
            Some(why) => Ok(LogAssessment { refused: Some(why.to_string()), ..blank }),
            None => Err(error),
        },
    }
}

impl LogAssessment {
    /// The assessment of what the log said of baseline and challenger.
    fn told(mut self, evaluation: &Evaluation, criterion: &LogCriterion) -> Self {
        let value = |p: usize| evaluation.policies[p].estimates.first().and_then(|e| e.value);
        self.rows = Some(evaluation.rows);
        self.unit = Some(evaluation.cluster);
        self.on_policy_mean = Some(evaluation.on_policy_mean);
        self.baseline_value = value(0);
        self.challenger_value = value(1);
        let sizes = evaluation.policies.iter().map(|p| p.diagnostics.effective_sample_size);
        self.effective_sample_size = sizes.reduce(|a, b| Some(a?.min(b?))).flatten();
        self.refused.clone_from(&evaluation.reason);
        for policy in &evaluation.policies {
            if let Some(users @ 1..) = policy.users_without_state {
                let name = &policy.policy;
                self.remarks
                    .push(format!("{users} of the log's users have no state of {name}: to them it is new"));
            }
        }
        self.remarks.extend(evaluation.policies.iter().filter_map(|p| p.whose_decisions(evaluation.cluster)));
        let difference = evaluation.differences.first().and_then(|d| d.estimates.first());
        let (low, high) = criterion.reward_range;
        let share = |x: f64| x / (high - low);
        match difference {
            _ if self.refused.is_some() => {}
            Some(ValueEstimate { value: Some(value), lower: Some(lower), upper: Some(upper), .. }) => {
                return self.judged(share(*value), share(*lower), share(*upper));
            }
            Some(ValueEstimate { value, reason, .. }) => {
                self.estimate = value.map(share);
                self.refused = reason.map(|why| why.to_string());
                self.few_users = match reason {
                    Some(NoEstimateReason::FewUsers { effective, .. }) => Some(*effective),
                    _ => None,
                };
            }
            None => self.refused = Some(NoEstimateReason::Undefined.to_string()),
        }
        self
    }
}
