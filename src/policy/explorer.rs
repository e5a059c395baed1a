//! How a policy chooses among scored candidates: the one place where a choice is sampled and where its
//! propensity is computed.

use super::kernels;
use crate::error::{Fault, Result, within};
use crate::features::Lanes;
use rand::{Rng, RngExt};

/// An exploration strategy. K is the number of candidates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Explorer {
    /// Every candidate with probability 1/K.
    Uniform,
    /// With probability epsilon any candidate, else one of the best (Sutton & Barto 2018, 2.2).
    Egreedy {
        /// In [0, 1].
        epsilon: f64,
    },
    /// The best of theta.x + alpha sqrt(x^T A^-1 x) (Li et al. 2010).
    LinUcb {
        /// At least 0.
        alpha: f64,
    },
    /// The best under weights drawn from N(theta, v^2 A^-1) (Agrawal & Goyal 2013).
    LinTs {
        /// At least 0.
        v: f64,
    },
    /// Inverse gap weighting: p = 1/(K + gamma (best - score)), the rest on the best (Foster & Rakhlin 2020).
    SquareCb {
        /// At least 0; 0 is uniform, large is greedy.
        gamma: f64,
    },
}

/// What was chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Choice {
    /// Position of the chosen candidate.
    pub index: usize,
    /// Whether chance rather than the scores decided: the random arm of epsilon-greedy and uniform, and
    /// for SquareCB any candidate but a best one. The optimism of LinUCB and LinTS is in their scores.
    pub explored: bool,
}

impl Explorer {
    /// The parameter's name and value as a policy file states it; `None` for uniform.
    pub fn parameter(&self) -> Option<(&'static str, f64)> {
        match *self {
            Self::Uniform => None,
            Self::Egreedy { epsilon } => Some(("epsilon", epsilon)),
            Self::LinUcb { alpha } => Some(("alpha", alpha)),
            Self::LinTs { v } => Some(("v", v)),
            Self::SquareCb { gamma } => Some(("gamma", gamma)),
        }
    }

    /// Its name in policy files.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Egreedy { .. } => "egreedy",
            Self::LinUcb { .. } => "linucb",
            Self::LinTs { .. } => "lints",
            Self::SquareCb { .. } => "squarecb",
        }
    }

    pub(super) fn check(self) -> Result<Self, Fault> {
        if let Some((name, value)) = self.parameter() {
            let high = if name == "epsilon" { 1.0 } else { 1e9 };
            within(name, value, 0.0, high)?;
        }
        Ok(self)
    }

    /// Chooses by the scores of K candidates, at least 1, which for LinUCB and LinTS already carry their
    /// optimism. The last lanes are filled up with minus infinity.
    #[inline(always)]
    pub(crate) fn choose(&self, k: usize, scores: &[Lanes], rng: &mut impl Rng) -> Choice {
        match *self {
            Self::Uniform => Choice { index: below(rng, k), explored: true },
            Self::Egreedy { epsilon } => {
                if rng.random::<f64>() < epsilon {
                    Choice { index: below(rng, k), explored: true }
                } else {
                    Choice { index: best(scores, rng), explored: false }
                }
            }
            Self::LinUcb { .. } | Self::LinTs { .. } => Choice { index: best(scores, rng), explored: false },
            Self::SquareCb { gamma } => {
                let top = kernels::maximum(scores);
                let mut left: f64 = rng.random();
                for (index, score) in scores.as_flattened()[..k].iter().enumerate() {
                    if *score < top {
                        left -= 1.0 / (k as f64 + gamma * (top - score));
                        if left < 0.0 {
                            return Choice { index, explored: true };
                        }
                    }
                }
                Choice { index: best(scores, rng), explored: false }
            }
        }
    }

    /// Each candidate's probability of being chosen; `None` where it has no closed
    /// form (LinTS).
    pub fn propensities(&self, scores: &[f64]) -> Option<Vec<f64>> {
        let k = scores.len() as f64;
        let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let ties = scores.iter().filter(|s| **s == top).count() as f64;
        let by_rank =
            |best: f64, rest: f64| scores.iter().map(|s| if *s == top { best } else { rest }).collect();
        match *self {
            Self::Uniform => Some(vec![1.0 / k; scores.len()]),
            Self::Egreedy { epsilon } => Some(by_rank(epsilon / k + (1.0 - epsilon) / ties, epsilon / k)),
            Self::LinUcb { .. } => Some(by_rank(1.0 / ties, 0.0)),
            Self::LinTs { .. } => None,
            Self::SquareCb { gamma } => {
                let of = |s: f64| 1.0 / (k + gamma * (top - s));
                let rest: f64 = scores.iter().filter(|s| **s < top).map(|s| of(*s)).sum();
                Some(scores.iter().map(|s| if *s == top { (1.0 - rest) / ties } else { of(*s) }).collect())
            }
        }
    }
}

