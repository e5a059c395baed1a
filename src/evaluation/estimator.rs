//! What a policy would have earned, from what another one was seen to earn.
//!
//! One logged decision as a policy under test sees it is a [`Sample`]: with pi the policy under test and
//! p the logged propensity, w = pi(a|x) / p, the reward r, the model's prediction q(x, a) for the logged
//! item, and v = sum over items of pi(a'|x) q(x, a'). Every estimator is a mean of terms of those four, or
//! a mean and a ratio of two sums.

use super::totals::Parts;
use crate::base::error::{Error, Fault, Result, within};

/// One logged decision as one policy sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// w >= 0; NaN when the log does not know its propensity.
    pub weight: f64,
    /// r
    pub reward: f64,
    /// q(x, a) of the logged item.
    pub predicted: f64,
    /// v, the policy's value at this decision by the model.
    pub expected: f64,
    /// Whether rejection sampling keeps this decision.
    pub accepted: bool,
}

/// An estimator of a policy's mean reward. "Unbiased" supposes exact propensities, and support: the logging
/// policy could choose whatever the policy under test may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Estimator {
    /// Mean reward of the decisions that survive rejection sampling, each kept with probability w / max w
    /// (Li, Chu, Langford & Wang 2011, for logs of a uniform policy). Nearly unbiased (the largest weight
    /// is the log's own); variance as of rows / max w decisions. For logs that explored evenly. A policy that learns does
    /// so from the decisions that it keeps alone, each with probability w times the smallest propensity: this is what it
    /// would earn deployed, over as many decisions as were kept.
    Replay,
    /// Mean of w r, inverse propensity scoring (Horvitz & Thompson 1952). Unbiased; its variance grows with
    /// the mean of w^2 r^2. For policies close to the one that logged.
    Ips,
    /// Mean of min(w, lambda) r (Ionides 2008). Bias is the mean of (min(w, lambda) - w) r, so towards 0 for
    /// rewards that are not negative; variance at most lambda^2 r^2 / n. For a careful lower estimate.
    ClippedIps,
    /// Sum of w r over sum of w (Swaminathan & Joachims 2015). Bias of order 1/n; less variance than IPS
    /// where rewards are far from 0, and never outside the range of the rewards. The usual first look.
    Snips,
    /// Mean of v, regression by a model and substitution (Beygelzimer & Langford 2009, the offset tree's
    /// baseline). Little variance, all the bias of the model, and no sign of it in the log or in the bounds.
    /// For logs without propensities, and for comparison.
    DirectMethod,
    /// Mean of v + w (r - q) (Dudik, Langford & Li 2011). With exact propensities unbiased, however wrong the model, if
    /// that has not seen the row: cross-fitted, on independent rows; with a model of all rows the bias is of order 1/n.
    /// With wrong propensities, as far off as weights and model are both: their errors multiply. The better the model, the
    /// less variance. The usual second look.
    DoublyRobust,
    /// Mean of v + sum of w (r - q) over sum of w (Thomas & Brunskill 2016). Bias of order 1/n; steadier
    /// than doubly robust under large weights.
    SelfNormalizedDoublyRobust,
    /// Mean of v + w 1[w <= lambda] (r - q) (Wang, Agarwal & Dudik 2017): the model alone where the weight
    /// exceeds lambda. Bias is the model's there; variance as of doubly robust with the mean of w^2 (r - q)^2 over
    /// w <= lambda alone. For a decent model and few large weights.
    SwitchDoublyRobust,
    /// Mean of v + lambda w / (w^2 + lambda) (r - q) (Su, Dimakopoulou, Krishnamurthy & Dudik 2020). Weights
    /// stay below sqrt(lambda) / 2; bias is the model's, times the weight taken off; variance that of v, and at most
    /// lambda (r - q)^2 / (4 n). Smoother than a switch.
    DoublyRobustOptimisticShrinkage,
    /// Mean of w / (1 - lambda + lambda w) r (Metelli, Russo & Restelli 2021). Weights stay below 1 / lambda;
    /// tails are sub-Gaussian; bias towards the mean reward of the log. For heavy-tailed weights.
    SubGaussianIps,
    /// Mean of v + w / (1 - lambda + lambda w) (r - q) (the same): bias only where the model errs as well; variance
    /// that of v, and at most (r - q)^2 / (lambda^2 n). For heavy-tailed weights and a decent model.
    SubGaussianDoublyRobust,
}

/// Hyperparameters among which one is selected when none is given: caps on the weight.
const CAPS: [f64; 12] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 4096.0];
/// The same, squared: for shrinkage, whose lambda has the unit of a squared weight.
const SQUARED_CAPS: [f64; 12] =
    [1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16_384.0, 65_536.0, 262_144.0, 1_048_576.0, 16_777_216.0];
