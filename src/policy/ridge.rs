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
//! With a learned prior, mean mu0 and precision A0, A = A0 + sum x x^T and b = A0 mu0 + sum r x; with forgetting
//! A <- g A + (1 - g) A0 + x x^T, b <- g b + (1 - g) A0 mu0 + r x. What is kept then are the sums over observations alone,
//! to which A0 and A0 mu0 are added when it is solved: the sums do not depend on the prior, so a model goes over to
//! another prior as if it had learned under that one from the beginning.

use super::kernels::{
    AddOuterProducts, Cholesky, Perturb, QuadraticForms, Scores, Solve, Update, product_of,
};
use super::prior::RidgePrior;
use crate::base::vector::{Cell, Kernel, Vector};
use crate::domain::reaction::MAX_REWARD;
use crate::features::FeatureBlock;
use std::sync::Arc;

/// Updates between two exact solves.
const REFRESH: u64 = 256;

/// A ridge model in D dimensions, of one user, or of several side by side that share no number; A, A^-1 are D x D, b and
/// theta have length D.
#[derive(Debug, Clone, PartialEq)]
pub struct Ridge<C: Cell = f64> {
    dim: usize,
    lambda: f64,
    forgetting: f64,
    /// The learned prior; `None` is the plain one, lambda I around 0.
    start: Option<Arc<RidgePrior>>,
    updates: C::Each<u64>,
    /// D rows of D values, symmetric; without the `recent` observations, and without a learned prior's precision.
    a: Vec<C>,
    /// Vectors that `a` still lacks, where there are several users: they take many steps, only an exact solve needs A, and
    /// brings it up to date. One user's A is kept up: a state file needs it, and ten thousand of them are held in memory.
    recent: Vec<C>,
    /// The inverse of A, laid out as `a` is.
    inverse: Vec<C>,
    /// Without what a learned prior adds.
    b: Vec<C>,
    theta: Vec<C>,
    scratch: Vec<C>,
}

/// The numbers of a ridge model as they stand in a state file: lower triangles, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct RidgeNumbers {
    /// Number of updates so far.
    pub updates: u64,
    /// D (D + 1) / 2 values; under a learned prior the sum over observations alone.
    pub a: Vec<f64>,
    /// D values; likewise.
    pub b: Vec<f64>,
    /// D (D + 1) / 2 values: carried along, not recomputed, so that a model continues with the same bits.
    pub a_inverse: Vec<f64>,
    /// D values.
    pub theta: Vec<f64>,
}

/// Why numbers are not those of a ridge model.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RidgeError {
    /// There are too few or too many of them.
    #[error("{name} has {len} values; {expected} belong to D = {dim}")]
    Length {
        /// Which numbers they are.
        name: &'static str,
        /// How many there are.
        len: usize,
        /// How many there should be.
        expected: usize,
        /// The number of dimensions.
        dim: usize,
    },
    /// One of them is infinite, or no number.
    #[error("{name}[{index}] is {value}, not a finite number")]
    NotFinite {
        /// Which numbers they are.
        name: &'static str,
        /// Where it stands.
        index: usize,
        /// What stands there.
        value: f64,
    },
    /// No observations give such an A.
    #[error("A is not positive definite")]
    NotPositiveDefinite,
    /// The inverse belongs to another A.
    #[error("A_inverse is not the inverse of A")]
    NotTheInverse,
    /// The weights belong to another A or b.
    #[error("theta is not A^-1 b")]
    NotTheWeights,
}

impl<C: Cell> Ridge<C> {
    /// The model before any observation: A = lambda I, theta = 0.
    ///
    /// `lambda` must be positive and `forgetting` in (0, 1]; a policy's specification has checked it.
    pub fn new(dim: usize, lambda: f64, forgetting: f64) -> Self {
        Self::starting(dim, lambda, forgetting, None)
    }

