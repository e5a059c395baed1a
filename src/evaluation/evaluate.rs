//! The passes over a log, one after the other.

use super::cluster::{Cluster, Clusters};
use super::diagnostics::{Diagnostics, Support};
use super::effective_rewards::RewardEvenness;
use super::estimates::Estimates;
use super::estimators::Estimator;
use super::log::LogReader;
use super::no_estimate::NoEstimateReason;
use super::policy_pass::WeighedPolicy;
use super::policy_verdict::PolicyVerdict;
use super::question::Question;
use super::refusal::LogRefusal;
use super::result::{Evaluation, LogVerdict, PolicyDifference, PolicyEvaluation, SCHEMA_VERSION};
use super::reward_model::RewardModel;
use super::samples::Samples;
use super::settings::EvaluationSettings;
use super::slope::GridSums;
use super::spooled_log::SpooledLog;
use super::target::Target;
use super::totals::Totals;
use crate::base::error::{Error, Fault, Result};

/// Evaluates `targets` on the log that `reader` reads.
///
/// The policies come out in their order, each with the estimates that were asked for, in theirs.
///
/// ```
/// use rehearsal::base::error::Result;
/// use rehearsal::evaluation::log::{LogReader, LogVocabulary};
/// use rehearsal::evaluation::{
///     Estimator, EvaluationSettings, IntervalMethod, LogVerdict, Row, Target, evaluate,
/// };
///
/// /// A log of so many decisions between `a`, which is rewarded, and `b`, each with probability 1/2.
/// struct Log(u32);
///
/// impl LogReader for Log {
///     fn next(&mut self, row: &mut Row, names: &mut LogVocabulary) -> Result<bool> {
///         let [a, b] = ["a", "b"].map(|item| names.items.number(item.as_bytes()));
///         row.chosen = if self.0 % 2 == 0 { a } else { b };
///         row.propensity = Some(0.5);
///         row.reward = f64::from(u8::from(row.chosen == a));
///         self.0 = self.0.wrapping_sub(1);
///         Ok(self.0 != u32::MAX)
///     }
///
///     fn origin(&self) -> &str {
///         "the example"
///     }
/// }
///
/// let settings = EvaluationSettings {
///     estimators: vec![(Estimator::Ips, None)],
///     named: true,
///     model: None,
///     method: IntervalMethod::Normal,
///     alpha: 0.05,
///     seed: 1,
///     replicates: 1000,
///     reward_range: Some((0.0, 1.0)),
///     force: false,
/// };
/// let evaluation = evaluate(&mut Log(1000), &[Target::Uniform], &settings)?;
/// assert_eq!((evaluation.rows, evaluation.verdict), (1000, LogVerdict::Evaluated));
/// assert_eq!(evaluation.policies[0].estimates[0].value, Some(0.5));
/// # Ok::<(), rehearsal::base::error::Error>(())
/// ```
///
/// # Errors
/// A line that is not as its format wants it; a log without rows; a target or a reward model that cannot be
/// applied to this log.
pub fn evaluate(
    reader: &mut dyn LogReader,
    targets: &[Target],
    settings: &EvaluationSettings,
) -> Result<Evaluation> {
    if settings.reward_range.is_none() && settings.method.needs_range() {
        let fault = Fault::new(
            "reward_range",
            "absent",
            "the smallest and the largest reward there can be, known before the log was looked at, as --reward-range 0,1",
        );
        return Err(fault.at(format!("interval {}", settings.method.name())));
    }
    refuse_what_needs_every_action(targets, settings)?;
    let mut log = SpooledLog::read(reader, targets, settings)?;
    if !log.mean_reward().is_finite() {
        return Err(Error::because(LogRefusal::RewardsTooLarge { log: reader.origin().to_owned() }));
    }
    if settings.method.needs_independent_decisions() && log.clusters().is_some() {
        return Err(Error::because(LogRefusal::DependentDecisions { log: reader.origin().to_owned() }));
    }
    let (mut samples, mut weighed) = log.weigh(targets, settings)?;
    let objections = objections(targets, &weighed, settings);
    let mut questions = questions(targets, settings, &objections, &weighed, log.clusters().is_some());
    // The policy that logged is judged beside the others: its weights are 1.
    questions.push(Question::of(targets.len(), Estimator::Ips));
    let evenness = add_up(&mut samples, &mut questions, &weighed, log.model(), log.mean_reward())?;
    let few_kept = judge_rejection(&mut questions, &mut weighed, (samples.largest(), log.least()));
    count_rewards(&mut questions, &mut weighed, &evenness, log.rows());
    let (low, high) = log.reward_range();
    let range = settings.reward_range.unwrap_or((low, high));
    if low < range.0 || high > range.1 {
        let given = format!("{} to {}", range.0, range.1);
        let allowed = format!("a range that holds the rewards of this log, {low} to {high}");
        return Err(Fault::new("reward_range", given, allowed).at(reader.origin()));
    }
    let compared: Vec<usize> =
        (0..targets.len()).filter(|p| !weighed[*p].diagnostics.is_the_logged()).collect();
    let of_log = (log.model(), log.clusters());
    let estimates = Estimates::measure(&mut samples, &questions, of_log, range, &compared, settings)?;
    let alpha_of_each = settings.alpha_of_each(compared.len());
    let of_replay =
        few_kept.into_iter().filter(|(policy, _)| settings.named && objections[*policy].is_none());
    let of_replay = of_replay.map(|(policy, why)| {
        format!("this log cannot say what {} is worth by replay: {why}", targets[policy].name())
    });
    let reasons: Vec<String> = objections.iter().flatten().cloned().chain(of_replay).collect();
    let policies = targets.iter().zip(&weighed).enumerate().map(|(p, (target, weighed))| {
        let diagnostics = weighed.diagnostics;
        let against_log =
            estimates.against_log(&questions, p).map(|difference| {
                match why_maybe_out_of_reach(&diagnostics, settings.alpha) {
                    Some(reason) => difference.without_bounds(reason),
                    None => difference,
                }
            });
        let verdict = if objections[p].is_some() {
            Some(PolicyVerdict::Refused)
        } else if diagnostics.is_the_logged() {
            Some(PolicyVerdict::AsLogged)
        } else {
            against_log.as_ref().map(|difference| PolicyVerdict::of(difference, alpha_of_each))
        };
        PolicyEvaluation {
            policy: target.name().to_owned(),
            learns: target.learns(),
            users_without_state: weighed.without_state,
            decisions_of_each_user: target.learns_of_each_user().then(|| log.decisions_of_each_user()),
            diagnostics,
            estimates: estimates.estimates(&questions, p),
            against_log,
            verdict,
        }
    });
    let differences = targets.iter().enumerate().skip(1).map(|(p, target)| {
        let unseen =
            [p, 0].into_iter().find_map(|p| why_maybe_out_of_reach(&weighed[p].diagnostics, settings.alpha));
        let differences = estimates.differences(&questions, p).into_iter();
        PolicyDifference {
            policy: target.name().to_owned(),
            minus: targets[0].name().to_owned(),
            estimates: differences
                .map(|difference| match unseen {
                    Some(unseen) if difference.reason.is_none() => difference.without_bounds(unseen),
                    _ => difference,
                })
                .collect(),
        }
    });
    Ok(Evaluation {
        schema_version: SCHEMA_VERSION,
        rows: log.rows(),
        cluster: if log.clusters().is_some() { Cluster::User } else { Cluster::Decision },
        clusters: log.clusters().map_or(log.rows(), Clusters::count),
        effective_clusters: log.clusters().map_or(log.rows() as f64, Clusters::effective),
        verdict: if reasons.is_empty() { LogVerdict::Evaluated } else { LogVerdict::Refused },
        reason: (!reasons.is_empty()).then(|| reasons.join("; ")),
        confidence: 1.0 - settings.alpha,
        against_log_confidence: 1.0 - alpha_of_each,
        on_policy_mean: log.mean_reward(),
        policies: policies.collect(),
        differences: differences.collect(),
    })
}

