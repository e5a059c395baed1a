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
//! kinds have together. Each step raises it. Two steps foretell where the third and those after it would lead (Varadhan & Roland
//! 2008): it goes there at once where that is better still.

use super::expectation::{Expectation, Moments, Solved, dot, times};
use super::user_sums::SufficientStatistics;
use crate::base::vector::Cell;
use crate::policy::Cholesky;
use rayon::prelude::*;

/// Steps at most.
const MAX_ITERATIONS: u32 = 150;
/// It ends when three steps raise the logarithm of what is maximized by less than this.
const LEAST_GAIN: f64 = 1e-2;
/// The smallest noise: rewards that are all alike have none.
const LEAST_NOISE: f64 = 1e-9;
/// A pivot of a covariance is at least this share of the variance.
const LEAST_PIVOT: f64 = 1e-10;
/// By so much what lies beyond is further than three steps.
const LEAST_LENGTH: f64 = 1e-3;
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

/// Parameters, where they are moved along a line.
impl Fit {
    /// Three of these in a row say how the iteration goes on: where it would come to if it went on like that (Varadhan & Roland
    /// 2008, scheme S3), and that is a prior. `None` where it is no further than the third.
    fn beyond(first: &Self, second: &Self, third: &Self) -> Option<Self> {
        let line = |fit: &Self| -> Vec<f64> {
            fit.mean.iter().chain(&fit.covariance).copied().chain([libm::log(fit.noise)]).collect()
        };
        let (a, b, c) = (line(first), line(second), line(third));
        let step: Vec<f64> = b.iter().zip(&a).map(|(b, a)| b - a).collect();
        let bend: Vec<f64> = c.iter().zip(&b).zip(&step).map(|((c, b), step)| c - b - step).collect();
        let mut length = (dot(&step, &step) / dot(&bend, &bend)).sqrt();
        let dim = first.mean.len();
        // The nearer it is to 1, the nearer to the third.
        while length.is_finite() && length > 1.0 + LEAST_LENGTH {
            let along = |i: usize| a[i] + 2.0 * length * step[i] + length * length * bend[i];
            let all: Vec<f64> = (0..a.len()).map(along).collect();
            let covariance = all[dim..dim + dim * dim].to_vec();
            if is_positive_definite(&covariance, dim) {
                let (mean, noise) = (all[..dim].to_vec(), libm::exp(all[dim + dim * dim]));
                return Some(Self { mean, covariance, noise: noise.max(LEAST_NOISE), ..third.clone() });
            }
            length = f64::midpoint(length, 1.0);
        }
        None
    }
}

/// Whether a symmetric matrix is a covariance.
fn is_positive_definite(matrix: &[f64], dim: usize) -> bool {
    let mut factor = matrix.to_vec();
    f64::run(Cholesky { m: &mut factor, dim });
    (0..dim).all(|i| {
        let (pivot, own) = (factor[i * dim + i], matrix[i * dim + i]);
        pivot.is_finite() && pivot * pivot > LEAST_PIVOT * own
    })
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
    let size = (count, rows, Centre::pseudo_users(dim));
    let mut before = f64::INFINITY;
    while !fit.converged && fit.iterations < MAX_ITERATIONS {
        let (now, first) = step(&fit, units, centre, size);
        fit.converged = before - now < 2.0 * LEAST_GAIN;
        before = now;
        if fit.converged {
            break;
        }
        let (gained, second) = step(&first, units, centre, size);
        // What lies beyond is taken if it is better than what is known to be.
        fit = match Fit::beyond(&fit, &first, &second) {
            Some(beyond) => {
                let (reached, next) = step(&beyond, units, centre, size);
                if reached <= gained { next } else { Fit { iterations: next.iterations, ..second } }
            }
            None => second,
        };
    }
    fit
}

