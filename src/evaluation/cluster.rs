//! Whose decisions are independent: those of different people.
//!
//! Decisions of one user hang together, by the person and by what was learned of them, so where a log names
//! users, bounds are cluster-robust: what they take as independent are whole users. A fixed hash of the name puts each
//! into one of [`MAX_CLUSTERS`] clusters, and a cluster of whole users is as independent of the others as a user is:
//! memory is flat in users as it is in rows.

use super::bounds::Bounds;
use crate::base::stats::{effective_units, student_t_quantile};
use serde::Serialize;

/// The largest number of clusters of whole users.
pub const MAX_CLUSTERS: usize = 4096;

/// Effective clusters below which nothing is told of others.
pub(super) const MIN_CLUSTERS: f64 = 2.0;

/// What bounds take as independent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cluster {
    /// Users are independent, with all their decisions.
    User,
    /// Single decisions are independent: the log names no users.
    Decision,
}

/// The cluster of the user of this name: FNV-1a, its bits mixed by MurmurHash3's finalizer, for names that differ
/// in their last byte differ in few bits of the former.
pub(super) fn cluster_of(user: &[u8]) -> u32 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let hash = user.iter().fold(0xcbf2_9ce4_8422_2325, step);
    let mixed = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    ((mixed ^ (mixed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53) >> 52) as u32
}

/// How many decisions each cluster has.
#[derive(Debug, Clone)]
pub(crate) struct Clusters {
    rows: Vec<f64>,
    all: f64,
}

impl Clusters {
    pub(super) fn new() -> Self {
        Self { rows: vec![0.0; MAX_CLUSTERS], all: 0.0 }
    }

    #[inline]
    pub(super) fn add(&mut self, cluster: u32) {
        self.rows[cluster as usize] += 1.0;
        self.all += 1.0;
    }

    /// The number of clusters with a decision.
    pub(super) fn count(&self) -> u64 {
        self.rows.iter().filter(|n| **n > 0.0).count() as u64
    }

    /// As how many clusters with equally many decisions they count.
    pub(super) fn effective(&self) -> f64 {
        effective_units(self.rows.iter().copied())
    }

