//! Testing the mean of bounded observations by betting (Waudby-Smith & Ramdas 2024, "Estimating means of
//! bounded random variables by betting").
//!
//! Observations X lie in [-1, 1]. Against the null H0: E\[X\] <= m0 a gambler stakes a fixed fraction c of
//! what can be staked: with lambda = c / (1 + m0) the wealth is
//!
//! ```text
//! K_t(c) = prod over i <= t of (1 + lambda (X_i - m0))
//! ```
//!
//! Since X >= -1 the wealth stays positive for c < 1, and under H0 no bet gains on average. The e-process
//! is the mean of K_t(c) over a fixed grid of fractions. By Ville's inequality it ever reaches 1/alpha with
//! probability at most alpha if H0 is true: at any stopping time, with no assumption but the bounds.
//!
//! **Blocks.** A population's mean is theta = sum w_p E\[X_p\] over personas with shares w_p. The users of one block, one
//! of each persona, are independent, and each is bet on by itself: with r_p = w_p / max w a block multiplies the wealth by
//!
//! ```text
//! prod over p of (1 + lambda r_p (X_p - m0)),    lambda = c / (1 + m0)
//! ```
//!
//! Every factor is positive, so that by independence and by the inequality of arithmetic and geometric means its
//! expectation under H0: theta <= m0 is at most (1 + (lambda / (n max w)) (theta - m0))^n <= 1, with n personas. The wealth
//! is a supermartingale from one whole block to the next, and may be looked at there; inside a block it need not be one
//! (ADR-0006). Where only some users of a persona are meant, the others' factor is 1: the same holds of the mean over those
//! who are.
//!
//! The same process tests every m0 at once. K_t(c) falls as m0 rises, so the means that are not rejected
//! at level alpha are those above a bound: a lower confidence bound that holds at all times together.

/// Stakes as fractions of the largest that is safe, with their weights.
///
/// Differences between paired users vary little, so the range of what can be observed bounds the stakes long
/// before their variance does: most of the weight lies on nearly everything. The small stakes cost a few
/// users and serve gates whose observations vary a lot (ADR-0006).
pub const GRID: [(f64, f64); 4] = [(0.99, 0.8), (0.5, 0.1), (0.2, 0.06), (0.08, 0.04)];

/// Wealth above which it is rescaled, far from what a double can hold.
const RESCALE: f64 = 1e200;

/// What an e-value is said to be once it is more: no double can hold the product of some thousand users, and JSON has no word
/// for infinity.
pub const MOST_E: f64 = 1e300;

/// What one user gains, weighted by the user's share of the mean in question: a weight r in [0, 1] and a sum r X with X in
/// [-1, 1].
///
/// Weights are relative to the largest share of a block, 1 for a persona by itself, and 0 for a user who is not meant.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Gain {
    /// The weighted gain: between minus the weight and the weight.
    pub sum: f64,
    /// The weight, in [0, 1].
    pub weight: f64,
}

impl Gain {
    /// A single value in [-1, 1].
    pub fn of(x: f64) -> Self {
        Self { sum: x, weight: 1.0 }
    }

    /// The same gain in the other direction.
    #[must_use]
    pub fn mirrored(self) -> Self {
        Self { sum: -self.sum, ..self }
    }

    /// What a stake of everything gains against m0: at least -1.
    #[inline]
    fn edge(self, m0: f64) -> f64 {
        (self.sum - self.weight * m0) / (1.0 + m0)
    }
}

/// The weighted mean of gains; `None` without weight.
pub fn mean(xs: &[Gain]) -> Option<f64> {
    let (sum, weight) = xs.iter().fold((0.0, 0.0), |(s, w), x| (s + x.sum, w + x.weight));
    (weight > 0.0).then(|| sum / weight)
}

/// An e-process against H0: E\[X\] <= m0 for observations X in [-1, 1].
#[derive(Debug, Clone, PartialEq)]
pub struct EProcess {
    m0: f64,
    wealth: [f64; GRID.len()],
    /// The wealth's common factor, as a natural logarithm.
    log_scale: f64,
}

impl EProcess {
    /// The process before any observation: e = 1. `m0` must lie in (-1, 1).
    pub fn new(m0: f64) -> Self {
        assert!(m0 > -1.0 && m0 < 1.0, "a null mean inside the range of the observations");
        Self { m0, wealth: GRID.map(|(_, weight)| weight), log_scale: 0.0 }
    }

    /// Adds one user. What [`Self::e_value`] says is evidence once the user's whole block was added.
    #[inline]
    pub fn observe(&mut self, x: Gain) {
        debug_assert!(x.sum.abs() <= x.weight && x.weight <= 1.0 + 1e-9, "{x:?}");
        let edge = x.edge(self.m0);
        for (wealth, (fraction, _)) in self.wealth.iter_mut().zip(GRID) {
            *wealth *= 1.0 + fraction * edge;
        }
        if self.wealth.iter().any(|w| *w > RESCALE) {
            self.wealth.iter_mut().for_each(|w| *w /= RESCALE);
            self.log_scale += libm::log(RESCALE);
        }
    }

    /// Natural logarithm of the e-value.
    pub fn log_e(&self) -> f64 {
        libm::log(self.wealth.iter().sum()) + self.log_scale
    }

    /// The e-value; 1e300 when it is more.
    pub fn e_value(&self) -> f64 {
        let e = if self.log_scale == 0.0 { self.wealth.iter().sum() } else { libm::exp(self.log_e()) };
        f64::min(e, MOST_E)
    }

