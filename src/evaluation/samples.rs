//! What each decision is to each policy: weights and predictions, which wait in a temporary file.

use super::rejection::{LogDigest, RejectionDraws};
use super::sample::Sample;
use super::spool::Spool;
use crate::base::error::Result;

/// One logged decision as every policy sees it.
pub(crate) struct WeighedDecision<'a> {
    /// A sample for each policy, and a last one for the policy that logged, whose weights are 1.
    pub(crate) samples: &'a [Sample],
    /// The vector x of the chosen candidate, as the reward model stores it.
    pub(crate) basis: &'a [f64],
    /// The cluster that it belongs to; 0 where the log names none.
    pub(crate) cluster: usize,
}

/// The samples of every policy, row by row, in a temporary file.
pub(crate) struct Samples {
    pub(super) spool: Spool,
    pub(super) rows: u64,
    /// Largest weight of each policy, the one that logged last: rejection sampling accepts in proportion to it.
    pub(super) largest: Vec<f64>,
    pub(super) seed: u64,
    pub(super) digest: LogDigest,
    pub(super) stored_len: usize,
    pub(super) with_clusters: bool,
}

/// Numbers that are kept of each sample: weight, predicted, expected, and what stands in for the weight in rejection
/// sampling.
pub(super) const PER_SAMPLE: usize = 4;

impl Samples {
    /// Calls `each` with every decision, in order.
    pub(crate) fn each(&mut self, mut each: impl FnMut(&WeighedDecision)) -> Result<()> {
        let blank = Sample { weight: 0.0, reward: 0.0, predicted: 0.0, expected: 0.0, accepted: false };
        let mut samples = vec![blank; self.largest.len()];
        let policies = samples.len() - 1;
        let (stored_len, with_clusters) = (self.stored_len, self.with_clusters);
        let mut numbers = vec![0.0; 1 + stored_len + PER_SAMPLE * policies + usize::from(with_clusters)];
        let mut draws = RejectionDraws::new(self.seed, self.digest);
        let mut reader = self.spool.read()?;
        for _ in 0..self.rows {
            reader.get(&mut numbers)?;
            let (draw, reward) = (draws.next(), numbers[0]);
            let own = numbers[1 + stored_len..].chunks_exact(PER_SAMPLE).zip(&self.largest);
            for (sample, (own, largest)) in samples.iter_mut().zip(own) {
                let &[weight, predicted, expected, threshold] = own else { unreachable!("so many are kept") };
                let accepted = draw * largest < threshold;
                *sample = Sample { weight, reward, predicted, expected, accepted };
            }
            samples[policies] = Sample { weight: 1.0, reward, accepted: true, ..blank };
            let cluster = if with_clusters { numbers[numbers.len() - 1] as usize } else { 0 };
            each(&WeighedDecision { samples: &samples, basis: &numbers[1..=stored_len], cluster });
        }
        Ok(())
    }

    /// Largest weight of each policy.
    pub(crate) fn largest(&self) -> &[f64] {
        &self.largest
    }
}
