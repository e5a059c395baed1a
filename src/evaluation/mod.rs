//! Evidence from real logs: what a policy would have earned, judged on decisions that another one made.
//!
//! A log is read once, row by row. What the later passes need waits in a temporary file, so memory does not
//! grow with the log:
//!
//! 1. read and check rows, sum up the reward model;
//! 2. see each row as each policy does: weights, predictions, and sums for every hyperparameter;
//! 3. add up every estimator with its hyperparameter: the estimates;
//! 4. go over their terms once more: bounds, and the differences between policies.

mod bootstrap;
mod chance;
mod estimator;
mod interval;
mod learner;
pub mod log;
mod model;
pub mod reality;
mod row;
mod seen;
mod select;
mod silence;
mod spread;
mod table;
mod target;
mod text;
mod totals;
mod unit;
mod verdict;

pub use estimator::{Estimator, Sample};
pub use interval::{Bounds, Method};
pub use model::ModelKind;
pub use row::{Interner, Listed, Row};
pub use silence::{Extreme, NoEstimateReason};
pub use target::Target;
pub use unit::{Cluster, UNITS};
pub use verdict::{
    Diagnostics, MAX_UNSUPPORTED, MEAN_WEIGHT_ALPHA, MEAN_WEIGHT_SLACK, MIN_EFFECTIVE_SAMPLE, Support,
};

use crate::base::error::{Error, Fault, Result};
use log::LogReader;
use model::RewardModel;
use seen::{Decision, Log, Samples, Seen};
use select::GridSums;
use serde::Serialize;
use totals::Totals;
use unit::Clusters;

/// Version of the result's JSON.
pub const SCHEMA_VERSION: u32 = 1;

/// How a log is evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What to compute; a hyperparameter that is not given is selected.
    pub estimators: Vec<(Estimator, Option<f64>)>,
    /// Whether they were asked for by name: then a log that cannot say one of them is refused.
    pub named: bool,
    /// How rewards are predicted; `None` is ridge where the log has feature vectors, else cross-fitted item
    /// means.
    pub model: Option<ModelKind>,
    /// How bounds are computed.
    pub method: Method,
    /// Probability with which bounds may fail, in (0, 0.5).
    pub alpha: f64,
    /// Seed of the bootstrap, of rejection sampling and of the parts of cross-fitting.
    pub seed: u64,
    /// Number of resampled logs.
    pub replicates: u32,
    /// Smallest and largest reward there can be; the log's own when absent.
    pub reward_range: Option<(f64, f64)>,
    /// Estimate even where the log cannot carry it.
    pub force: bool,
}

/// Whether the log could carry the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It could.
    Evaluated,
    /// This log cannot say.
    Refused,
}

/// What a log says about policies.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Number of logged decisions with a reward.
    pub rows: u64,
    /// What bounds take as independent.
    pub unit: Cluster,
    /// How many of them there are: groups of whole users, at most [`UNITS`], or decisions.
    pub units: u64,
    /// As how many with equally many decisions they count.
    pub effective_units: f64,
    /// Whether the log could carry the question, for all policies.
    pub verdict: Verdict,
    /// Why not, and what would help.
    pub reason: Option<String>,
    /// Mean reward of the log.
    pub on_policy_mean: f64,
    /// Each policy under test.
    pub policies: Vec<PolicyEvaluation>,
    /// Each further policy minus the first, on the same rows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
}

/// What a log says about one policy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PolicyEvaluation {
    /// Its name.
    pub policy: String,
    /// Whether it learned from the log as it went: then it is judged as it would stand had it been taught every
    /// decision so far, not as it would learn by its own choices.
    pub learns: bool,
    /// Of a frozen policy, users of the log of whom it has no state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub users_without_state: Option<u64>,
    /// Its weights.
    pub diagnostics: Diagnostics,
    /// Without those for which the log cannot say.
    pub estimates: Vec<Estimate>,
    /// Its value less what the policy that logged earned, on the same decisions, by the first of
    /// [`Estimator::OF_THE_VALUE`] that has bounds; `None` where the log cannot say, and for a policy that chooses as
    /// the one that logged did.
    pub against_log: Option<Estimate>,
    /// Whether something stands against it.
    #[serde(skip)]
    pub refused: bool,
}

/// The difference between two policies.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// The further policy.
    pub policy: String,
    /// The first policy, which is taken off.
    pub minus: String,
    /// Without those for which the log cannot say.
    pub estimates: Vec<Estimate>,
}

/// One number with its bounds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Estimate {
    /// Name of the estimator.
    pub estimator: &'static str,
    /// Its hyperparameter; `None` if it has none, and for differences, whose two sides may have two.
    pub lambda: Option<f64>,
    /// The estimate; `None` where it is not defined: a ratio without a denominator.
    pub value: Option<f64>,
    /// Lower bound; `None` where the method gives none.
    pub lower: Option<f64>,
    /// Upper bound; `None` where the method gives none.
    pub upper: Option<f64>,
    /// Why there is no value, or there are no bounds, and what would help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<NoEstimateReason>,
}

