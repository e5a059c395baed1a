//! The best of each user's scores.

use crate::base::vector::{Cell, Kernel, Vector};

/// The largest of each user's scores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::policy) struct Best<C> {
    /// The largest score.
    pub score: C,
    /// The position at which it first stands, and at how many it does: whole numbers.
    pub first: C,
    pub ties: C,
}

/// The best of each user's scores.
pub(in crate::policy) struct FindBest<'a, C>(pub &'a [C]);

impl<C: Cell> Kernel<C> for FindBest<'_, C> {
    type Output = Best<C>;

    #[inline(always)]
    fn run<V: Vector<Cell = C>>(self, level: V::Level) -> Best<C> {
        best::<V>(level, top(level, self.0), self.0)
    }
}

/// The largest of each user's scores.
#[inline(always)]
pub(super) fn top<V: Vector>(level: V::Level, scores: &[V::Cell]) -> V {
    scores.iter().fold(V::all(level, f64::NEG_INFINITY), |top, score| top.larger(V::load(level, score)))
}

/// Finds who has that score by selections, not by branches, for a processor cannot predict it.
#[inline(always)]
pub(super) fn best<V: Vector>(level: V::Level, top: V, scores: &[V::Cell]) -> Best<V::Cell> {
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
