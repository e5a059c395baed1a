//! Estimates with their bounds, and the differences of two.

use super::bounds::Bounds;
use super::cluster::Clusters;
use super::estimators::Estimator;
use super::intervals::{LastPass, Pair};
use super::no_estimate::NoEstimateReason;
use super::question::Question;
use super::reward_model::RewardModel;
use super::samples::Samples;
use super::settings::EvaluationSettings;
use super::value_estimate::ValueEstimate;
use crate::base::error::Result;

/// Estimates with their bounds, and what differences need.
pub(super) struct Estimates<'a> {
    clusters: Option<&'a Clusters>,
    settings: &'a EvaluationSettings,
    /// The estimate of each question.
    own: Vec<BoundedValue>,
    /// Differences of two questions with their bounds.
    pairs: Vec<(Pair, Option<Bounds>)>,
}

struct BoundedValue {
    value: Option<f64>,
    bounds: Option<Bounds>,
}

impl<'a> Estimates<'a> {
    /// Goes over the samples once more. The policies in `compared` are held against the one that logged, by bounds that
    /// hold together.
    pub(super) fn measure(
        samples: &mut Samples,
        questions: &[Question],
        (model, clusters): (&RewardModel, Option<&'a Clusters>),
        range: (f64, f64),
        compared: &[usize],
        settings: &'a EvaluationSettings,
    ) -> Result<Self> {
        let EvaluationSettings { method, alpha, seed, replicates, .. } = *settings;
        let pairs = pairs(questions, compared, settings);
        let mut pass =
            LastPass { samples, questions, pairs: &pairs, model, clusters, range, alpha, seed, replicates };
        let (bounds, pair_bounds) = method.measure(&mut pass)?;
        let told = |i: usize| {
            let few =
                !settings.force && method.needs_many_rewards() && questions[i].why_few_rewards().is_some();
            !questions[i].one_path && !questions[i].is_selected() && !few
        };
        let bounds = bounds.into_iter().enumerate().map(|(i, bounds)| bounds.filter(|_| told(i)));
        let value = |q: &Question| {
            let value = q.totals.estimate(q.estimator.is_ratio()).filter(|v| v.is_finite());
            value.filter(|_| q.withheld.is_none() || settings.force)
        };
        let bounded = |(q, bounds): (&Question, Option<Bounds>)| {
            let value = value(q);
            BoundedValue { value, bounds: finite(bounds).filter(|_| value.is_some()) }
        };
        let own = questions.iter().zip(bounds).map(bounded).collect();
        let of_pairs = pairs
            .iter()
            .zip(pair_bounds)
            .map(|(pair, bounds)| (*pair, finite(bounds).filter(|_| told(pair.first) && told(pair.other))));
        let of_pairs = of_pairs.collect();
        Ok(Self { clusters, settings, own, pairs: of_pairs })
    }
}

/// Bounds that did not overflow.
fn finite(bounds: Option<Bounds>) -> Option<Bounds> {
    bounds.filter(|bounds| bounds.is_finite())
}

/// For every policy but the first, the same estimator of the first and of that one. Then for every policy in `compared`
/// the policy that logged, the last question, and the estimator to hold against it. What is said of these is said in one
/// report, so each has its part of alpha (Bonferroni): whichever policies hang together, in whatever way, all bounds hold
/// with the probability that was asked for.
fn pairs(questions: &[Question], compared: &[usize], settings: &EvaluationSettings) -> Vec<Pair> {
    let first = |q: &Question| {
        questions.iter().position(|f| f.policy == 0 && f.position == q.position && q.policy != 0)
    };
    let alpha = settings.alpha;
    let policies =
        questions.iter().enumerate().filter_map(|(other, q)| Some(Pair { first: first(q)?, other, alpha }));
    let Some((_, questions)) = questions.split_last() else { return Vec::new() };
    let is_bounded = |q: &Question| q.withheld.is_none() && settings.method.bounds_difference(q);
    let against_log = compared.iter().filter_map(|policy| {
        Estimator::OF_THE_VALUE.iter().find_map(|estimator| {
            let it = |q: &Question| q.policy == *policy && q.estimator == *estimator && is_bounded(q);
            let other = questions.iter().position(it)?;
            Some(Pair { first: questions.len(), other, alpha: settings.alpha_of_each(compared.len()) })
        })
    });
    policies.chain(against_log).collect()
}

impl Estimates<'_> {
    /// The estimates of one policy.
    pub(super) fn estimates(&self, questions: &[Question], policy: usize) -> Vec<ValueEstimate> {
        let own = questions.iter().zip(&self.own).filter(|(q, _)| q.policy == policy);
        own.map(|(q, own)| {
            let lambda = q.estimator.hyperparameter().map(|_| q.lambda);
            self.estimate((&[q], self.settings.alpha), lambda, own.value, own.bounds)
        })
        .collect()
    }

