//! Every estimator, and what is asked of whichever was chosen.

use super::clipped_ips::ClippedIps;
use super::direct_method::DirectMethod;
use super::doubly_robust::DoublyRobust;
use super::doubly_robust_optimistic_shrinkage::DoublyRobustOptimisticShrinkage;
use super::ips::Ips;
use super::replay::Replay;
use super::rule::{EstimatorRule, GRID, Hyperparameter, WeightBound};
use super::self_normalized_doubly_robust::SelfNormalizedDoublyRobust;
use super::snips::Snips;
use super::sub_gaussian_doubly_robust::SubGaussianDoublyRobust;
use super::sub_gaussian_ips::SubGaussianIps;
use super::switch_doubly_robust::SwitchDoublyRobust;
use crate::base::error::{Error, Fault, Result};
use crate::evaluation::sample::Sample;
use crate::evaluation::totals::RatioTerms;

/// Makes the enum of all estimators, which asks the rule of the one that it is: one match, each arm compiled for its rule.
macro_rules! estimators {
    ($($Rule:ident),+ $(,)?) => {
        /// An estimator of a policy's mean reward.
        ///
        /// ```
        /// use rehearsal::evaluation::{Estimator, Sample};
        ///
        /// let sample = Sample { weight: 2.0, reward: 1.0, predicted: 0.4, expected: 0.5, accepted: true };
        /// let terms = Estimator::DoublyRobust.terms(&sample, 0.0);
        /// assert_eq!(terms.plain, 0.5 + 2.0 * (1.0 - 0.4));
        /// assert_eq!(Estimator::from_name("doubly_robust")?, Estimator::DoublyRobust);
        /// assert!(Estimator::from_name("dubly_robust").is_err());
        /// # Ok::<(), rehearsal::base::error::Error>(())
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Estimator {
            $(#[doc = concat!("See the rule `", stringify!($Rule), "` in a file of its own.")] $Rule,)+
        }

        impl Estimator {
            /// All of them, in the order in which they are reported.
            pub const ALL: [Self; [$(stringify!($Rule)),+].len()] = [$(Self::$Rule),+];

            /// Its name on the command line and in results.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$Rule => <$Rule as EstimatorRule>::NAME,)+ }
            }

            /// What it is, in a line.
            pub const fn description(self) -> &'static str {
                match self { $(Self::$Rule => <$Rule as EstimatorRule>::DESCRIPTION,)+ }
            }

            /// Its hyperparameter; `None` if it has none.
            pub const fn hyperparameter(self) -> Option<Hyperparameter> {
                match self { $(Self::$Rule => <$Rule as EstimatorRule>::HYPERPARAMETER,)+ }
            }

            /// Whether it looks at the reward model.
            pub const fn uses_model(self) -> bool {
                match self { $(Self::$Rule => <$Rule as EstimatorRule>::USES_MODEL,)+ }
            }

            /// Whether it looks at the weights, and so at the propensities.
            pub const fn uses_weights(self) -> bool {
                match self { $(Self::$Rule => <$Rule as EstimatorRule>::USES_WEIGHTS,)+ }
            }

            /// Whether it is a ratio of two sums.
            pub const fn is_ratio(self) -> bool {
                match self { $(Self::$Rule => <$Rule as EstimatorRule>::IS_RATIO,)+ }
            }

            /// Whether it keeps a part of the log by rejection sampling.
            pub const fn rejects(self) -> bool {
                match self { $(Self::$Rule => <$Rule as EstimatorRule>::REJECTS,)+ }
            }

            const fn place_among_unbiased(self) -> Option<usize> {
                match self { $(Self::$Rule => <$Rule as EstimatorRule>::PLACE_AMONG_UNBIASED,)+ }
            }

            /// The weight that it puts in the place of a known `weight`; NaN, which nothing stands in for, for one that is
            /// not known.
            #[inline]
            pub fn shrunk(self, weight: f64, lambda: f64) -> f64 {
                match self { $(Self::$Rule => $Rule::shrunk(weight, lambda),)+ }
            }

            /// What it makes of one sample; `lambda` is looked at only where there is a hyperparameter.
            #[inline]
            pub fn terms(self, sample: &Sample, lambda: f64) -> RatioTerms {
                match self { $(Self::$Rule => $Rule::terms(sample, lambda),)+ }
            }

            /// The `plain` terms of one sample under each of these hyperparameters.
            #[inline]
            pub fn plain_terms(self, sample: &Sample, lambdas: &[f64; GRID]) -> [f64; GRID] {
                match self { $(Self::$Rule => lambdas.map(|lambda| $Rule::terms(sample, lambda).plain),)+ }
            }

            /// What is known of the weights in its terms.
            pub fn weight_bound(self, lambda: f64) -> WeightBound {
                match self { $(Self::$Rule => $Rule::weight_bound(lambda),)+ }
            }
        }
    };
}