    /// The model before any observation, under a learned prior if there is one.
    pub(super) fn starting(dim: usize, lambda: f64, forgetting: f64, start: Option<Arc<RidgePrior>>) -> Self {
        let square = vec![C::all(0.0); dim * dim];
        let zeros = vec![C::all(0.0); dim];
        let mut ridge = Self {
            dim,
            lambda,
            forgetting,
            start,
            updates: C::each(|_| 0),
            a: square.clone(),
            recent: Vec::with_capacity(if C::USERS > 1 { REFRESH as usize * dim } else { 0 }),
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
            v.fill(C::all(0.0));
        }
        if let Some(start) = &self.start {
            self.inverse.iter_mut().zip(&start.covariance).for_each(|(own, value)| *own = C::all(*value));
            self.theta.iter_mut().zip(&start.mean).for_each(|(own, value)| *own = C::all(*value));
        } else {
            for i in 0..self.dim {
                self.a[i * self.dim + i] = C::all(self.lambda);
                self.inverse[i * self.dim + i] = C::all(1.0 / self.lambda);
            }
        }
        self.recent.clear();
        self.updates = C::each(|_| 0);
    }

    /// The weights, length D.
    pub fn theta(&self) -> &[C] {
        &self.theta
    }

    /// Number of dimensions, D.
    #[inline(always)]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// One user's model.
    pub fn user(&self, user: usize) -> Ridge {
        let of = |cells: &[C]| cells.iter().map(|cell| cell.of(user)).collect::<Vec<_>>();
        let mut a = of(&self.a);
        f64::run(AddOuterProducts { m: &mut a, xs: &of(&self.recent), dim: self.dim });
        Ridge {
            dim: self.dim,
            lambda: self.lambda,
            forgetting: self.forgetting,
            start: self.start.clone(),
            updates: *C::at(&self.updates, user),
            a,
            recent: Vec::new(),
            inverse: of(&self.inverse),
            b: of(&self.b),
            theta: of(&self.theta),
            scratch: vec![0.0; self.dim],
        }
    }

    /// theta . x of every candidate into `out`.
    #[inline(always)]
    pub(super) fn scores<'a>(&'a self, block: &'a FeatureBlock<C>, out: &'a mut [C]) -> Scores<'a, C> {
        weighted(&self.theta, block, out)
    }

    /// theta . x of one candidate for one user; the same bits as [`Self::scores`] gives.
    pub(super) fn score_one(&self, block: &FeatureBlock<C>, k: usize, user: usize) -> f64 {
        product_of(user, &self.theta, block.row(k))
    }

    /// x^T A^-1 x of every row x of `dim` values, of which the first D count, into `out`: at least 0, the square of LinUCB's
    /// confidence width.
    #[inline(always)]
    pub(super) fn widths_squared<'a>(
        &'a self,
        rows: &'a [C],
        dim: usize,
        out: &'a mut [C],
    ) -> QuadraticForms<'a, C> {
        QuadraticForms { inverse: &self.inverse, own: self.dim, rows, dim, out }
    }

    /// A draw from N(theta, v^2 A^-1), given D independent standard normal draws in `z`: theta + v U^T z
    /// with A^-1 = U^T U. `out` gets length D; `factor` is room for U.
    #[inline(always)]
    pub(super) fn perturbed<'a>(
        &self,
        v: f64,
        z: &'a [C],
        factor: &'a mut Vec<C>,
        out: &'a mut Vec<C>,
    ) -> Perturb<'a, C> {
        factor.clone_from(&self.inverse);
        out.clone_from(&self.theta);
        Perturb { factor, v, z, theta: out }
    }

    /// The same draw for one user alone.
    pub(super) fn perturbed_of<'a>(
        &self,
        user: usize,
        v: f64,
        z: &'a [f64],
        factor: &'a mut Vec<f64>,
        out: &'a mut Vec<f64>,
    ) -> Perturb<'a, f64> {
        factor.clear();
        factor.extend(self.inverse.iter().map(|value| value.of(user)));
        out.clear();
        out.extend(self.theta.iter().map(|value| value.of(user)));
        Perturb { factor, v, z, theta: out }
    }

    /// Learns that `x` (length D) was followed by reward `r`, for the users who are to learn. Of the others both must
    /// be 0.
    #[inline(always)]
    pub(super) fn learn_of<'a>(&'a mut self, who: &'a C::Each<bool>, x: &'a [C], r: C) -> LearnOne<'a, C> {
        LearnOne { ridge: self, who, x, r }
    }

    /// Weighs all that these users learned less.
    fn forget(&mut self, who: &C::Each<bool>) {
        let g = C::new(|user| if *C::at(who, user) { self.forgetting } else { 1.0 });
        for value in self.a.iter_mut().chain(&mut self.b) {
            *value = C::new(|user| value.of(user) * g.of(user));
        }
        if self.start.is_some() {
            return;
        }
        for value in self.a.iter_mut().step_by(self.dim + 1) {
            *value = C::new(|user| value.of(user) + (1.0 - g.of(user)) * self.lambda);
        }
    }

    /// A, the prior's precision included.
    fn precision(&self) -> Vec<C> {
        self.start.as_ref().map_or_else(|| self.a.clone(), |start| added(&self.a, &start.precision))
    }

    /// Recomputes A^-1 and theta of these users from A and b.
    #[inline(never)]
    fn refresh(&mut self, who: &C::Each<bool>) {
        let dim = self.dim;
        C::run(AddOuterProducts { m: &mut self.a, xs: &self.recent, dim });
        self.recent.clear();
        let mut factor = self.precision();
        C::run(Cholesky { m: &mut factor, dim });
        let everybody = (0..C::USERS).all(|user| *C::at(who, user));
        let before = (!everybody).then(|| (self.inverse.clone(), self.theta.clone()));
        let shifted = self.start.as_ref().map(|start| added(&self.b, &start.shift));
        let Self { b, inverse, theta, scratch, .. } = self;
        let b = shifted.as_ref().unwrap_or(b);
        C::run(Solve { factor: &factor, b, inverse, theta, scratch });
        if let Some((old_inverse, old_theta)) = before {
            let now = inverse.iter_mut().chain(theta);
            for (now, old) in now.zip(old_inverse.iter().chain(&old_theta)) {
                *now = C::new(|user| if *C::at(who, user) { now.of(user) } else { old.of(user) });
            }
        }
    }
}