/// What is asked of each policy: its value by each estimator, unless it is refused.
fn questions(
    targets: &[Target],
    settings: &EvaluationSettings,
    objections: &[Option<String>],
    weighed: &[WeighedPolicy],
    names_users: bool,
) -> Vec<Question> {
    let mut questions = Vec::new();
    for (policy, weighed) in weighed.iter().enumerate() {
        for (position, (estimator, lambda)) in settings.estimators.iter().enumerate() {
            if targets[policy].is_of_the_chosen_alone() && estimator.uses_model() {
                continue;
            }
            // What looks at no weight is as biased as before, and would stand alone.
            if objections[policy].is_some() && !settings.force {
                continue;
            }
            let selected = || weighed.grids[position].as_ref().map(GridSums::choose);
            let given = lambda.is_some();
            let lambda = lambda.or_else(selected).unwrap_or(0.0);
            let learns = targets[policy].learns();
            let one_path = learns && estimator.rejects() && !names_users;
            let question = Question::of(policy, *estimator);
            questions.push(Question { position, lambda, given, learns, one_path, ..question });
        }
    }
    questions
}

/// Refuses estimators that were asked for by name and predict what every action would have earned, for policies of which
/// no more is known than how likely they were to choose what was chosen.
fn refuse_what_needs_every_action(targets: &[Target], settings: &EvaluationSettings) -> Result<()> {
    let of_chosen = targets.iter().find(|target| target.is_of_the_chosen_alone());
    let needs_all = settings.estimators.iter().find(|(estimator, _)| estimator.uses_model());
    match (of_chosen, needs_all) {
        (Some(target), Some((estimator, _))) if settings.named => {
            let (policy, estimator) = (target.name().to_owned(), estimator.name());
            Err(Error::because(LogRefusal::NeedsEveryAction { policy, estimator }))
        }
        _ => Ok(()),
    }
}