/// A uniform number below `n`, from one word (bias below n / 2^32).
#[inline(always)]
fn below(rng: &mut impl Rng, n: usize) -> usize {
    ((u64::from(rng.next_u32()) * n as u64) >> 32) as usize
}

/// One of the best, evenly. One word is drawn whether or not there is a tie.
#[inline(always)]
fn best(scores: &[Lanes], rng: &mut impl Rng) -> usize {
    let (first, ties) = kernels::best(scores);
    let skip = below(rng, ties);
    if skip == 0 {
        return first;
    }
    let scores = scores.as_flattened();
    let mut best = scores.iter().enumerate().filter(|(_, score)| **score == scores[first]);
    best.nth(skip).map_or(first, |(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_xoshiro::SplitMix64;

    const ALL: [Explorer; 5] = [
        Explorer::Uniform,
        Explorer::Egreedy { epsilon: 0.1 },
        Explorer::LinUcb { alpha: 1.0 },
        Explorer::LinTs { v: 0.5 },
        Explorer::SquareCb { gamma: 10.0 },
    ];

    #[test]
    fn propensities_are_those_of_the_design() {
        let scores = [0.5, 0.2, 0.5, -0.3];
        let of = |explorer: Explorer| explorer.propensities(&scores);
        assert_eq!(of(ALL[0]).unwrap(), [0.25; 4]);
        assert_eq!(of(ALL[1]).unwrap(), [0.025 + 0.9 / 2.0, 0.025, 0.025 + 0.9 / 2.0, 0.025]);
        assert_eq!(of(ALL[2]).unwrap(), [0.5, 0.0, 0.5, 0.0]);
        assert_eq!(of(ALL[3]), None);
        let (second, last) = (1.0 / (4.0 + 10.0 * (0.5 - 0.2)), 1.0 / (4.0 + 10.0 * 0.8));
        let best = (1.0 - (second + last)) / 2.0;
        assert_eq!(of(ALL[4]).unwrap(), [best, second, best, last]);
    }

    #[test]
    fn choices_come_as_often_as_their_propensity_says() {
        // 4 explorers, chi-square over 4 candidates at its 1 - 1e-6 quantile (30.66 for 3 degrees of
        // freedom): false alarm below 4e-6.
        let scores = [0.5, 0.2, 0.5, -0.3];
        let n = 100_000;
        for explorer in ALL {
            let Some(p) = explorer.propensities(&scores) else { continue };
            let mut rng = SplitMix64::seed_from_u64(5);
            let mut seen = [0.0; 4];
            for _ in 0..n {
                seen[explorer.choose(4, &[scores], &mut rng).index] += 1.0;
            }
            let mut chi_square = 0.0;
            for (s, p) in seen.iter().zip(&p) {
                let expected = p * f64::from(n);
                assert!(expected > 0.0 || *s == 0.0, "{explorer:?} chose what has propensity 0");
                chi_square += if expected > 0.0 { (s - expected).powi(2) / expected } else { 0.0 };
            }
            assert!(chi_square < 30.66, "{explorer:?}: {seen:?} for {p:?}");
        }
    }

    #[test]
    fn the_single_candidate_is_chosen() {
        const LEAST: f64 = f64::NEG_INFINITY;
        let mut rng = SplitMix64::seed_from_u64(0);
        for explorer in ALL {
            assert_eq!(explorer.choose(1, &[[-3.0, LEAST, LEAST, LEAST]], &mut rng).index, 0);
            assert!(explorer.propensities(&[-3.0]).is_none_or(|p| p == [1.0]));
        }
    }

    proptest! {
        #[test]
        fn propensities_sum_to_one(scores in prop::collection::vec(prop_oneof![-2.0..2.0f64, Just(0.5)], 1..40),
                                   parameter in 0.0..1.0f64) {
            for explorer in [Explorer::Uniform, Explorer::Egreedy { epsilon: parameter },
                             Explorer::LinUcb { alpha: parameter }, Explorer::SquareCb { gamma: parameter * 100.0 }] {
                let p = explorer.propensities(&scores).unwrap();
                prop_assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12);
                prop_assert!(p.iter().all(|p| (0.0..=1.0).contains(p)));
            }
        }
    }
}