impl Ridge {
    /// Number of observations learned from.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// Learns that `x` (length D) was followed by reward `r`.
    pub fn learn(&mut self, x: &[f64], r: f64) {
        f64::run(self.learn_of(&true, x, r));
    }

    /// The numbers to keep.
    pub fn numbers(&self) -> RidgeNumbers {
        let lower = |m: &[f64]| -> Vec<f64> {
            (0..self.dim).flat_map(|i| m[i * self.dim..=i * self.dim + i].iter().copied()).collect()
        };
        RidgeNumbers {
            updates: self.updates,
            a: lower(&self.a),
            b: self.b.clone(),
            a_inverse: lower(&self.inverse),
            theta: self.theta.clone(),
        }
    }

    /// The model with these numbers.
    ///
    /// # Errors
    /// What is wrong with them: lengths, values that are not finite, an A that is not positive definite, an
    /// inverse or weights that are not those of A and b, by more than rounding explains.
    pub fn with_numbers(self, numbers: &RidgeNumbers) -> Result<Self, RidgeError> {
        let dim = self.dim;
        self.check_length("A_inverse", &numbers.a_inverse, dim * (dim + 1) / 2)?;
        self.check_length("theta", &numbers.theta, dim)?;
        let mut solved = self.with_sums(numbers.updates, &numbers.a, &numbers.b)?;
        let own = solved.numbers();
        let largest = |values: &[f64]| values.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        // This is what rounding can do since the latest factorization: each update adds its share, more of it the worse A is
        // conditioned. In theta it is relative to the rewards, not to what is left of them: they may cancel.
        let (updates, trace) =
            ((REFRESH as usize + dim) as f64, solved.precision().iter().step_by(dim + 1).sum::<f64>());
        let rounding = 1e-6 + f64::EPSILON * updates * (1.0 + trace) * largest(&own.a_inverse);
        let strays = |own: &[f64], kept: &[f64], allowed: f64| {
            own.iter().zip(kept).any(|(o, k)| (o - k).abs() > allowed)
        };
        if strays(&own.a_inverse, &numbers.a_inverse, rounding * largest(&own.a_inverse)) {
            return Err(RidgeError::NotTheInverse);
        }
        if strays(&own.theta, &numbers.theta, rounding * largest(&own.theta) + (rounding - 1e-6) * MAX_REWARD)
        {
            return Err(RidgeError::NotTheWeights);
        }
        fill_symmetric(dim, &numbers.a_inverse, &mut solved.inverse);
        solved.theta.copy_from_slice(&numbers.theta);
        Ok(solved)
    }

