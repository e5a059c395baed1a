//! What the rewards of one user say of their weights: n, sum x x^T, sum r x and sum r^2, exact.
//!
//! Sums are whole numbers of 2^-64, so that they are the same in whatever order rows come and threads add them.

use sha2::{Digest, Sha256};

/// Two to the power of what a sum is counted in.
const SCALE: f64 = 18_446_744_073_709_551_616.0;
/// The largest size of a product that is added.
const LARGEST: f64 = 1e15;

/// The sums of one user's rewards, or of those for one kind of candidate. D is the number of dimensions.
#[derive(Debug, Clone, PartialEq)]
pub struct UserSums {
    rows: u64,
    /// Lower triangle of sum x x^T, row by row.
    xx: Vec<i128>,
    xr: Vec<i128>,
    rr: i128,
}

impl UserSums {
    /// No rewards in `dim` dimensions.
    pub fn new(dim: usize) -> Self {
        Self { rows: 0, xx: vec![0; dim * (dim + 1) / 2], xr: vec![0; dim], rr: 0 }
    }

    /// Adds a reward `r` for what has the vector `x`.
    ///
    /// # Errors
    /// A product that is too large, or none.
    pub fn add(&mut self, x: &[f64], r: f64) -> Result<(), f64> {
        self.accumulate(x, r, 1)?;
        self.rows += 1;
        Ok(())
    }

    /// Takes away a reward that was added: to the bit, as if it had never been.
    ///
    /// # Errors
    /// As [`Self::add`].
    pub(super) fn remove(&mut self, x: &[f64], r: f64) -> Result<(), f64> {
        self.accumulate(x, r, -1)?;
        self.rows -= 1;
        Ok(())
    }

    /// Adds the rewards of other sums in as many dimensions.
    pub(super) fn absorb(&mut self, other: &Self) {
        let own = self.xx.iter_mut().chain(&mut self.xr).chain([&mut self.rr]);
        for (own, other) in own.zip(other.xx.iter().chain(&other.xr).chain([&other.rr])) {
            *own = own.saturating_add(*other);
        }
        self.rows += other.rows;
    }

    fn accumulate(&mut self, x: &[f64], r: f64, sign: i128) -> Result<(), f64> {
        let exact = |product: f64| {
            let fits = product.abs() <= LARGEST;
            if fits { Ok(sign * (product * SCALE).round() as i128) } else { Err(product) }
        };
        let mut xx = self.xx.iter_mut();
        for (i, a) in x.iter().enumerate() {
            for (b, sum) in x[..=i].iter().zip(&mut xx) {
                *sum = sum.saturating_add(exact(a * b)?);
            }
        }
        for (a, sum) in x.iter().zip(&mut self.xr) {
            *sum = sum.saturating_add(exact(a * r)?);
        }
        self.rr = self.rr.saturating_add(exact(r * r)?);
        Ok(())
    }

    /// Back to no rewards.
    pub fn clear(&mut self) {
        *self = Self::new(self.xr.len());
    }

    /// How many rewards.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Adds the sums to a digest.
    pub(super) fn digest(&self, hash: &mut Sha256) {
        hash.update(self.rows.to_le_bytes());
        for sum in self.xx.iter().chain(&self.xr).chain([&self.rr]) {
            hash.update(sum.to_le_bytes());
        }
    }

    /// The same as doubles.
    pub(super) fn to_unit(&self) -> SufficientStatistics {
        let of = |sum: &i128| *sum as f64 / SCALE;
        SufficientStatistics {
            rows: self.rows as f64,
            xx: self.xx.iter().map(of).collect(),
            xr: self.xr.iter().map(of).collect(),
            rr: of(&self.rr),
        }
    }
}

/// Whoever has weights of their own: a user, or a user where it is about one kind of candidate.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SufficientStatistics {
    pub(super) rows: f64,
    /// Lower triangle of sum x x^T, row by row.
    pub(super) xx: Vec<f64>,
    pub(super) xr: Vec<f64>,
    pub(super) rr: f64,
}

impl SufficientStatistics {
    /// No rewards in `dim` dimensions.
    pub(super) fn blank(dim: usize) -> Self {
        Self { rows: 0.0, xx: vec![0.0; dim * (dim + 1) / 2], xr: vec![0.0; dim], rr: 0.0 }
    }

    /// Sum x x^T: D rows of D values.
    pub(super) fn matrix(&self) -> Vec<f64> {
        let dim = self.xr.len();
        let at = |i: usize, j: usize| self.xx[i.max(j) * (i.max(j) + 1) / 2 + i.min(j)];
        (0..dim * dim).map(|place| at(place / dim, place % dim)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_order_of_rows_changes_a_bit(rows in prop::collection::vec((prop::array::uniform3(-9.0..9.0f64), -2.0..2.0f64), 0..60),
                                          turn in 0usize..60) {
            let sum = |rows: &[([f64; 3], f64)]| {
                let mut sums = UserSums::new(3);
                rows.iter().try_for_each(|(x, r)| sums.add(x, *r)).unwrap();
                sums
            };
            let mut other = rows.clone();
            other.rotate_left(turn.min(rows.len()));
            other.reverse();
            prop_assert_eq!(sum(&rows), sum(&other));
            let unit = sum(&rows).to_unit();
            let expected: f64 = rows.iter().map(|(x, _)| x[2] * x[0]).sum();
            let matrix = unit.matrix();
            prop_assert!((matrix[6] - expected).abs() < 1e-9 && matrix[2] == matrix[6]);
        }
    }

    #[test]
    fn what_is_taken_away_was_never_there() {
        let sums = |rows: &[([f64; 2], f64)]| {
            let mut sums = UserSums::new(2);
            rows.iter().try_for_each(|(x, r)| sums.add(x, *r)).unwrap();
            sums
        };
        let (a, b) = (([1.0, 0.3], -0.5), ([0.1, 7.0], 1.0));
        let mut both = sums(&[a, b]);
        both.remove(&a.0, a.1).unwrap();
        assert_eq!(both, sums(&[b]));
        both.absorb(&sums(&[a]));
        assert_eq!(both, sums(&[a, b]));
    }

    #[test]
    fn what_cannot_be_added_is_refused() {
        let mut sums = UserSums::new(1);
        assert_eq!(sums.add(&[1e8], 0.0), Err(1e16));
        assert!(sums.add(&[f64::NAN], 0.0).is_err());
        assert!(sums.add(&[3e7], 0.0).is_ok());
    }
}
