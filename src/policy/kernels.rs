//! What a decision and a lesson spend their time on, over lanes.
//!
//! Each kernel is compiled for any processor and for those with AVX2, and called as the processor allows.
//! Sums run over dimensions in order, vectors over lanes that do not mix and nothing is fused, so no
//! instruction set changes a bit.

use crate::features::{ALL_DIMS, CANDIDATE_DIMS, LANES, Lanes, cut};
use multiversion::multiversion;
use std::hint::black_box;

/// The values as whole lanes; they are padded, so that nothing is left over.
#[inline(always)]
pub(super) fn lanes(values: &[f64]) -> &[Lanes] {
    values.as_chunks().0
}

/// See [`lanes`].
#[inline(always)]
pub(super) fn lanes_mut(values: &mut [f64]) -> &mut [Lanes] {
    values.as_chunks_mut().0
}

/// y + w x
#[inline(always)]
fn plus_scaled(mut y: Lanes, w: f64, x: Lanes) -> Lanes {
    for l in 0..LANES {
        y[l] += w * x[l];
    }
    y
}

/// y += w x
///
/// Lanes are read as a whole before any is written, here and below: the compiler then needs no proof that x
/// and y are apart to use vector instructions.
#[inline(always)]
pub(super) fn add_scaled(y: &mut [f64], w: f64, x: &[f64]) {
    for (y, x) in lanes_mut(y).iter_mut().zip(lanes(x)) {
        *y = plus_scaled(*y, w, *x);
    }
}

/// out[i] = weights . x_i for the `k` candidates of `rows`, `dim` rows a tile; what fills up the last tile gets
/// minus infinity.
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn scores(weights: &[f64], rows: &[Lanes], dim: usize, k: usize, out: &mut [Lanes]) {
    match weights.len() {
        CANDIDATE_DIMS => scores_in::<CANDIDATE_DIMS>(weights, rows, dim, out),
        ALL_DIMS => scores_in::<ALL_DIMS>(weights, rows, dim, out),
        _ => {
            for (out, tile) in out.iter_mut().zip(cut(rows, dim)) {
                *out = weights.iter().zip(tile).fold([0.0; LANES], |sum, (w, x)| plus_scaled(sum, *w, *x));
            }
        }
    }
    if let Some(last) = out.last_mut() {
        // An addition, and of whole lanes, which are read as such soon: no score is -0, so 0 changes none.
        *last = plus_scaled(*last, 1.0, ABSENT[k % LANES]);
    }
}

/// What makes those of a tile the least of all who are not there, by how many are in it; 0 is a full one.
const ABSENT: [Lanes; LANES] = {
    const LEAST: f64 = f64::NEG_INFINITY;
    [[0.0; LANES], [0.0, LEAST, LEAST, LEAST], [0.0, 0.0, LEAST, LEAST], [0.0, 0.0, 0.0, LEAST]]
};

#[inline(always)]
fn scores_in<const D: usize>(weights: &[f64], rows: &[Lanes], dim: usize, out: &mut [Lanes]) {
    let Some(weights) = weights.first_chunk::<D>() else { return };
    for (out, tile) in out.iter_mut().zip(cut(rows, dim)) {
        let Some(tile) = tile.first_chunk::<D>() else { return };
        let mut sum = [0.0; LANES];
        for d in 0..D {
            sum = plus_scaled(sum, weights[d], tile[d]);
        }
        *out = sum;
    }
}

/// What a ridge model carries along, each row and vector padded with zeros to whole lanes.
pub(super) struct Carried<'a> {
    /// A^-1
    pub inverse: &'a mut [f64],
    /// A^-1 b
    pub theta: &'a mut [f64],
    pub b: &'a mut [f64],
    /// Room for a vector.
    pub scratch: &'a mut [f64],
}

/// The model after one more observation (Sherman & Morrison 1950): with p = A^-1 x and q = p / sqrt(1 + x . p),
/// A^-1 <- A^-1 - q q^T, theta <- theta + q (r - theta . x) / sqrt(1 + x . p) and b <- b + r x. `x` is padded,
/// D is `dim`. The products of q q^T commute, so that A^-1 stays symmetric to the bit.
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn update(model: Carried, dim: usize, x: &[f64], r: f64) {
    match dim {
        CANDIDATE_DIMS => update_in::<CANDIDATE_DIMS, { CANDIDATE_DIMS.div_ceil(LANES) }>(model, x, r),
        ALL_DIMS => update_in::<ALL_DIMS, { ALL_DIMS.div_ceil(LANES) }>(model, x, r),
        _ => {
            let Carried { inverse, theta, b, scratch: q } = model;
            weighted_sum(&x[..dim], inverse, q);
            let scale = 1.0 / (1.0 + dot(lanes(x), lanes(q))).sqrt();
            let step = (r - dot(lanes(theta), lanes(x))) * scale;
            q.iter_mut().for_each(|q| *q *= scale);
            add_outer_product(-1.0, q, inverse);
            add_scaled(theta, step, q);
            add_scaled(b, r, x);
        }
    }
}

