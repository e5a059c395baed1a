//! Sums over dimensions, in one order each, so that a user's numbers have the same bits wherever they are computed.

use crate::base::vector::{Cell, Vector};

#[inline(always)]
pub(super) fn load<V: Vector, const D: usize>(level: V::Level, cells: &[V::Cell; D]) -> [V; D] {
    let mut values = [V::all(level, 0.0); D];
    for d in 0..D {
        values[d] = V::load(level, &cells[d]);
    }
    values
}

/// w . x in the order of the dimensions, from 0 on.
#[inline(always)]
pub(super) fn product<V: Vector>(level: V::Level, w: &[V::Cell], x: &[V::Cell]) -> V {
    let mut sum = V::all(level, 0.0);
    for (w, x) in w.iter().zip(x) {
        sum = sum + V::load(level, w) * V::load(level, x);
    }
    sum
}

/// The same product of one user's numbers.
pub(in crate::policy) fn product_of<W: Cell, X: Cell>(user: usize, w: &[W], x: &[X]) -> f64 {
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
pub(super) fn dot<V: Vector, const D: usize>(level: V::Level, x: &[V; D], y: &[V; D]) -> V {
    let mut sums = FourSums::new(level);
    for d in 0..D {
        sums.add(d, x[d] * y[d]);
    }
    sums.total()
}

/// x . y in memory.
#[inline(always)]
pub(super) fn dot_cells<V: Vector>(level: V::Level, x: &[V::Cell], y: &[V::Cell]) -> V {
    let mut sums = FourSums::new(level);
    for (d, (x, y)) in x.iter().zip(y).enumerate() {
        sums.add(d, V::load(level, x) * V::load(level, y));
    }
    sums.total()
}

/// y += w x
#[inline(always)]
pub(super) fn add_scaled<V: Vector>(level: V::Level, y: &mut [V::Cell], w: V, x: &[V::Cell]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y = (V::load(level, y) + w * V::load(level, x)).cell();
    }
}

/// out = sum over i of weights[i] rows[i]; rows are as long as `out`.
#[inline(always)]
pub(super) fn weighted_sum<V: Vector>(
    level: V::Level,
    weights: &[V::Cell],
    rows: &[V::Cell],
    out: &mut [V::Cell],
) {
    out.fill(V::Cell::all(0.0));
    for (w, row) in weights.iter().zip(rows.chunks_exact(out.len())) {
        add_scaled(level, out, V::load(level, w), row);
    }
}
