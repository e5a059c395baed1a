//! Ridge regression, one observation at a time.
//!
//! With lambda > 0 and observations (x, r): A = lambda I + sum x x^T, b = sum r x, theta = A^-1 b
//! (Hoerl & Kennard 1970). A^-1 and theta are carried along by the Sherman-Morrison formula and
//! recomputed from A and b by a Cholesky factorization after every [`REFRESH`] updates, so that rounding
//! errors do not pile up: after a million updates theta still equals a fresh solve to 1e-9 relative.
//!
//! With forgetting g < 1: A <- g A + (1 - g) lambda I + x x^T, b <- g b + r x. The prior is topped up so
//! that A never falls below lambda I; that is no rank-one change, so each update is a factorization.
//!
//! The kernels are written for a number of dimensions `d` that the built-in feature sets pass as a
//! constant: the compiler makes one version for 7, one for 12 and one for any other. Sums run over
//! dimensions in order, vectors over lanes that do not mix, so no instruction set changes a bit.

use crate::features::{FeatureBlock, LANES};

/// Updates between two exact solves.
const REFRESH: u64 = 256;

/// A ridge model in D dimensions; A, A^-1 are D x D, b and theta have length D.
#[derive(Debug, Clone, PartialEq)]
pub struct Ridge {
    dim: usize,
    stride: usize,
    lambda: f64,
    forgetting: f64,
    updates: u64,
    /// D rows of `stride` values, symmetric, zero beyond D.
    a: Vec<f64>,
    /// The inverse of `a`, laid out alike.
    inverse: Vec<f64>,
    /// Length `stride`, zero beyond D; `theta` and `scratch` too.
    b: Vec<f64>,
    theta: Vec<f64>,
    scratch: Vec<f64>,
}

/// The numbers of a ridge model as they stand in a state file: lower triangles, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct RidgeNumbers {
    /// Number of updates so far.
    pub updates: u64,
    /// D (D + 1) / 2 values.
    pub a: Vec<f64>,
    /// D values.
    pub b: Vec<f64>,
    /// D (D + 1) / 2 values: carried along, not recomputed, so that a model continues with the same bits.
    pub a_inverse: Vec<f64>,
    /// D values.
    pub theta: Vec<f64>,
}

/// Calls a kernel with the number of dimensions as a constant for the built-in feature sets.
macro_rules! with_constant_dim {
    ($dim:expr, $kernel:ident($($argument:expr),*)) => {
        match $dim {
            7 => $kernel(7, $($argument),*),
            12 => $kernel(12, $($argument),*),
            d => $kernel(d, $($argument),*),
        }
    };
}

impl Ridge {
    /// The model before any observation: A = lambda I, theta = 0.
    ///
    /// `lambda` must be positive and `forgetting` in (0, 1]; a policy's specification has checked it.
    pub fn new(dim: usize, lambda: f64, forgetting: f64) -> Self {
        let stride = dim.next_multiple_of(LANES);
        let diagonal = |value: f64| {
            let mut m = vec![0.0; dim * stride];
            (0..dim).for_each(|i| m[i * stride + i] = value);
            m
        };
        let zeros = vec![0.0; stride];
        Self {
            dim,
            stride,
            lambda,
            forgetting,
            updates: 0,
            a: diagonal(lambda),
            inverse: diagonal(1.0 / lambda),
            b: zeros.clone(),
            theta: zeros.clone(),
            scratch: zeros,
        }
    }

    /// Back to the model before any observation, without a new allocation.
    pub fn clear(&mut self) {
        for v in [&mut self.a, &mut self.inverse, &mut self.b, &mut self.theta] {
            v.fill(0.0);
        }
        for i in 0..self.dim {
            self.a[i * self.stride + i] = self.lambda;
            self.inverse[i * self.stride + i] = 1.0 / self.lambda;
        }
        self.updates = 0;
    }

    /// The weights, length D.
    pub fn theta(&self) -> &[f64] {
        &self.theta[..self.dim]
    }

    /// Number of observations learned from.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// Number of dimensions, D.
    #[inline(always)]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Length to which a vector passed to [`Self::learn`] is padded with zeros.
    #[inline(always)]
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// theta . x of every candidate into `out`, which has the block's stride.
    #[inline(always)]
    pub fn scores(&self, block: &FeatureBlock, out: &mut [f64]) {
        let theta = &self.theta[..];
        with_constant_dim!(self.dim, dot_rows(theta, block, out));
    }