/// [`update`] with D, and the lanes that it takes, as constants: q stays in registers.
#[inline(always)]
fn update_in<const D: usize, const C: usize>(model: Carried, x: &[f64], r: f64) {
    let Carried { inverse, theta, b, .. } = model;
    let rows: Option<&mut [[Lanes; C]; D]> = lanes_mut(inverse).as_chunks_mut().0.first_chunk_mut();
    let (theta, b) = (lanes_mut(theta).first_chunk_mut::<C>(), lanes_mut(b).first_chunk_mut::<C>());
    let (Some(rows), Some(theta), Some(b)) = (rows, theta, b) else { return };
    let Some(x) = lanes(x).first_chunk::<C>() else { return };
    let mut q = [[0.0; LANES]; C];
    for (w, row) in x.as_flattened().iter().zip(rows.iter()) {
        for (q, value) in q.iter_mut().zip(row) {
            *q = plus_scaled(*q, *w, *value);
        }
    }
    let scale = 1.0 / (1.0 + dot(x, &q)).sqrt();
    let step = (r - dot(theta, x)) * scale;
    for q in &mut q {
        for l in 0..LANES {
            q[l] *= scale;
        }
    }
    for (theta, q) in theta.iter_mut().zip(&q) {
        *theta = plus_scaled(*theta, step, *q);
    }
    for (b, x) in b.iter_mut().zip(x) {
        *b = plus_scaled(*b, r, *x);
    }
    // Last: the next decision waits for theta, not for A^-1.
    for (w, row) in q.as_flattened().iter().zip(rows) {
        for (value, q) in row.iter_mut().zip(&q) {
            *value = plus_scaled(*value, -w, *q);
        }
    }
}

/// x . y in four running sums: the same bits on every machine.
#[inline(always)]
fn dot(x: &[Lanes], y: &[Lanes]) -> f64 {
    let mut sums = [0.0; LANES];
    for (x, y) in x.iter().zip(y) {
        for l in 0..LANES {
            sums[l] += x[l] * y[l];
        }
    }
    // Else the compiler, looking back from this sum, cuts the vectors of whatever made x and y into pieces.
    let sums = black_box(sums);
    (sums[0] + sums[2]) + (sums[1] + sums[3])
}

/// out = sum over i of weights[i] rows[i]; rows are as long as `out`.
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn weighted_sum(weights: &[f64], rows: &[f64], out: &mut [f64]) {
    out.fill(0.0);
    for (w, row) in weights.iter().zip(rows.chunks_exact(out.len())) {
        add_scaled(out, *w, row);
    }
}

/// m += sign x x^T, symmetric to the bit.
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn add_outer_product(sign: f64, x: &[f64], m: &mut [f64]) {
    for (w, row) in x.iter().zip(m.chunks_exact_mut(x.len())) {
        add_scaled(row, sign * w, x);
    }
}

/// x^T A^-1 x for the candidates x of `tiles`, each `dim` rows; at least 0.
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn quadratic_forms(
    inverse: &[f64],
    stride: usize,
    tiles: &[Lanes],
    dim: usize,
    out: &mut [Lanes],
) {
    for (out, tile) in out.iter_mut().zip(cut(tiles, dim)) {
        let mut total = [0.0; LANES];
        for ((i, row), x) in inverse.chunks_exact(stride).enumerate().zip(tile) {
            // The diagonal once, what is before it twice: A^-1 is symmetric.
            let mut before = [0.0; LANES];
            for (w, x) in row[..i].iter().zip(tile) {
                before = plus_scaled(before, *w, *x);
            }
            for l in 0..LANES {
                total[l] += x[l] * (2.0 * before[l] + row[i] * x[l]);
            }
        }
        for l in 0..LANES {
            out[l] = if total[l] > 0.0 { total[l] } else { 0.0 };
        }
    }
}

/// The largest of the scores: where it is first found, and how often. By selections, not by branches, for
/// nobody can predict it.
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn best(scores: &[Lanes]) -> (usize, usize) {
    /// How many bits of the index are set.
    const ONES: [usize; 1 << LANES] = [0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4];
    let top = maximum(scores);
    let (mut first, mut count) = (0, 0);
    for (tile, scores) in scores.iter().enumerate() {
        // A bit for each lane.
        let [a, b, c, d] = scores.map(|score| usize::from(score == top));
        let found = a | b << 1 | c << 2 | d << 3;
        let here = tile * LANES + found.trailing_zeros() as usize;
        first = if count == 0 { here } else { first };
        count += ONES[found];
    }
    (first, count)
}