/// Says of each policy how many decisions rejection sampling kept, and returns those of whom it kept too few.
fn judge_rejection(
    questions: &mut [Question],
    weighed: &mut [WeighedPolicy],
    (largest, least): (&[f64], f64),
) -> Vec<(usize, NoEstimateReason)> {
    let mut few = Vec::new();
    for question in questions.iter_mut().filter(|q| q.estimator.rejects()) {
        let policy = question.policy;
        let (_, kept) = question.totals.rows_and_weights(true);
        weighed[policy].diagnostics.replay_kept = kept.is_finite().then_some(kept as u64);
        if let Some(why) = question.why_few_kept(largest[policy], least) {
            few.push((policy, why));
            question.withheld = Some(why);
        }
    }
    few
}

/// Rows whose sums are added up apart, so that rounding errors do not grow with the log.
const ROWS_APART: u32 = 1024;

/// Says of each question and of each policy as how many rewards that fall like a fair coin the log counts. Replay has
/// those of the decisions that it kept, and what looks at no weight those of all decisions.
fn count_rewards(
    questions: &mut [Question],
    weighed: &mut [WeighedPolicy],
    evenness: &[RewardEvenness],
    rows: u64,
) {
    for (policy, evenness) in weighed.iter_mut().zip(evenness) {
        let effective = policy.diagnostics.effective_sample_size;
        policy.diagnostics.effective_rewards = effective.zip(evenness.get()).map(|(n, even)| n * even);
    }
    for question in questions {
        let effective = match weighed.get(question.policy) {
            Some(policy) if question.estimator.rejects() => policy.diagnostics.replay_kept.map(|n| n as f64),
            Some(policy) if question.estimator.uses_weights() => policy.diagnostics.effective_sample_size,
            _ => Some(rows as f64),
        };
        let logged = evenness.last().and_then(RewardEvenness::get);
        let even = evenness[question.policy].get().or(logged);
        question.effective_rewards = effective.zip(even).map(|(n, even)| n * even);
    }
}

