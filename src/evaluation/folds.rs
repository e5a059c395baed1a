//! The folds of cross-fitting: which rows a model is not to have seen when it predicts one of them.

use super::cluster::MAX_CLUSTERS;
use super::reward_model::FOLDS;
use super::row::Row;
use super::split_mix::{GOLDEN, mix};

/// The folds of cross-fitting. All decisions of a cluster of users are in the same one: each cluster that is new goes where
/// there are fewest so far, drawn by a hash among these, so that folds differ by one cluster at most, however few there
/// are.
/// Rows without users are spread by a hash of their number. By the number itself, or the order of users, a log whose items
/// or users take turns would have one sort of them in each fold.
pub(super) struct Folds {
    seed: u64,
    /// The fold of each cluster so far.
    of_cluster: Vec<Option<u8>>,
    /// The number of clusters in each fold.
    clusters: [u32; FOLDS],
}

impl Folds {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, of_cluster: vec![None; MAX_CLUSTERS], clusters: [0; FOLDS] }
    }

    /// The fold that row `number` belongs to; the same whenever it is asked for.
    #[inline]
    pub(super) fn of(&mut self, number: u64, row: &Row) -> usize {
        let Some(cluster) = row.cluster else { return (self.hash(number) % FOLDS as u64) as usize };
        match self.of_cluster[cluster as usize] {
            Some(fold) => usize::from(fold),
            None => self.place(cluster),
        }
    }

    fn hash(&self, number: u64) -> u64 {
        mix(mix(self.seed).wrapping_add(number.wrapping_mul(GOLDEN)))
    }

    /// Puts a cluster that is new into one of the folds with fewest clusters.
    fn place(&mut self, cluster: u32) -> usize {
        let fewest = self.clusters.iter().min().copied().unwrap_or(0);
        let open: Vec<usize> = (0..FOLDS).filter(|fold| self.clusters[*fold] == fewest).collect();
        let fold = open[(self.hash(u64::from(cluster)) % open.len() as u64) as usize];
        self.clusters[fold] += 1;
        self.of_cluster[cluster as usize] = Some(fold as u8);
        fold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_cluster(cluster: u32) -> Row {
        Row { cluster: Some(cluster), ..Row::default() }
    }

    #[test]
    fn all_decisions_of_a_user_are_in_one_fold_and_folds_have_equally_many_users() {
        for seed in 0..20 {
            let mut folds = Folds::new(seed);
            let mut users = [0_u32; FOLDS];
            for i in 0..12 {
                // As hashes of names are, and some of them the same modulo 5.
                let row = of_cluster(i * 340 % 4096);
                let first = folds.of(u64::from(i), &row);
                users[first] += 1;
                assert!((0..20).all(|again| folds.of(again, &row) == first));
                let (most, fewest) = (users.iter().max().unwrap(), users.iter().min().unwrap());
                assert!(most - fewest <= 1, "{seed}: {users:?}");
            }
        }
    }

    /// By their order, users who come in turn from five places would be in five folds.
    #[test]
    fn users_who_take_turns_are_spread_over_all_folds() {
        let mut counts = [[0_u32; FOLDS]; FOLDS];
        for seed in 0..20 {
            let mut folds = Folds::new(seed);
            (0..1000).for_each(|i| counts[i % FOLDS][folds.of(0, &of_cluster(i as u32))] += 1);
        }
        // 800 each; further off by 120 with probability below 1e-5.
        assert!(counts.iter().flatten().all(|n| (680..920).contains(n)), "{counts:?}");
    }

    #[test]
    fn folds_are_even_whatever_the_period_of_the_rows() {
        for seed in [0, 1, 7] {
            for period in [1, 2, 5, 10, 15] {
                let mut counts = [0; FOLDS];
                let mut folds = Folds::new(seed);
                (0..10_000).for_each(|i| counts[folds.of(3 + i * period, &Row::default())] += 1);
                // 2,000 each; further off by 180 with probability below 1e-5.
                assert!(counts.iter().all(|n| (1820..2180).contains(n)), "{seed}, {period}: {counts:?}");
            }
        }
        let folds_of = |seed| {
            let mut folds = Folds::new(seed);
            (0..50).map(|i| folds.of(i, &Row::default())).collect::<Vec<_>>()
        };
        assert_eq!(folds_of(4), folds_of(4));
        assert_ne!(folds_of(4), folds_of(5));
    }
}
