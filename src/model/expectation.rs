//! The E step: what is expected of users under a prior, and what that sums up to. Four users are worked on side by side.

use super::user_sums::SufficientStatistics;
use crate::base::vector::{Cell, Kernel, LANES, Lanes, Vector, lanes};
use crate::policy::{Cholesky, Solve};

/// Pivots are multiplied before their logarithm is taken, so many at once: no product of them leaves the range of doubles.
const PIVOTS_TOGETHER: usize = 4;

/// A symmetric positive definite matrix, solved.
pub(super) struct Solved {
    pub(super) inverse: Vec<f64>,
    pub(super) solution: Vec<f64>,
    pub(super) log_det: f64,
}

impl Solved {
    pub(super) fn of(mut matrix: Vec<f64>, b: &[f64]) -> Self {
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

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

pub(super) fn times(matrix: &[f64], x: &[f64]) -> Vec<f64> {
    matrix.chunks_exact(x.len()).map(|row| dot(row, x)).collect()
}

/// A prior on its way: A0, A0 mu and the logarithm of A0's determinant.
pub(super) struct Expectation {
    pub(super) precision: Vec<f64>,
    mean: Vec<f64>,
    shift: Vec<f64>,
    pub(super) log_det: f64,
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

    pub(super) fn marginal(&self, unit: &SufficientStatistics) -> Marginal {
        let own = unit.matrix();
        let matrix = own.iter().zip(&self.precision).map(|(a, b)| a + b).collect();
        let b: Vec<f64> = unit.xr.iter().zip(&self.shift).map(|(a, b)| a + b).collect();
        let solved = Solved::of(matrix, &b);
        let expected = times(&own, &self.mean);
        let squares = unit.rr - 2.0 * dot(&self.mean, &unit.xr) + dot(&self.mean, &expected);
        let gap: Vec<f64> = unit.xr.iter().zip(&expected).map(|(a, b)| a - b).collect();
        // (A_u + A0)^-1 (b_u - A_u mu) is m - mu.
        let explained: f64 =
            gap.iter().zip(&solved.solution).zip(&self.mean).map(|((gap, m), mean)| gap * (m - mean)).sum();
        let quadratic = (squares - explained).max(0.0) / self.noise;
        Marginal { log_det: solved.log_det - self.log_det, quadratic, squares }
    }

    /// Twice the negative logarithm of the density of a unit's rewards.
    pub(super) fn deviance(&self, unit: &SufficientStatistics, marginal: &Marginal) -> f64 {
        unit.rows * self.log_noise() + marginal.log_det + marginal.quadratic
    }

    fn log_noise(&self) -> f64 {
        libm::log(2.0 * std::f64::consts::PI * self.noise)
    }
}

/// What the E step sums up.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Moments {
    /// Sum of m.
    pub(super) means: Vec<f64>,
    /// Sum of m m^T.
    pub(super) squares: Vec<f64>,
    /// Sum of (A_u + A0)^-1.
    pub(super) spread: Vec<f64>,
    /// What is left of the rewards, squared.
    pub(super) residual: f64,
    /// Twice the negative logarithm of the density of all rewards.
    pub(super) deviance: f64,
}

impl Moments {
    pub(super) fn new(dim: usize) -> Self {
        let square = vec![0.0; dim * dim];
        Self { means: vec![0.0; dim], squares: square.clone(), spread: square, residual: 0.0, deviance: 0.0 }
    }

    /// What these units sum up to.
    pub(super) fn of(prior: &Expectation, units: &[&SufficientStatistics]) -> Self {
        Lanes::run(SumUp { prior, units })
    }

    pub(super) fn merge(mut self, other: &Self) -> Self {
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

/// The sums over some units, whose lanes are added up at the end, in their order.
struct SumUp<'a> {
    prior: &'a Expectation,
    units: &'a [&'a SufficientStatistics],
}

impl Kernel<Lanes> for SumUp<'_> {
    type Output = Moments;