/// Fills in the questions' totals, and how the estimates depend on the model, and returns how evenly rewards are spread
/// under each policy, the one that logged last.
fn add_up(
    samples: &mut Samples,
    questions: &mut [Question],
    weighed_policies: &[WeighedPolicy],
    model: &RewardModel,
    logged_mean: f64,
) -> Result<Vec<RewardEvenness>> {
    let means: Vec<f64> = weighed_policies
        .iter()
        .map(|policy| policy.mean_reward.unwrap_or(f64::NAN))
        .chain([logged_mean])
        .collect();
    let mut evenness = vec![RewardEvenness::default(); means.len()];
    let blank = |q: &Question| vec![0.0; if q.estimator.uses_model() { model.basis_len() } else { 0 }];
    let mut weighted: Vec<Vec<f64>> = questions.iter().map(blank).collect();
    let mut apart = vec![Totals::default(); questions.len()];
    let mut rows = 0;
    samples.each_different(|decision, times| {
        rows = (rows + 1) % ROWS_APART;
        let times = times as f64;
        for ((evenness, sample), mean) in evenness.iter_mut().zip(decision.samples).zip(&means) {
            evenness.add(sample, *mean, times);
        }
        for ((question, apart), weighted) in questions.iter_mut().zip(&mut apart).zip(&mut weighted) {
            let Question { policy, estimator, lambda, .. } = *question;
            let sample = &decision.samples[policy];
            apart.add(&estimator.terms(sample, lambda), times);
            if rows == 0 {
                question.totals.merge(&std::mem::take(apart));
            }
            if !weighted.is_empty() {
                model.add_basis(decision.basis, times * estimator.shrunk(sample.weight, lambda), weighted);
            }
        }
    })?;
    for ((question, apart), weighted) in questions.iter_mut().zip(&apart).zip(&weighted) {
        question.totals.merge(apart);
        if !weighted.is_empty() {
            // Moving the model by d moves each v by the policy's mean of d . x, each q by d . x.
            let (rows, weights) = question.totals.rows_and_weights(question.estimator.is_ratio());
            let expected = &weighed_policies[question.policy].basis;
            let gap: Vec<f64> = expected.iter().zip(weighted).map(|(e, w)| e / rows - w / weights).collect();
            question.direction = model.direction(&gap);
        }
    }
    Ok(evenness)
}

/// Why nothing is said of a policy beside the one that logged, although its weights may carry an estimate: some of its
/// choices may have been out of reach, and the log, where the chosen propensity alone is logged, does not say.
fn why_maybe_out_of_reach(diagnostics: &Diagnostics, alpha: f64) -> Option<NoEstimateReason> {
    let unseen = diagnostics.support != Support::Propensities && diagnostics.is_mean_weight_below(alpha);
    diagnostics.mean_weight.filter(|_| unseen).map(|mean| NoEstimateReason::MeanWeightBelow { mean })
}

/// What stands against each policy: that the log did not do what it does; its weights, where any estimator looks at
/// them.
fn objections(
    targets: &[Target],
    weighed: &[WeighedPolicy],
    settings: &EvaluationSettings,
) -> Vec<Option<String>> {
    let weighted = settings.estimators.iter().any(|(e, _)| e.uses_weights());
    let objection = |(target, weighed): (&Target, &WeighedPolicy)| {
        let of_weights = || weighed.diagnostics.objection().filter(|_| weighted);
        let why = weighed.diagnostics.why_out_of_reach().or_else(of_weights)?;
        Some(format!("this log cannot say what {} is worth: {why}", target.name()))
    };
    targets.iter().zip(weighed).map(objection).collect()
}
