//! Normal bounds: estimate -+ quantile times standard error.

use super::last_pass::{LastPass, Pair};
use super::rule::{IntervalRule, MeasuredBounds};
use crate::base::error::Result;
use crate::base::stats::Moments;
use crate::evaluation::bounds::{self, Bounds};
use crate::evaluation::cluster::{Clusters, MAX_CLUSTERS};
use crate::evaluation::question::Question;

/// Estimate -+ normal quantile times standard error, by the delta method for ratios; by linearization over users, with
/// Student's quantile, where the log names them. The bounds are asymptotic: too short while a few weights or people
/// dominate.
pub(crate) struct Normal;

impl IntervalRule for Normal {
    const NAME: &'static str = "normal";
    const NEEDS_MANY_REWARDS: bool = true;

    fn bounds_difference(question: &Question) -> bool {
        !question.one_path
    }

    fn measure(pass: &mut LastPass) -> Result<MeasuredBounds> {
        if let Some(clusters) = pass.clusters {
            return by_cluster(pass, clusters);
        }
        let (own, pairs) = moments(pass)?;
        let normal =
            |moments: &CentredMoments, alpha: f64| moments.bounds(|terms| bounds::normal(terms, alpha));
        let of_pairs = pairs.iter().zip(pass.pairs).map(|(moments, pair)| normal(moments, pair.alpha));
        Ok((own.iter().map(|moments| normal(moments, pass.alpha)).collect(), of_pairs.collect()))
    }
}

/// Terms with their influence through the model, whose mean is not the estimate's.
#[derive(Clone, Copy, Default)]
pub(super) struct CentredMoments {
    terms: Moments,
    influence: f64,
}

impl CentredMoments {
    #[inline]
    fn observe(&mut self, (term, influence): (f64, f64), times: u64) {
        self.terms.observe_times(term + influence, times);
        self.influence += times as f64 * influence;
    }

    /// Bounds from the terms, around the estimate.
    pub(super) fn bounds(&self, of: impl Fn(&Moments) -> Option<Bounds>) -> Option<Bounds> {
        Some(of(&self.terms)?.shifted(-self.influence / self.terms.count() as f64))
    }
}

/// Moments of the terms of every question and of every pair's difference.
pub(super) fn moments(pass: &mut LastPass) -> Result<(Vec<CentredMoments>, Vec<CentredMoments>)> {
    let LastPass { samples, questions, pairs, model, .. } = pass;
    let mut own = vec![CentredMoments::default(); questions.len()];
    let mut differences = vec![CentredMoments::default(); pairs.len()];
    let mut terms = vec![(0.0, 0.0); questions.len()];
    samples.each_different(|decision, times| {
        for ((question, term), moments) in questions.iter().zip(&mut terms).zip(&mut own) {
            *term = question.term_and_influence(decision, model);
            moments.observe(*term, times);
        }
        for (pair, moments) in pairs.iter().zip(&mut differences) {
            moments.observe(difference(&terms, pair), times);
        }
    })?;
    Ok((own, differences))
}

/// Bounds from sums of terms by cluster. Terms are summed up less the first one of their question, so that equal ones
/// are known to be equal.
fn by_cluster(pass: &mut LastPass, clusters: &Clusters) -> Result<MeasuredBounds> {
    let LastPass { samples, questions, pairs, model, alpha, .. } = pass;
    let width = questions.len() + pairs.len();
    let mut sums = vec![0.0; MAX_CLUSTERS * width];
    let mut influences = vec![0.0; width];
    let mut firsts: Option<Vec<f64>> = None;
    let mut terms = vec![(0.0, 0.0); width];
    let mut rows = 0.0;
    samples.each(|decision| {
        let (own, differences) = terms.split_at_mut(questions.len());
        for (question, term) in questions.iter().zip(&mut *own) {
            *term = question.term_and_influence(decision, model);
        }
        for (pair, term) in pairs.iter().zip(differences) {
            *term = difference(own, pair);
        }
        let firsts = firsts.get_or_insert_with(|| terms.iter().map(|(term, _)| *term).collect());
        let of_cluster = &mut sums[decision.cluster * width..][..width];
        for (i, (term, influence)) in terms.iter().enumerate() {
            of_cluster[i] += term - firsts[i] + influence;
            influences[i] += influence;
        }
        rows += 1.0;
    })?;
    let firsts = firsts.unwrap_or_default();
    let bounds = |(i, alpha): (usize, f64)| {
        let bounds = clusters.bounds(|cluster| sums[cluster * width + i], alpha)?;
        Some(bounds.shifted(firsts[i] - influences[i] / rows))
    };
    let own = (0..questions.len()).map(|i| bounds((i, *alpha))).collect();
    let of_pairs = (questions.len()..).zip(pairs.iter().map(|pair| pair.alpha));
    Ok((own, of_pairs.map(bounds).collect()))
}

/// The term of a difference, and its influence through the model.
#[inline]
fn difference(terms: &[(f64, f64)], pair: &Pair) -> (f64, f64) {
    let (first, other) = (terms[pair.first], terms[pair.other]);
    (other.0 - first.0, other.1 - first.1)
}