    /// One policy's estimates minus those of the first.
    pub(super) fn differences(&self, questions: &[Question], policy: usize) -> Vec<ValueEstimate> {
        self.less(questions, policy, |first| first + 1 < questions.len()).collect()
    }

    /// One policy's value minus that of the policy that logged.
    pub(super) fn against_log(&self, questions: &[Question], policy: usize) -> Option<ValueEstimate> {
        self.less(questions, policy, |first| first + 1 == questions.len()).next()
    }

    /// One policy's estimates minus those of the questions that `is_first` picks.
    fn less<'a>(
        &'a self,
        questions: &'a [Question],
        policy: usize,
        is_first: impl Fn(usize) -> bool + 'a,
    ) -> impl Iterator<Item = ValueEstimate> + 'a {
        let of_policy = move |(pair, _): &&(Pair, Option<Bounds>)| {
            questions[pair.other].policy == policy && is_first(pair.first)
        };
        self.pairs.iter().filter(of_policy).map(|(pair, bounds)| {
            let value = |i: usize| self.own[i].value;
            let difference = value(pair.other).zip(value(pair.first)).map(|(b, a)| b - a);
            let both = [&questions[pair.other], &questions[pair.first]];
            self.estimate((&both, pair.alpha), None, difference, bounds.filter(|_| difference.is_some()))
        })
    }

    /// What was found out of one question, or of the difference of two, with bounds at a level of its own.
    fn estimate(
        &self,
        (questions, alpha): (&[&Question], f64),
        lambda: Option<f64>,
        value: Option<f64>,
        bounds: Option<Bounds>,
    ) -> ValueEstimate {
        let value = value.filter(|v| v.is_finite());
        let withheld = questions.iter().find_map(|q| q.withheld).or_else(|| self.why_few_rewards(questions));
        let reason = withheld.or_else(|| match (value, bounds) {
            (Some(_), Some(_)) => None,
            (Some(value), None) => Some(self.why_unbounded((questions, alpha), value)),
            (None, _) => Some(NoEstimateReason::Undefined),
        });
        ValueEstimate {
            estimator: questions[0].estimator.name(),
            biased: !questions[0].estimator.is_of_the_value(),
            lambda,
            value,
            lower: bounds.map(|b| b.lower),
            upper: bounds.map(|b| b.upper),
            reason,
        }
    }

    /// Why the rewards of these questions are too few for bounds, where the method has any that rest on many.
    fn why_few_rewards(&self, questions: &[&Question]) -> Option<NoEstimateReason> {
        let method = self.settings.method;
        let has_others = self.why_without(questions).is_some();
        let why = || questions.iter().find_map(|q| q.why_few_rewards());
        if method.needs_many_rewards() && !has_others { why() } else { None }
    }

    /// Why nothing bounds these questions, however many rewards there are.
    fn why_without(&self, questions: &[&Question]) -> Option<NoEstimateReason> {
        let EvaluationSettings { method, .. } = self.settings;
        let needed = method.least_clusters();
        if questions.iter().any(|q| q.one_path) {
            return Some(NoEstimateReason::OnePath);
        }
        if questions.iter().any(|q| q.is_selected()) {
            return Some(NoEstimateReason::Selected);
        }
        method.why_none(questions).or_else(|| {
            let effective = self.clusters.map(Clusters::effective).filter(|effective| *effective < needed)?;
            Some(NoEstimateReason::FewUsers { effective, needed })
        })
    }

    /// Why nothing bounds the estimate of one question, or the difference `value` of two.
    fn why_unbounded(&self, (questions, alpha): (&[&Question], f64), value: f64) -> NoEstimateReason {
        let needed = self.settings.method.least_replicates(alpha);
        self.why_without(questions).unwrap_or_else(|| match questions {
            _ if self.settings.replicates < needed => {
                NoEstimateReason::FewReplicates { needed: u64::from(needed) }
            }
            [_, _] if value == 0.0 => NoEstimateReason::Alike,
            _ => NoEstimateReason::NoSpread,
        })
    }
}
