//! The last pass: how far each estimate, and each difference of two, may be off.

use super::bootstrap::Bootstrap;
use super::estimator::Estimator;
use super::interval::{self, Bounds, LowerSequence, Method};
use super::model::RewardModel;
use super::seen::Samples;
use super::silence::NoEstimateReason;
use super::totals::Totals;
use super::unit::{Clusters, UNITS};
use super::{Estimate, Question, Settings};
use crate::base::error::Result;
use crate::base::stats::{MIN_RESAMPLED, Moments};

/// Rows that are resampled together.
const BLOCK: usize = 1024;

/// Estimates with their bounds, and what differences need.
pub(super) struct Spread<'a> {
    method: Method,
    units: Option<&'a Clusters>,
    answers: Vec<Answer>,
    /// Question of the first policy and that of another, with the bounds on the second minus the first.
    pairs: Vec<(usize, usize, Option<Bounds>)>,
}

struct Answer {
    value: Option<f64>,
    bounds: Option<Bounds>,
}

/// Goes over the samples once more.
pub(super) fn measure<'a>(
    samples: &mut Samples,
    questions: &[Question],
    (model, units): (&RewardModel, Option<&'a Clusters>),
    range: (f64, f64),
    settings: &Settings,
) -> Result<Spread<'a>> {
    let pairs = pairs(questions, settings.method);
    let alpha = settings.alpha;
    let largest = samples.largest().to_vec();
    let (bounds, pair_bounds) = match settings.method {
        Method::Normal => {
            if let Some(units) = units {
                grouped(samples, questions, &pairs, (model, units), alpha)?
            } else {
                let (own, pair) = moments(samples, questions, &pairs, model)?;
                let normal = |moments: &Centred| moments.bounds(|terms| interval::normal(terms, alpha));
                (own.iter().map(normal).collect(), pair.iter().map(normal).collect())
            }
        }
        Method::Bernstein => {
            let (own, pair) = moments(samples, questions, &pairs, model)?;
            let bernstein = |moments: &Centred, length: Option<f64>| {
                moments.bounds(|terms| interval::empirical_bernstein(terms, length?, alpha))
            };
            let length = |q: &Question| term_range(q, largest[q.policy], range);
            let own = questions.iter().zip(&own).map(|(q, moments)| bernstein(moments, length(q)));
            let pair = pairs.iter().zip(&pair).map(|((first, other), moments)| {
                let lengths = length(&questions[*first]).zip(length(&questions[*other]));
                bernstein(moments, lengths.map(|(a, b)| a + b))
            });
            (own.collect(), pair.collect())
        }
        Method::Bootstrap => resample(samples, questions, &pairs, (model, units), settings)?,
        Method::Anytime => (sequences(samples, questions, range, alpha)?, vec![None; pairs.len()]),
    };
    let told = |i: usize| !questions[i].one_path;
    let own = bounds.into_iter().enumerate().map(|(i, bounds)| bounds.filter(|_| told(i)));
    let pair_bounds = pair_bounds.into_iter().zip(&pairs);
    let of_pairs = pair_bounds.map(|(bounds, (a, b))| bounds.filter(|_| told(*a) && told(*b)));
    let value = |q: &Question| {
        let value = q.totals.estimate(q.estimator.is_ratio()).filter(|v| v.is_finite());
        value.filter(|_| q.silence.is_none() || settings.force)
    };
    let answer = |(q, bounds): (&Question, Option<Bounds>)| {
        let value = value(q);
        Answer { value, bounds: finite(bounds).filter(|_| value.is_some()) }
    };
    let answers = questions.iter().zip(own).map(answer).collect();
    let pairs = pairs.iter().zip(of_pairs).map(|((a, b), bounds)| (*a, *b, finite(bounds))).collect();
    Ok(Spread { method: settings.method, units, answers, pairs })
}

/// Bounds that did not overflow.
fn finite(bounds: Option<Bounds>) -> Option<Bounds> {
    bounds.filter(|bounds| bounds.is_finite())
}