/// One estimator of one policy, with its hyperparameter and sums.
#[derive(Debug, Clone)]
struct Question {
    policy: usize,
    /// Place among the estimators asked for, which pairs it with that of another policy.
    position: usize,
    estimator: Estimator,
    /// 0 where there is none.
    lambda: f64,
    /// Whether it was known before the log was looked at.
    given: bool,
    /// Whether what the policy does depends on earlier decisions of the log.
    learns: bool,
    /// Whether all its terms are of one path of choices, each made of what the ones before taught: replay of a policy
    /// that learns, where the log names no users, of whom each would have a path of their own. Nothing tells how far
    /// another path would have led.
    one_path: bool,
    /// Why what it says is withheld, unless that is forced.
    silence: Option<NoEstimateReason>,
    totals: Totals,
    /// What a unit of residual at x moves the estimate by, through the model, is this times x; empty without
    /// a model. See [`RewardModel::direction`].
    direction: Vec<f64>,
}

impl Question {
    /// One without a hyperparameter, paired with none of another policy.
    fn of(policy: usize, estimator: Estimator) -> Self {
        Self {
            policy,
            position: usize::MAX,
            estimator,
            lambda: 0.0,
            given: false,
            learns: false,
            one_path: false,
            silence: None,
            totals: Totals::default(),
            direction: Vec::new(),
        }
    }

    /// The largest that a shrunk weight can be, whatever the log, if that was known before it was looked at.
    fn weight_bound(&self) -> Option<f64> {
        let bound = match self.estimator {
            Estimator::ClippedIps => self.lambda,
            Estimator::SubGaussianIps => 1.0 / self.lambda,
            _ => return None,
        };
        (self.given && bound.is_finite() && bound > 0.0).then_some(bound)
    }

    /// Whether its terms are of weights and rewards alone, all in a range that is known.
    fn has_known_range(&self) -> bool {
        self.estimator == Estimator::Ips || self.weight_bound().is_some()
    }

    /// What a row's reward adds to the estimate through the model: the first order of its influence.
    #[inline]
    fn influence(&self, decision: &Decision, model: &RewardModel) -> f64 {
        if self.direction.is_empty() {
            return 0.0;
        }
        let Sample { reward, predicted, .. } = decision.samples[self.policy];
        model.along(decision.basis, &self.direction) * (reward - predicted)
    }
}

/// Evaluates `targets` on the log that `reader` reads.
///
/// # Errors
/// A line that is not as its format wants it; a log without rows; a target or a reward model that cannot be
/// applied to this log.
pub fn evaluate(reader: &mut dyn LogReader, targets: &[Target], settings: &Settings) -> Result<Evaluation> {
    if settings.reward_range.is_none() && settings.method.needs_range() {
        let fault = Fault::new("reward_range", "absent", "LOW,HIGH, known before the log was looked at");
        return Err(fault.at(format!("interval {}", settings.method.name())));
    }
    let mut log = Log::read(reader, targets, settings)?;
    if !log.mean_reward().is_finite() {
        return Err(Error::Refused(format!("{}: its rewards are too large to be added up", reader.origin())));
    }
    if settings.method == Method::Bernstein && log.units().is_some() {
        return Err(Error::Refused(format!(
            "{}: empirical Bernstein bounds are for independent decisions, and those of one user are not; use \
             --interval normal or bootstrap, or anytime, which asks about these decisions alone",
            reader.origin()
        )));
    }
    let (mut samples, mut seen) = log.see(targets, settings)?;
    let objections = objections(targets, &seen, settings);
    let mut questions = Vec::new();
    for (policy, seen) in seen.iter().enumerate() {
        for (position, (estimator, lambda)) in settings.estimators.iter().enumerate() {
            // Weights that are no good are no matter to what does not look at them.
            let out_of_reach = seen.diagnostics.why_out_of_reach().is_some();
            let withheld = out_of_reach || objections[policy].is_some() && estimator.uses_weights();
            if withheld && !settings.force {
                continue;
            }
            let selected = || seen.grids[position].as_ref().map(GridSums::choose);
            let given = lambda.is_some();
            let lambda = lambda.or_else(selected).unwrap_or(0.0);
            let learns = targets[policy].learns();
            let one_path = learns && *estimator == Estimator::Replay && log.units().is_none();
            let question = Question::of(policy, *estimator);
            questions.push(Question { position, lambda, given, learns, one_path, ..question });
        }
    }
    // The policy that logged is judged beside the others: its weights are 1.
    questions.push(Question::of(targets.len(), Estimator::Ips));
    add_up(&mut samples, &mut questions, &seen, log.model())?;
    let few_kept = judge_replay(&mut questions, &mut seen, (samples.largest(), log.least()));
    let (low, high) = log.reward_range();
    let range = settings.reward_range.unwrap_or((low, high));
    if low < range.0 || high > range.1 {
        let given = format!("{} to {}", range.0, range.1);
        let allowed = format!("a range that holds the rewards of this log, {low} to {high}");
        return Err(Fault::new("reward_range", given, allowed).at(reader.origin()));
    }
    let spread = spread::measure(&mut samples, &questions, (log.model(), log.units()), range, settings)?;
    let of_replay =
        few_kept.into_iter().filter(|(policy, _)| settings.named && objections[*policy].is_none());
    let of_replay = of_replay.map(|(policy, why)| {
        format!("this log cannot say what {} is worth by replay: {why}", targets[policy].name())
    });
    let reasons: Vec<String> = objections.iter().flatten().cloned().chain(of_replay).collect();
    let policies = targets.iter().zip(&seen).enumerate().map(|(p, (target, seen))| PolicyEvaluation {
        policy: target.name().to_owned(),
        learns: target.learns(),
        users_without_state: seen.without_state,
        diagnostics: seen.diagnostics,
        estimates: spread.estimates(&questions, p),
        against_log: spread.against_log(&questions, p).filter(|_| !seen.diagnostics.is_the_logged()),
        refused: objections[p].is_some(),
    });
    let differences = targets.iter().enumerate().skip(1).map(|(p, target)| Difference {
        policy: target.name().to_owned(),
        minus: targets[0].name().to_owned(),
        estimates: spread.differences(&questions, p),
    });
    Ok(Evaluation {
        schema_version: SCHEMA_VERSION,
        rows: log.rows(),
        unit: if log.units().is_some() { Cluster::User } else { Cluster::Decision },
        units: log.units().map_or(log.rows(), Clusters::count),
        effective_units: log.units().map_or(log.rows() as f64, Clusters::effective),
        verdict: if reasons.is_empty() { Verdict::Evaluated } else { Verdict::Refused },
        reason: (!reasons.is_empty()).then(|| reasons.join("; ")),
        on_policy_mean: log.mean_reward(),
        policies: policies.collect(),
        differences: differences.collect(),
    })
}

