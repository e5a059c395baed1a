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
    /// Its place among the different decisions, where these are known.
    pub(crate) place: Option<usize>,
}

/// Policies whose decisions are told apart by what rejection sampling keeps for them, at most.
pub(super) const MOST_POLICIES: usize = 3;

/// What is kept of the decisions.
pub(super) enum KeptSamples {
    /// The numbers of each of them.
    Each(Spool),
    /// The numbers of those that differ, and which of these came when.
    Repeated { numbers: Vec<f64>, order: Spool },
}

/// The samples of every policy, row by row, in a temporary file.
pub(crate) struct Samples {
    pub(super) kept: KeptSamples,
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
        let Self { kept, rows, largest, seed, digest, stored_len, .. } = self;
        let (policies, stored_len) = (largest.len() - 1, *stored_len);
        let len = 1 + stored_len + PER_SAMPLE * policies + usize::from(self.with_clusters);
        let mut draws = RejectionDraws::new(*seed, *digest);
        match kept {
            KeptSamples::Each(spool) => {
                let (mut samples, mut numbers) = (vec![BLANK; policies + 1], vec![0.0; len]);
                let mut reader = spool.read()?;
                for _ in 0..*rows {
                    reader.get(&mut numbers)?;
                    let draw = draws.next();
                    fill(&mut samples, &numbers, stored_len, |policy, threshold| {
                        draw * largest[policy] < threshold
                    });
                    let cluster = if self.with_clusters { numbers[len - 1] as usize } else { 0 };
                    let basis = &numbers[1..=stored_len];
                    each(&WeighedDecision { samples: &samples, basis, cluster, place: None });
                }
            }
            KeptSamples::Repeated { numbers, order } => {
                let different = Different::new(numbers, len, stored_len, policies);
                let mut reader = order.read()?;
                for _ in 0..*rows {
                    let kind = usize::from(reader.get_short()?);
                    each(&different.decision(different.place(kind, draws.next(), largest)));
                }
            }
        }
        Ok(())
    }

    /// Calls `each` with every decision that differs from others, and how often it was there, where that is known; else with
    /// every one, in order.
    pub(crate) fn each_different(&mut self, mut each: impl FnMut(&WeighedDecision, u64)) -> Result<()> {
        let KeptSamples::Repeated { numbers, order } = &mut self.kept else {
            return self.each(|decision| each(decision, 1));
        };
        let (policies, stored_len) = (self.largest.len() - 1, self.stored_len);
        let len = 1 + stored_len + PER_SAMPLE * policies + usize::from(self.with_clusters);
        let different = Different::new(numbers, len, stored_len, policies);
        let mut draws = RejectionDraws::new(self.seed, self.digest);
        let mut times = vec![0; different.samples.len() / (policies + 1)];
        let mut reader = order.read()?;
        for _ in 0..self.rows {
            let kind = usize::from(reader.get_short()?);
            times[different.place(kind, draws.next(), &self.largest)] += 1;
        }
        for (place, times) in times.into_iter().enumerate().filter(|(_, times)| *times > 0) {
            each(&different.decision(place), times);
        }
        Ok(())
    }

    /// Largest weight of each policy.
    pub(crate) fn largest(&self) -> &[f64] {
        &self.largest
    }
}

const BLANK: Sample = Sample { weight: 0.0, reward: 0.0, predicted: 0.0, expected: 0.0, accepted: false };

/// Makes samples of the numbers of a decision; `accepts` says whether rejection sampling keeps it for a policy.
fn fill(samples: &mut [Sample], numbers: &[f64], stored_len: usize, accepts: impl Fn(usize, f64) -> bool) {
    let (reward, policies) = (numbers[0], samples.len() - 1);
    let own = numbers[1 + stored_len..].chunks_exact(PER_SAMPLE);
    for (policy, (sample, own)) in samples[..policies].iter_mut().zip(own).enumerate() {
        let &[weight, predicted, expected, threshold] = own else { unreachable!("so many are kept") };
        *sample = Sample { weight, reward, predicted, expected, accepted: accepts(policy, threshold) };
    }
    samples[policies] = Sample { weight: 1.0, reward, accepted: true, ..BLANK };
}

/// The decisions that differ: of each kind of row one for each set of policies for which rejection sampling keeps it.
struct Different<'a> {
    numbers: &'a [f64],
    /// How many numbers a kind has.
    len: usize,
    stored_len: usize,
    policies: usize,
    /// Of each place, one after the other.
    samples: Vec<Sample>,
}

impl<'a> Different<'a> {
    fn new(numbers: &'a [f64], len: usize, stored_len: usize, policies: usize) -> Self {
        let sets = 1 << policies;
        let mut samples = vec![BLANK; (numbers.len() / len) * sets * (policies + 1)];
        for (place, samples) in samples.chunks_exact_mut(policies + 1).enumerate() {
            let numbers = &numbers[place / sets * len..][..len];
            fill(samples, numbers, stored_len, |policy, _| ((place % sets) >> policy) & 1 == 1);
        }
        Self { numbers, len, stored_len, policies, samples }
    }

    /// The place of a row of this kind under a draw of rejection sampling.
    #[inline]
    fn place(&self, kind: usize, draw: f64, largest: &[f64]) -> usize {
        let mut place = kind << self.policies;
        let own = &self.numbers[kind * self.len..][..self.len];
        for (policy, largest) in largest[..self.policies].iter().enumerate() {
            let threshold = own[self.stored_len + PER_SAMPLE * (policy + 1)];
            place |= usize::from(draw * largest < threshold) << policy;
        }
        place
    }

    fn decision(&self, place: usize) -> WeighedDecision<'_> {
        let samples = &self.samples[place * (self.policies + 1)..][..=self.policies];
        let numbers = &self.numbers[(place >> self.policies) * self.len..];
        let basis = &numbers[1..=self.stored_len];
        WeighedDecision { samples, basis, cluster: 0, place: Some(place) }
    }
}
