//! Empirical Bayes: what weights are like among users, from all of them together.
//!
//! The weights of user u are normal around a common mean, theta_u ~ N(mu, s^2 Psi), and a reward is normal around what they
//! expect, r ~ N(theta_u . x, s^2): a linear model with random effects (Laird & Ware 1982). Its mu, Psi and s^2 are found by
//! the EM algorithm (Dempster, Laird & Rubin 1977; for this model Dempster, Rubin & Tsutakawa 1981), one parameter after
//! the other (Meng & Rubin 1993). It needs nothing of a user but sums: with A0 = Psi^-1, in units of the noise,
//!
//! - E: m_u = (A_u + A0)^-1 (b_u + A0 mu), V_u = s^2 (A_u + A0)^-1 with A_u = sum x x^T and b_u = sum r x;
//! - M: mu = (sum m_u + k mu_c) / (U + k), s^2 Psi = (sum V_u + (m_u - mu)(m_u - mu)^T + ... ) / (U + nu), and s^2 from what is
//!   left of the rewards.
//!
//! What it maximizes is the likelihood times a conjugate prior around a centre (mu_c, Psi_c), which counts as k = 1 user for
//! the mean and nu = D + 1 for the covariance: without users it is the centre itself, which is the plain ridge, or what all
//! kinds have together. Each step raises it.

use super::user_sums::SufficientStatistics;
use crate::base::vector::Cell;
use crate::policy::{Cholesky, Solve};
use rayon::prelude::*;

/// Steps at most.
const MAX_ITERATIONS: u32 = 150;
/// It ends when a step raises the logarithm of what is maximized by less than this.
const LEAST_GAIN: f64 = 1e-2;
/// The smallest noise: rewards that are all alike have none.
const LEAST_NOISE: f64 = 1e-9;
/// Units whose sums are added up together, by one thread: a result depends on it, but not on how many threads there are.
const TOGETHER: usize = 256;
/// The centre counts as so many users for the mean.
const PSEUDO_MEAN: f64 = 1.0;

/// What few users are drawn to, by how much.
#[derive(Debug, Clone, PartialEq)]
pub struct Centre {
    /// D values.
    pub mean: Vec<f64>,
    /// Psi: D rows of D values, the covariance in units of the noise.
    pub covariance: Vec<f64>,
}

impl Centre {
    /// The plain ridge's: mean 0, covariance I / lambda.
    pub fn plain(dim: usize, lambda: f64) -> Self {
        let covariance = (0..dim * dim).map(|i| if i % (dim + 1) == 0 { 1.0 / lambda } else { 0.0 });
        Self { mean: vec![0.0; dim], covariance: covariance.collect() }
    }

    /// So many users it counts as for the covariance.
    pub fn pseudo_users(dim: usize) -> f64 {
        dim as f64 + 1.0
    }
}

/// What weights are like among users.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// mu: D values.
    pub mean: Vec<f64>,
    /// Psi: D rows of D values, in units of the noise.
    pub covariance: Vec<f64>,
    /// s^2.
    pub noise: f64,
    /// Steps that it took.
    pub iterations: u32,
    /// Whether the last step gained next to nothing.
    pub converged: bool,
}

impl Fit {
    /// A0 = Psi^-1: D rows of D values, in units of the noise.
    pub fn precision(&self) -> Vec<f64> {
        let dim = self.mean.len();
        Solved::of(self.covariance.clone(), &vec![0.0; dim]).inverse
    }
}

/// A symmetric positive definite matrix, solved.
struct Solved {
    inverse: Vec<f64>,
    solution: Vec<f64>,
    log_det: f64,
}

