//! How numbers are spread, counted as they come: quantiles in memory that does not grow with how many there are.

use std::collections::BTreeMap;

/// Bits of a double that a bucket does not tell apart: seven of its fraction are left, so a quantile is within 1/128 of
/// what it is, and small whole numbers are exact.
const DROPPED: u32 = 45;
/// Different numbers that are counted one by one, at most.
const FEW: usize = 32;

/// Numbers that were counted, in buckets of equal relative width. Their order changes nothing.
///
/// ```
/// use rehearsal::base::stats::Distribution;
///
/// let mut prices = Distribution::default();
/// [9.0, 19.0, 89.0, 149.0].into_iter().for_each(|price| prices.observe(price));
/// assert_eq!(prices.quantile(0.5), Some(19.0));
/// assert_eq!(prices.range(), Some((9.0, 149.0)));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    buckets: BTreeMap<u64, u64>,
    count: u64,
    range: Option<(f64, f64)>,
    /// Each number and how often it was there, by its key; `None` once they were too many.
    few: Option<BTreeMap<u64, u64>>,
}

impl Default for Distribution {
    fn default() -> Self {
        Self { buckets: BTreeMap::new(), count: 0, range: None, few: Some(BTreeMap::new()) }
    }
}

/// The bits of a number such that a larger one has more of them as a whole number.
fn key(x: f64) -> u64 {
    // Zero has one sign here.
    let bits = (x + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | (1 << 63) }
}

fn number(key: u64) -> f64 {
    f64::from_bits(if key >> 63 == 1 { key ^ (1 << 63) } else { !key })
}

impl Distribution {
    /// Counts a number, which must be finite.
    pub fn observe(&mut self, x: f64) {
        let key = key(x);
        *self.buckets.entry(key >> DROPPED).or_default() += 1;
        self.count += 1;
        let (low, high) = self.range.unwrap_or((x, x));
        self.range = Some((low.min(x), high.max(x)));
        if let Some(few) = &mut self.few {
            *few.entry(key).or_default() += 1;
            if few.len() > FEW {
                self.few = None;
            }
        }
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Smallest and largest; `None` where there was none.
    pub fn range(&self) -> Option<(f64, f64)> {
        self.range
    }

    /// The smallest number at or below which at least this share of them is, within 1/128 of its size; `None` where there was
    /// none.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let wanted = share * self.count as f64;
        let mut below = 0;
        let bucket = self.buckets.iter().find(|(_, count)| {
            below += **count;
            below as f64 >= wanted
        });
        let (bucket, _) = bucket.or(self.buckets.last_key_value())?;
        // The end of the bucket that is nearer to zero.
        let first = bucket << DROPPED;
        let key = if first >> 63 == 1 { first } else { first | ((1 << DROPPED) - 1) };
        let (low, high) = self.range?;
        Some(number(key).clamp(low, high))
    }

    /// Each number, the smallest first, and how often it was there; `None` where there are more than 32.
    pub fn few(&self) -> Option<Vec<(f64, u64)>> {
        Some(self.few.as_ref()?.iter().map(|(key, count)| (number(*key), *count)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn quantiles_are_within_a_bucket_of_those_of_the_sorted_numbers(
            numbers in prop::collection::vec(prop_oneof![-1e9..1e9f64, -1.0..1.0f64, Just(0.0), Just(-0.0), Just(1e300)], 1..200),
            share in 0.0..=1.0f64,
        ) {
            let mut own = Distribution::default();
            numbers.iter().for_each(|x| own.observe(*x));
            let mut backwards = Distribution::default();
            numbers.iter().rev().for_each(|x| backwards.observe(*x));
            prop_assert_eq!(own.quantile(share).map(f64::to_bits), backwards.quantile(share).map(f64::to_bits));
            let mut sorted = numbers.clone();
            sorted.sort_by(f64::total_cmp);
            let place = (share * numbers.len() as f64).ceil().max(1.0) as usize - 1;
            let (found, expected) = (own.quantile(share).unwrap(), sorted[place]);
            prop_assert!((found - expected).abs() <= expected.abs() / 128.0, "{found} is not {expected}");
            prop_assert_eq!(own.few().is_some(), {
                sorted.iter_mut().for_each(|x| *x += 0.0);
                sorted.dedup();
                sorted.len() <= FEW
            });
        }
    }

    #[test]
    fn small_whole_numbers_are_exact() {
        let mut own = Distribution::default();
        (-100..=100).for_each(|x| own.observe(f64::from(x)));
        assert_eq!(
            (own.quantile(0.0), own.quantile(0.25), own.quantile(1.0)),
            (Some(-100.0), Some(-50.0), Some(100.0))
        );
        assert_eq!(own.few(), None);
        assert_eq!(Distribution::default().quantile(0.5), None);
    }
}