/// The same, inverted: for the sub-Gaussian weights, which stay below 1 / lambda.
const INVERSE_CAPS: [f64; 12] = [
    1.0,
    1.0 / 2.0,
    1.0 / 4.0,
    1.0 / 8.0,
    1.0 / 16.0,
    1.0 / 32.0,
    1.0 / 64.0,
    1.0 / 128.0,
    1.0 / 256.0,
    1.0 / 512.0,
    1.0 / 1024.0,
    1.0 / 4096.0,
];

impl Estimator {
    /// All, in the order in which they are reported.
    pub const ALL: [Self; 11] = [
        Self::Replay,
        Self::Ips,
        Self::ClippedIps,
        Self::Snips,
        Self::DirectMethod,
        Self::DoublyRobust,
        Self::SelfNormalizedDoublyRobust,
        Self::SwitchDoublyRobust,
        Self::DoublyRobustOptimisticShrinkage,
        Self::SubGaussianIps,
        Self::SubGaussianDoublyRobust,
    ];

    /// Those whose bounds are bounds on the value, the first to look at first; those of the others leave out the bias of
    /// a model, or of weights that were shrunk.
    pub const OF_THE_VALUE: [Self; 5] =
        [Self::DoublyRobust, Self::SelfNormalizedDoublyRobust, Self::Snips, Self::Ips, Self::Replay];

