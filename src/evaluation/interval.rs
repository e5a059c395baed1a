//! How far an estimate may be off.
//!
//! All bounds speak of the estimator's own expectation. For the unbiased estimators that is the policy's
//! value; for the shrunk ones it is the value and their bias, which no interval of theirs can show.
//!
//! What is independent are users, with all their decisions, and decisions where the log names no users. The
//! confidence sequence needs no independence: it is of these decisions, the others are of others like them.
//!
//! A reward model fitted on the log errs too, and where weights were shrunk its error does not cancel. Each
//! row's influence through the model, to first order, therefore belongs to its term.

use super::unit::MIN_UNITS;
use crate::base::error::{Error, Result};
use crate::base::stats::{GammaExponentialMixture, MIN_RESAMPLED, Moments, normal_quantile};
use serde::Serialize;

/// How bounds are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Estimate -+ normal quantile times standard error, by the delta method for ratios; by linearization
    /// over users, with Student's quantile, where the log names them. Asymptotic: too short while a few
    /// weights or people dominate.
    Normal,
    /// Percentiles of estimates from resampled users, or decisions (Efron 1979). Asymptotic; follows
    /// skewness. None for fewer than 30 effective users.
    Bootstrap,
    /// Empirical Bernstein bounds (Maurer & Pontil 2009): valid for every n, given a bound on the weights,
    /// for which the log's largest weight stands in. For means that no model fitted on the same log has
    /// touched, and for decisions that are independent: a log that names users is refused, and policies that
    /// learn from it have none.
    Bernstein,
    /// A confidence sequence: valid at all times at once, so one may look as often as one likes, and without
    /// any bound on the weights (Waudby-Smith, Wu, Ramdas, Karampatziakis & Mineiro 2022). It bounds the mean
    /// over these decisions of what each was worth in expectation given those before it, so it needs no
    /// independence, and says nothing of other people. For estimators that no model fitted on the same log
    /// has touched.
    Anytime,
}

impl Method {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Normal, Self::Bootstrap, Self::Bernstein, Self::Anytime];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Bootstrap => "bootstrap",
            Self::Bernstein => "bernstein",
            Self::Anytime => "anytime",
        }
    }

    /// Whether its bounds are of people like those of the log, not of these decisions alone.
    pub fn speaks_of_others(self) -> bool {
        self != Self::Anytime
    }

    /// Effective users below which it gives no bounds on others.
    pub fn least_units(self) -> f64 {
        match self {
            Self::Bootstrap => MIN_RESAMPLED,
            _ => MIN_UNITS,
        }
    }

    /// Whether its bounds hold only for a range of rewards that is known beforehand: that of the log hides the
    /// rare rewards that did not come.
    pub fn needs_range(self) -> bool {
        matches!(self, Self::Bernstein | Self::Anytime)
    }

    /// The method of this name.
    ///
    /// # Errors
    /// [`Error::Unknown`] for any other name.
    pub fn from_name(name: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|m| m.name() == name)
            .ok_or_else(|| Error::unknown("interval", name, Self::ALL.map(Self::name)))
    }
}

/// Lower and upper bound.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bounds {
    /// Lower bound.
    pub lower: f64,
    /// Upper bound.
    pub upper: f64,
}

impl Bounds {
    /// The same bounds, moved.
    #[must_use]
    pub fn shifted(self, by: f64) -> Self {
        Self { lower: self.lower + by, upper: self.upper + by }
    }

    /// Whether both are numbers: what overflows is no bound.
    pub fn is_finite(self) -> bool {
        self.lower.is_finite() && self.upper.is_finite()
    }

    fn around(centre: f64, half_width: f64) -> Self {
        Self { lower: centre - half_width, upper: centre + half_width }
    }
}

/// Two-sided normal bounds on the mean of independent terms; `None` as long as all terms are equal, for
/// then nothing is known of their spread.
pub fn normal(terms: &Moments, alpha: f64) -> Option<Bounds> {
    terms.variance().filter(|v| *v > 0.0)?;
    Some(Bounds::around(terms.mean()?, normal_quantile(1.0 - alpha / 2.0) * terms.standard_error()?))
}

/// Two-sided empirical Bernstein bounds on the mean of independent terms in an interval of length `range`:
/// sqrt(2 V ln(4 / alpha) / n) + 7 range ln(4 / alpha) / (3 (n - 1)) on each side (Maurer & Pontil 2009,
/// theorem 4, alpha / 2 for each).
pub fn empirical_bernstein(terms: &Moments, range: f64, alpha: f64) -> Option<Bounds> {
    let (n, log) = (terms.count() as f64, libm::log(4.0 / alpha));
    let half_width = (2.0 * terms.variance()? * log / n).sqrt() + 7.0 * range * log / (3.0 * (n - 1.0));
    Some(Bounds::around(terms.mean()?, half_width))
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
pub struct LowerSequence {
    count: f64,
    sum: f64,
    spread: f64,
}

/// Where the sequence is tightest: a spread of 100, as of 100 terms of order 1.
const SPREAD_OPTIMUM: f64 = 100.0;

impl LowerSequence {
    /// Takes the next term, at least 0.
    #[inline]
    pub fn observe(&mut self, x: f64) {
        let prediction = ((0.5 + self.sum) / (1.0 + self.count)).min(1.0);
        self.spread += (x - prediction) * (x - prediction);
        self.sum += x;
        self.count += 1.0;
    }

    /// The mean is below this with probability at most `alpha` in (0, 0.5), whenever one asks; at least 0.
    pub fn bound(&self, alpha: f64) -> f64 {
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
    use rand::rngs::ChaCha8Rng;
    use rand::{RngExt, SeedableRng};

    #[test]
    fn bounds_equal_what_the_formulas_give_by_hand() {
        let terms: Moments = [0.0, 1.0, 1.0, 0.0].into_iter().collect();
        // Variance 1/3, standard error sqrt(1/12).
        let normal = normal(&terms, 0.05).unwrap();
        assert!((normal.upper - (0.5 + 1.959_963_984_540_054 * (1.0_f64 / 12.0).sqrt())).abs() < 1e-12);
        let log = 80.0_f64.ln();
        let half = (2.0 / 3.0 * log / 4.0).sqrt() + 7.0 * log / 9.0;
        let bernstein = empirical_bernstein(&terms, 1.0, 0.05).unwrap();
        assert!((bernstein.lower - (0.5 - half)).abs() < 1e-12);
    }

    #[test]
    fn one_term_has_no_bounds() {
        let one: Moments = [1.0].into_iter().collect();
        assert_eq!((normal(&one, 0.05), empirical_bernstein(&one, 1.0, 0.05)), (None, None));
        let same: Moments = [1.0; 9].into_iter().collect();
        assert_eq!(normal(&same, 0.05), None);
    }

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
