//! What an estimator has to state of itself.

use crate::base::error::{Fault, within};
use crate::evaluation::sample::Sample;
use crate::evaluation::totals::RatioTerms;

/// The number of hyperparameters among which one is selected.
pub const GRID: usize = 12;

/// Caps on the weight, the hyperparameters of estimators that cap it.
pub(super) const CAPS: [f64; GRID] =
    [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 4096.0];

/// The hyperparameter of an estimator.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hyperparameter {
    /// The largest value that it can have, or infinity; the smallest is 0.
    pub most: f64,
    /// The values to select from when none is given, from the most bias to the most variance.
    pub grid: [f64; GRID],
}

/// The largest hyperparameter without a limit of its own: beyond it, products overflow.
const LARGEST: f64 = 1e300;

impl Hyperparameter {
    /// `value` if `field` can have it.
    ///
    /// # Errors
    /// A [`Fault`] for a value that is negative, too large or no number.
    pub fn check(&self, field: &str, value: f64) -> Result<f64, Fault> {
        if self.most.is_finite() {
            return within(field, value, 0.0, self.most);
        }
        if (0.0..=LARGEST).contains(&value) {
            Ok(value)
        } else {
            Err(Fault::new(field, value, "a number that is not negative"))
        }
    }
}

/// What is known, whatever the log, of the weights in the terms of an estimator.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum WeightBound {
    /// Its terms are not of weights and rewards alone.
    None,
    /// Its weights are those of the policy as they are.
    OfThePolicy,
    /// No weight is larger than this, as long as the hyperparameter was known before the log was looked at.
    AtMost(f64),
}

/// An estimator of a policy's mean reward. "Unbiased" supposes exact propensities, and support: the logging policy
/// could choose whatever the policy under test may.
///
/// An implementation is a unit struct without state: everything is known at compile time, so that the loops over samples
/// are compiled once for each estimator.
pub trait EstimatorRule {
    /// Its name on the command line, in gates and in results.
    const NAME: &'static str;
    /// What it is, in a line.
    const DESCRIPTION: &'static str;
    /// Its hyperparameter, which results call lambda.
    const HYPERPARAMETER: Option<Hyperparameter> = None;
    /// Whether it looks at the reward model.
    const USES_MODEL: bool;
    /// Whether it looks at the weights, and so at the propensities.
    const USES_WEIGHTS: bool = true;
    /// Whether it is a ratio of two sums.
    const IS_RATIO: bool = false;
    /// Whether it keeps a part of the log by rejection sampling, so that a policy that learns does so from that part.
    const REJECTS: bool = false;
    /// The place, from 0, among the estimators whose bounds are bounds on the value, the first to look at first. The
    /// others have `None`: their bounds leave out the bias of a model, or of weights that were shrunk.
    const PLACE_AMONG_UNBIASED: Option<usize> = None;

    /// The weight that it puts in the place of a known `weight`.
    #[inline]
    fn shrunk(weight: f64, _lambda: f64) -> f64 {
        weight
    }

    /// What it makes of one sample; `lambda` is looked at only where there is a hyperparameter. A weight that is not
    /// known is NaN, and so is then every term that hangs on it.
    fn terms(sample: &Sample, lambda: f64) -> RatioTerms;

    /// What is known of the weights in its terms.
    #[inline]
    fn weight_bound(_lambda: f64) -> WeightBound {
        WeightBound::None
    }
}
