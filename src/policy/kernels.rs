//! What a decision and a lesson spend their time on: the ridge model's equations over [`Vector`], for one user or four.
//!
//! Sums run over dimensions in one order, so that a user's numbers have the same bits in both.

mod factor;

pub(super) use factor::{Cholesky, Perturb, Solve};

use crate::base::vector::{Cell, Kernel, Vector};
use crate::features::{ALL_DIMS, CANDIDATE_DIMS};

/// theta . x of every candidate, and the best of them.
pub(super) struct Scores<'a, C> {
    /// Length D.
    pub theta: &'a [C],
    /// Of each candidate `dim` values, of which the first D count.
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

/// With constants, D of the ROW dimensions of a row: theta stays in registers. Gives the largest score.
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

#[inline(always)]
fn load<V: Vector, const D: usize>(level: V::Level, cells: &[V::Cell; D]) -> [V; D] {
    let mut values = [V::all(level, 0.0); D];
    for d in 0..D {
        values[d] = V::load(level, &cells[d]);
    }
    values
}

/// w . x in the order of the dimensions, from 0 on.
#[inline(always)]
fn product<V: Vector>(level: V::Level, w: &[V::Cell], x: &[V::Cell]) -> V {
    let mut sum = V::all(level, 0.0);
    for (w, x) in w.iter().zip(x) {
        sum = sum + V::load(level, w) * V::load(level, x);
    }
    sum
}

/// The same of one user.
pub(super) fn product_of<W: Cell, X: Cell>(user: usize, w: &[W], x: &[X]) -> f64 {
    w.iter().zip(x).fold(0.0, |sum, (w, x)| sum + w.of(user) * x.of(user))
}

/// A sum over dimensions in four running sums, of which each takes every fourth: an update waits for less, and results are
/// what they have always been.
struct FourSums<V>([V; 4]);

impl<V: Vector> FourSums<V> {
    #[inline(always)]
    fn new(level: V::Level) -> Self {
        Self([V::all(level, 0.0); 4])
    }

    #[inline(always)]
    fn add(&mut self, d: usize, term: V) {
        self.0[d % 4] = self.0[d % 4] + term;
    }

    #[inline(always)]
    fn total(self) -> V {
        let [first, second, third, fourth] = self.0;
        (first + third) + (second + fourth)
    }
}

/// x . y in registers.
#[inline(always)]
fn dot<V: Vector, const D: usize>(level: V::Level, x: &[V; D], y: &[V; D]) -> V {
    let mut sums = FourSums::new(level);
    for d in 0..D {
        sums.add(d, x[d] * y[d]);
    }
    sums.total()
}

/// x . y in memory.
#[inline(always)]
fn dot_cells<V: Vector>(level: V::Level, x: &[V::Cell], y: &[V::Cell]) -> V {
    let mut sums = FourSums::new(level);
    for (d, (x, y)) in x.iter().zip(y).enumerate() {
        sums.add(d, V::load(level, x) * V::load(level, y));
    }
    sums.total()
}

/// The model after one more observation (Sherman & Morrison 1950): with p = A^-1 x and q = p / sqrt(1 + x . p),
/// A^-1 <- A^-1 - q q^T, theta <- theta + q (r - theta . x) / sqrt(1 + x . p) and b <- b + r x. The products of q q^T
/// commute, so that A^-1 stays symmetric to the bit. Where x and r are 0 nothing changes.
pub(super) struct Update<'a, C> {
    /// A^-1, D rows of D values.
    pub inverse: &'a mut [C],
    /// A^-1 b
    pub theta: &'a mut [C],
    pub b: &'a mut [C],
    /// Length D.
    pub x: &'a [C],
    pub r: C,
    /// Room for D values.
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
    /// With D as a constant: q stays in registers.
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
        // Last: the next decision waits for theta, not for A^-1.
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

/// y += w x
#[inline(always)]
fn add_scaled<V: Vector>(level: V::Level, y: &mut [V::Cell], w: V, x: &[V::Cell]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y = (V::load(level, y) + w * V::load(level, x)).cell();
    }
}

/// out = sum over i of weights[i] rows[i]; rows are as long as `out`.
#[inline(always)]
fn weighted_sum<V: Vector>(level: V::Level, weights: &[V::Cell], rows: &[V::Cell], out: &mut [V::Cell]) {
    out.fill(V::Cell::all(0.0));
    for (w, row) in weights.iter().zip(rows.chunks_exact(out.len())) {
        add_scaled(level, out, V::load(level, w), row);
    }
}

/// m += x x^T, symmetric to the bit, for each x of `xs`.
pub(super) struct AddOuterProducts<'a, C> {
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

/// x^T A^-1 x of every candidate; at least 0.
pub(super) struct QuadraticForms<'a, C> {
    /// A^-1, D rows of D values.
    pub inverse: &'a [C],
    /// D
    pub own: usize,
    /// Of each candidate `dim` values, of which the first D count.
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

/// The largest of each user's scores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Best<C> {
    /// What it is.
    pub score: C,
    /// The position at which it first stands, and at how many it does: whole numbers.
    pub first: C,
    pub ties: C,
}

/// The best of each user's scores.
pub(super) struct FindBest<'a, C>(pub &'a [C]);

impl<C: Cell> Kernel<C> for FindBest<'_, C> {
    type Output = Best<C>;

    #[inline(always)]
    fn run<V: Vector<Cell = C>>(self, level: V::Level) -> Best<C> {
        best::<V>(level, top(level, self.0), self.0)
    }
}

/// The largest of each user's scores.
#[inline(always)]
fn top<V: Vector>(level: V::Level, scores: &[V::Cell]) -> V {
    scores.iter().fold(V::all(level, f64::NEG_INFINITY), |top, score| top.larger(V::load(level, score)))
}

/// Who has that score: by selections, not by branches, for nobody can predict it.
#[inline(always)]
fn best<V: Vector>(level: V::Level, top: V, scores: &[V::Cell]) -> Best<V::Cell> {
    let (none, one) = (V::all(level, 0.0), V::all(level, 1.0));
    let (mut first, mut ties, mut k) = (none, none, V::all(level, scores.len() as f64));
    for score in scores.iter().rev() {
        let score = V::load(level, score);
        k = k - one;
        first = score.if_equal(top, k, first);
        ties = ties + score.if_equal(top, one, none);
    }
    Best { score: top.cell(), first: first.cell(), ties: ties.cell() }
}