    /// The model with numbers that this program wrote itself: they are not solved again.
    ///
    /// # Errors
    /// What is wrong with them: lengths, values that are not finite.
    pub fn with_kept_numbers(mut self, numbers: &RidgeNumbers) -> Result<Self, RidgeError> {
        let RidgeNumbers { updates, a, b, a_inverse, theta } = numbers;
        let triangle = self.dim * (self.dim + 1) / 2;
        for (name, values, length) in [
            ("A", a, triangle),
            ("b", b, self.dim),
            ("A_inverse", a_inverse, triangle),
            ("theta", theta, self.dim),
        ] {
            self.check_length(name, values, length)?;
        }
        fill_symmetric(self.dim, a, &mut self.a);
        fill_symmetric(self.dim, a_inverse, &mut self.inverse);
        self.b.copy_from_slice(b);
        self.theta.copy_from_slice(theta);
        self.updates = *updates;
        Ok(self)
    }

    /// The model with the lower triangle `a` and `b`, solved afresh.
    ///
    /// # Errors
    /// What is wrong with them: lengths, values that are not finite, an A that is not positive definite.
    pub fn with_sums(mut self, updates: u64, a: &[f64], b: &[f64]) -> Result<Self, RidgeError> {
        let dim = self.dim;
        self.check_length("A", a, dim * (dim + 1) / 2)?;
        self.check_length("b", b, dim)?;
        fill_symmetric(dim, a, &mut self.a);
        self.b.copy_from_slice(b);
        self.updates = updates;
        let mut factor = self.precision();
        f64::run(Cholesky { m: &mut factor, dim });
        if !factor.iter().step_by(dim + 1).all(|pivot| *pivot > 0.0) {
            return Err(RidgeError::NotPositiveDefinite);
        }
        self.refresh(&true);
        Ok(self)
    }

    /// The model that learned the same under another prior, solved afresh.
    pub(super) fn under(&self, start: Option<Arc<RidgePrior>>) -> Self {
        let mut other = Self::starting(self.dim, self.lambda, self.forgetting, start);
        other.a.copy_from_slice(&self.a);
        other.b.copy_from_slice(&self.b);
        let is_plain = [self.start.is_none(), other.start.is_none()];
        if is_plain[0] != is_plain[1] {
            let plain = if is_plain[1] { self.lambda } else { -self.lambda };
            other.a.iter_mut().step_by(self.dim + 1).for_each(|value| *value += plain);
        }
        other.updates = self.updates;
        if other.updates > 0 {
            other.refresh(&true);
        } else {
            other.clear();
        }
        other
    }

    /// Whether another model learned the same, but for rounding.
    pub(super) fn is_but_for_rounding(&self, other: &Self) -> bool {
        let (own, others) = (self.numbers(), other.numbers());
        let near = |a: &[f64], b: &[f64], share: f64| {
            let largest = b.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= share * largest)
        };
        own.updates == others.updates
            && near(&own.a, &others.a, 1e-12 * (1 + own.updates) as f64)
            && near(&own.b, &others.b, 1e-12 * (1 + own.updates) as f64)
            && near(&own.a_inverse, &others.a_inverse, 1e-6)
            && near(&own.theta, &others.theta, 1e-6)
    }

    fn check_length(&self, name: &'static str, values: &[f64], expected: usize) -> Result<(), RidgeError> {
        if values.len() != expected {
            return Err(RidgeError::Length { name, len: values.len(), expected, dim: self.dim });
        }
        match values.iter().position(|v| !v.is_finite()) {
            Some(index) => Err(RidgeError::NotFinite { name, index, value: values[index] }),
            None => Ok(()),
        }
    }
}

/// The kernel of [`Ridge::learn_of`].
pub(super) struct LearnOne<'a, C: Cell> {
    ridge: &'a mut Ridge<C>,
    who: &'a C::Each<bool>,
    x: &'a [C],
    r: C,
}

