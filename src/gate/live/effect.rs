//! What one arm of an experiment gains over another, from users who were assigned at random with known weights: an
//! e-process by betting on inverse-probability-weighted differences around a predicted centre (ADR-0024).
//!
//! A user who is assigned to the arm with probability w, and to the control otherwise, and whose observation is Y in
//! \[0, 1\], contributes
//!
//! ```text
//! Z = (Y - m) / w         in the arm,
//! Z = -(Y - m) / (1 - w)  in the control,
//! ```
//!
//! with a centre m in (0, 1) that only users before this one have to do with. Whatever m is, E\[Z | past\] is the mean of
//! Y in the arm minus its mean in the control: each expectation of (Y - m) is taken over its own arm and m cancels. And Z is at
//! least -c, with c = max(m / w, (1 - m) / (1 - w)). Against H0: E\[Z | past\] <= d a stake of the fraction f of what is safe makes
//!
//! ```text
//! K_t(f) = prod over i <= t of (1 + f (Z_i - d) / (c_i + d))
//! ```
//!
//! which never falls to 0 for f < 1 and gains nothing on average under H0, so that the mean of K_t over a fixed grid of f reaches
//! 1/alpha with probability at most alpha, whenever one looks (Ville). It falls as d rises: the d that are not rejected are those
//! above a bound, which holds at all times together. Seen from the control's side, with w and 1 - w exchanged, the same process
//! bounds the difference from above.

use crate::gate::eprocess::MOST_E;

/// Stakes as fractions of the largest that is safe, with their weights. Halves of each other, for nobody knows how much
/// people vary; most weight on the large ones, which are right where a user's mean of twenty rewards is bet on.
const STAKES: [(f64, f64); 7] =
    [(0.95, 0.28), (0.48, 0.2), (0.24, 0.16), (0.12, 0.13), (0.06, 0.1), (0.03, 0.08), (0.015, 0.05)];

/// Wealth above which it is rescaled, far from what a double can hold.
const RESCALE: f64 = 1e200;

/// How many users the first centre, one half, counts for.
const CENTRE_USERS: f64 = 1.0;

/// One user in one of the two arms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ArmUser {
    /// Whether in the arm, and not in the control.
    pub treated: bool,
    /// The probability, in (0, 1), with which the user was to be in the arm.
    pub weight: f64,
    /// The observation, in [0, 1].
    pub y: f64,
}

impl ArmUser {
    /// The same user seen from the control.
    #[must_use]
    pub(super) fn mirrored(self) -> Self {
        Self { treated: !self.treated, weight: 1.0 - self.weight, ..self }
    }
}

/// An e-process against H0: the arm's mean is at most `null` above the control's.
#[derive(Debug, Clone, PartialEq)]
pub struct EffectProcess {
    null: f64,
    wealth: [f64; STAKES.len()],
    log_scale: f64,
    /// Sum and number of the observations so far, the first centre among them.
    sum: f64,
    users: f64,
}

impl EffectProcess {
    /// The process before any user: e = 1. `null` must lie in (-1, 1].
    pub fn new(null: f64) -> Self {
        debug_assert!(null > -1.0 && null <= 1.0, "a difference of observations in [0, 1]");
        let wealth = STAKES.map(|(_, weight)| weight);
        Self { null, wealth, log_scale: 0.0, sum: 0.5 * CENTRE_USERS, users: CENTRE_USERS }
    }

    /// Adds a user, in the order of exposure.
    pub fn observe(&mut self, user: ArmUser) {
        let ArmUser { treated, weight, y } = user;
        let centre = self.sum / self.users;
        let z = if treated { (y - centre) / weight } else { (centre - y) / (1.0 - weight) };
        let least = (centre / weight).max((1.0 - centre) / (1.0 - weight));
        let edge = (z - self.null) / (least + self.null);
        for (wealth, (fraction, _)) in self.wealth.iter_mut().zip(STAKES) {
            *wealth *= 1.0 + fraction * edge;
        }
        if self.wealth.iter().any(|wealth| *wealth > RESCALE) {
            self.wealth.iter_mut().for_each(|wealth| *wealth /= RESCALE);
            self.log_scale += libm::log(RESCALE);
        }
        self.sum += y;
        self.users += 1.0;
    }