    /// theta . x of one candidate; the same bits as [`Self::scores`] gives.
    pub fn score_one(&self, block: &FeatureBlock, k: usize) -> f64 {
        weighted(self.theta(), block, k)
    }

    /// x^T A^-1 x of one candidate, at least 0: the square of LinUCB's confidence width. `x` is room for
    /// its vector.
    pub fn width_squared(&self, block: &FeatureBlock, k: usize, x: &mut Vec<f64>) -> f64 {
        x.resize(self.dim, 0.0);
        block.copy_vector(k, x);
        quadratic_form(self.dim, &self.inverse, x)
    }

    /// x^T A^-1 x of every candidate into `out`, which has the block's stride.
    #[inline(always)]
    pub fn widths_squared(&self, block: &FeatureBlock, out: &mut [f64]) {
        let inverse = &self.inverse[..];
        with_constant_dim!(self.dim, quadratic_forms(inverse, block, out));
    }

    /// A draw from N(theta, v^2 A^-1), given D independent standard normal draws in `z`:
    /// theta + v L^-T z with A = L L^T. `out` has the model's stride.
    pub fn perturbed(&self, v: f64, z: &[f64], out: &mut Vec<f64>) {
        let mut factor = self.a.clone();
        with_constant_dim!(self.dim, cholesky(&mut factor));
        out.clear();
        out.resize(self.stride, 0.0);
        out[..self.dim].copy_from_slice(&z[..self.dim]);
        solve_transposed(self.dim, &factor, out);
        for (o, t) in out.iter_mut().zip(&self.theta) {
            *o = t + v * *o;
        }
    }

    /// Learns that `x` (length [`Self::stride`], zero beyond D) was followed by reward `r`.
    #[inline(always)]
    pub fn learn(&mut self, x: &[f64], r: f64) {
        self.updates += 1;
        let stride = self.stride;
        let x = &x[..stride];
        if self.forgetting < 1.0 {
            let g = self.forgetting;
            self.a.iter_mut().for_each(|v| *v *= g);
            self.b.iter_mut().for_each(|v| *v *= g);
            (0..self.dim).for_each(|i| self.a[i * stride + i] += (1.0 - g) * self.lambda);
        }
        let Self { a, inverse, b, theta, scratch, .. } = self;
        with_constant_dim!(self.dim, add_outer_product(a, b, x, r));
        if self.forgetting < 1.0 || self.updates.is_multiple_of(REFRESH) {
            self.refresh();
        } else {
            with_constant_dim!(self.dim, sherman_morrison(inverse, theta, scratch, x, r));
        }
    }

    /// Recomputes A^-1 and theta from A and b.
    fn refresh(&mut self) {
        let (dim, stride) = (self.dim, self.stride);
        let mut factor = self.a.clone();
        with_constant_dim!(dim, cholesky(&mut factor));
        for j in 0..dim {
            let column = &mut self.scratch[..];
            column.fill(0.0);
            column[j] = 1.0;
            solve_lower(dim, &factor, column);
            solve_transposed(dim, &factor, column);
            // The lower triangle is what both halves get: exactly symmetric.
            for i in j..dim {
                self.inverse[i * stride + j] = column[i];
                self.inverse[j * stride + i] = column[i];
            }
        }
        self.theta.copy_from_slice(&self.b);
        solve_lower(dim, &factor, &mut self.theta);
        solve_transposed(dim, &factor, &mut self.theta);
    }

    /// The numbers to keep.
    pub fn numbers(&self) -> RidgeNumbers {
        let lower = |m: &[f64]| -> Vec<f64> {
            (0..self.dim).flat_map(|i| m[i * self.stride..=i * self.stride + i].iter().copied()).collect()
        };
        RidgeNumbers {
            updates: self.updates,
            a: lower(&self.a),
            b: self.b[..self.dim].to_vec(),
            a_inverse: lower(&self.inverse),
            theta: self.theta().to_vec(),
        }
    }