impl<C: Cell> Kernel<C> for LearnOne<'_, C> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Cell = C>>(self, level: V::Level) {
        let Self { ridge, who, x, r } = self;
        assert_eq!(x.len(), ridge.dim, "a vector of the model's length");
        let is_zero = |user: usize| x.iter().chain([&r]).all(|cell| cell.of(user) == 0.0);
        debug_assert!((0..C::USERS).all(|user| *C::at(who, user) || is_zero(user)));
        let mut due = false;
        for user in 0..C::USERS {
            let updates = C::at_mut(&mut ridge.updates, user);
            *updates += u64::from(*C::at(who, user));
            due |= updates.is_multiple_of(REFRESH) && *C::at(who, user);
        }
        if ridge.forgetting < 1.0 {
            ridge.forget(who);
        }
        if C::USERS == 1 {
            AddOuterProducts { m: &mut ridge.a, xs: x, dim: ridge.dim }.run::<V>(level);
        } else {
            ridge.recent.extend_from_slice(x);
        }
        let Ridge { inverse, theta, b, scratch, .. } = ridge;
        if ridge.forgetting < 1.0 {
            for (b, x) in b.iter_mut().zip(x) {
                *b = C::new(|user| b.of(user) + r.of(user) * x.of(user));
            }
            return ridge.refresh(who);
        }
        Update { inverse, theta, b, x, r, scratch }.run::<V>(level);
        if due {
            let due = |user| *C::at(who, user) && C::at(&ridge.updates, user).is_multiple_of(REFRESH);
            let due = C::each(due);
            ridge.refresh(&due);
        }
    }
}

/// weights . x of every candidate into `out`.
#[inline(always)]
pub(super) fn weighted<'a, C: Cell>(
    weights: &'a [C],
    block: &'a FeatureBlock<C>,
    out: &'a mut [C],
) -> Scores<'a, C> {
    Scores { theta: weights, rows: block.rows(), dim: block.dim(), out }
}

/// Both halves of a symmetric matrix from its lower triangle, row by row.
fn fill_symmetric(dim: usize, lower: &[f64], full: &mut [f64]) {
    let mut values = lower.iter();
    for i in 0..dim {
        for j in 0..=i {
            let value = *values.next().expect("length checked");
            full[i * dim + j] = value;
            full[j * dim + i] = value;
        }
    }
}