/// One step: twice the negative logarithm of what is maximized, without what never changes, and the parameters after it.
fn step(fit: &Fit, units: &[&SufficientStatistics], centre: &Centre, size: (f64, f64, f64)) -> (f64, Fit) {
    let prior = Expectation::new(&fit.mean, &fit.covariance, fit.noise);
    let parts: Vec<Moments> = units.par_chunks(TOGETHER).map(|units| Moments::of(&prior, units)).collect();
    let moments = parts.iter().fold(Moments::new(fit.mean.len()), Moments::merge);
    let mut next = fit.clone();
    maximize(&mut next, &moments, centre, size);
    next.iterations += 1;
    (moments.deviance + penalty(fit, &prior, centre), next)
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
            let mut unit = SufficientStatistics::blank(2);
            for _ in 0..20 {
                let x = [1.0, rng.random_range(-1.0..1.0)];
                let r = dot(&theta, &x) + NOISE.sqrt() * normal(&mut rng);
                for i in 0..2 {
                    (0..=i).for_each(|j| unit.xx[i + j] += x[i] * x[j]);
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
            let mut moments = Moments::of(&prior, &units.iter().collect::<Vec<_>>());
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

    /// Each user alone and by the formulas as they stand at the top.
    #[test]
    fn users_side_by_side_sum_up_to_what_each_has_alone() {
        let units = users(11, 7);
        let (mean, covariance) = ([0.4, -0.1], [0.9, 0.2, 0.2, 0.5]);
        let prior = Expectation::new(&mean, &covariance, 0.3);
        let precision = Solved::of(covariance.to_vec(), &mean).inverse;
        let mut expected = Moments::new(2);
        for unit in &units {
            let own = unit.matrix();
            let both: Vec<f64> = own.iter().zip(&precision).map(|(a, b)| a + b).collect();
            let b: Vec<f64> = unit.xr.iter().zip(times(&precision, &mean)).map(|(a, b)| a + b).collect();
            let Solved { inverse, solution: m, .. } = Solved::of(both, &b);
            for i in 0..2 {
                expected.means[i] += m[i];
                (0..2).for_each(|j| expected.squares[2 * i + j] += m[i] * m[j]);
                (0..2).for_each(|j| expected.spread[2 * i + j] += inverse[2 * i + j]);
            }
            let left = unit.rr - 2.0 * dot(&m, &unit.xr) + dot(&m, &times(&own, &m));
            expected.residual += left + 0.3 * dot(&inverse, &own);
            expected.deviance += prior.deviance(unit, &prior.marginal(unit));
        }
        let all = |moments: &Moments| -> Vec<f64> {
            let Moments { means, squares, spread, residual, deviance } = moments.clone();
            [means, squares, spread, vec![residual, deviance]].concat()
        };
        let found = Moments::of(&prior, &units.iter().collect::<Vec<_>>());
        for (found, expected) in all(&found).iter().zip(all(&expected)) {
            assert!((found - expected).abs() < 1e-9 * (1.0 + expected.abs()), "{found} is not {expected}");
        }
    }

    /// Where the short way ends the long way would end too: thousands of plain steps from there gain next to nothing.
    #[test]
    fn going_on_step_by_step_gains_next_to_nothing() {
        let units = users(5, 300);
        let units: Vec<&SufficientStatistics> = units.iter().collect();
        let centre = Centre::plain(2, 1.0);
        let short = fit(&units, &centre, None);
        assert!(short.converged, "{short:?}");
        let size = (300.0, 6_000.0, Centre::pseudo_users(2));
        let (begun, mut long) = step(&short, &units, &centre, size);
        for _ in 0..2_000 {
            long = step(&long, &units, &centre, size).1;
        }
        let (ended, _) = step(&long, &units, &centre, size);
        assert!((-1e-9..4.0 * LEAST_GAIN).contains(&(begun - ended)), "{begun} {ended}");
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
            let moments = Moments::of(&prior, &units);
            let now = moments.deviance + penalty(&fit, &prior, &centre);
            assert!(now <= before + 1e-7, "{now} after {before}");
            before = now;
            maximize(&mut fit, &moments, &centre, (700.0, 14_000.0, Centre::pseudo_users(2)));
        }
    }
}
