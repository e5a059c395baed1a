//! What a model says of every candidate: its score, and how unsure it is of it.

use super::best::{Best, best, top};
use super::sums::{load, product};
use crate::base::vector::{Cell, Kernel, Vector};
use crate::features::{ALL_DIMS, CANDIDATE_DIMS};

/// theta . x of every candidate, and the best of them.
pub(in crate::policy) struct Scores<'a, C> {
    /// Length D.
    pub theta: &'a [C],
    /// Each candidate's `dim` values, of which the first D count.
    pub rows: &'a [C],
    pub dim: usize,
    /// One per candidate.
    pub out: &'a mut [C],
}

impl<C: Cell> Kernel<C> for Scores<'_, C> {
    type Output = Best<C>;

    #[inline(always)]
    fn run<V: Vector<Cell = C>>(self, level: V::Level) -> Best<C> {
        let Self { theta, rows, dim, out } = self;
        let top = match (theta.len(), dim) {
            (CANDIDATE_DIMS, CANDIDATE_DIMS) => {
                scores_in::<V, CANDIDATE_DIMS, CANDIDATE_DIMS>(level, theta, rows, out)
            }
            (CANDIDATE_DIMS, ALL_DIMS) => scores_in::<V, CANDIDATE_DIMS, ALL_DIMS>(level, theta, rows, out),
            (ALL_DIMS, ALL_DIMS) => scores_in::<V, ALL_DIMS, ALL_DIMS>(level, theta, rows, out),
            _ => {
                for (out, row) in out.iter_mut().zip(rows.chunks_exact(dim)) {
                    *out = product::<V>(level, theta, row).cell();
                }
                top(level, out)
            }
        };
        best::<V>(level, top, out)
    }
}

/// Scores with constants, D of the ROW dimensions of a row, so that theta stays in registers. Gives the largest score.
#[inline(always)]
fn scores_in<V: Vector, const D: usize, const ROW: usize>(
    level: V::Level,
    theta: &[V::Cell],
    rows: &[V::Cell],
    out: &mut [V::Cell],
) -> V {
    let mut top = V::all(level, f64::NEG_INFINITY);
    let Some(theta) = theta.first_chunk::<D>() else { return top };
    let theta = load::<V, D>(level, theta);
    for (out, row) in out.iter_mut().zip(rows.as_chunks::<ROW>().0) {
        let mut sum = V::all(level, 0.0);
        for d in 0..D {
            sum = sum + theta[d] * V::load(level, &row[d]);
        }
        top = top.larger(sum);
        *out = sum.cell();
    }
    top
}

/// x^T A^-1 x of every candidate; at least 0.
pub(in crate::policy) struct QuadraticForms<'a, C> {
    /// A^-1, D rows of D values.
    pub inverse: &'a [C],
    /// The number of dimensions, D.
    pub own: usize,
    /// Each candidate's `dim` values, of which the first D count.
    pub rows: &'a [C],
    pub dim: usize,
    /// One per candidate.
    pub out: &'a mut [C],
}

impl<C: Cell> Kernel<C> for QuadraticForms<'_, C> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Cell = C>>(self, level: V::Level) {
        match self.own {
            CANDIDATE_DIMS => self.in_dims::<V>(level, CANDIDATE_DIMS),
            ALL_DIMS => self.in_dims::<V>(level, ALL_DIMS),
            own => self.in_dims::<V>(level, own),
        }
    }
}

impl<C: Cell> QuadraticForms<'_, C> {
    #[inline(always)]
    fn in_dims<V: Vector<Cell = C>>(self, level: V::Level, own: usize) {
        for (out, x) in self.out.iter_mut().zip(self.rows.chunks_exact(self.dim)) {
            let mut total = V::all(level, 0.0);
            for (i, row) in self.inverse.chunks_exact(own).enumerate() {
                // The diagonal once, what is before it twice: A^-1 is symmetric.
                let before = product::<V>(level, &row[..i], &x[..i]);
                let (x, diagonal) = (V::load(level, &x[i]), V::load(level, &row[i]));
                total = total + x * (V::all(level, 2.0) * before + diagonal * x);
            }
            *out = V::all(level, 0.0).larger(total).cell();
        }
    }
}
