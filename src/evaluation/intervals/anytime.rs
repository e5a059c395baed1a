//! Confidence sequences: bounds at all times at once.

use super::last_pass::LastPass;
use super::rule::{IntervalRule, MeasuredBounds};
use crate::base::error::Result;
use crate::base::stats::GammaExponentialMixture;
use crate::evaluation::bounds::Bounds;
use crate::evaluation::estimators::WeightBound;
use crate::evaluation::no_estimate::NoEstimateReason;
use crate::evaluation::question::Question;

/// A confidence sequence: valid at all times at once, so one may look as often as one likes, and without any bound on
/// the weights (Waudby-Smith, Wu, Ramdas, Karampatziakis & Mineiro 2022).
///
/// It bounds the mean over these decisions of what each was worth in expectation given those before it, so it needs no
/// independence, and says nothing of other people. It is for estimators that no model fitted on the same log has touched:
/// IPS, and weights that are shrunk to a bound known beforehand. Replay has none: what it takes depends on the largest
/// weight of the whole log.
pub(crate) struct Anytime;

impl IntervalRule for Anytime {
    const NAME: &'static str = "anytime";
    const SPEAKS_OF_OTHERS: bool = false;
    const NEEDS_RANGE: bool = true;

    fn bounds_difference(_question: &Question) -> bool {
        false
    }

    fn why_none(questions: &[&Question]) -> Option<NoEstimateReason> {
        Some(if questions.len() > 1 {
            NoEstimateReason::NoneOfDifferences
        } else {
            NoEstimateReason::NoneByMethod(
                "bounds at any time are for ips, and from rewards of 0 on for clipped_ips and sub_gaussian_ips with a \
                 given lambda",
            )
        })
    }

    fn measure(pass: &mut LastPass) -> Result<MeasuredBounds> {
        let LastPass { samples, questions, pairs, range: (low, high), alpha, .. } = pass;
        let (low, length) = (*low, *high - *low);
        let mut both = vec![TwoSided::default(); questions.len()];
        samples.each(|decision| {
            for (question, both) in questions.iter().zip(&mut both) {
                let sample = &decision.samples[question.policy];
                let reward = if length > 0.0 { (sample.reward - low) / length } else { 0.0 };
                match question.weight_bound() {
                    WeightBound::None => {}
                    WeightBound::OfThePolicy => {
                        both.value.observe(sample.weight * reward);
                        both.rest.observe(sample.weight * (1.0 - reward));
                    }
                    WeightBound::AtMost(bound) => {
                        let term = question.estimator.shrunk(sample.weight, question.lambda) * reward;
                        both.value.observe(term);
                        both.rest.observe((1.0 - term / bound).max(0.0));
                    }
                }
            }
        })?;
        let bounds = |(question, both): (&Question, &TwoSided)| {
            let half = *alpha / 2.0;
            let upper = match question.weight_bound() {
                // A shrunk weight's mean is below 1, so with rewards that start elsewhere than at 0 the scale does not
                // carry over.
                WeightBound::AtMost(bound) if low == 0.0 => bound * (1.0 - both.rest.bound(half)),
                WeightBound::OfThePolicy => 1.0 - both.rest.bound(half),
                WeightBound::AtMost(_) | WeightBound::None => return None,
            };
            let lower = both.value.bound(half);
            (length > 0.0).then_some(Bounds { lower: low + length * lower, upper: low + length * upper })
        };
        let own = questions.iter().zip(&both).map(bounds).map(|b| b.filter(|b| b.lower.is_finite()));
        Ok((own.collect(), vec![None; pairs.len()]))
    }
}

/// Two sequences of terms that are never negative, from which the bounds at any time follow.
#[derive(Clone, Copy, Default)]
struct TwoSided {
    /// Terms whose mean is the value, with rewards scaled to [0, 1].
    value: LowerSequence,
    /// Terms whose mean is what the value leaves of the largest it could be.
    rest: LowerSequence,
}

/// A lower bound on the mean of terms that are never negative, valid at all times at once. What is bounded is
/// the mean of each term's expectation given all terms before it: for independent terms that is their mean,
/// for those of a log where people differ it is that of the people who were there.
///
/// With predictions m in [0, 1] made before each term x, x - m is at least -1, so for y in [0, 1)
/// E exp(y (x - m) - psi(y) (x - m)^2) is at most 1 + y (mu - m), psi(y) = -ln(1 - y) - y, where mu is the
/// expectation given the past (Fan, Grama & Liu 2015), and that is at most exp(y (mu - m)). So the sum of
/// x - mu is sub-exponential with scale 1 in the sum of (x - m)^2, whatever mu does from term to term, and
/// the gamma-exponential mixture bounds it. No term needs an upper bound.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct LowerSequence {
    count: f64,
    sum: f64,
    spread: f64,
}

/// Where the sequence is tightest: a spread of 100, as of 100 terms of order 1.
const SPREAD_OPTIMUM: f64 = 100.0;

impl LowerSequence {
    /// Adds the next term, at least 0.
    #[inline]
    fn observe(&mut self, x: f64) {
        let prediction = ((0.5 + self.sum) / (1.0 + self.count)).min(1.0);
        self.spread += (x - prediction) * (x - prediction);
        self.sum += x;
        self.count += 1.0;
    }

    /// The mean is below this with probability at most `alpha` in (0, 0.5), whenever one asks; at least 0.
    fn bound(&self, alpha: f64) -> f64 {
        if self.count == 0.0 {
            return 0.0;
        }
        let boundary = GammaExponentialMixture::new(SPREAD_OPTIMUM, alpha, 1.0).bound(self.spread, alpha);
        ((self.sum - boundary) / self.count).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::stats::Moments;
    use crate::evaluation::bounds::normal;
    use rand::rngs::ChaCha8Rng;
    use rand::{RngExt, SeedableRng};

    #[test]
    fn the_sequence_holds_at_all_times_under_heavy_tails_and_the_normal_bound_does_not() {
        // Terms are 100 with probability 1/100, else 0: mean 1. 250 runs of 2,000 terms, alpha = 0.1: a
        // valid sequence fails in more than 45 of them with probability below 1e-4.
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let (mut failed, mut normal_failed) = (0, 0);
        for _ in 0..250 {
            let (mut sequence, mut moments) = (LowerSequence::default(), Moments::default());
            let (mut crossed, mut normal_crossed) = (false, false);
            for t in 1..=2000 {
                let x = if rng.random::<f64>() < 0.01 { 100.0 } else { 0.0 };
                sequence.observe(x);
                moments.observe(x);
                if t % 40 == 0 {
                    crossed |= sequence.bound(0.1) > 1.0;
                    normal_crossed |= normal(&moments, 0.2).is_some_and(|b| b.lower > 1.0);
                }
            }
            failed += u32::from(crossed);
            normal_failed += u32::from(normal_crossed);
        }
        assert!(failed <= 45, "{failed}");
        assert!(normal_failed > 60, "{normal_failed}");
    }

    #[test]
    fn the_sequence_closes_in_on_the_mean() {
        let mut sequence = LowerSequence::default();
        (0..20_000).for_each(|i| sequence.observe(f64::from(i % 2)));
        assert!((0.45..0.5).contains(&sequence.bound(0.05)), "{}", sequence.bound(0.05));
    }
}
