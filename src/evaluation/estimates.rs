//! Estimates with their bounds, and the differences of two.

use super::bounds::Bounds;
use super::cluster::Clusters;
use super::estimators::Estimator;
use super::intervals::{IntervalMethod, LastPass, Pair};
use super::no_estimate::NoEstimateReason;
use super::question::Question;
use super::result::ValueEstimate;
use super::reward_model::RewardModel;
use super::samples::Samples;
use super::settings::EvaluationSettings;
use crate::base::error::Result;

/// Estimates with their bounds, and what differences need.
pub(super) struct Estimates<'a> {
    method: IntervalMethod,
    clusters: Option<&'a Clusters>,
    /// The estimate of each question.
    own: Vec<BoundedValue>,
    /// The question of the first policy and that of another, with the bounds on the second minus the first.
    pairs: Vec<(usize, usize, Option<Bounds>)>,
}

struct BoundedValue {
    value: Option<f64>,
    bounds: Option<Bounds>,
}

impl<'a> Estimates<'a> {
    /// Goes over the samples once more.
    pub(super) fn measure(
        samples: &mut Samples,
        questions: &[Question],
        (model, clusters): (&RewardModel, Option<&'a Clusters>),
        range: (f64, f64),
        settings: &EvaluationSettings,
    ) -> Result<Self> {
        let EvaluationSettings { method, alpha, seed, replicates, .. } = *settings;
        let pairs = pairs(questions, method);
        let mut pass =
            LastPass { samples, questions, pairs: &pairs, model, clusters, range, alpha, seed, replicates };
        let (bounds, pair_bounds) = method.measure(&mut pass)?;
        let told = |i: usize| !questions[i].one_path;
        let bounds = bounds.into_iter().enumerate().map(|(i, bounds)| bounds.filter(|_| told(i)));
        let pair_bounds = pair_bounds.into_iter().zip(&pairs);
        let of_pairs = pair_bounds.map(|(bounds, (a, b))| bounds.filter(|_| told(*a) && told(*b)));
        let value = |q: &Question| {
            let value = q.totals.estimate(q.estimator.is_ratio()).filter(|v| v.is_finite());
            value.filter(|_| q.withheld.is_none() || settings.force)
        };
        let bounded = |(q, bounds): (&Question, Option<Bounds>)| {
            let value = value(q);
            BoundedValue { value, bounds: finite(bounds).filter(|_| value.is_some()) }
        };
        let own = questions.iter().zip(bounds).map(bounded).collect();
        let pairs = pairs.iter().zip(of_pairs).map(|((a, b), bounds)| (*a, *b, finite(bounds))).collect();
        Ok(Self { method, clusters, own, pairs })
    }
}

/// Bounds that did not overflow.
fn finite(bounds: Option<Bounds>) -> Option<Bounds> {
    bounds.filter(|bounds| bounds.is_finite())
}

/// For every policy but the first, the same estimator of the first and of that one. Then for every policy the policy
/// that logged, the last question, and the estimator to hold against it.
fn pairs(questions: &[Question], method: IntervalMethod) -> Vec<Pair> {
    let first = |q: &Question| {
        questions.iter().position(|f| f.policy == 0 && f.position == q.position && q.policy != 0)
    };
    let policies = questions.iter().enumerate().filter_map(|(i, q)| Some((first(q)?, i)));
    let Some((logged, questions)) = questions.split_last() else { return Vec::new() };
    let is_bounded = |q: &Question| q.withheld.is_none() && method.bounds_difference(q);
    let against_log = (0..logged.policy).filter_map(|policy| {
        Estimator::OF_THE_VALUE.iter().find_map(|estimator| {
            let it = |q: &Question| q.policy == policy && q.estimator == *estimator && is_bounded(q);
            Some((questions.len(), questions.iter().position(it)?))
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
            self.estimate(&[q], lambda, own.value, own.bounds)
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
        let of_policy = move |(first, other, _): &&(usize, usize, Option<Bounds>)| {
            questions[*other].policy == policy && is_first(*first)
        };
        self.pairs.iter().filter(of_policy).map(|(first, other, bounds)| {
            let value = |i: usize| self.own[i].value;
            let difference = value(*other).zip(value(*first)).map(|(b, a)| b - a);
            let both = [&questions[*other], &questions[*first]];
            self.estimate(&both, None, difference, bounds.filter(|_| difference.is_some()))
        })
    }

    /// What was found out of one question, or of the difference of two.
    fn estimate(
        &self,
        questions: &[&Question],
        lambda: Option<f64>,
        value: Option<f64>,
        bounds: Option<Bounds>,
    ) -> ValueEstimate {
        let value = value.filter(|v| v.is_finite());
        let reason = questions.iter().find_map(|q| q.withheld).or_else(|| match (value, bounds) {
            (Some(_), Some(_)) => None,
            (Some(value), None) => Some(self.why_unbounded(questions, value)),
            (None, _) => Some(NoEstimateReason::Undefined),
        });
        ValueEstimate {
            estimator: questions[0].estimator.name(),
            lambda,
            value,
            lower: bounds.map(|b| b.lower),
            upper: bounds.map(|b| b.upper),
            reason,
        }
    }

    /// Why nothing bounds the estimate of one question, or the difference `value` of two.
    fn why_unbounded(&self, questions: &[&Question], value: f64) -> NoEstimateReason {
        let needed = self.method.least_clusters();
        let by_method = || self.method.why_none(questions);
        if questions.iter().any(|q| q.one_path) {
            return NoEstimateReason::OnePath;
        }
        by_method().unwrap_or_else(|| match self.clusters.map(Clusters::effective) {
            Some(effective) if effective < needed => NoEstimateReason::FewUsers { effective, needed },
            _ if questions.len() > 1 && value == 0.0 => NoEstimateReason::Alike,
            _ => NoEstimateReason::NoSpread,
        })
    }
}