    #[inline(always)]
    fn run<V: Vector<Cell = Lanes>>(self, level: V::Level) -> Moments {
        let Self { prior, units } = self;
        let dim = prior.mean.len();
        let zero = Lanes::all(0.0);
        let square = vec![zero; dim * dim];
        let line = vec![zero; dim];
        let (mut xx, mut matrix, mut inverse) = (square.clone(), square.clone(), square.clone());
        let (mut xr, mut b, mut m, mut scratch) = (line.clone(), line.clone(), line.clone(), line.clone());
        let (mut means, mut squares, mut spread) = (line, square.clone(), square);
        let (mut residual, mut deviance) = (zero, zero);
        // A lane without a user has no rewards, and counts for nothing.
        let blank = SufficientStatistics::blank(dim);
        for four in units.chunks(LANES) {
            let four: [&SufficientStatistics; LANES] =
                std::array::from_fn(|lane| *four.get(lane).unwrap_or(&&blank));
            let counts = lanes!(lane => if std::ptr::eq(four[lane], &raw const blank) { 0.0 } else { 1.0 });
            let counts = V::load(level, &counts);
            let mut place = 0;
            for i in 0..dim {
                for j in 0..=i {
                    let cell = lanes!(lane => four[lane].xx[place]);
                    (xx[i * dim + j], xx[j * dim + i]) = (cell, cell);
                    // Of a matrix that is to be factored only what is right of the diagonal is looked at.
                    matrix[j * dim + i] =
                        (V::load(level, &cell) + V::all(level, prior.precision[j * dim + i])).cell();
                    place += 1;
                }
                xr[i] = lanes!(lane => four[lane].xr[i]);
                b[i] = (V::load(level, &xr[i]) + V::all(level, prior.shift[i])).cell();
            }
            Cholesky { m: &mut matrix[..], dim }.run::<V>(level);
            let mut log_det = Lanes::all(0.0);
            for lane in 0..LANES {
                let (mut product, mut sum) = (1.0, 0.0);
                for i in 0..dim {
                    product *= matrix[i * dim + i][lane];
                    if i % PIVOTS_TOGETHER == PIVOTS_TOGETHER - 1 {
                        sum += libm::log(product);
                        product = 1.0;
                    }
                }
                log_det[lane] = 2.0 * (sum + libm::log(product));
            }
            let (factor, b) = (&matrix[..], &b[..]);
            Solve { factor, b, inverse: &mut inverse[..], theta: &mut m[..], scratch: &mut scratch[..] }
                .run::<V>(level);
            let rows = V::load(level, &lanes!(lane => four[lane].rows));
            let rr = V::load(level, &lanes!(lane => four[lane].rr));
            let (mut squared, mut fitted, mut explained) = (rr, rr, V::all(level, 0.0));
            let mut shared = V::all(level, 0.0);
            for i in 0..dim {
                let (mut of_mean, mut of_m) = (V::all(level, 0.0), V::all(level, 0.0));
                for j in 0..dim {
                    let at = i * dim + j;
                    let x = V::load(level, &xx[at]);
                    of_mean = of_mean + x * V::all(level, prior.mean[j]);
                    of_m = of_m + x * V::load(level, &m[j]);
                    shared = shared + V::all(level, prior.precision[at]) * V::load(level, &inverse[at]);
                }
                let (r, mean, own) =
                    (V::load(level, &xr[i]), V::all(level, prior.mean[i]), V::load(level, &m[i]));
                squared = squared + mean * (of_mean - r - r);
                fitted = fitted + own * (of_m - r - r);
                // (A_u + A0)^-1 (b_u - A_u mu) is m - mu.
                explained = explained + (r - of_mean) * (own - mean);
            }
            let noise = V::all(level, prior.noise);
            let quadratic = V::all(level, 0.0).larger(squared - explained) / noise;
            let own = rows * V::all(level, prior.log_noise()) + V::load(level, &log_det)
                - V::all(level, prior.log_det)
                + quadratic;
            deviance = (V::load(level, &deviance) + counts * own).cell();
            let trace = V::all(level, 0.0).larger(V::all(level, dim as f64) - shared);
            residual = (V::load(level, &residual)
                + counts * (V::all(level, 0.0).larger(fitted) + noise * trace))
                .cell();
            for i in 0..dim {
                let own = counts * V::load(level, &m[i]);
                means[i] = (V::load(level, &means[i]) + own).cell();
                for j in 0..=i {
                    let at = i * dim + j;
                    squares[at] = (V::load(level, &squares[at]) + own * V::load(level, &m[j])).cell();
                    spread[at] = (V::load(level, &spread[at]) + counts * V::load(level, &inverse[at])).cell();
                }
            }
        }
        let total = |cell: &Lanes| cell.iter().sum::<f64>();
        let whole = |cells: &[Lanes]| -> Vec<f64> {
            (0..dim * dim)
                .map(|at| (at / dim, at % dim))
                .map(|(i, j)| total(&cells[i.max(j) * dim + i.min(j)]))
                .collect()
        };
        Moments {
            means: means.iter().map(total).collect(),
            squares: whole(&squares),
            spread: whole(&spread),
            residual: total(&residual),
            deviance: total(&deviance),
        }
    }
}