/// The largest score.
#[inline(always)]
pub(super) fn maximum(scores: &[Lanes]) -> f64 {
    let larger = |m: f64, s: f64| if s > m { s } else { m };
    let mut most = [f64::NEG_INFINITY; LANES];
    for scores in scores {
        for l in 0..LANES {
            most[l] = larger(most[l], scores[l]);
        }
    }
    larger(larger(most[0], most[2]), larger(most[1], most[3]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};
    use rand_xoshiro::SplitMix64;

    /// One value after the other, in the order that is promised, without a vector instruction in sight.
    struct Plain {
        inverse: Vec<f64>,
        theta: Vec<f64>,
        b: Vec<f64>,
    }

    impl Plain {
        fn dot(x: &[f64], y: &[f64]) -> f64 {
            let mut sums = [0.0; LANES];
            for (i, (x, y)) in x.iter().zip(y).enumerate() {
                sums[i % LANES] += x * y;
            }
            (sums[0] + sums[2]) + (sums[1] + sums[3])
        }

        fn update(&mut self, dim: usize, x: &[f64], r: f64) {
            let stride = x.len();
            let mut q = vec![0.0; stride];
            for i in 0..dim {
                for j in 0..stride {
                    q[j] += x[i] * self.inverse[i * stride + j];
                }
            }
            let scale = 1.0 / (1.0 + Self::dot(x, &q)).sqrt();
            let step = (r - Self::dot(&self.theta, x)) * scale;
            q.iter_mut().for_each(|q| *q *= scale);
            for i in 0..dim {
                for j in 0..stride {
                    self.inverse[i * stride + j] -= q[i] * q[j];
                }
            }
            for j in 0..stride {
                self.theta[j] += step * q[j];
                self.b[j] += r * x[j];
            }
        }
    }

    proptest! {
        /// What makes results the same on a machine with AVX2 and on one without.
        #[test]
        fn vector_instructions_change_no_bit(dim in 1..22usize, candidates in 1..14usize, seed in any::<u64>()) {
            let stride = dim.next_multiple_of(LANES);
            let mut rng = SplitMix64::seed_from_u64(seed);
            let mut vector = || -> Vec<f64> {
                (0..stride).map(|d| if d < dim { rng.random::<f64>() * 2.0 - 1.0 } else { 0.0 }).collect()
            };
            let mut inverse = vec![0.0; dim * stride];
            (0..dim).for_each(|i| inverse[i * stride + i] = 1.0);
            let zeros = vec![0.0; stride];
            let mut plain = Plain { inverse: inverse.clone(), theta: zeros.clone(), b: zeros.clone() };
            let (mut theta, mut b, mut scratch) = (zeros.clone(), zeros.clone(), zeros);
            for _ in 0..20 {
                let (x, r) = (vector(), vector()[0]);
                let model = Carried { inverse: &mut inverse, theta: &mut theta, b: &mut b, scratch: &mut scratch };
                update(model, dim, &x, r);
                plain.update(dim, &x, r);
            }
            prop_assert_eq!(&inverse, &plain.inverse);
            prop_assert_eq!(&theta, &plain.theta);
            prop_assert_eq!(&b, &plain.b);

            let vectors: Vec<Vec<f64>> = (0..candidates.next_multiple_of(LANES)).map(|_| vector()).collect();
            let mut tiles = Vec::new();
            for tile in vectors.chunks(LANES) {
                tiles.extend((0..dim).map(|d| [tile[0][d], tile[1][d], tile[2][d], tile[3][d]]));
            }
            let mut out = vec![[0.0; LANES]; vectors.len() / LANES];
            scores(&theta[..dim], &tiles, dim, candidates, &mut out);
            for (k, x) in vectors[..candidates].iter().enumerate() {
                let expected = (0..dim).fold(0.0, |sum, d| sum + theta[d] * x[d]);
                prop_assert_eq!(out[k / LANES][k % LANES].to_bits(), expected.to_bits());
            }
            let scores = out.as_flattened();
            prop_assert!(scores[candidates..].iter().all(|s| *s == f64::NEG_INFINITY));
            let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let expected = scores.iter().position(|s| *s == top).unwrap();
            prop_assert_eq!(best(&out), (expected, scores.iter().filter(|s| **s == top).count()));
        }
    }
}