/// For every policy but the first, the same estimator of the first and of that one. Then for every policy the policy
/// that logged, the last question, and the estimator to hold against it.
fn pairs(questions: &[Question], method: Method) -> Vec<(usize, usize)> {
    let first = |q: &Question| {
        questions.iter().position(|f| f.policy == 0 && f.position == q.position && q.policy != 0)
    };
    let policies = questions.iter().enumerate().filter_map(|(i, q)| Some((first(q)?, i)));
    let Some((logged, questions)) = questions.split_last() else { return Vec::new() };
    let is_bounded = |q: &Question| match method {
        _ if q.silence.is_some() => false,
        Method::Normal | Method::Bootstrap => !q.one_path,
        Method::Bernstein => q.estimator == Estimator::Ips,
        Method::Anytime => false,
    };
    let against_log = (0..logged.policy).filter_map(|policy| {
        Estimator::OF_THE_VALUE.iter().find_map(|estimator| {
            let it = |q: &Question| q.policy == policy && q.estimator == *estimator && is_bounded(q);
            Some((questions.len(), questions.iter().position(it)?))
        })
    });
    policies.chain(against_log).collect()
}

/// Terms with their influence through the model, whose mean is not the estimate's.
#[derive(Clone, Copy, Default)]
struct Centred {
    terms: Moments,
    influence: f64,
}

impl Centred {
    #[inline]
    fn observe(&mut self, term: f64, influence: f64) {
        self.terms.observe(term + influence);
        self.influence += influence;
    }

    /// Bounds from the terms, around the estimate.
    fn bounds(&self, of: impl Fn(&Moments) -> Option<Bounds>) -> Option<Bounds> {
        Some(of(&self.terms)?.shifted(-self.influence / self.terms.count() as f64))
    }
}

/// Moments of the terms of every question and of every pair's difference.
fn moments(
    samples: &mut Samples,
    questions: &[Question],
    pairs: &[(usize, usize)],
    model: &RewardModel,
) -> Result<(Vec<Centred>, Vec<Centred>)> {
    let mut own = vec![Centred::default(); questions.len()];
    let mut differences = vec![Centred::default(); pairs.len()];
    let mut terms = vec![(0.0, 0.0); questions.len()];
    samples.each(|decision| {
        for ((question, term), moments) in questions.iter().zip(&mut terms).zip(&mut own) {
            let parts = question.estimator.parts(&decision.samples[question.policy], question.lambda);
            *term = (question.totals.term(&parts), question.influence(decision, model));
            moments.observe(term.0, term.1);
        }
        for ((first, other), moments) in pairs.iter().zip(&mut differences) {
            let (first, other) = (terms[*first], terms[*other]);
            moments.observe(other.0 - first.0, other.1 - first.1);
        }
    })?;
    Ok((own, differences))
}

/// Bounds from sums of terms by group of users. Terms are summed up less the first one of their question, so
/// that equal ones are known to be equal.
fn grouped(
    samples: &mut Samples,
    questions: &[Question],
    pairs: &[(usize, usize)],
    (model, units): (&RewardModel, &Clusters),
    alpha: f64,
) -> Result<BoundsOf> {
    let width = questions.len() + pairs.len();
    let mut sums = vec![0.0; UNITS * width];
    let mut influences = vec![0.0; width];
    let mut firsts: Option<Vec<f64>> = None;
    let mut terms = vec![(0.0, 0.0); width];
    let mut rows = 0.0;
    samples.each(|decision| {
        let (own, differences) = terms.split_at_mut(questions.len());
        for (question, term) in questions.iter().zip(&mut *own) {
            let parts = question.estimator.parts(&decision.samples[question.policy], question.lambda);
            *term = (question.totals.term(&parts), question.influence(decision, model));
        }
        for ((first, other), term) in pairs.iter().zip(differences) {
            *term = (own[*other].0 - own[*first].0, own[*other].1 - own[*first].1);
        }
        let firsts = firsts.get_or_insert_with(|| terms.iter().map(|(term, _)| *term).collect());
        let of_unit = &mut sums[decision.unit * width..][..width];
        for (i, (term, influence)) in terms.iter().enumerate() {
            of_unit[i] += term - firsts[i] + influence;
            influences[i] += influence;
        }
        rows += 1.0;
    })?;
    let firsts = firsts.unwrap_or_default();
    let bounds = |i: usize| {
        let bounds = units.bounds(|unit| sums[unit * width + i], alpha)?;
        Some(bounds.shifted(firsts[i] - influences[i] / rows))
    };
    let own = (0..questions.len()).map(bounds).collect();
    Ok((own, (questions.len()..width).map(bounds).collect()))
}