estimators! {
    Replay,
    Ips,
    ClippedIps,
    Snips,
    DirectMethod,
    DoublyRobust,
    SelfNormalizedDoublyRobust,
    SwitchDoublyRobust,
    DoublyRobustOptimisticShrinkage,
    SubGaussianIps,
    SubGaussianDoublyRobust,
}

/// How many estimators have bounds that are bounds on the value.
const UNBIASED: usize = {
    let (mut count, mut i) = (0, 0);
    while i < Estimator::ALL.len() {
        count += Estimator::ALL[i].place_among_unbiased().is_some() as usize;
        i += 1;
    }
    count
};

/// The estimators with a place among the unbiased ones, each in its own; that every place is taken is checked when this
/// is compiled.
const fn unbiased() -> [Estimator; UNBIASED] {
    let mut all = [Estimator::ALL[0]; UNBIASED];
    let mut place = 0;
    while place < UNBIASED {
        let mut i = 0;
        while !matches!(Estimator::ALL[i].place_among_unbiased(), Some(own) if own == place) {
            i += 1;
        }
        all[place] = Estimator::ALL[i];
        place += 1;
    }
    all
}

impl Estimator {
    /// Those whose bounds are bounds on the value, the first to look at first; those of the others leave out the bias of
    /// a model, or of weights that were shrunk.
    pub const OF_THE_VALUE: [Self; UNBIASED] = unbiased();

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

    /// Whether its bounds are bounds on the value.
    pub fn is_of_the_value(self) -> bool {
        self.place_among_unbiased().is_some()
    }

    /// The hyperparameters to choose from, from the most bias to the most variance; `None` if it has none.
    pub fn grid(self) -> Option<[f64; GRID]> {
        self.hyperparameter().map(|parameter| parameter.grid)
    }

    /// `lambda` if this estimator can have it.
    ///
    /// # Errors
    /// A hyperparameter for an estimator without one, or out of its range: [0, 1] for the sub-Gaussian
    /// ones, from 0 to 1e300 for the others.
    pub fn check_lambda(self, lambda: f64) -> Result<f64, Fault> {
        let field = format!("lambda of {}", self.name());
        match self.hyperparameter() {
            Some(parameter) => parameter.check(&field, lambda),
            None => Err(Fault::new(field, lambda, "none: it has no hyperparameter")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::totals::Totals;
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
            [known, unknown].iter().for_each(|sample| totals.add(&estimator.terms(sample, lambda), 1.0));
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
            let plain = Estimator::DoublyRobust.terms(&sample, 0.0).plain;
            for (estimator, lambda) in [
                (Estimator::SwitchDoublyRobust, 1e9),
                (Estimator::DoublyRobustOptimisticShrinkage, 1e18),
                (Estimator::SubGaussianDoublyRobust, 0.0),
            ] {
                prop_assert!((estimator.terms(&sample, lambda).plain - plain).abs() < 1e-9);
            }
        }
    }
}