/// Says of each policy how many decisions rejection sampling kept, and returns those of whom it kept too few.
fn judge_replay(
    questions: &mut [Question],
    seen: &mut [Seen],
    (largest, least): (&[f64], f64),
) -> Vec<(usize, NoEstimateReason)> {
    let mut few = Vec::new();
    for question in questions.iter_mut().filter(|q| q.estimator == Estimator::Replay) {
        let policy = question.policy;
        let (_, kept) = question.totals.rows_and_weights(true);
        seen[policy].diagnostics.replay_kept = kept.is_finite().then_some(kept as u64);
        if let Some(why) = NoEstimateReason::of_kept(question, largest[policy], least) {
            few.push((policy, why));
            question.silence = Some(why);
        }
    }
    few
}

/// Rows whose sums are added up apart, so that rounding errors do not grow with the log.
const ROWS_APART: u32 = 1024;

/// Fills in the questions' totals, and how the estimates depend on the model.
fn add_up(
    samples: &mut Samples,
    questions: &mut [Question],
    seen: &[Seen],
    model: &RewardModel,
) -> Result<()> {
    let blank = |q: &Question| vec![0.0; if q.estimator.uses_model() { model.basis_len() } else { 0 }];
    let mut weighted: Vec<Vec<f64>> = questions.iter().map(blank).collect();
    let mut apart = vec![Totals::default(); questions.len()];
    let mut rows = 0;
    samples.each(|decision| {
        rows = (rows + 1) % ROWS_APART;
        for ((question, apart), weighted) in questions.iter_mut().zip(&mut apart).zip(&mut weighted) {
            let Question { policy, estimator, lambda, .. } = *question;
            let sample = &decision.samples[policy];
            apart.add(&estimator.parts(sample, lambda), 1.0);
            if rows == 0 {
                question.totals.merge(&std::mem::take(apart));
            }
            if !weighted.is_empty() {
                model.add_basis(decision.basis, estimator.shrunk(sample.weight, lambda), weighted);
            }
        }
    })?;
    for ((question, apart), weighted) in questions.iter_mut().zip(&apart).zip(&weighted) {
        question.totals.merge(apart);
        if !weighted.is_empty() {
            // Moving the model by d moves each v by the policy's mean of d . x, each q by d . x.
            let (rows, weights) = question.totals.rows_and_weights(question.estimator.is_ratio());
            let expected = &seen[question.policy].basis;
            let gap: Vec<f64> = expected.iter().zip(weighted).map(|(e, w)| e / rows - w / weights).collect();
            question.direction = model.direction(&gap);
        }
    }
    Ok(())
}

/// What stands against each policy: that the log did not do what it does; its weights, where any estimator looks at
/// them.
fn objections(targets: &[Target], seen: &[Seen], settings: &Settings) -> Vec<Option<String>> {
    let weighted = settings.estimators.iter().any(|(e, _)| e.uses_weights());
    let objection = |(target, seen): (&Target, &Seen)| {
        let of_weights = || seen.diagnostics.objection().filter(|_| weighted);
        let why = seen.diagnostics.why_out_of_reach().or_else(of_weights)?;
        Some(format!("this log cannot say what {} is worth: {why}", target.name()))
    };
    targets.iter().zip(seen).map(objection).collect()
}