/// Length of an interval that holds every term, for weights up to `largest` and rewards in `range`; `None`
/// for ratios, where a model has a part and for policies that learn, whose terms are not independent.
fn term_range(question: &Question, largest: f64, (low, high): (f64, f64)) -> Option<f64> {
    if question.learns || !question.has_known_range() {
        return None;
    }
    let bound = match question.estimator {
        Estimator::Ips => largest,
        _ => question.weight_bound()?,
    };
    Some(bound * (high.max(0.0) - low.min(0.0)))
}

type BoundsOf = (Vec<Option<Bounds>>, Vec<Option<Bounds>>);

fn resample(
    samples: &mut Samples,
    questions: &[Question],
    pairs: &[(usize, usize)],
    (model, units): (&RewardModel, Option<&Clusters>),
    settings: &Settings,
) -> Result<BoundsOf> {
    let width = questions.len();
    if width == 0 || units.is_some_and(|units| units.effective() < MIN_RESAMPLED) {
        return Ok((vec![None; width], vec![None; pairs.len()]));
    }
    let mut bootstrap = Bootstrap::new(settings.seed, settings.replicates, width);
    // Of rows, a block at a time; of groups of users, all.
    let mut block = vec![Totals::default(); width * if units.is_some() { UNITS } else { BLOCK }];
    let mut influences = vec![0.0; width];
    let (mut rows, mut filled) = (0.0, 0);
    samples.each(|decision| {
        let unit = if units.is_some() { decision.unit } else { filled };
        let totals = &mut block[unit * width..][..width];
        for ((question, totals), sum) in questions.iter().zip(totals).zip(&mut influences) {
            let mut parts = question.estimator.parts(&decision.samples[question.policy], question.lambda);
            let influence = question.influence(decision, model);
            *sum += influence;
            parts.plain += influence;
            totals.add(&parts, 1.0);
        }
        rows += 1.0;
        filled += 1;
        if filled == BLOCK && units.is_none() {
            bootstrap.add(&block);
            block.fill(Totals::default());
            filled = 0;
        }
    })?;
    if units.is_some() {
        let has_rows = |unit: &&[Totals]| unit[0].rows_and_weights(false).0 > 0.0;
        block = block.chunks_exact(width).filter(has_rows).flatten().copied().collect();
    } else {
        block.truncate(filled * width);
    }
    bootstrap.add(&block);
    let value = |totals: &[Totals], i: usize| {
        totals[i].estimate(questions[i].estimator.is_ratio()).map(|v| v - influences[i] / rows)
    };
    let own = (0..questions.len()).map(|i| bootstrap.bounds(settings.alpha, |t| value(t, i)));
    let difference = |(first, other): &(usize, usize)| {
        bootstrap.bounds(settings.alpha, |t| Some(value(t, *other)? - value(t, *first)?))
    };
    Ok((own.collect(), pairs.iter().map(difference).collect()))
}

/// Two sequences of terms that are never negative, from which the bounds at any time follow.
#[derive(Clone, Copy, Default)]
struct TwoSided {
    /// Terms whose mean is the value, with rewards scaled to [0, 1].
    value: LowerSequence,
    /// Terms whose mean is what the value leaves of the largest it could be.
    rest: LowerSequence,
}