    /// The model with these numbers.
    ///
    /// # Errors
    /// What is wrong with them: lengths, values that are not finite, an A that is not positive definite, an
    /// inverse or weights that do not belong to A and b.
    pub fn with_numbers(self, numbers: &RidgeNumbers) -> Result<Self, String> {
        let (dim, stride) = (self.dim, self.stride);
        self.check_length("A_inverse", &numbers.a_inverse, dim * (dim + 1) / 2)?;
        self.check_length("theta", &numbers.theta, dim)?;
        let mut solved = self.with_sums(numbers.updates, &numbers.a, &numbers.b)?;
        let strays = |own: &[f64], kept: &[f64]| {
            let scale = own.iter().fold(f64::MIN_POSITIVE, |m, v| m.max(v.abs()));
            own.iter().zip(kept).any(|(o, k)| (o - k).abs() > 1e-6 * scale)
        };
        let own = solved.numbers();
        if strays(&own.a_inverse, &numbers.a_inverse) {
            return Err("A_inverse is not the inverse of A".to_owned());
        }
        if strays(&own.theta, &numbers.theta) {
            return Err("theta is not A^-1 b".to_owned());
        }
        fill_symmetric(dim, stride, &numbers.a_inverse, &mut solved.inverse);
        solved.theta[..dim].copy_from_slice(&numbers.theta);
        Ok(solved)
    }

    /// The model with the lower triangle `a` and `b`, solved afresh.
    ///
    /// # Errors
    /// What is wrong with them: lengths, values that are not finite, an A that is not positive definite.
    pub fn with_sums(mut self, updates: u64, a: &[f64], b: &[f64]) -> Result<Self, String> {
        let (dim, stride) = (self.dim, self.stride);
        self.check_length("A", a, dim * (dim + 1) / 2)?;
        self.check_length("b", b, dim)?;
        fill_symmetric(dim, stride, a, &mut self.a);
        self.b[..dim].copy_from_slice(b);
        self.updates = updates;
        let mut factor = self.a.clone();
        if !cholesky(dim, &mut factor) {
            return Err("A is not positive definite".to_owned());
        }
        self.refresh();
        Ok(self)
    }

    fn check_length(&self, name: &str, values: &[f64], expected: usize) -> Result<(), String> {
        if values.len() != expected {
            let dim = self.dim;
            return Err(format!("{name} has {} values; {expected} belong to D = {dim}", values.len()));
        }
        match values.iter().position(|v| !v.is_finite()) {
            Some(i) => Err(format!("{name}[{i}] is {}, not a finite number", values[i])),
            None => Ok(()),
        }
    }
}

/// Both halves of a symmetric matrix from its lower triangle, row by row.
fn fill_symmetric(dim: usize, stride: usize, lower: &[f64], full: &mut [f64]) {
    let mut values = lower.iter();
    for i in 0..dim {
        for j in 0..=i {
            let value = *values.next().expect("length checked");
            full[i * stride + j] = value;
            full[j * stride + i] = value;
        }
    }
}

/// y += w x, lane by lane; both are padded to whole lanes.
///
/// Lanes are read as a whole before any is written, here and below: the compiler then needs no proof that x
/// and y are apart to use vector instructions.
#[inline(always)]
fn add_scaled(y: &mut [f64], w: f64, x: &[f64]) {
    for (y, x) in y.as_chunks_mut::<LANES>().0.iter_mut().zip(x.as_chunks::<LANES>().0) {
        let (mut sum, x) = (*y, *x);
        for l in 0..LANES {
            sum[l] += w * x[l];
        }
        *y = sum;
    }
}

/// out[k] = sum over i of weights[i] rows[i][k].
#[inline(always)]
fn dot_rows(d: usize, weights: &[f64], block: &FeatureBlock, out: &mut [f64]) {
    out.fill(0.0);
    for (w, row) in weights[..d].iter().zip(block.rows()) {
        add_scaled(out, *w, row);
    }
}

/// One entry of what [`dot_rows`] computes, in the same order of additions.
pub(super) fn weighted(weights: &[f64], block: &FeatureBlock, k: usize) -> f64 {
    weights.iter().enumerate().fold(0.0, |sum, (i, w)| sum + w * block.row(i)[k])
}

/// out[k] = x_k^T M x_k for symmetric M.
#[inline(always)]
fn quadratic_forms(d: usize, m: &[f64], block: &FeatureBlock, out: &mut [f64]) {
    let stride = d.next_multiple_of(LANES);
    let m = &m[..d * stride];
    for (c, chunk) in out.chunks_exact_mut(LANES).enumerate() {
        let at = |i: usize| &block.row(i)[c * LANES..(c + 1) * LANES];
        let mut total = [0.0; LANES];
        for i in 0..d {
            // The diagonal once, what is below it twice: M is symmetric.
            let mut below = [0.0; LANES];
            for j in 0..i {
                let w = m[i * stride + j];
                for (sum, x) in below.iter_mut().zip(at(j)) {
                    *sum += w * x;
                }
            }
            let w = m[i * stride + i];
            for ((sum, below), x) in total.iter_mut().zip(below).zip(at(i)) {
                *sum += x * (2.0 * below + w * x);
            }
        }
        for (out, total) in chunk.iter_mut().zip(total) {
            *out = if total > 0.0 { total } else { 0.0 };
        }
    }
}