    /// Its name on the command line and in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Replay => "replay",
            Self::Ips => "ips",
            Self::ClippedIps => "clipped_ips",
            Self::Snips => "snips",
            Self::DirectMethod => "direct_method",
            Self::DoublyRobust => "doubly_robust",
            Self::SelfNormalizedDoublyRobust => "self_normalized_doubly_robust",
            Self::SwitchDoublyRobust => "switch_doubly_robust",
            Self::DoublyRobustOptimisticShrinkage => "doubly_robust_optimistic_shrinkage",
            Self::SubGaussianIps => "sub_gaussian_ips",
            Self::SubGaussianDoublyRobust => "sub_gaussian_doubly_robust",
        }
    }

    /// The estimator of this name.
    ///
    /// # Errors
    /// [`Error::Unknown`], with the nearest name, for any other name.
    pub fn from_name(name: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|e| e.name() == name)
            .ok_or_else(|| Error::unknown("estimator", name, Self::ALL.map(Self::name)))
    }

    /// Whether it looks at the reward model.
    pub fn uses_model(self) -> bool {
        !matches!(self, Self::Replay | Self::Ips | Self::ClippedIps | Self::Snips | Self::SubGaussianIps)
    }

    /// Whether it looks at the weights, and so at the propensities.
    pub fn uses_weights(self) -> bool {
        self != Self::DirectMethod
    }

    /// Whether it is a ratio of two sums.
    pub fn is_ratio(self) -> bool {
        matches!(self, Self::Replay | Self::Snips | Self::SelfNormalizedDoublyRobust)
    }

    /// The hyperparameters to choose from, from the most bias to the most variance; `None` if it has none.
    pub fn grid(self) -> Option<&'static [f64; 12]> {
        match self {
            Self::ClippedIps | Self::SwitchDoublyRobust => Some(&CAPS),
            Self::DoublyRobustOptimisticShrinkage => Some(&SQUARED_CAPS),
            Self::SubGaussianIps | Self::SubGaussianDoublyRobust => Some(&INVERSE_CAPS),
            _ => None,
        }
    }

    /// `lambda` if this estimator can have it.
    ///
    /// # Errors
    /// A hyperparameter for an estimator without one, or out of its range: [0, 1] for the sub-Gaussian
    /// ones, from 0 to 1e300 for the others.
    pub fn check_lambda(self, lambda: f64) -> Result<f64, Fault> {
        let field = format!("lambda of {}", self.name());
        match self {
            Self::SubGaussianIps | Self::SubGaussianDoublyRobust => within(&field, lambda, 0.0, 1.0),
            _ if self.grid().is_some() => {
                let within = (0.0..=1e300).contains(&lambda);
                if within {
                    Ok(lambda)
                } else {
                    Err(Fault::new(field, lambda, "a number that is not negative"))
                }
            }
            _ => Err(Fault::new(field, lambda, "none: it has no hyperparameter")),
        }
    }

    /// The weight it puts in the place of `w`; NaN, which nothing stands in for, for a weight that is not known.
    #[inline]
    pub fn shrunk(self, w: f64, lambda: f64) -> f64 {
        if w.is_nan() && self.uses_weights() {
            return w;
        }
        match self {
            Self::ClippedIps => w.min(lambda),
            Self::SwitchDoublyRobust => {
                if w <= lambda {
                    w
                } else {
                    0.0
                }
            }
            Self::DoublyRobustOptimisticShrinkage => {
                if w > 0.0 {
                    lambda * w / (w * w + lambda)
                } else {
                    0.0
                }
            }
            Self::SubGaussianIps | Self::SubGaussianDoublyRobust => {
                if w > 0.0 {
                    w / (1.0 - lambda + lambda * w)
                } else {
                    0.0
                }
            }
            Self::DirectMethod => 0.0,
            Self::Replay
            | Self::Ips
            | Self::Snips
            | Self::DoublyRobust
            | Self::SelfNormalizedDoublyRobust => w,
        }
    }

    /// What it makes of one sample. `lambda` is looked at only by those that have one.
    #[inline]
    pub fn parts(self, sample: &Sample, lambda: f64) -> Parts {
        let Sample { weight, reward, predicted, expected, accepted } = *sample;
        let plain = |plain: f64| Parts { plain, above: 0.0, below: 0.0 };
        match self {
            Self::Replay => {
                let kept = if weight.is_nan() { weight } else { f64::from(u8::from(accepted)) };
                Parts { plain: 0.0, above: kept * reward, below: kept }
            }
            Self::Ips | Self::ClippedIps | Self::SubGaussianIps => {
                plain(self.shrunk(weight, lambda) * reward)
            }
            Self::Snips => Parts { plain: 0.0, above: weight * reward, below: weight },
            Self::DirectMethod => plain(expected),
            Self::DoublyRobust
            | Self::SwitchDoublyRobust
            | Self::DoublyRobustOptimisticShrinkage
            | Self::SubGaussianDoublyRobust => {
                plain(expected + self.shrunk(weight, lambda) * (reward - predicted))
            }
            Self::SelfNormalizedDoublyRobust => {
                Parts { plain: expected, above: weight * (reward - predicted), below: weight }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::totals::Totals;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_lead_back_to_estimators() {
        for estimator in Estimator::ALL {
            assert_eq!(Estimator::from_name(estimator.name()).unwrap(), estimator);
        }
        let message = Estimator::from_name("doubly-robust").unwrap_err().to_string();
        assert!(message.contains("did you mean \"doubly_robust\"?"), "{message}");
    }

    #[test]
    fn nothing_stands_in_for_a_weight_that_is_not_known() {
        let known = Sample { weight: 1.0, reward: 1.0, predicted: 0.4, expected: 0.5, accepted: true };
        let unknown = Sample { weight: f64::NAN, accepted: false, ..known };
        for estimator in Estimator::ALL {
            let lambda = estimator.grid().map_or(0.0, |grid| grid[3]);
            let mut totals = Totals::default();
            [known, unknown].iter().for_each(|sample| totals.add(&estimator.parts(sample, lambda), 1.0));
            let estimate = totals.estimate(estimator.is_ratio());
            assert_eq!(estimate.is_some_and(f64::is_finite), !estimator.uses_weights(), "{estimator:?}");
        }
    }

    #[test]
    fn hyperparameters_are_checked_on_both_sides() {
        let sub_gaussian = Estimator::SubGaussianIps;
        assert!(sub_gaussian.check_lambda(0.0).is_ok() && sub_gaussian.check_lambda(1.0).is_ok());
        assert!(sub_gaussian.check_lambda(1.0 + f64::EPSILON).is_err());
        assert!(Estimator::ClippedIps.check_lambda(1e9).is_ok());
        for bad in [-1e-9, f64::NAN, f64::INFINITY] {
            let message = Estimator::ClippedIps.check_lambda(bad).unwrap_err().to_string();
            assert!(message.ends_with("allowed: a number that is not negative"), "{message}");
        }
        assert!(Estimator::Ips.check_lambda(1.0).unwrap_err().to_string().contains("no hyperparameter"));
    }

    proptest! {
        #[test]
        fn shrinking_never_adds_weight_beyond_its_bound(w in 0.0..1e4f64, i in 0usize..12) {
            for estimator in Estimator::ALL {
                let lambda = estimator.grid().map_or(0.0, |grid| grid[i]);
                let bound = match estimator {
                    Estimator::DoublyRobustOptimisticShrinkage => w.min(lambda.sqrt() / 2.0),
                    Estimator::SubGaussianIps | Estimator::SubGaussianDoublyRobust => w.max(1.0).min(1.0 / lambda),
                    Estimator::ClippedIps | Estimator::SwitchDoublyRobust => w.min(lambda),
                    _ => w,
                };
                let shrunk = estimator.shrunk(w, lambda);
                prop_assert!((0.0..=bound * (1.0 + 1e-12)).contains(&shrunk), "{estimator:?}: {shrunk}");
            }
        }

        #[test]
        fn without_shrinkage_every_doubly_robust_estimator_is_the_same(
            weight in 0.0..100.0f64, reward in -1.0..1.0f64, predicted in -1.0..1.0f64, expected in -1.0..1.0f64,
        ) {
            let sample = Sample { weight, reward, predicted, expected, accepted: true };
            let plain = Estimator::DoublyRobust.parts(&sample, 0.0).plain;
            for (estimator, lambda) in [
                (Estimator::SwitchDoublyRobust, 1e9),
                (Estimator::DoublyRobustOptimisticShrinkage, 1e18),
                (Estimator::SubGaussianDoublyRobust, 0.0),
            ] {
                prop_assert!((estimator.parts(&sample, lambda).plain - plain).abs() < 1e-9);
            }
        }
    }
}