    /// Whether the evidence against H0 has reached 1/alpha just now.
    #[inline]
    pub fn reaches(&self, alpha: f64) -> bool {
        self.e_value() >= 1.0 / alpha
    }
}

/// The largest m such that E\[X\] <= m is rejected at level `alpha` by `xs`, or -1 if there is none: a lower
/// confidence bound for the mean, valid at all times together.
pub fn lower_bound(xs: &[Gain], alpha: f64) -> f64 {
    let rejects = |m0: f64| {
        let mut process = EProcess::new(m0);
        xs.iter().for_each(|x| process.observe(*x));
        process.reaches(alpha)
    };
    let (mut low, mut high) = (-1.0 + 1e-9, 1.0 - 1e-9);
    if !rejects(low) {
        return -1.0;
    }
    // Forty halvings of an interval of width two: exact to 2e-12.
    for _ in 0..40 {
        let middle = f64::midpoint(low, high);
        if rejects(middle) { low = middle } else { high = middle }
    }
    low
}

/// The smallest m such that E\[X\] >= m is rejected: [`lower_bound`] seen from above.
pub fn upper_bound(xs: &[Gain], alpha: f64) -> f64 {
    let mirrored: Vec<Gain> = xs.iter().map(|x| x.mirrored()).collect();
    -lower_bound(&mirrored, alpha)
}

/// Gains that it would take, at the rate seen so far, until the process reaches 1/alpha; `None` if
/// no stake has gained.
pub fn projected_count(xs: &[Gain], m0: f64, alpha: f64) -> Option<u64> {
    let needed = |(fraction, weight): (f64, f64)| {
        let gain: f64 = xs.iter().map(|x| libm::log1p(fraction * x.edge(m0))).sum();
        let target = -libm::log(alpha) - libm::log(weight);
        (gain > 0.0).then(|| (target * xs.len() as f64 / gain).ceil() as u64)
    };
    GRID.into_iter().filter_map(needed).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};
    use rand_xoshiro::SplitMix64;

    #[test]
    fn wealth_is_that_of_the_published_capital_process() {
        // betting_mart of gostevehoward/confseq, evaluated by hand: observations in [0, 1], m = 0.5,
        // lambda = 1, wealth prod(1 + lambda (x - m)) = 5.9326171875. Here X = 2x - 1 and m0 = 0, so that a
        // stake of fraction 1/2 on X - m0 is the stake of 1 on x - m.
        let xs = [1.0, 0.5, 0.75, 1.0, 0.5, 0.25, 1.0, 0.75, 0.5, 1.0];
        let mut process = EProcess::new(0.0);
        xs.iter().for_each(|x| process.observe(Gain::of(2.0 * x - 1.0)));
        let half = GRID.iter().position(|(fraction, _)| *fraction == 0.5).unwrap();
        assert!((process.wealth[half] / GRID[half].1 - 5.932_617_187_5).abs() < 1e-12);
    }

    #[test]
    fn bounds_enclose_the_published_interval_of_a_coin() {
        // 700 successes in 1,000 trials: gostevehoward/confseq's two-sided beta-binomial mixture at 0.05
        // gives (0.651629, 0.745949). Two bounds by betting at 0.025 each are another method for the same
        // statement: they must agree to 0.01 and contain the share of successes.
        let mut rng = SplitMix64::seed_from_u64(1);
        let mut xs = [vec![Gain::of(1.0); 700], vec![Gain::of(-1.0); 300]].concat();
        for i in (1..xs.len()).rev() {
            xs.swap(i, rng.random_range(0..=i));
        }
        let share = |x: f64| f64::midpoint(x, 1.0);
        let (lower, upper) = (share(lower_bound(&xs, 0.025)), share(upper_bound(&xs, 0.025)));
        assert!((lower - 0.651_629).abs() < 0.01 && (upper - 0.745_949).abs() < 0.01, "{lower} {upper}");
    }

    #[test]
    fn rescaling_changes_nothing() {
        let mut process = EProcess::new(-0.02);
        let mut log = [0.0; GRID.len()];
        for i in 0..5_000 {
            let x = if i % 3 == 0 { -0.2 } else { 0.9 };
            process.observe(Gain::of(x));
            for (l, (fraction, _)) in log.iter_mut().zip(GRID) {
                *l += libm::log1p(fraction * (x + 0.02) / 0.98);
            }
        }
        let top = log.iter().fold(f64::MIN, |m, l| m.max(*l));
        let sum: f64 = log.iter().zip(GRID).map(|(l, (_, w))| w * libm::exp(l - top)).sum();
        let expected = top + libm::log(sum);
        assert!((process.log_e() - expected).abs() < 1e-6 * expected, "{} {expected}", process.log_e());
        assert!(process.reaches(0.05) && process.e_value() == MOST_E);
    }

    proptest! {
        #[test]
        fn the_bound_is_where_the_test_turns(xs in prop::collection::vec(-1.0..=1.0f64, 1..200)) {
            let xs: Vec<Gain> = xs.into_iter().map(Gain::of).collect();
            let bound = lower_bound(&xs, 0.05);
            let at = |m0: f64| {
                let mut process = EProcess::new(m0);
                xs.iter().for_each(|x| process.observe(*x));
                process.reaches(0.05)
            };
            if bound > -1.0 + 1e-6 {
                prop_assert!(at(bound - 1e-9) && !at(bound + 1e-9));
            }
            prop_assert!(bound <= mean(&xs).unwrap());
            prop_assert!(bound <= upper_bound(&xs, 0.05));
        }
    }
}