/// The same with `values` added for each user.
fn added<C: Cell>(cells: &[C], values: &[f64]) -> Vec<C> {
    cells.iter().zip(values).map(|(cell, value)| C::new(|user| cell.of(user) + value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::vector::{LANES, Lanes, each, lanes};
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

    fn learned(dim: usize, lambda: f64, g: f64, data: &[(Vec<f64>, f64)]) -> Ridge {
        let mut ridge = Ridge::new(dim, lambda, g);
        for (x, r) in data {
            ridge.learn(x, *r);
        }
        ridge
    }

    /// A prior, its precision and its mean.
    fn start(dim: usize, seed: u64) -> (Arc<RidgePrior>, Vec<Vec<f64>>, Vec<f64>) {
        let precision = |i: usize, j: usize| if i == j { 2.0 + i as f64 } else { 0.1 };
        let lower: Vec<f64> = (0..dim).flat_map(|i| (0..=i).map(move |j| precision(i, j))).collect();
        let mean: Vec<f64> = data(dim, dim, seed ^ 5).iter().map(|(_, r)| *r).collect();
        let full = (0..dim).map(|i| (0..dim).map(|j| precision(i, j)).collect()).collect();
        (Arc::new(RidgePrior::new(&mean, &lower, 1.0).unwrap()), full, mean)
    }

    fn shift(a: &[Vec<f64>], mean: &[f64]) -> Vec<f64> {
        a.iter().map(|row| row.iter().zip(mean).map(|(a, m)| a * m).sum()).collect()
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
            let mut block = FeatureBlock::new(dim, 1);
            block.set_vector(0, &vec![0.3; dim]);
            let expected: f64 = naive_solve(a, vec![0.3; dim]).iter().map(|v| v * 0.3).sum();
            let mut width = [0.0];
            f64::run(ridge.widths_squared(block.row(0), block.dim(), &mut width));
            prop_assert!((width[0] - expected).abs() <= 1e-9 * expected);
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
            let mut scores = vec![0.0; k];
            f64::run(ridge.scores(&block, &mut scores));
            for i in 0..k {
                prop_assert_eq!(scores[i].to_bits(), ridge.score_one(&block, i, 0).to_bits());
            }
        }

        /// What lets the simulator run four users at a time, and results be the same on every machine. One of them may have
        /// nothing to learn for long, so that exact solves come at different times.
        #[test]
        fn four_users_side_by_side_have_the_bits_of_each_alone(dim in prop_oneof![Just(7usize), Just(12), 1..20usize],
                                                               g in prop_oneof![Just(1.0), Just(0.97)], n in 0..300usize,
                                                               k in 1..14usize, seed in any::<u64>()) {
            let (mut together, mut alone) = (Ridge::<Lanes>::new(dim, 0.7, g), vec![Ridge::new(dim, 0.7, g); LANES]);
            let all: Vec<_> = (0..LANES as u64).map(|user| data(dim, n, seed ^ user)).collect();
            for i in 0..n {
                let who = each!(user => !(i * 7 + user).is_multiple_of(3 + user));
                let x: Vec<Lanes> = (0..dim).map(|d| lanes!(user => if who[user] { all[user][i].0[d] } else { 0.0 })).collect();
                let rewards = lanes!(user => if who[user] { all[user][i].1 } else { 0.0 });
                Lanes::run(together.learn_of(&who, &x, rewards));
                for user in (0..LANES).filter(|user| who[*user]) {
                    alone[user].learn(&all[user][i].0, all[user][i].1);
                }
            }
            let mut blocks = vec![FeatureBlock::new(dim, k); LANES];
            let mut block = FeatureBlock::<Lanes>::new(dim, k);
            for (user, own) in blocks.iter_mut().enumerate() {
                for (i, (x, _)) in data(dim, k, seed ^ user as u64 ^ 9).iter().enumerate() {
                    own.set_vector(i, x);
                    block.row_mut(i).iter_mut().zip(x).for_each(|(cell, x)| cell[user] = *x);
                }
            }
            let (mut scores, mut widths) = (vec![Lanes::default(); k], vec![Lanes::default(); k]);
            let best = Lanes::run(together.scores(&block, &mut scores));
            Lanes::run(together.widths_squared(block.rows(), block.dim(), &mut widths));
            let (mut factor, mut drawn) = (Vec::new(), Vec::new());
            let z: Vec<Lanes> = (0..dim).map(|d| lanes!(user => all[user].get(d).map_or(0.5, |(_, r)| *r))).collect();
            Lanes::run(together.perturbed(0.5, &z, &mut factor, &mut drawn));
            for (user, (own, block)) in alone.iter().zip(&blocks).enumerate() {
                prop_assert_eq!(own.numbers(), together.user(user).numbers());
                let (mut own_scores, mut own_widths) = (vec![0.0; k], vec![0.0; k]);
                let own_best = f64::run(own.scores(block, &mut own_scores));
                f64::run(own.widths_squared(block.rows(), block.dim(), &mut own_widths));
                for i in 0..k {
                    prop_assert_eq!(scores[i][user].to_bits(), own_scores[i].to_bits());
                    prop_assert_eq!(widths[i][user].to_bits(), own_widths[i].to_bits());
                }
                let top = own_scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let first = own_scores.iter().position(|score| *score == top).unwrap();
                let ties = own_scores.iter().filter(|score| **score == top).count();
                prop_assert_eq!([best.score[user], best.first[user], best.ties[user]], [top, first as f64, ties as f64]);
                prop_assert_eq!([own_best.score, own_best.first, own_best.ties], [top, first as f64, ties as f64]);
                let z: Vec<f64> = z.iter().map(|z| z[user]).collect();
                let (mut factor, mut own_drawn, mut of_one) = (Vec::new(), Vec::new(), Vec::new());
                f64::run(own.perturbed(0.5, &z, &mut factor, &mut own_drawn));
                f64::run(together.perturbed_of(user, 0.5, &z, &mut factor, &mut of_one));
                prop_assert_eq!(&drawn.iter().map(|w| w[user]).collect::<Vec<_>>(), &own_drawn);
                prop_assert_eq!(&of_one, &own_drawn);
            }
        }

        /// A and b by their definition under a learned prior, also as four users side by side and after going over to it from
        /// the plain ridge. An update that forgets towards 0 instead of the prior is another model.
        #[test]
        fn a_prior_is_where_a_model_starts_and_what_it_forgets_towards(dim in prop_oneof![Just(7usize), Just(12), 1..9usize],
                                                                      n in 0..300usize, forget in any::<bool>(), seed in any::<u64>()) {
            let g = if forget { 0.97 } else { 1.0 };
            let (start, a0, mean) = start(dim, seed);
            let data = data(dim, n, seed);
            let (mut a, mut b) = (a0.clone(), shift(&a0, &mean));
            let (at_first, mut towards_nothing) = (b.clone(), b.clone());
            let mut own = Ridge::starting(dim, 1.0, g, Some(Arc::clone(&start)));
            let mut together = Ridge::<Lanes>::starting(dim, 1.0, g, Some(Arc::clone(&start)));
            let mut plain = Ridge::new(dim, 0.7, g);
            for (x, r) in &data {
                for i in 0..dim {
                    for j in 0..dim {
                        a[i][j] = g * a[i][j] + (1.0 - g) * a0[i][j] + x[i] * x[j];
                    }
                    b[i] = g * b[i] + (1.0 - g) * at_first[i] + r * x[i];
                    towards_nothing[i] = g * towards_nothing[i] + r * x[i];
                }
                own.learn(x, *r);
                plain.learn(x, *r);
                let x: Vec<Lanes> = x.iter().map(|x| Lanes([*x; LANES])).collect();
                Lanes::run(together.learn_of(&[true; LANES], &x, Lanes([*r; LANES])));
            }
            prop_assert_eq!(own.numbers(), together.user(2).numbers());
            let expected = naive_solve(a.clone(), b);
            assert_close(own.theta(), &expected, 1e-8);
            if forget && n > 50 {
                let wrong = naive_solve(a, towards_nothing);
                prop_assert!(wrong.iter().zip(&expected).any(|(w, e)| (w - e).abs() > 1e-6));
            }
            let moved = plain.under(Some(start));
            assert_close(moved.theta(), &expected, 1e-8);
            prop_assert!(moved.is_but_for_rounding(&own));
            assert_close(moved.under(None).theta(), plain.theta(), 1e-8);
            let again = Ridge::starting(dim, 1.0, g, own.start.clone()).with_numbers(&own.numbers());
            prop_assert_eq!(again.map(|ridge| ridge.numbers()), Ok(own.numbers()));
            own.clear();
            prop_assert_eq!(own.theta(), &mean[..]);
        }

        /// The order of operations that is promised, written out without a kernel.
        #[test]
        fn an_update_is_what_plain_loops_make_of_it(dim in 1..22usize, seed in any::<u64>()) {
            let mut ridge = Ridge::new(dim, 1.0, 1.0);
            let mut inverse = ridge.inverse.clone();
            let (mut theta, mut b) = (vec![0.0; dim], vec![0.0; dim]);
            let dot = |x: &[f64], y: &[f64]| {
                let mut sums = [0.0; 4];
                x.iter().zip(y).enumerate().for_each(|(i, (x, y))| sums[i % 4] += x * y);
                (sums[0] + sums[2]) + (sums[1] + sums[3])
            };
            for (x, r) in data(dim, 20, seed) {
                ridge.learn(&x, r);
                let mut q = vec![0.0; dim];
                for i in 0..dim {
                    (0..dim).for_each(|j| q[j] += x[i] * inverse[i * dim + j]);
                }
                let scale = 1.0 / (1.0 + dot(&x, &q)).sqrt();
                let step = (r - dot(&theta, &x)) * scale;
                q.iter_mut().for_each(|q| *q *= scale);
                for i in 0..dim {
                    (0..dim).for_each(|j| inverse[i * dim + j] -= q[i] * q[j]);
                    theta[i] += step * q[i];
                    b[i] += r * x[i];
                }
            }
            prop_assert_eq!(&ridge.inverse, &inverse);
            prop_assert_eq!(&ridge.theta, &theta);
            prop_assert_eq!(&ridge.b, &b);
        }
    }

    #[test]
    fn a_million_collinear_updates_leave_it_sound() {
        // Constant and collinear features: the hardest case for a running inverse.
        let mut ridge = Ridge::new(7, 1.0, 1.0);
        let mut rng = SplitMix64::seed_from_u64(7);
        for _ in 0..1_000_000 {
            let u: f64 = rng.random();
            let x = [1.0, u, 2.0 * u - 1.0, 0.5, 0.5, u, 1.0 - u];
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
            assert!(ridge.inverse[i * 7 + i] > 0.0);
            for j in 0..7 {
                assert_eq!(ridge.inverse[i * 7 + j].to_bits(), ridge.inverse[j * 7 + i].to_bits());
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
            Ridge::new(7, 1.0, 1.0).with_numbers(&numbers).unwrap_err().to_string()
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
            f64::run(ridge.perturbed(v, &z, &mut factor, &mut out));
            for i in 0..7 {
                let di = out[i] - ridge.theta()[i];
                sum[i] += di;
                for j in 0..7 {
                    products[i][j] += di * (out[j] - ridge.theta()[j]);
                }
            }
        }
        let n = f64::from(n);
        let covariance = |i: usize, j: usize| v * v * ridge.inverse[i * 7 + j];
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
