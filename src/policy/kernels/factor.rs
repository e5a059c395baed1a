//! A symmetric matrix as the product of triangles, and what follows from them.

use super::sums::add_scaled;
use crate::base::vector::{Cell, Kernel, Vector};
use crate::features::{ALL_DIMS, CANDIDATE_DIMS};

/// Replaces a symmetric matrix by the upper triangle U with U^T U equal to it (Cholesky). Directions in which it is
/// not positive definite are left out of U, and have 0 on its diagonal.
pub(crate) struct Cholesky<'a, C> {
    /// D rows of D values.
    pub m: &'a mut [C],
    /// The number of dimensions, D.
    pub dim: usize,
}

impl<C: Cell> Kernel<C> for Cholesky<'_, C> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Cell = C>>(self, level: V::Level) {
        // Straight code for the feature sets that there are.
        match self.dim {
            CANDIDATE_DIMS => cholesky::<V>(level, CANDIDATE_DIMS, self.m),
            ALL_DIMS => cholesky::<V>(level, ALL_DIMS, self.m),
            dim => cholesky::<V>(level, dim, self.m),
        }
    }
}

#[inline(always)]
fn cholesky<V: Vector>(level: V::Level, dim: usize, m: &mut [V::Cell]) {
    let (none, one) = (V::all(level, 0.0), V::all(level, 1.0));
    for j in 0..dim {
        let (row, below) = m[j * dim..].split_at_mut(dim);
        row[..j].fill(V::Cell::all(0.0));
        let pivot = none.larger(V::load(level, &row[j]));
        let scale = pivot.if_equal(none, none, one / pivot.sqrt());
        for value in &mut row[j..] {
            *value = (V::load(level, value) * scale).cell();
        }
        for (i, other) in below.chunks_exact_mut(dim).enumerate() {
            let i = j + 1 + i;
            add_scaled(level, &mut other[i..], -V::load(level, &row[i]), &row[i..]);
        }
    }
}

/// theta <- theta + v U^T z, where U^T U is the matrix in whose place U is left.
pub(in crate::policy) struct Perturb<'a, C> {
    /// U^T U, D rows of D values; becomes U.
    pub factor: &'a mut [C],
    pub v: f64,
    pub z: &'a [C],
    pub theta: &'a mut [C],
}

impl<C: Cell> Kernel<C> for Perturb<'_, C> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Cell = C>>(self, level: V::Level) {
        let (dim, v) = (self.theta.len(), V::all(level, self.v));
        Cholesky { m: &mut *self.factor, dim }.run::<V>(level);
        for (j, theta) in self.theta.iter_mut().enumerate() {
            // Below the diagonal U is 0.
            let mut sum = V::all(level, 0.0);
            for i in 0..=j {
                sum = sum + V::load(level, &self.z[i]) * V::load(level, &self.factor[i * dim + j]);
            }
            *theta = (V::load(level, theta) + v * sum).cell();
        }
    }
}

/// A^-1 and A^-1 b from A = U^T U.
pub(crate) struct Solve<'a, C> {
    /// U, D rows of D values.
    pub factor: &'a [C],
    pub b: &'a [C],
    /// Becomes A^-1, D rows of D values.
    pub inverse: &'a mut [C],
    /// Becomes A^-1 b.
    pub theta: &'a mut [C],
    /// Memory for D values.
    pub scratch: &'a mut [C],
}

impl<C: Cell> Kernel<C> for Solve<'_, C> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Cell = C>>(self, level: V::Level) {
        let dim = self.b.len();
        for j in 0..dim {
            let column = &mut *self.scratch;
            column.fill(C::all(0.0));
            column[j] = C::all(1.0);
            solve::<V>(level, self.factor, column);
            // The lower triangle is what both halves get: exactly symmetric.
            for i in j..dim {
                self.inverse[i * dim + j] = column[i];
                self.inverse[j * dim + i] = column[i];
            }
        }
        self.theta.copy_from_slice(self.b);
        solve::<V>(level, self.factor, self.theta);
    }
}

/// x <- U^-1 U^-T x, which solves U^T U y = x.
#[inline(always)]
fn solve<V: Vector>(level: V::Level, u: &[V::Cell], x: &mut [V::Cell]) {
    for (j, row) in u.chunks_exact(x.len()).enumerate() {
        let w = V::load(level, &x[j]) / V::load(level, &row[j]);
        x[j] = w.cell();
        add_scaled(level, &mut x[j + 1..], -w, &row[j + 1..]);
    }
    for (i, row) in u.chunks_exact(x.len()).enumerate().rev() {
        let mut sum = V::load(level, &x[i]);
        for (u, x) in row[i + 1..].iter().zip(&x[i + 1..]) {
            sum = sum - V::load(level, u) * V::load(level, x);
        }
        x[i] = (sum / V::load(level, &row[i])).cell();
    }
}