/// One entry of what [`quadratic_forms`] computes, in the same order of operations.
fn quadratic_form(d: usize, m: &[f64], x: &[f64]) -> f64 {
    let stride = d.next_multiple_of(LANES);
    let mut total = 0.0;
    for i in 0..d {
        let below = (0..i).fold(0.0, |sum, j| sum + m[i * stride + j] * x[j]);
        total += x[i] * (2.0 * below + m[i * stride + i] * x[i]);
    }
    total.max(0.0)
}

/// a += x x^T, b += r x.
#[inline(always)]
fn add_outer_product(d: usize, a: &mut [f64], b: &mut [f64], x: &[f64], r: f64) {
    let stride = d.next_multiple_of(LANES);
    let x = &x[..stride];
    for (row, xi) in a[..d * stride].chunks_exact_mut(stride).zip(x) {
        add_scaled(row, *xi, x);
    }
    add_scaled(&mut b[..stride], r, x);
}

/// A^-1 and theta after one more observation (Sherman & Morrison 1950):
/// with p = A^-1 x and s = 1 + x . p, A^-1 <- A^-1 - p p^T / s and theta <- theta + p (r - theta . x) / s.
#[inline(always)]
fn sherman_morrison(d: usize, inverse: &mut [f64], theta: &mut [f64], p: &mut [f64], x: &[f64], r: f64) {
    let stride = d.next_multiple_of(LANES);
    let (inverse, theta, p, x) =
        (&mut inverse[..d * stride], &mut theta[..stride], &mut p[..stride], &x[..stride]);
    p.fill(0.0);
    for (row, xi) in inverse.chunks_exact(stride).zip(x) {
        add_scaled(p, *xi, row);
    }
    let shrink = 1.0 / (1.0 + dot(x, p));
    let step = (r - dot(theta, x)) * shrink;
    let p = &*p;
    for (row, pi) in inverse.chunks_exact_mut(stride).zip(p) {
        for (value, pj) in row.as_chunks_mut::<LANES>().0.iter_mut().zip(p.as_chunks::<LANES>().0) {
            let (mut difference, pj) = (*value, *pj);
            for l in 0..LANES {
                // (pi pj) first: the product commutes, so the matrix stays symmetric to the bit.
                difference[l] -= (pi * pj[l]) * shrink;
            }
            *value = difference;
        }
    }
    add_scaled(theta, step, p);
}

/// x . y in four running sums: the same bits on every machine.
#[inline(always)]
fn dot(x: &[f64], y: &[f64]) -> f64 {
    let mut sum = [0.0; LANES];
    for (a, b) in x.as_chunks::<LANES>().0.iter().zip(y.as_chunks::<LANES>().0) {
        for l in 0..LANES {
            sum[l] += a[l] * b[l];
        }
    }
    (sum[0] + sum[2]) + (sum[1] + sum[3])
}

/// Replaces a symmetric matrix by its lower Cholesky factor (what is above the diagonal is left alone);
/// false if the matrix is not positive definite.
#[inline(always)]
fn cholesky(d: usize, a: &mut [f64]) -> bool {
    let stride = d.next_multiple_of(LANES);
    let a = &mut a[..d * stride];
    let mut definite = true;
    for j in 0..d {
        for i in j..d {
            let mut sum = a[i * stride + j];
            for k in 0..j {
                sum -= a[i * stride + k] * a[j * stride + k];
            }
            a[i * stride + j] = if i == j {
                definite &= sum > 0.0;
                sum.sqrt()
            } else {
                sum / a[j * stride + j]
            };
        }
    }
    definite
}

/// x <- L^-1 x.
fn solve_lower(d: usize, l: &[f64], x: &mut [f64]) {
    let stride = d.next_multiple_of(LANES);
    for i in 0..d {
        let sum = (0..i).fold(x[i], |sum, j| sum - l[i * stride + j] * x[j]);
        x[i] = sum / l[i * stride + i];
    }
}