    /// Natural logarithm of the e-value.
    pub fn log_e(&self) -> f64 {
        libm::log(self.wealth.iter().sum()) + self.log_scale
    }

    /// The e-value; 1e300 when it is more.
    pub fn e_value(&self) -> f64 {
        let e: f64 = if self.log_scale == 0.0 { self.wealth.iter().sum() } else { libm::exp(self.log_e()) };
        e.min(MOST_E)
    }
}

/// The e-value of `users` against the arm being at most `null` above the control.
pub fn e_above(users: &[ArmUser], null: f64) -> f64 {
    let mut process = EffectProcess::new(null);
    users.iter().for_each(|user| process.observe(*user));
    process.e_value()
}

/// The e-value of `users` against the arm being at least `null` above the control.
pub fn e_below(users: &[ArmUser], null: f64) -> f64 {
    let mut process = EffectProcess::new(-null);
    users.iter().for_each(|user| process.observe(user.mirrored()));
    process.e_value()
}

/// The e-value of `users` against no difference, in either direction.
pub fn e_two_sided(users: &[ArmUser]) -> f64 {
    f64::midpoint(e_above(users, 0.0), e_below(users, 0.0))
}

/// The largest difference that is rejected as too small at level `alpha`, or -1: a lower bound that holds at all times together.
pub fn effect_lower(users: &[ArmUser], alpha: f64) -> f64 {
    let rejects = |null: f64| e_above(users, null) >= 1.0 / alpha;
    let (mut low, mut high) = (-1.0 + 1e-9, 1.0);
    if !rejects(low) {
        return -1.0;
    }
    // Thirty halvings of an interval of width two: exact to 2e-9.
    for _ in 0..30 {
        let middle = f64::midpoint(low, high);
        if rejects(middle) { low = middle } else { high = middle }
    }
    low
}

/// The smallest difference that is rejected as too large, or 1: [`effect_lower`] seen from the control.
pub fn effect_upper(users: &[ArmUser], alpha: f64) -> f64 {
    let mirrored: Vec<ArmUser> = users.iter().map(|user| user.mirrored()).collect();
    -effect_lower(&mirrored, alpha)
}

/// The estimate that the bounds are about, as the bets see it: the mean of Z. `None` without users.
pub fn effect_estimate(users: &[ArmUser]) -> Option<f64> {
    let (mut sum, mut count, mut total) = (0.5 * CENTRE_USERS, CENTRE_USERS, 0.0);
    for ArmUser { treated, weight, y } in users {
        let centre = sum / count;
        total += if *treated { (y - centre) / weight } else { (centre - y) / (1.0 - weight) };
        sum += y;
        count += 1.0;
    }
    (!users.is_empty()).then(|| total / users.len() as f64)
}