impl Solved {
    fn of(mut matrix: Vec<f64>, b: &[f64]) -> Self {
        let dim = b.len();
        let mut inverse = vec![0.0; dim * dim];
        let (mut solution, mut scratch) = (vec![0.0; dim], vec![0.0; dim]);
        f64::run(Cholesky { m: &mut matrix, dim });
        let log_det = matrix.iter().step_by(dim + 1).map(|pivot| 2.0 * libm::log(*pivot)).sum();
        let (factor, inverse_out, theta) = (&matrix[..], &mut inverse, &mut solution);
        f64::run(Solve { factor, b, inverse: inverse_out, theta, scratch: &mut scratch });
        Self { inverse, solution, log_det }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn times(matrix: &[f64], x: &[f64]) -> Vec<f64> {
    matrix.chunks_exact(x.len()).map(|row| dot(row, x)).collect()
}

/// A prior on its way: A0, A0 mu and the logarithm of A0's determinant.
pub(super) struct Expectation {
    precision: Vec<f64>,
    mean: Vec<f64>,
    shift: Vec<f64>,
    log_det: f64,
    noise: f64,
}

/// What a unit's rewards are under a prior, before anything is known of it.
pub(super) struct Marginal {
    /// log det (I + X Psi X^T).
    pub(super) log_det: f64,
    /// (r - X mu)^T (I + X Psi X^T)^-1 (r - X mu) / s^2.
    pub(super) quadratic: f64,
    /// (r - X mu)^T (r - X mu).
    pub(super) squares: f64,
}

impl Expectation {
    pub(super) fn new(mean: &[f64], covariance: &[f64], noise: f64) -> Self {
        let solved = Solved::of(covariance.to_vec(), mean);
        let shift = times(&solved.inverse, mean);
        let (precision, log_det) = (solved.inverse, -solved.log_det);
        Self { precision, mean: mean.to_vec(), shift, log_det, noise }
    }

    fn solve(&self, unit: &SufficientStatistics) -> Solved {
        let matrix = unit.xx.iter().zip(&self.precision).map(|(a, b)| a + b).collect();
        let b: Vec<f64> = unit.xr.iter().zip(&self.shift).map(|(a, b)| a + b).collect();
        Solved::of(matrix, &b)
    }

    fn marginal_of(&self, unit: &SufficientStatistics, solved: &Solved) -> Marginal {
        let expected = times(&unit.xx, &self.mean);
        let squares = unit.rr - 2.0 * dot(&self.mean, &unit.xr) + dot(&self.mean, &expected);
        let gap: Vec<f64> = unit.xr.iter().zip(&expected).map(|(a, b)| a - b).collect();
        let explained = dot(&gap, &times(&solved.inverse, &gap));
        let quadratic = (squares - explained).max(0.0) / self.noise;
        Marginal { log_det: solved.log_det - self.log_det, quadratic, squares }
    }

    pub(super) fn marginal(&self, unit: &SufficientStatistics) -> Marginal {
        self.marginal_of(unit, &self.solve(unit))
    }

    /// Twice the negative logarithm of the density of a unit's rewards.
    pub(super) fn deviance(&self, unit: &SufficientStatistics, marginal: &Marginal) -> f64 {
        unit.rows * libm::log(2.0 * std::f64::consts::PI * self.noise) + marginal.log_det + marginal.quadratic
    }
}

/// What the E step sums up.
#[derive(Clone)]
struct Moments {
    means: Vec<f64>,
    /// Sum of m m^T.
    squares: Vec<f64>,
    /// Sum of (A_u + A0)^-1.
    spread: Vec<f64>,
    residual: f64,
    deviance: f64,
}

impl Moments {
    fn new(dim: usize) -> Self {
        let square = vec![0.0; dim * dim];
        Self { means: vec![0.0; dim], squares: square.clone(), spread: square, residual: 0.0, deviance: 0.0 }
    }

    fn add(&mut self, prior: &Expectation, unit: &SufficientStatistics) {
        let dim = self.means.len();
        let solved = prior.solve(unit);
        let m = &solved.solution;
        let marginal = prior.marginal_of(unit, &solved);
        self.deviance += prior.deviance(unit, &marginal);
        let fitted = unit.rr - 2.0 * dot(m, &unit.xr) + dot(m, &times(&unit.xx, m));
        let trace = dim as f64 - dot(&prior.precision, &solved.inverse);
        self.residual += fitted.max(0.0) + prior.noise * trace.max(0.0);
        for i in 0..dim {
            self.means[i] += m[i];
            for j in 0..dim {
                self.squares[i * dim + j] += m[i] * m[j];
                self.spread[i * dim + j] += solved.inverse[i * dim + j];
            }
        }
    }

    fn merge(mut self, other: &Self) -> Self {
        let pairs = [
            (&mut self.means, &other.means),
            (&mut self.squares, &other.squares),
            (&mut self.spread, &other.spread),
        ];
        for (own, others) in pairs {
            own.iter_mut().zip(others).for_each(|(own, other)| *own += other);
        }
        self.residual += other.residual;
        self.deviance += other.deviance;
        self
    }
}

/// Fits the weights of these units, beginning at `from`, or at the centre.
pub(super) fn fit(units: &[&SufficientStatistics], centre: &Centre, from: Option<&Fit>) -> Fit {
    let dim = centre.mean.len();
    let (count, rows) = (units.len() as f64, units.iter().map(|unit| unit.rows).sum::<f64>());
    let plain = units.iter().map(|unit| unit.rr).sum::<f64>() / rows.max(1.0);
    let mut fit = from.cloned().unwrap_or_else(|| Fit {
        mean: centre.mean.clone(),
        covariance: centre.covariance.clone(),
        noise: plain.max(LEAST_NOISE),
        iterations: 0,
        converged: false,
    });
    (fit.iterations, fit.converged) = (0, units.is_empty());
    let pseudo = Centre::pseudo_users(dim);
    let mut before = f64::INFINITY;
    while !fit.converged && fit.iterations < MAX_ITERATIONS {
        let prior = Expectation::new(&fit.mean, &fit.covariance, fit.noise);
        let parts: Vec<Moments> = units
            .par_chunks(TOGETHER)
            .map(|units| {
                let mut moments = Moments::new(dim);
                units.iter().for_each(|unit| moments.add(&prior, unit));
                moments
            })
            .collect();
        let moments = parts.iter().fold(Moments::new(dim), Moments::merge);
        // Twice the negative logarithm of what is maximized, without what never changes.
        let now = moments.deviance + penalty(&fit, &prior, centre);
        fit.converged = before - now < 2.0 * LEAST_GAIN && fit.iterations > 0;
        before = now;
        if fit.converged {
            break;
        }
        maximize(&mut fit, &moments, centre, (count, rows, pseudo));
        fit.iterations += 1;
    }
    fit
}

/// Twice the negative logarithm of the conjugate prior's density, without what never changes.
fn penalty(fit: &Fit, prior: &Expectation, centre: &Centre) -> f64 {
    let dim = fit.mean.len();
    let away: Vec<f64> = fit.mean.iter().zip(&centre.mean).map(|(a, b)| a - b).collect();
    let of_mean = dot(&away, &times(&prior.precision, &away)) / fit.noise + dim as f64 * libm::log(fit.noise);
    let of_covariance = dot(&prior.precision, &centre.covariance) - prior.log_det;
    Centre::pseudo_users(dim) * of_covariance + PSEUDO_MEAN * of_mean
}

/// The M step.
fn maximize(fit: &mut Fit, moments: &Moments, centre: &Centre, (count, rows, pseudo): (f64, f64, f64)) {
    let dim = fit.mean.len();
    let of_mean = |i: usize| (moments.means[i] + PSEUDO_MEAN * centre.mean[i]) / (count + PSEUDO_MEAN);
    let mean: Vec<f64> = (0..dim).map(of_mean).collect();
    let mut around = vec![0.0; dim * dim];
    for i in 0..dim {
        for j in 0..dim {
            let at = i * dim + j;
            let away = (mean[i] - centre.mean[i]) * (mean[j] - centre.mean[j]);
            around[at] = fit.noise * moments.spread[at] + moments.squares[at]
                - mean[i] * moments.means[j]
                - moments.means[i] * mean[j]
                + count * mean[i] * mean[j]
                + PSEUDO_MEAN * away;
        }
    }
    let covariance: Vec<f64> = around
        .iter()
        .zip(&centre.covariance)
        .map(|(own, centre)| (own / fit.noise + pseudo * centre) / (count + pseudo))
        .collect();
    let precision = Solved::of(covariance.clone(), &mean).inverse;
    let left = moments.residual + dot(&precision, &around);
    fit.noise = (left / (rows + (count + PSEUDO_MEAN) * dim as f64)).max(LEAST_NOISE);
    (fit.mean, fit.covariance) = (mean, covariance);
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::ChaCha8Rng;
    use rand::{RngExt, SeedableRng};
    use rand_distr::StandardNormal;

    const MEAN: [f64; 2] = [0.5, -0.3];
    /// Sigma, the covariance of weights among users.
    const SIGMA: [f64; 4] = [0.20, 0.06, 0.06, 0.10];
    const NOISE: f64 = 0.25;
    const USERS: usize = 120;

    fn normal(rng: &mut ChaCha8Rng) -> f64 {
        rng.sample(StandardNormal)
    }

    /// So many users with 20 rewards each, whose weights are drawn around [`MEAN`].
    fn users(seed: u64, count: usize) -> Vec<SufficientStatistics> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        // The Cholesky factor of SIGMA, by hand.
        let (l11, l21) = (SIGMA[0].sqrt(), SIGMA[1] / SIGMA[0].sqrt());
        let l22 = (SIGMA[3] - l21 * l21).sqrt();
        let mut unit = || {
            let (z1, z2) = (normal(&mut rng), normal(&mut rng));
            let theta = [MEAN[0] + l11 * z1, MEAN[1] + l21 * z1 + l22 * z2];
            let mut unit = SufficientStatistics { rows: 0.0, xx: vec![0.0; 4], xr: vec![0.0; 2], rr: 0.0 };
            for _ in 0..20 {
                let x = [1.0, rng.random_range(-1.0..1.0)];
                let r = dot(&theta, &x) + NOISE.sqrt() * normal(&mut rng);
                for i in 0..2 {
                    (0..2).for_each(|j| unit.xx[2 * i + j] += x[i] * x[j]);
                    unit.xr[i] += r * x[i];
                }
                unit.rr += r * r;
                unit.rows += 1.0;
            }
            unit
        };
        (0..count).map(|_| unit()).collect()
    }

    /// What somebody gets who takes each user's expected weights for the truth: Sigma by the same steps without V_u.
    fn without_spread(units: &[SufficientStatistics], centre: &Centre) -> f64 {
        let mut fit = fit(&units.iter().collect::<Vec<_>>(), centre, None);
        for _ in 0..20 {
            let prior = Expectation::new(&fit.mean, &fit.covariance, fit.noise);
            let mut moments = Moments::new(2);
            units.iter().for_each(|unit| moments.add(&prior, unit));
            moments.spread.fill(0.0);
            let rows = units.iter().map(|unit| unit.rows).sum();
            maximize(&mut fit, &moments, centre, (units.len() as f64, rows, Centre::pseudo_users(2)));
        }
        fit.covariance[3] * fit.noise
    }

    /// In 200 data sets the mean of each estimate is within 5 of its standard errors, 1.2e-6 for each of the 6 by chance, of
    /// what is true once the pseudo-users are counted: (U mu) / (U + 1) for the mean, and for the covariance at most 3% and
    /// the centre's share besides. Who leaves out how unsure each user's weights are is told apart by the same bounds.
    #[test]
    fn what_users_are_like_is_recovered_and_a_wrong_way_is_caught() {
        let centre = Centre::plain(2, 1.0);
        let (mut estimates, mut wrong) = (vec![Vec::new(); 6], Vec::new());
        for seed in 0..200 {
            let units = users(seed, USERS);
            let fit = fit(&units.iter().collect::<Vec<_>>(), &centre, None);
            assert!(fit.converged, "{fit:?}");
            let sigma = fit.covariance.iter().map(|value| value * fit.noise);
            let all = fit.mean.iter().copied().chain(sigma.take(1)).chain([fit.covariance[1] * fit.noise]);
            let all = all.chain([fit.covariance[3] * fit.noise, fit.noise]);
            all.zip(&mut estimates).for_each(|(value, all)| all.push(value));
            wrong.push(without_spread(&units, &centre));
        }
        let summary = |values: &[f64]| {
            let n = values.len() as f64;
            let mean = values.iter().sum::<f64>() / n;
            let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
            (mean, (variance / n).sqrt())
        };
        let (count, pseudo) = (USERS as f64, Centre::pseudo_users(2));
        let drawn = |own: f64, centre: f64| (count * own + pseudo * centre * NOISE) / (count + pseudo);
        let truth = [
            count * MEAN[0] / (count + 1.0),
            count * MEAN[1] / (count + 1.0),
            drawn(SIGMA[0], 1.0),
            drawn(SIGMA[1], 0.0),
            drawn(SIGMA[3], 1.0),
            NOISE,
        ];
        for (i, (values, truth)) in estimates.iter().zip(truth).enumerate() {
            let (mean, error) = summary(values);
            let slack = if i < 2 { 0.0 } else { 0.03 * truth.abs() };
            assert!(
                (mean - truth).abs() <= 5.0 * error + slack,
                "estimate {i}: {mean} is not {truth} +- {error}"
            );
        }
        let (mean, error) = summary(&wrong);
        assert!((mean - truth[4]).abs() > 5.0 * error + 0.03 * truth[4], "the wrong way would pass: {mean}");
    }

    #[test]
    fn without_users_it_is_the_centre_and_few_change_it_little() {
        let centre = Centre { mean: vec![0.2, 0.1], covariance: vec![2.0, 0.5, 0.5, 1.0] };
        let none = fit(&[], &centre, None);
        assert_eq!((&none.mean, &none.covariance), (&centre.mean, &centre.covariance));
        let precision = none.precision();
        assert!((precision[0] - 1.0 / 1.75).abs() < 1e-12 && (precision[1] + 0.5 / 1.75).abs() < 1e-12);
        let away = |count: usize| {
            let units = users(7, count);
            let fit = fit(&units.iter().collect::<Vec<_>>(), &Centre::plain(2, 1.0), None);
            (fit.covariance[0] - SIGMA[0] / NOISE).abs() + (fit.covariance[3] - SIGMA[3] / NOISE).abs()
        };
        assert!(away(2) > away(2_000) && away(2_000) < 0.1, "{} {}", away(2), away(2_000));
    }

    #[test]
    fn no_number_of_threads_changes_a_bit_and_each_step_is_one_up() {
        let units = users(3, 700);
        let units: Vec<&SufficientStatistics> = units.iter().collect();
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| fit(&units, &Centre::plain(2, 1.0), None))
        };
        assert_eq!(with(1), with(5));
        let mut fit = Fit {
            mean: vec![0.0; 2],
            covariance: vec![1.0, 0.0, 0.0, 1.0],
            noise: 1.0,
            iterations: 0,
            converged: false,
        };
        let centre = Centre::plain(2, 1.0);
        let mut before = f64::INFINITY;
        for _ in 0..30 {
            let prior = Expectation::new(&fit.mean, &fit.covariance, fit.noise);
            let mut moments = Moments::new(2);
            units.iter().for_each(|unit| moments.add(&prior, unit));
            let now = moments.deviance + penalty(&fit, &prior, &centre);
            assert!(now <= before + 1e-7, "{now} after {before}");
            before = now;
            maximize(&mut fit, &moments, &centre, (700.0, 14_000.0, Centre::pseudo_users(2)));
        }
    }
}