/// Bounds at any time, for IPS and for weights that are shrunk to a bound known beforehand. Replay has none: what it
/// takes depends on the largest weight of the whole log.
fn sequences(
    samples: &mut Samples,
    questions: &[Question],
    (low, high): (f64, f64),
    alpha: f64,
) -> Result<Vec<Option<Bounds>>> {
    let length = high - low;
    let mut both = vec![TwoSided::default(); questions.len()];
    samples.each(|decision| {
        for (question, both) in questions.iter().zip(&mut both) {
            let sample = &decision.samples[question.policy];
            let reward = if length > 0.0 { (sample.reward - low) / length } else { 0.0 };
            match question.estimator {
                Estimator::Ips => {
                    both.value.observe(sample.weight * reward);
                    both.rest.observe(sample.weight * (1.0 - reward));
                }
                estimator => {
                    let Some(bound) = question.weight_bound() else { continue };
                    let term = estimator.shrunk(sample.weight, question.lambda) * reward;
                    both.value.observe(term);
                    both.rest.observe((1.0 - term / bound).max(0.0));
                }
            }
        }
    })?;
    let bounds = |(question, both): (&Question, &TwoSided)| {
        let half = alpha / 2.0;
        let (lower, upper) = match question.estimator {
            Estimator::Ips => (both.value.bound(half), 1.0 - both.rest.bound(half)),
            _ => (both.value.bound(half), question.weight_bound()? * (1.0 - both.rest.bound(half))),
        };
        // A shrunk weight's mean is below 1, so with rewards that start elsewhere than at 0 the scale does
        // not carry over.
        let shifts =
            low != 0.0 && matches!(question.estimator, Estimator::ClippedIps | Estimator::SubGaussianIps);
        (length > 0.0 && !shifts)
            .then_some(Bounds { lower: low + length * lower, upper: low + length * upper })
    };
    Ok(questions.iter().zip(&both).map(bounds).map(|b| b.filter(|b| b.lower.is_finite())).collect())
}

impl Spread<'_> {
    /// The estimates of one policy.
    pub(super) fn estimates(&self, questions: &[Question], policy: usize) -> Vec<Estimate> {
        let own = questions.iter().zip(&self.answers).filter(|(q, _)| q.policy == policy);
        own.map(|(q, answer)| {
            let lambda = q.estimator.grid().map(|_| q.lambda);
            self.estimate(&[q], lambda, answer.value, answer.bounds)
        })
        .collect()
    }

    /// One policy's estimates minus those of the first.
    pub(super) fn differences(&self, questions: &[Question], policy: usize) -> Vec<Estimate> {
        self.less(questions, policy, |first| first + 1 < questions.len()).collect()
    }

    /// One policy's value minus that of the policy that logged.
    pub(super) fn against_log(&self, questions: &[Question], policy: usize) -> Option<Estimate> {
        self.less(questions, policy, |first| first + 1 == questions.len()).next()
    }

    /// One policy's estimates minus those of the questions that `is_first` picks.
    fn less<'a>(
        &'a self,
        questions: &'a [Question],
        policy: usize,
        is_first: impl Fn(usize) -> bool + 'a,
    ) -> impl Iterator<Item = Estimate> + 'a {
        let of_policy = move |(first, other, _): &&(usize, usize, Option<Bounds>)| {
            questions[*other].policy == policy && is_first(*first)
        };
        self.pairs.iter().filter(of_policy).map(|(first, other, bounds)| {
            let value = |i: usize| self.answers[i].value;
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
    ) -> Estimate {
        let value = value.filter(|v| v.is_finite());
        let reason = questions.iter().find_map(|q| q.silence).or_else(|| match (value, bounds) {
            (Some(_), Some(_)) => None,
            (Some(value), None) => {
                Some(NoEstimateReason::of_bounds(questions, value, self.method, self.units))
            }
            (None, _) => Some(NoEstimateReason::Undefined),
        });
        Estimate {
            estimator: questions[0].estimator.name(),
            lambda,
            value,
            lower: bounds.map(|b| b.lower),
            upper: bounds.map(|b| b.upper),
            reason,
        }
    }
}
