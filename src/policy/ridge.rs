//! Ridge regression, one observation at a time.
//!
//! With lambda > 0 and observations (x, r): A = lambda I + sum x x^T, b = sum r x, theta = A^-1 b
//! (Hoerl & Kennard 1970). A^-1 and theta are carried along by the Sherman-Morrison formula and
//! recomputed from A and b by a Cholesky factorization after every [`REFRESH`] updates, so that rounding
//! errors do not pile up: after a million updates theta still equals a fresh solve to 1e-9 relative.
//!
//! With forgetting g < 1: A <- g A + (1 - g) lambda I + x x^T, b <- g b + r x. The prior is topped up so
//! that A never falls below lambda I; that is no rank-one change, so each update is a factorization.

use super::kernels::{self, Carried, add_outer_product, add_scaled, lanes, lanes_mut, weighted_sum};
use crate::features::{ALL_DIMS, CANDIDATE_DIMS, FeatureBlock, LANES, Lanes};
use crate::reaction::MAX_REWARD;

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
    /// D rows of `stride` values, symmetric, zero beyond D; without the `recent` observations.
    a: Vec<f64>,
    /// Vectors that `a` still lacks. Only an exact solve and a state file need A, choosing does not: it is
    /// brought up to date when one of them comes.
    recent: Vec<Lanes>,
    /// The inverse of A, laid out as `a` is.
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

