//! Bounds that hold at all times at once: however often one looks and whenever one stops.
//!
//! A sum S with variance process V stays below a *uniform boundary* u(V) for all t with probability
//! at least 1 - alpha. The boundaries here come from mixtures of exponential supermartingales (Howard
//! et al. 2021, "Time-uniform, nonparametric, nonasymptotic confidence sequences").
//! Each is tuned to be tight around one value of V, and valid at all.

use super::halving::least;
use super::special::{incomplete_gamma, normal_cdf};

/// Boundary for sums of sub-Gaussian increments; V is the sum of their variance proxies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NormalMixture {
    rho: f64,
    two_sided: bool,
}

impl NormalMixture {
    /// u(V) such that |S| < u(V) for all t, tight around V = `v_opt` > 0 for `alpha` in (0, 1).
    pub fn two_sided(v_opt: f64, alpha: f64) -> Self {
        Self { rho: best_rho(v_opt, alpha), two_sided: true }
    }

    /// u(V) such that S < u(V) for all t, tight around V = `v_opt` > 0 for `alpha` in (0, 0.5).
    pub fn one_sided(v_opt: f64, alpha: f64) -> Self {
        Self { rho: best_rho(v_opt, 2.0 * alpha), two_sided: false }
    }

    /// The mixture's precision.
    pub fn rho(&self) -> f64 {
        self.rho
    }

    /// The boundary at `v` >= 0 for `alpha` in (0, 1).
    pub fn bound(&self, v: f64, alpha: f64) -> f64 {
        let (rho, total) = (self.rho, v + self.rho);
        if self.two_sided {
            return (total * (libm::log1p(v / rho) - 2.0 * libm::log(alpha))).sqrt();
        }
        first_crossing(alpha, |s| {
            0.5 * libm::log(4.0 * rho / total)
                + s * s / (2.0 * total)
                + libm::log(normal_cdf(s / total.sqrt()))
        })
    }
}

/// The rho at which the two-sided normal mixture is tightest at `v`, to a very good approximation
/// (Howard et al. 2021, section 3.5).
fn best_rho(v: f64, alpha: f64) -> f64 {
    let twice = -2.0 * libm::log(alpha);
    v / (twice + libm::log1p(twice))
}

/// Boundary for sums that are sub-exponential with scale c: increments of mean 0 that are at least -c,
/// with V the sum of their squares, or of their squared distances from a prediction made before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GammaExponentialMixture {
    rho: f64,
    c: f64,
    leading: f64,
}

impl GammaExponentialMixture {
    /// u(V) such that S < u(V) for all t, tight around V = `v_opt` > 0 for `alpha` in (0, 0.5);
    /// `c` > 0.
    pub fn new(v_opt: f64, alpha: f64, c: f64) -> Self {
        let rho = best_rho(v_opt, 2.0 * alpha);
        let shape = rho / (c * c);
        let leading =
            shape * libm::log(shape) - libm::lgamma(shape) - libm::log(incomplete_gamma(shape, shape));
        Self { rho, c, leading }
    }

    /// The boundary at `v` >= 0 for `alpha` in (0, 1).
    pub fn bound(&self, v: f64, alpha: f64) -> f64 {
        let Self { rho, c, leading } = *self;
        let shape = (v + rho) / (c * c);
        let constant = leading + libm::lgamma(shape);
        first_crossing(alpha, |s| {
            let x = shape + s / c;
            constant + libm::log(incomplete_gamma(shape, x)) - shape * libm::log(x) + (x - rho / (c * c))
        })
    }
}

/// The least s >= 0 at which the log of a supermartingale, increasing in s, reaches ln(1 / alpha).
fn first_crossing(alpha: f64, log_value: impl Fn(f64) -> f64) -> f64 {
    let threshold = -libm::log(alpha);
    let reached = |s: f64| log_value(s) >= threshold;
    let mut high = 1.0;
    while !reached(high) && high < 1e150 {
        high *= 2.0;
    }
    least(0.0, high, reached)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::ChaCha8Rng;
    use rand::{RngExt, SeedableRng};

    /// Numbers and tolerance: gostevehoward/confseq, `test/uniform_boundaries_unittest.cpp`.
    fn assert_near(actual: f64, expected: f64) {
        assert!((actual - expected).abs() < 1e-5, "{actual} is not {expected}");
    }

    #[test]
    fn bounds_equal_those_of_the_reference_implementation() {
        let two_sided = NormalMixture::two_sided(100.0, 0.05);
        assert_near(two_sided.rho(), 12.60056);
        assert_near(two_sided.bound(100.0, 0.05), 30.35209);
        assert_near(NormalMixture::one_sided(100.0, 0.05).bound(100.0, 0.05), 27.66071);
        assert_near(GammaExponentialMixture::new(100.0, 0.05, 2.0).bound(100.0, 0.05), 33.02017);
    }

    #[test]
    fn a_small_scale_makes_the_gamma_exponential_bound_the_normal_one() {
        let normal = NormalMixture::one_sided(100.0, 0.05).bound(80.0, 0.01);
        let gamma = GammaExponentialMixture::new(100.0, 0.05, 1e-3).bound(80.0, 0.01);
        assert!((gamma / normal - 1.0).abs() < 1e-3, "{gamma} {normal}");
    }

    /// Share of `runs` walks of `steps` fair +-1 steps that ever leave the boundary.
    fn crossings(runs: u32, steps: u32, boundary: &[f64]) -> f64 {
        let mut rng = ChaCha8Rng::seed_from_u64(20_210_401);
        let crossed = (0..runs).filter(|_| {
            let mut sum = 0.0_f64;
            // All steps are taken even after a crossing: every walk draws the same number of times.
            (0..steps as usize).fold(false, |crossed, t| {
                sum += if rng.random::<bool>() { 1.0 } else { -1.0 };
                crossed | (sum.abs() >= boundary[t])
            })
        });
        f64::from(crossed.count() as u32) / f64::from(runs)
    }

    #[test]
    fn a_fair_walk_leaves_the_boundary_no_oftener_than_stated_and_a_fixed_time_interval_does() {
        // 2,000 walks, alpha = 0.1: a valid bound shows more than 0.12 with probability below 0.002.
        let mixture = NormalMixture::two_sided(100.0, 0.1);
        let uniform: Vec<f64> = (1..=500).map(|t| mixture.bound(f64::from(t), 0.1)).collect();
        let share = crossings(2000, 500, &uniform);
        assert!((0.01..0.12).contains(&share), "{share}");
        // The normal interval for one look, looked at 500 times, must be caught.
        let fixed: Vec<f64> = (1..=500).map(|t| 1.645 * f64::from(t).sqrt()).collect();
        assert!(crossings(2000, 500, &fixed) > 0.3);
    }
}
