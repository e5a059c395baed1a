//! Empirical Bernstein bounds.

use super::last_pass::LastPass;
use super::normal::{CentredMoments, moments};
use super::rule::{IntervalRule, MeasuredBounds};
use crate::base::error::Result;
use crate::base::stats::Moments;
use crate::evaluation::bounds::Bounds;
use crate::evaluation::estimators::WeightBound;
use crate::evaluation::no_estimate::NoEstimateReason;
use crate::evaluation::question::Question;

/// Empirical Bernstein bounds (Maurer & Pontil 2009): valid for every n, given a bound on the weights, for which the
/// log's largest weight stands in.
///
/// They are for means that no model fitted on the same log has touched, and for decisions that are independent: a log
/// that names users is refused, and policies that learn from it have none.
pub(crate) struct Bernstein;

impl IntervalRule for Bernstein {
    const NAME: &'static str = "bernstein";
    const NEEDS_RANGE: bool = true;
    const NEEDS_INDEPENDENT_DECISIONS: bool = true;

    fn bounds_difference(question: &Question) -> bool {
        question.has_known_range()
    }

    fn why_none(questions: &[&Question]) -> Option<NoEstimateReason> {
        if questions.iter().any(|q| !q.has_known_range()) {
            return Some(NoEstimateReason::NoneByMethod(
                "empirical Bernstein bounds are for means of weighted rewards whose largest weight is known, without a \
                 model: ips, and clipped_ips and sub_gaussian_ips with a given lambda",
            ));
        }
        questions.iter().any(|q| q.learns).then_some(NoEstimateReason::NotIndependent)
    }

    fn measure(pass: &mut LastPass) -> Result<MeasuredBounds> {
        let (own, pairs) = moments(pass)?;
        let LastPass { samples, questions, range, .. } = pass;
        let bernstein = |moments: &CentredMoments, length: Option<f64>, alpha: f64| {
            moments.bounds(|terms| empirical_bernstein(terms, length?, alpha))
        };
        let length = |q: &Question| term_range(q, samples.largest()[q.policy], *range);
        let own = questions.iter().zip(&own).map(|(q, moments)| bernstein(moments, length(q), pass.alpha));
        let differences = pass.pairs.iter().zip(&pairs).map(|(pair, moments)| {
            let lengths = length(&questions[pair.first]).zip(length(&questions[pair.other]));
            bernstein(moments, lengths.map(|(a, b)| a + b), pair.alpha)
        });
        Ok((own.collect(), differences.collect()))
    }
}

/// The length of an interval that holds every term, for weights up to `largest` and rewards in `range`; `None` for
/// ratios, where a model has a part and for policies that learn, whose terms are not independent.
fn term_range(question: &Question, largest: f64, (low, high): (f64, f64)) -> Option<f64> {
    if question.learns {
        return None;
    }
    let bound = match question.weight_bound() {
        WeightBound::None => return None,
        WeightBound::OfThePolicy => largest,
        WeightBound::AtMost(bound) => bound,
    };
    Some(bound * (high.max(0.0) - low.min(0.0)))
}

/// Two-sided empirical Bernstein bounds on the mean of independent terms in an interval of length `range`:
/// sqrt(2 V ln(4 / alpha) / n) + 7 range ln(4 / alpha) / (3 (n - 1)) on each side (Maurer & Pontil 2009,
/// theorem 4, alpha / 2 for each).
fn empirical_bernstein(terms: &Moments, range: f64, alpha: f64) -> Option<Bounds> {
    let (n, log) = (terms.count() as f64, libm::log(4.0 / alpha));
    let half_width = (2.0 * terms.variance()? * log / n).sqrt() + 7.0 * range * log / (3.0 * (n - 1.0));
    Some(Bounds::around(terms.mean()?, half_width))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_equal_what_the_formula_gives_by_hand() {
        // The variance is 1/3.
        let terms: Moments = [0.0, 1.0, 1.0, 0.0].into_iter().collect();
        let log = 80.0_f64.ln();
        let half = (2.0 / 3.0 * log / 4.0).sqrt() + 7.0 * log / 9.0;
        let bernstein = empirical_bernstein(&terms, 1.0, 0.05).unwrap();
        assert!((bernstein.lower - (0.5 - half)).abs() < 1e-12);
    }

    #[test]
    fn one_term_has_no_bounds() {
        let one: Moments = [1.0].into_iter().collect();
        assert_eq!(empirical_bernstein(&one, 1.0, 0.05), None);
    }
}
