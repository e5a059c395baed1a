//! How a policy chooses among scored candidates: the one place where a choice is sampled and where its
//! propensity is computed.

use super::DecisionRng;
use super::kernels::Best;
use crate::base::error::{Fault, Result, within};
use crate::base::vector::Cell;
use rand::Rng;
use std::hint::select_unpredictable;

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

    /// Chooses for each user by the scores of K candidates, at least 1, which for LinUCB and LinTS already carry their
    /// optimism, and the best of them.
    #[inline(always)]
    pub(super) fn choose<C: Cell>(
        &self,
        scores: &[C],
        Best { score: top, first, ties }: &Best<C>,
        luck: &mut C::Each<DecisionRng>,
    ) -> C::Each<Choice> {
        let k = scores.len();
        let best = |user: usize, n: usize| nth_best(scores, user, whole(first.of(user)), n);
        match *self {
            Self::Uniform => {
                C::each(|user| Choice { index: below(C::at_mut(luck, user), k), explored: true })
            }
            Self::Egreedy { epsilon } => C::each(
                #[inline(always)]
                |user| {
                    let luck = C::at_mut(luck, user);
                    let explored = luck.share() < epsilon;
                    // One draw for either.
                    let drawn = below(luck, select_unpredictable(explored, k, whole(ties.of(user))));
                    let tied = select_unpredictable(explored, 0, drawn);
                    Choice { index: select_unpredictable(explored, drawn, best(user, tied)), explored }
                },
            ),
            Self::SquareCb { gamma } => C::each(|user| {
                let (luck, top) = (C::at_mut(luck, user), top.of(user));
                let mut left = luck.share();
                for (index, score) in scores.iter().enumerate() {
                    let score = score.of(user);
                    if score < top {
                        left -= 1.0 / (k as f64 + gamma * (top - score));
                        if left < 0.0 {
                            return Choice { index, explored: true };
                        }
                    }
                }
                Choice { index: best(user, below(luck, whole(ties.of(user)))), explored: false }
            }),
            Self::LinUcb { .. } | Self::LinTs { .. } => C::each(|user| {
                let drawn = below(C::at_mut(luck, user), whole(ties.of(user)));
                Choice { index: best(user, drawn), explored: false }
            }),
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

/// A whole number below 2^32 that is held as a double. Adding 2^52 aligns its bits, which is less work than a conversion
/// that has to think of every double.
#[inline(always)]
fn whole(x: f64) -> usize {
    (x + (1_u64 << 52) as f64).to_bits() as u32 as usize
}

/// A uniform number below `n`, from one word (bias below n / 2^32).
#[inline(always)]
fn below(luck: &mut DecisionRng, n: usize) -> usize {
    ((u64::from(luck.0.next_u32()) * n as u64) >> 32) as usize
}

/// Position of the n-th of a user's best candidates, counted from 0, of which the first is known.
#[inline(always)]
fn nth_best<C: Cell>(scores: &[C], user: usize, first: usize, n: usize) -> usize {
    if n == 0 {
        return first;
    }
    let top = scores[first].of(user);
    let mut best = scores.iter().enumerate().filter(|(_, score)| score.of(user) == top);
    best.nth(n).map_or(first, |(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::super::kernels::FindBest;
    use super::*;
    use proptest::prelude::*;

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
            let mut luck = DecisionRng::new(5);
            let mut seen = [0.0; 4];
            for _ in 0..n {
                seen[explorer.choose(&scores, &f64::run(FindBest(&scores)), &mut luck).index] += 1.0;
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
        let mut luck = DecisionRng::new(0);
        for explorer in ALL {
            assert_eq!(explorer.choose(&[-3.0], &f64::run(FindBest(&[-3.0])), &mut luck).index, 0);
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