    /// Two-sided bounds on a ratio of means over clusters, sum of terms over sum of decisions, from the sums of
    /// terms by cluster: linearization with the factor G / (G - 1) for G clusters (Liang & Zeger 1986), and Student's t
    /// with as many degrees of freedom as there are effective clusters, at most G - 1. `None` for fewer than two of
    /// these, which tell nothing of others, and where all terms are equal.
    pub(super) fn bounds(&self, sums: impl Fn(usize) -> f64, alpha: f64) -> Option<Bounds> {
        let (count, effective) = (self.count() as f64, self.effective());
        if effective < MIN_CLUSTERS {
            return None;
        }
        let mean = (0..MAX_CLUSTERS).map(&sums).sum::<f64>() / self.all;
        let squares: f64 = self.rows.iter().enumerate().map(|(g, n)| (sums(g) - mean * n).powi(2)).sum();
        let error = (count / (count - 1.0) * squares).sqrt() / self.all;
        let half_width = student_t_quantile(1.0 - alpha / 2.0, effective.min(count - 1.0)) * error;
        (half_width > 0.0).then_some(Bounds { lower: mean - half_width, upper: mean + half_width })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::ChaCha8Rng;
    use rand::{RngExt, SeedableRng};

    #[test]
    fn users_spread_over_all_groups() {
        let mut rows = vec![0_u32; MAX_CLUSTERS];
        (0..100 * MAX_CLUSTERS).for_each(|i| rows[cluster_of(format!("user {i}").as_bytes()) as usize] += 1);
        // 100 in each on average, with a standard deviation of 10: six of them happen once in 10^5 such tests.
        assert!(rows.iter().all(|n| (40..=160).contains(n)), "{:?}", (rows.iter().min(), rows.iter().max()));
        // A promise: the same groups on every machine and in every version.
        assert_eq!([&b""[..], b"ann", b"user 7"].map(cluster_of), [3837, 1775, 3180]);
    }

    fn clusters(rows: impl IntoIterator<Item = u32>) -> Clusters {
        let mut clusters = Clusters::new();
        rows.into_iter().for_each(|cluster| clusters.add(cluster));
        clusters
    }

    #[test]
    fn people_count_by_their_decisions() {
        assert!((clusters(0..30).effective() - 30.0).abs() < 1e-12);
        assert!((clusters((0..29).chain(0..29)).effective() - 29.0).abs() < 1e-12);
        // Two of a thousand who have a sixth of the decisions each are hardly more than two.
        let uneven = clusters((0..1000).chain([1001; 250]).chain([1002; 250]));
        assert!((2.0..2.05).contains(&uneven.effective()), "{}", uneven.effective());
        // Who alone has nearly all of them says nothing of others.
        assert_eq!(clusters((0..9).chain([9; 99])).bounds(|g| g as f64, 0.05), None);
        assert_eq!(clusters([3; 50]).bounds(|g| g as f64, 0.05), None);
    }

    #[test]
    fn bounds_equal_what_the_formula_gives_by_hand() {
        // Clusters with 1, 1 and 2 decisions, sums 0, 1 and 3: mean 1, deviations -1, 0 and 1; 36/18 effective clusters.
        let clusters = clusters([0, 1, 2, 2]);
        let bounds = clusters.bounds(|g| [0.0, 1.0, 3.0].get(g).copied().unwrap_or(0.0), 0.05).unwrap();
        let half = 4.302_652_729_749_464 * (1.5 * 2.0_f64).sqrt() / 4.0;
        assert!((bounds.lower - (1.0 - half)).abs() < 1e-9, "{bounds:?}");
        assert!((bounds.upper - (1.0 + half)).abs() < 1e-9, "{bounds:?}");
        assert_eq!(clusters.bounds(|_| 0.0, 0.05), None);
    }

    /// Three people have a tenth of the decisions each, 2,100 one: with G - 1 degrees of freedom, as if all counted,
    /// intervals of 95% hold too seldom.
    #[test]
    fn a_few_people_with_many_decisions_do_not_make_bounds_too_short() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let sizes: Vec<f64> = [300.0; 3].into_iter().chain(std::iter::repeat_n(1.0, 2100)).collect();
        let clusters = clusters((0..).zip(&sizes).flat_map(|(u, n)| std::iter::repeat_n(u, *n as usize)));
        let as_if_all_counted =
            student_t_quantile(0.975, 2102.0) / student_t_quantile(0.975, clusters.effective());
        let (mut held, mut held_if) = (0, 0);
        for _ in 0..1000 {
            // Each person's mean is uniform in [0.1, 0.9]; the mean of all is 0.5.
            let sums: Vec<f64> = sizes.iter().map(|n| n * rng.random_range(0.1..0.9)).collect();
            let bounds = clusters.bounds(|u| sums.get(u).copied().unwrap_or(0.0), 0.05).unwrap();
            let (centre, half) =
                (f64::midpoint(bounds.lower, bounds.upper), (bounds.upper - bounds.lower) / 2.0);
            held += u32::from((centre - 0.5).abs() <= half);
            held_if += u32::from((centre - 0.5).abs() <= half * as_if_all_counted);
        }
        // Below 925 with probability 2e-4 if they hold as often as they say.
        assert!(held >= 925, "{held}");
        assert!(held_if < 925, "{held_if}");
    }

    #[test]
    fn one_decision_each_is_the_interval_of_independent_terms() {
        let clusters = clusters(0..400);
        let bounds = clusters.bounds(|g| f64::from(u8::from(g < 400 && g % 4 == 0)), 0.05).unwrap();
        let half = student_t_quantile(0.975, 399.0) * (0.25_f64 * 0.75 / 399.0).sqrt();
        assert!((bounds.upper - bounds.lower - 2.0 * half).abs() < 1e-12, "{bounds:?}");
    }
}