impl Ridge {
    /// The model before any observation: A = lambda I, theta = 0.
    ///
    /// `lambda` must be positive and `forgetting` in (0, 1]; a policy's specification has checked it.
    pub fn new(dim: usize, lambda: f64, forgetting: f64) -> Self {
        let stride = dim.next_multiple_of(LANES);
        let square = vec![0.0; dim * stride];
        let zeros = vec![0.0; stride];
        let mut ridge = Self {
            dim,
            stride,
            lambda,
            forgetting,
            updates: 0,
            a: square.clone(),
            recent: Vec::new(),
            inverse: square,
            b: zeros.clone(),
            theta: zeros.clone(),
            scratch: zeros,
        };
        ridge.clear();
        ridge
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
        self.recent.clear();
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

    /// theta . x of every candidate into `out`, which has the block's stride; minus infinity for what fills it
    /// up.
    #[inline(always)]
    pub fn scores(&self, block: &FeatureBlock, out: &mut [f64]) {
        kernels::scores(self.theta(), block.rows(), block.dim(), block.len(), lanes_mut(out));
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
        quadratic_form(self.stride, &self.inverse, x)
    }

    /// x^T A^-1 x of every candidate into `out`, which has the block's stride.
    #[inline(always)]
    pub fn widths_squared(&self, block: &FeatureBlock, out: &mut [f64]) {
        kernels::quadratic_forms(&self.inverse, self.stride, block.rows(), block.dim(), lanes_mut(out));
    }

    /// A draw from N(theta, v^2 A^-1), given D independent standard normal draws in `z`: theta + v U^T z
    /// with A^-1 = U^T U. `out` gets the model's stride; `factor` is room for U.
    #[inline(always)]
    pub fn perturbed(&self, v: f64, z: &[f64], factor: &mut Vec<f64>, out: &mut Vec<f64>) {
        factor.clone_from(&self.inverse);
        cholesky(self.stride, factor);
        out.resize(self.stride, 0.0);
        weighted_sum(&z[..self.dim], factor, out);
        for (o, t) in out.iter_mut().zip(&self.theta) {
            *o = t + v * *o;
        }
    }

    /// Learns that `x` (length [`Self::stride`], zero beyond D) was followed by reward `r`.
    #[inline(always)]
    pub fn learn(&mut self, x: &[f64], r: f64) {
        self.updates += 1;
        let x = &x[..self.stride];
        if self.forgetting < 1.0 {
            self.forget();
        }
        self.recent.extend(lanes(x).iter().copied());
        if self.forgetting < 1.0 {
            add_scaled(&mut self.b, r, x);
            return self.refresh();
        }
        let Self { inverse, theta, b, scratch, .. } = self;
        kernels::update(Carried { inverse, theta, b, scratch }, self.dim, x, r);
        if self.updates.is_multiple_of(REFRESH) {
            self.refresh();
        }
    }

    /// Weighs all that was learned less.
    fn forget(&mut self) {
        let g = self.forgetting;
        self.a.iter_mut().for_each(|v| *v *= g);
        self.b.iter_mut().for_each(|v| *v *= g);
        (0..self.dim).for_each(|i| self.a[i * self.stride + i] += (1.0 - g) * self.lambda);
    }

    /// Recomputes A^-1 and theta from A and b.
    #[inline(never)]
    fn refresh(&mut self) {
        let (dim, stride) = (self.dim, self.stride);
        let recent = self.recent.as_flattened().chunks_exact(stride);
        recent.for_each(|x| add_outer_product(1.0, x, &mut self.a));
        self.recent.clear();
        let mut factor = self.a.clone();
        cholesky(stride, &mut factor);
        for j in 0..dim {
            let column = &mut self.scratch[..];
            column.fill(0.0);
            column[j] = 1.0;
            solve(&factor, column);
            // The lower triangle is what both halves get: exactly symmetric.
            for i in j..dim {
                self.inverse[i * stride + j] = column[i];
                self.inverse[j * stride + i] = column[i];
            }
        }
        self.theta.copy_from_slice(&self.b);
        solve(&factor, &mut self.theta);
    }

    /// The numbers to keep.
    pub fn numbers(&self) -> RidgeNumbers {
        let lower = |m: &[f64]| -> Vec<f64> {
            (0..self.dim).flat_map(|i| m[i * self.stride..=i * self.stride + i].iter().copied()).collect()
        };
        let mut a = self.a.clone();
        let recent = self.recent.as_flattened().chunks_exact(self.stride);
        recent.for_each(|x| add_outer_product(1.0, x, &mut a));
        RidgeNumbers {
            updates: self.updates,
            a: lower(&a),
            b: self.b[..self.dim].to_vec(),
            a_inverse: lower(&self.inverse),
            theta: self.theta().to_vec(),
        }
    }

    /// The model with these numbers.
    ///
    /// # Errors
    /// What is wrong with them: lengths, values that are not finite, an A that is not positive definite, an
    /// inverse or weights that are not those of A and b, by more than rounding explains.
    pub fn with_numbers(self, numbers: &RidgeNumbers) -> Result<Self, String> {
        let (dim, stride) = (self.dim, self.stride);
        self.check_length("A_inverse", &numbers.a_inverse, dim * (dim + 1) / 2)?;
        self.check_length("theta", &numbers.theta, dim)?;
        let mut solved = self.with_sums(numbers.updates, &numbers.a, &numbers.b)?;
        let own = solved.numbers();
        let largest = |values: &[f64]| values.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        // What rounding can do since the latest factorization: each update adds its share, more of it the worse A is
        // conditioned. In theta it is relative to the rewards, not to what is left of them: they may cancel.
        let (updates, trace) =
            ((REFRESH as usize + dim) as f64, (0..dim).map(|i| solved.a[i * stride + i]).sum::<f64>());
        let rounding = 1e-6 + f64::EPSILON * updates * (1.0 + trace) * largest(&own.a_inverse);
        let strays = |own: &[f64], kept: &[f64], allowed: f64| {
            own.iter().zip(kept).any(|(o, k)| (o - k).abs() > allowed)
        };
        if strays(&own.a_inverse, &numbers.a_inverse, rounding * largest(&own.a_inverse)) {
            return Err("A_inverse is not the inverse of A".to_owned());
        }
        if strays(&own.theta, &numbers.theta, rounding * largest(&own.theta) + (rounding - 1e-6) * MAX_REWARD)
        {
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
        if !cholesky(stride, &mut factor) {
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

/// theta . x of candidate `k`, in the order of additions of [`Ridge::scores`].
pub(super) fn weighted(weights: &[f64], block: &FeatureBlock, k: usize) -> f64 {
    weights.iter().zip(block.values(k)).fold(0.0, |sum, (w, x)| sum + w * x)
}

/// One entry of what `kernels::quadratic_forms` computes, in the same order of operations.
fn quadratic_form(stride: usize, m: &[f64], x: &[f64]) -> f64 {
    let mut total = 0.0;
    for (i, row) in m.chunks_exact(stride).enumerate() {
        let before = row[..i].iter().zip(x).fold(0.0, |sum, (w, x)| sum + w * x);
        total += x[i] * (2.0 * before + row[i] * x[i]);
    }
    total.max(0.0)
}

/// Replaces a symmetric matrix by the upper triangle U with U^T U equal to it (Cholesky). False if it is not
/// positive definite: directions in which it is not are then left out of U.
#[inline(always)]
fn cholesky(stride: usize, m: &mut [f64]) -> bool {
    // Straight code for the feature sets that there are.
    const NARROW: usize = CANDIDATE_DIMS.next_multiple_of(LANES);
    const WIDE: usize = ALL_DIMS.next_multiple_of(LANES);
    match stride {
        NARROW => cholesky_in(NARROW, m),
        WIDE => cholesky_in(WIDE, m),
        _ => cholesky_in(stride, m),
    }
}

#[inline(always)]
fn cholesky_in(stride: usize, m: &mut [f64]) -> bool {
    let mut definite = true;
    for j in 0..m.len() / stride {
        let (row, below) = m[j * stride..].split_at_mut(stride);
        row[..j].fill(0.0);
        let scale = if row[j] > 0.0 { 1.0 / row[j].sqrt() } else { 0.0 };
        definite &= scale > 0.0;
        row.iter_mut().for_each(|value| *value *= scale);
        for (other, w) in below.chunks_exact_mut(stride).zip(&row[j + 1..]) {
            add_scaled(other, -w, row);
        }
    }
    definite
}

/// x <- U^-1 U^-T x, which solves U^T U y = x.
fn solve(u: &[f64], x: &mut [f64]) {
    let stride = x.len();
    for (j, row) in u.chunks_exact(stride).enumerate() {
        x[j] /= row[j];
        let w = x[j];
        for (x, u) in x[j + 1..].iter_mut().zip(&row[j + 1..]) {
            *x -= w * u;
        }
    }
    for (i, row) in u.chunks_exact(stride).enumerate().rev() {
        let sum = row[i + 1..].iter().zip(&x[i + 1..]).fold(x[i], |sum, (u, x)| sum - u * x);
        x[i] = sum / row[i];
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
            prop_assert!((quadratic_form(ridge.stride(), &ridge.inverse, &x) - expected).abs() <= 1e-9 * expected);
        }

        /// Also where rewards cancel, are as large as they can be, or A is hardly conditioned.
        #[test]
        fn what_was_learned_is_read_back(dim in prop_oneof![Just(7usize), Just(12)], n in 0..600usize,
                                         lambda in prop_oneof![Just(1e-6), Just(1e-3), Just(1.0)], one in any::<bool>(),
                                         size in prop_oneof![Just(0.5), Just(1.0), Just(MAX_REWARD)], seed in any::<u64>()) {
            let mut data = data(dim, n, seed);
            let first = data.first().map(|(x, _)| x.clone()).unwrap_or_default();
            for (i, (x, r)) in data.iter_mut().enumerate() {
                if one {
                    x.clone_from(&first);
                }
                *r = [-size, 0.5 * size, 0.5 * size, 1e-3][(i + seed as usize) % 4];
            }
            let numbers = learned(dim, lambda, 1.0, &data).numbers();
            let resumed = Ridge::new(dim, lambda, 1.0).with_numbers(&numbers);
            prop_assert_eq!(resumed.map(|ridge| ridge.numbers()), Ok(numbers));
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
        let (mut factor, mut out) = (Vec::new(), Vec::new());
        let mut sum = [0.0; 7];
        let mut products = [[0.0; 7]; 7];
        for _ in 0..n {
            let z: Vec<f64> = (0..7).map(|_| rng.sample(rand_distr::StandardNormal)).collect();
            ridge.perturbed(v, &z, &mut factor, &mut out);
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
