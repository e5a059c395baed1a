//! Mean and variance of numbers that arrive one by one or in parts.

use serde::{Deserialize, Serialize};

/// Count, mean and sum of squared deviations; parts merge without loss (Chan et al. 1983).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Moments {
    count: u64,
    mean: f64,
    m2: f64,
}

impl Moments {
    /// Takes one more number (Welford 1962).
    #[inline]
    pub fn observe(&mut self, x: f64) {
        self.count += 1;
        let delta = x - self.mean;
        self.mean += delta / self.count as f64;
        self.m2 += delta * (x - self.mean);
    }

    /// Takes a number that is there so many times.
    #[inline]
    pub fn observe_times(&mut self, x: f64, times: u64) {
        match times {
            1 => self.observe(x),
            _ => self.merge(&Self { count: times, mean: x, m2: 0.0 }),
        }
    }

    /// Takes everything that `other` has seen.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        let (n, m) = (self.count as f64, other.count as f64);
        let delta = other.mean - self.mean;
        self.count += other.count;
        let total = self.count as f64;
        self.mean += delta * (m / total);
        self.m2 += other.m2 + delta * delta * (n * m / total);
    }

    /// How many numbers it has seen.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their mean; `None` before the first.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean)
    }

    /// Their sample variance, with the divisor n - 1; `None` before the second.
    pub fn variance(&self) -> Option<f64> {
        (self.count > 1).then(|| self.m2 / (self.count - 1) as f64)
    }

    /// Standard error of the mean; `None` before the second number.
    pub fn standard_error(&self) -> Option<f64> {
        self.variance().map(|v| (v / self.count as f64).sqrt())
    }
}

impl FromIterator<f64> for Moments {
    fn from_iter<I: IntoIterator<Item = f64>>(numbers: I) -> Self {
        let mut moments = Self::default();
        numbers.into_iter().for_each(|x| moments.observe(x));
        moments
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_not_known_is_none() {
        let none = Moments::default();
        assert_eq!((none.mean(), none.variance(), none.standard_error()), (None, None, None));
        let one: Moments = [3.0].into_iter().collect();
        assert_eq!((one.mean(), one.variance()), (Some(3.0), None));
    }

    #[test]
    fn a_large_offset_costs_no_digits() {
        let moments: Moments = (0..1000).map(|i| 1e9 + f64::from(i % 2)).collect();
        assert!((moments.variance().unwrap() - 250.0 / 999.0).abs() < 1e-9);
    }

    fn close(a: Moments, b: Moments) -> bool {
        let near = |x: Option<f64>, y: Option<f64>| match (x, y) {
            (Some(x), Some(y)) => (x - y).abs() <= 1e-9 * (1.0 + x.abs()),
            (x, y) => x == y,
        };
        a.count() == b.count() && near(a.mean(), b.mean()) && near(a.variance(), b.variance())
    }

    proptest! {
        #[test]
        fn merging_parts_is_seeing_them_in_one_go(x in prop::collection::vec(-1e3..1e3f64, 0..40),
                                                  cuts in (0usize..41, 0usize..41)) {
            let (i, j) = (cuts.0.min(x.len()), cuts.1.min(x.len()));
            let (i, j) = (i.min(j), i.max(j));
            let part = |range: &[f64]| range.iter().copied().collect::<Moments>();
            let (a, b, c) = (part(&x[..i]), part(&x[i..j]), part(&x[j..]));
            let mut left = a;
            left.merge(&b);
            left.merge(&c);
            let mut tail = b;
            tail.merge(&c);
            let mut right = a;
            right.merge(&tail);
            let whole = part(&x);
            prop_assert!(close(left, whole) && close(right, whole));
            if let Some(mean) = whole.mean() {
                let direct = x.iter().sum::<f64>() / x.len() as f64;
                prop_assert!((mean - direct).abs() < 1e-9);
                let squares: f64 = x.iter().map(|v| (v - direct) * (v - direct)).sum();
                prop_assert!((whole.variance().unwrap_or(0.0) * (x.len() as f64 - 1.0) - squares).abs() < 1e-6);
            }
        }
    }
}