/// Users that it takes until an arm with this effect is established above `null` at level `alpha` with the wanted probability,
/// of whom `z` is the normal quantile: for observations around `centre` with standard deviation `spread`, assigned with
/// probability `weight`. `None` if no stake ever gets there.
///
/// With a stake f the logarithm of the wealth grows with each user by about ln(1 + f m) - f^2 s^2 / (2 (1 + f m)^2), m and s
/// being mean and standard deviation of (Z - null) / (c + null), and is about normal.
pub fn planned_users(
    effect: f64,
    null: f64,
    (centre, spread): (f64, f64),
    weight: f64,
    alpha: f64,
    z: f64,
) -> Option<u64> {
    let least = (centre / weight).max((1.0 - centre) / (1.0 - weight)) + null;
    let mean = (effect - null) / least;
    // Within each arm the observations vary; between them they differ by the effect.
    let variance = spread * spread * (1.0 / weight + 1.0 / (1.0 - weight));
    let deviation = variance.sqrt() / least;
    let needed = |(fraction, share): (f64, f64)| {
        let scale = fraction / (1.0 + fraction * mean);
        let growth = libm::log1p(fraction * mean) - (scale * deviation) * (scale * deviation) / 2.0;
        let target = -libm::log(alpha * share);
        // growth n - z s sqrt(n) = target, for sqrt(n).
        let noise = z * scale * deviation;
        let root = (noise + (noise * noise + 4.0 * growth * target).sqrt()) / (2.0 * growth);
        (growth > 0.0).then(|| (root * root).ceil() as u64)
    };
    STAKES.into_iter().filter_map(needed).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::rngs::ChaCha8Rng;
    use rand::{RngExt, SeedableRng};

    fn rng(run: u64) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(24);
        rng.set_stream(run);
        rng
    }

    /// The mean of ten rewards of 0 or 1: what a user does, with chance `p` and people who differ by up to 0.2.
    fn observation(p: f64, rng: &mut ChaCha8Rng) -> f64 {
        let own = (p + 0.4 * (rng.random::<f64>() - 0.5)).clamp(0.0, 1.0);
        f64::from((0..10).filter(|_| rng.random::<f64>() < own).count() as u32) / 10.0
    }

    fn users(count: usize, weight: f64, effect: f64, rng: &mut ChaCha8Rng) -> Vec<ArmUser> {
        let user = |_| {
            let treated = rng.random::<f64>() < weight;
            let y = observation(if treated { 0.4 + effect } else { 0.4 }, rng);
            ArmUser { treated, weight, y }
        };
        (0..count).map(user).collect()
    }

    #[test]
    fn wealth_is_the_product_of_hand_made_bets() {
        // Weights 1/2; centres 1/2, then (0.5 + 1) / 2 = 0.75. First Z = (1 - 0.5) / 0.5 = 1, c = 1: edge 1. Then
        // Z = (0.75 - 0.25) / 0.5 = 1, c = 0.75 / 0.5 = 1.5: edge 2/3.
        let mut process = EffectProcess::new(0.0);
        process.observe(ArmUser { treated: true, weight: 0.5, y: 1.0 });
        process.observe(ArmUser { treated: false, weight: 0.5, y: 0.25 });
        for (wealth, (fraction, weight)) in process.wealth.iter().zip(STAKES) {
            let expected = weight * (1.0 + fraction) * (1.0 + fraction * 2.0 / 3.0);
            assert!((wealth - expected).abs() < 1e-12);
        }
        assert!((STAKES.iter().map(|(_, weight)| weight).sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn no_bet_gains_on_average_whatever_the_weights() {
        // The expectation of one factor over arm and observation, exactly, for the worst observations there are.
        for weight in [0.05, 0.5, 0.9] {
            for centre_after in [0.1, 0.9] {
                for y in [[0.0, 0.0], [1.0, 1.0], [0.3, 0.3], [0.0, 0.2]] {
                    let mut process = EffectProcess::new(y[1] - y[0]);
                    (process.sum, process.users) = (centre_after * 100.0, 100.0);
                    let after = |treated: bool| {
                        let mut process = process.clone();
                        process.observe(ArmUser { treated, weight, y: y[usize::from(treated)] });
                        process.e_value()
                    };
                    let mean = weight * after(true) + (1.0 - weight) * after(false);
                    assert!((mean - 1.0).abs() < 1e-9, "{weight} {centre_after} {y:?}: {mean}");
                }
            }
        }
    }

    /// Runs of 1,500 users without a difference, looked at after every hundred: how many ever reject.
    fn false_alarms(runs: u64, weight: f64, rejects: impl Fn(&[ArmUser]) -> bool) -> usize {
        let run = |run: &u64| {
            let users = users(1_500, weight, 0.0, &mut rng(*run));
            (1..=15).any(|look| rejects(&users[..100 * look]))
        };
        (0..runs).filter(run).count()
    }

    #[test]
    fn peeking_rejects_no_true_null_more_often_than_stated_and_a_t_test_does() {
        // 500 runs at 5%: a true rate of 5% exceeds 45 with probability 7e-5, scipy.stats.binom.sf(45, 500, 0.05).
        let ours = |users: &[ArmUser]| e_two_sided(users) >= 20.0;
        assert!(false_alarms(500, 0.5, ours) <= 45);
        assert!(false_alarms(500, 0.1, ours) <= 45);
        // The t-test of two samples, at 5%, looked at fifteen times: it must be caught.
        let t_test = |users: &[ArmUser]| {
            let moments = |treated: bool| -> crate::base::stats::Moments {
                users.iter().filter(|user| user.treated == treated).map(|user| user.y).collect()
            };
            let (a, b) = (moments(true), moments(false));
            let error =
                (a.variance().unwrap() / a.count() as f64 + b.variance().unwrap() / b.count() as f64).sqrt();
            (a.mean().unwrap() - b.mean().unwrap()).abs() > 1.96 * error
        };
        assert!(false_alarms(300, 0.5, t_test) > 30);
    }

    #[test]
    fn drifting_people_are_no_difference_while_weights_change() {
        // People get better by 0.4 while the arm's share goes from 5% to 50%: pooled means differ, weighted ones do not.
        let run = |run: &u64| {
            let mut rng = rng(1_000 + run);
            let users: Vec<ArmUser> = (0..2_000)
                .map(|i| {
                    let weight = if i < 1_000 { 0.05 } else { 0.5 };
                    let treated = rng.random::<f64>() < weight;
                    ArmUser { treated, weight, y: observation(0.3 + 0.2 * f64::from(i) / 1_000.0, &mut rng) }
                })
                .collect();
            (1..=20).any(|look| e_two_sided(&users[..100 * look]) >= 20.0)
        };
        // 100 runs at 5%: more than 15 have probability 4e-5, scipy.stats.binom.sf(15, 100, 0.05).
        assert!((0..100).filter(run).count() <= 15);
    }

    #[test]
    fn a_planted_difference_is_found_with_the_users_that_were_planned() {
        // Deviation of the observations: people 0.4 / sqrt(12) = 0.1155, ten rewards about 0.15, together 0.19.
        for (weight, effect) in [(0.5, 0.05), (0.2, 0.08)] {
            let planned = planned_users(effect, 0.0, (0.4, 0.19), weight, 0.025, 1.282).unwrap();
            let found = (0..100)
                .filter(|run| {
                    let users = users(planned as usize, weight, effect, &mut rng(5_000 + run));
                    let (lower, upper) = (effect_lower(&users, 0.025), effect_upper(&users, 0.025));
                    assert!(lower <= upper);
                    lower > 0.0
                })
                .count();
            // Planned for 90 of 100: below 78 has probability 1e-4, scipy.stats.binom.cdf(77, 100, 0.9).
            assert!(found >= 78, "{found} of 100 with {planned} users");
        }
        assert_eq!(planned_users(0.0, 0.0, (0.4, 0.19), 0.5, 0.05, 1.282), None);
    }

    #[test]
    fn bounds_hold_the_effect_and_the_estimate() {
        // 95 of 100 bounds at 5% hold the truth: more than 15 that do not have probability 4e-5.
        let missed = (0..100)
            .filter(|run| {
                let users = users(800, 0.3, 0.1, &mut rng(9_000 + run));
                let (lower, upper) = (effect_lower(&users, 0.025), effect_upper(&users, 0.025));
                let estimate = effect_estimate(&users).unwrap();
                assert!(lower < estimate && estimate < upper);
                !(lower..=upper).contains(&0.1)
            })
            .count();
        assert!(missed <= 15, "{missed}");
        assert_eq!(
            (effect_lower(&[], 0.05), effect_upper(&[], 0.05), effect_estimate(&[])),
            (-1.0, 1.0, None)
        );
    }

    proptest! {
        #[test]
        fn the_two_sides_mirror_each_other(
            raw in prop::collection::vec((any::<bool>(), 0.05..0.95f64, 0.0..=1.0f64), 1..60)
        ) {
            let users: Vec<ArmUser> =
                raw.iter().map(|(treated, weight, y)| ArmUser { treated: *treated, weight: *weight, y: *y }).collect();
            let mirrored: Vec<ArmUser> = users.iter().map(|user| user.mirrored()).collect();
            prop_assert_eq!(effect_lower(&mirrored, 0.05), -effect_upper(&users, 0.05));
            prop_assert!(e_above(&users, -0.5) >= e_above(&users, 0.5));
            prop_assert!(e_above(&users, 1.0).is_finite());
        }
    }
}