/// x <- L^-T x.
fn solve_transposed(d: usize, l: &[f64], x: &mut [f64]) {
    let stride = d.next_multiple_of(LANES);
    for i in (0..d).rev() {
        let sum = (i + 1..d).fold(x[i], |sum, j| sum - l[j * stride + i] * x[j]);
        x[i] = sum / l[i * stride + i];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};
    use rand_xoshiro::SplitMix64;

    /// Gaussian elimination with partial pivoting: slow, and not the code above.
    fn naive_solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
        let n = b.len();
        for c in 0..n {
            let pivot = (c..n).max_by(|&i, &j| a[i][c].abs().total_cmp(&a[j][c].abs())).unwrap();
            a.swap(c, pivot);
            b.swap(c, pivot);
            for i in c + 1..n {
                let f = a[i][c] / a[c][c];
                for j in c..n {
                    a[i][j] -= f * a[c][j];
                }
                b[i] -= f * b[c];
            }
        }
        for i in (0..n).rev() {
            b[i] = (b[i] - (i + 1..n).map(|j| a[i][j] * b[j]).sum::<f64>()) / a[i][i];
        }
        b
    }

    /// A and b by their definition.
    fn naive(dim: usize, lambda: f64, g: f64, data: &[(Vec<f64>, f64)]) -> (Vec<Vec<f64>>, Vec<f64>) {
        let mut a = vec![vec![0.0; dim]; dim];
        let mut b = vec![0.0; dim];
        (0..dim).for_each(|i| a[i][i] = lambda);
        for (x, r) in data {
            for i in 0..dim {
                for j in 0..dim {
                    let prior = if i == j { (1.0 - g) * lambda } else { 0.0 };
                    a[i][j] = g * a[i][j] + prior + x[i] * x[j];
                }
                b[i] = g * b[i] + r * x[i];
            }
        }
        (a, b)
    }

    fn data(dim: usize, n: usize, seed: u64) -> Vec<(Vec<f64>, f64)> {
        let mut rng = SplitMix64::seed_from_u64(seed);
        (0..n)
            .map(|_| {
                let mut x: Vec<f64> = (0..dim).map(|_| rng.random::<f64>() * 2.0 - 1.0).collect();
                x[0] = 1.0;
                (x, rng.random::<f64>() * 1.5 - 0.5)
            })
            .collect()
    }

    fn padded(x: &[f64], stride: usize) -> Vec<f64> {
        let mut x = x.to_vec();
        x.resize(stride, 0.0);
        x
    }

    fn learned(dim: usize, lambda: f64, g: f64, data: &[(Vec<f64>, f64)]) -> Ridge {
        let mut ridge = Ridge::new(dim, lambda, g);
        for (x, r) in data {
            let x = padded(x, ridge.stride());
            ridge.learn(&x, *r);
        }
        ridge
    }

    fn assert_close(actual: &[f64], expected: &[f64], tolerance: f64) {
        let scale = expected.iter().fold(1e-300_f64, |m, v| m.max(v.abs()));
        for (a, e) in actual.iter().zip(expected) {
            assert!((a - e).abs() <= tolerance * scale, "{actual:?} is not {expected:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn theta_equals_a_naive_solve(dim in prop_oneof![Just(7usize), Just(12), 1..20usize], n in 0..300usize,
                                      lambda in 0.01..10.0f64, forget in any::<bool>(), seed in any::<u64>()) {
            let g = if forget { 0.97 } else { 1.0 };
            let data = data(dim, n, seed);
            let ridge = learned(dim, lambda, g, &data);
            let (a, b) = naive(dim, lambda, g, &data);
            let expected = naive_solve(a.clone(), b);
            let scale = expected.iter().fold(1e-12_f64, |m, v| m.max(v.abs()));
            for (t, e) in ridge.theta().iter().zip(&expected) {
                prop_assert!((t - e).abs() <= 1e-9 * scale, "{t} is not {e}");
            }
            let x = padded(&vec![0.3; dim], ridge.stride());
            let expected: f64 = naive_solve(a, vec![0.3; dim]).iter().map(|v| v * 0.3).sum();
            prop_assert!((quadratic_form(dim, &ridge.inverse, &x) - expected).abs() <= 1e-9 * expected);
        }

        #[test]
        fn a_block_scores_as_its_candidates_do_one_by_one(dim in prop_oneof![Just(7usize), Just(12), 1..20usize],
                                                          k in 1..14usize, seed in any::<u64>()) {
            let ridge = learned(dim, 1.0, 1.0, &data(dim, 30, seed));
            let mut block = FeatureBlock::new(dim, k);
            for (i, (x, _)) in data(dim, k, seed ^ 1).iter().enumerate() {
                block.set_vector(i, x);
            }
            let (mut scores, mut widths) = (vec![0.0; block.stride()], vec![0.0; block.stride()]);
            ridge.scores(&block, &mut scores);
            ridge.widths_squared(&block, &mut widths);
            for i in 0..k {
                prop_assert_eq!(scores[i].to_bits(), ridge.score_one(&block, i).to_bits());
                prop_assert_eq!(widths[i].to_bits(), ridge.width_squared(&block, i, &mut Vec::new()).to_bits());
            }
        }
    }

    #[test]
    fn a_million_collinear_updates_leave_it_sound() {
        // Constant and collinear features: the hardest case for a running inverse.
        let mut ridge = Ridge::new(7, 1.0, 1.0);
        let mut rng = SplitMix64::seed_from_u64(7);
        for _ in 0..1_000_000 {
            let u: f64 = rng.random();
            let x = [1.0, u, 2.0 * u - 1.0, 0.5, 0.5, u, 1.0 - u, 0.0];
            ridge.learn(&x, u);
        }
        let numbers = ridge.numbers();
        let mut a = vec![vec![0.0; 7]; 7];
        let mut values = numbers.a.iter();
        for i in 0..7 {
            for j in 0..=i {
                a[i][j] = *values.next().unwrap();
                a[j][i] = a[i][j];
            }
        }
        let expected = naive_solve(a, numbers.b);
        assert_close(ridge.theta(), &expected, 1e-9);
        for i in 0..7 {
            assert!(ridge.inverse[i * 8 + i] > 0.0);
            for j in 0..7 {
                assert_eq!(ridge.inverse[i * 8 + j].to_bits(), ridge.inverse[j * 8 + i].to_bits());
            }
        }
    }

    #[test]
    fn kept_numbers_continue_with_the_same_bits() {
        let all = data(12, 400, 3);
        let straight = learned(12, 1.0, 1.0, &all);
        let half = learned(12, 1.0, 1.0, &all[..200]);
        let mut resumed = Ridge::new(12, 1.0, 1.0).with_numbers(&half.numbers()).unwrap();
        for (x, r) in &all[200..] {
            resumed.learn(x, *r);
        }
        assert_eq!(straight.numbers(), resumed.numbers());
    }

    #[test]
    fn damaged_numbers_are_named() {
        let good = learned(7, 1.0, 1.0, &data(7, 20, 1)).numbers();
        let fails = |change: &dyn Fn(&mut RidgeNumbers)| {
            let mut numbers = good.clone();
            change(&mut numbers);
            Ridge::new(7, 1.0, 1.0).with_numbers(&numbers).unwrap_err()
        };
        assert!(fails(&|n| n.a.truncate(3)).contains("A has 3 values; 28 belong to D = 7"));
        assert!(fails(&|n| n.b[2] = f64::NAN).contains("b[2] is NaN"));
        assert!(fails(&|n| n.a[0] = -1.0).contains("positive definite"));
        assert!(fails(&|n| n.a_inverse[0] *= 1.01).contains("A_inverse"));
        assert!(fails(&|n| n.theta[0] += 0.5).contains("theta"));
    }

    #[test]
    fn a_perturbed_draw_has_the_stated_mean_and_covariance() {
        // 40,000 draws; each of the 35 entries is compared at 5 standard errors: false alarm below 1e-4.
        let ridge = learned(7, 1.0, 1.0, &data(7, 15, 9));
        let mut rng = SplitMix64::seed_from_u64(11);
        let (n, v) = (40_000, 0.5);
        let mut out = Vec::new();
        let mut sum = [0.0; 7];
        let mut products = [[0.0; 7]; 7];
        for _ in 0..n {
            let z: Vec<f64> = (0..7).map(|_| rng.sample(rand_distr::StandardNormal)).collect();
            ridge.perturbed(v, &z, &mut out);
            for i in 0..7 {
                let di = out[i] - ridge.theta()[i];
                sum[i] += di;
                for j in 0..7 {
                    products[i][j] += di * (out[j] - ridge.theta()[j]);
                }
            }
        }
        let n = f64::from(n);
        let covariance = |i: usize, j: usize| v * v * ridge.inverse[i * 8 + j];
        for i in 0..7 {
            assert!((sum[i] / n).abs() < 5.0 * (covariance(i, i) / n).sqrt());
            for j in 0..=i {
                let expected = covariance(i, j);
                let error = ((covariance(i, i) * covariance(j, j) + expected * expected) / n).sqrt();
                assert!((products[i][j] / n - expected).abs() < 5.0 * error, "entry {i}, {j}");
            }
        }
    }
}
