//! What a model becomes with one more observation.

use super::sums::{add_scaled, dot, dot_cells, load, weighted_sum};
use crate::base::vector::{Cell, Kernel, Vector};
use crate::features::{ALL_DIMS, CANDIDATE_DIMS};

/// The model after one more observation (Sherman & Morrison 1950): with p = A^-1 x and q = p / sqrt(1 + x . p),
/// A^-1 <- A^-1 - q q^T, theta <- theta + q (r - theta . x) / sqrt(1 + x . p) and b <- b + r x. The products of q q^T
/// commute, so that A^-1 stays symmetric to the bit. Where x and r are 0 nothing changes.
pub(in crate::policy) struct Update<'a, C> {
    /// A^-1, D rows of D values.
    pub inverse: &'a mut [C],
    /// The weights A^-1 b.
    pub theta: &'a mut [C],
    pub b: &'a mut [C],
    /// Length D.
    pub x: &'a [C],
    pub r: C,
    /// Memory for D values.
    pub scratch: &'a mut [C],
}

impl<C: Cell> Kernel<C> for Update<'_, C> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Cell = C>>(self, level: V::Level) {
        match self.x.len() {
            CANDIDATE_DIMS => self.of_dims::<V, CANDIDATE_DIMS>(level),
            ALL_DIMS => self.of_dims::<V, ALL_DIMS>(level),
            _ => self.of_any_dims::<V>(level),
        }
    }
}

impl<C: Cell> Update<'_, C> {
    /// The update with D as a constant, so that q stays in registers.
    #[inline(always)]
    fn of_dims<V: Vector<Cell = C>, const D: usize>(self, level: V::Level) {
        let (rows, _) = self.inverse.as_chunks_mut::<D>();
        let Some(rows) = rows.first_chunk_mut::<D>() else { return };
        let (Some(theta), Some(b)) = (self.theta.first_chunk_mut::<D>(), self.b.first_chunk_mut::<D>())
        else {
            return;
        };
        let Some(x) = self.x.first_chunk::<D>() else { return };
        let r = V::load(level, &self.r);
        let mut q = [V::all(level, 0.0); D];
        for (x, row) in x.iter().zip(rows.iter()) {
            let x = V::load(level, x);
            for j in 0..D {
                q[j] = q[j] + x * V::load(level, &row[j]);
            }
        }
        let x = load::<V, D>(level, x);
        let old = load::<V, D>(level, theta);
        let one = V::all(level, 1.0);
        let scale = one / (one + dot(level, &x, &q)).sqrt();
        let step = (r - dot(level, &old, &x)) * scale;
        for d in 0..D {
            q[d] = q[d] * scale;
            theta[d] = (old[d] + step * q[d]).cell();
            b[d] = (V::load(level, &b[d]) + r * x[d]).cell();
        }
        // This comes last: the next decision waits for theta, not for A^-1.
        for (i, row) in rows.iter_mut().enumerate() {
            for j in 0..D {
                row[j] = (V::load(level, &row[j]) - q[i] * q[j]).cell();
            }
        }
    }

    #[inline(always)]
    fn of_any_dims<V: Vector<Cell = C>>(self, level: V::Level) {
        let Self { inverse, theta, b, x, r, scratch: q } = self;
        let (one, r) = (V::all(level, 1.0), V::load(level, &r));
        weighted_sum::<V>(level, x, inverse, q);
        let scale = one / (one + dot_cells::<V>(level, x, q)).sqrt();
        let step = (r - dot_cells::<V>(level, theta, x)) * scale;
        for q in &mut *q {
            *q = (V::load(level, q) * scale).cell();
        }
        add_scaled(level, theta, step, q);
        add_scaled(level, b, r, x);
        for (row, w) in inverse.chunks_exact_mut(x.len()).zip(&*q) {
            add_scaled(level, row, -V::load(level, w), q);
        }
    }
}

/// m += x x^T, symmetric to the bit, for each x of `xs`.
pub(in crate::policy) struct AddOuterProducts<'a, C> {
    /// D rows of D values.
    pub m: &'a mut [C],
    /// Vectors of length D, one after the other.
    pub xs: &'a [C],
    pub dim: usize,
}

impl<C: Cell> Kernel<C> for AddOuterProducts<'_, C> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Cell = C>>(self, level: V::Level) {
        for x in self.xs.chunks_exact(self.dim) {
            for (w, row) in x.iter().zip(self.m.chunks_exact_mut(self.dim)) {
                add_scaled(level, row, V::load(level, w), x);
            }
        }
    }
}
