//! How a policy chooses among scored candidates.
//!
//! In: each candidate's score and each user's generator. Out: a [`Choice`], and each candidate's propensity. A new
//! explorer is a file with its paper and a struct that implements `Explore`, and a line in the table below: the file's
//! name, the struct's, and the parameter's in policy files if there is one. A policy file then takes its name and its
//! parameter, and errors list them; a test asks for its row in `docs/files.md`.

mod dispatch;
mod explore;

pub(super) use explore::Scoring;
pub use explore::{Choice, Parameter};

use crate::base::error::Fault;
use crate::base::vector::Vector;
use dispatch::{EachChoice, decide_by, explorer_enum};
use explore::Explore;

/// The table of explorers. Policy files, and digests with them, have the parameters in its order: a new line is the last.
macro_rules! explorers {
    ($make:ident) => {
        $make! {
            uniform Uniform,
            egreedy Egreedy (epsilon),
            linucb LinUcb (alpha),
            lints LinTs (v),
            squarecb SquareCb (gamma),
            softmax Softmax (temperature),
        }
    };
}

pub(super) use explorers;

explorers!(explorer_enum);

#[cfg(test)]
mod tests {
    use super::explore::{Choice, Explore};
    use super::*;
    use crate::base::vector::Cell;
    use crate::policy::kernels::FindBest;
    use crate::policy::rng::DecisionRng;
    use proptest::prelude::*;

    /// Every explorer of the table with its default, or with this value where it has a parameter.
    fn all(value: Option<f64>) -> Vec<Explorer> {
        let of = |name: &&str| {
            let value = Explorer::parameter_of(name).and(value);
            Explorer::named(name, value).unwrap()
        };
        Explorer::NAMES.iter().map(of).collect()
    }

    /// What an explorer chooses by scores that are known: in a decision a model gives them.
    fn choose(explorer: Explorer, scores: &[f64], rng: &mut DecisionRng) -> Choice {
        let best = f64::run(FindBest(scores));
        macro_rules! choose_by {
            ($($file:ident $Explorer:ident $(($parameter:ident))?,)*) => {
                match explorer {
                    $(Explorer::$Explorer(own) => own.choose(scores, &best, rng),)*
                }
            };
        }
        explorers!(choose_by)
    }

    fn named(name: &str, value: f64) -> Explorer {
        Explorer::named(name, Some(value)).unwrap()
    }

    fn near(a: &[f64], b: &[f64]) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-15)
    }

    const SCORES: [f64; 4] = [0.5, 0.2, 0.5, -0.3];

    #[test]
    fn propensities_are_those_of_the_papers() {
        let of = |explorer: Explorer| explorer.propensities(&SCORES);
        assert_eq!(of(Explorer::named("uniform", None).unwrap()).unwrap(), [0.25; 4]);
        assert_eq!(of(named("egreedy", 0.1)).unwrap(), [0.025 + 0.9 / 2.0, 0.025, 0.025 + 0.9 / 2.0, 0.025]);
        assert_eq!(of(named("linucb", 1.0)).unwrap(), [0.5, 0.0, 0.5, 0.0]);
        assert_eq!(of(named("lints", 0.5)), None);
        let (second, last) = (1.0 / (4.0 + 10.0 * (0.5 - 0.2)), 1.0 / (4.0 + 10.0 * 0.8));
        let best = (1.0 - (second + last)) / 2.0;
        assert_eq!(of(named("squarecb", 10.0)).unwrap(), [best, second, best, last]);
        let weights = SCORES.map(|score: f64| (score / 0.4).exp());
        let total: f64 = weights.iter().sum();
        assert!(near(&of(named("softmax", 0.4)).unwrap(), &weights.map(|w| w / total)));
    }

    #[test]
    fn softmax_is_greedy_when_cold_and_uniform_when_hot() {
        let of = |temperature, scores: &[f64]| named("softmax", temperature).propensities(scores).unwrap();
        assert_eq!(of(1e-6, &SCORES), [0.5, 0.0, 0.5, 0.0]);
        assert!(of(1e6, &SCORES).iter().all(|p| (p - 0.25).abs() < 1e-6));
        // Scores that would overflow an exponential by themselves.
        assert_eq!(of(1e-6, &[1e6, -1e6, 1e6]), [0.5, 0.0, 0.5]);
        assert_eq!(of(0.1, &[0.3; 5]), [0.2; 5]);
        let mut rng = DecisionRng::new(3);
        for _ in 0..1000 {
            let Choice { index, explored } = choose(named("softmax", 1e-6), &SCORES, &mut rng);
            assert!(!explored && [0, 2].contains(&index));
        }
    }

    #[test]
    fn softmax_takes_one_number_whatever_it_chooses() {
        let (mut rng, mut other) = (DecisionRng::new(4), DecisionRng::new(4));
        for n in 1..40 {
            choose(named("softmax", 0.2), &vec![0.1; n], &mut rng);
            other.share();
            assert_eq!(rng, other);
        }
    }

    #[test]
    fn choices_come_as_often_as_their_propensity_says() {
        // 5 explorers, chi-square over 4 candidates at its 1 - 1e-6 quantile (30.66 for 3 degrees of
        // freedom): false alarm below 5e-6. Those at 10 are far from greedy and from uniform.
        let n = 100_000;
        for explorer in all(None).into_iter().chain([named("squarecb", 10.0), named("softmax", 0.5)]) {
            let Some(p) = explorer.propensities(&SCORES) else { continue };
            let mut rng = DecisionRng::new(5);
            let mut chosen = [0.0; 4];
            for _ in 0..n {
                let Choice { index, explored } = choose(explorer, &SCORES, &mut rng);
                chosen[index] += 1.0;
                let by_chance = SCORES[index] < 0.5;
                assert!(explored || !by_chance, "{explorer:?} did not say that it explored");
            }
            let mut chi_square = 0.0;
            for (count, p) in chosen.iter().zip(&p) {
                let expected = p * f64::from(n);
                assert!(expected > 0.0 || *count == 0.0, "{explorer:?} chose what has propensity 0");
                chi_square += if expected > 0.0 { (count - expected).powi(2) / expected } else { 0.0 };
            }
            assert!(chi_square < 30.66, "{explorer:?}: {chosen:?} for {p:?}");
        }
    }

    #[test]
    fn the_single_candidate_is_chosen() {
        let mut rng = DecisionRng::new(0);
        for explorer in all(None) {
            assert_eq!(choose(explorer, &[-3.0], &mut rng).index, 0);
            assert!(explorer.propensities(&[-3.0]).is_none_or(|p| p == [1.0]));
        }
    }

    #[test]
    fn who_has_propensities_says_so() {
        for explorer in all(None) {
            assert_eq!(explorer.has_propensities(), explorer.propensities(&SCORES).is_some(), "{explorer:?}");
        }
    }

    proptest! {
        #[test]
        fn propensities_sum_to_one(scores in prop::collection::vec(prop_oneof![-2.0..2.0f64, Just(0.5)], 1..40),
                                   value in 1e-6..1.0f64, gamma in 0.0..100.0f64) {
            for explorer in all(Some(value)).into_iter().chain([named("squarecb", gamma)]) {
                let Some(p) = explorer.propensities(&scores) else { continue };
                prop_assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12);
                prop_assert!(p.iter().all(|p| (0.0..=1.0).contains(p)));
            }
        }
    }
}
