//! How a choice is drawn from probabilities that somebody else states.

use super::protocol::SUM_TOLERANCE;
use crate::policy::rng::DecisionRng;

/// Position of the candidate that is drawn from `probabilities`, of which at least one is positive: one number is taken
/// from the generator, and the first candidate whose probabilities so far add up to more than that share of their sum is
/// it. Where rounding leaves something over, it falls to the last that can be chosen at all.
///
/// ```
/// use rehearsal::policy::{DecisionRng, program::sample};
///
/// assert_eq!(sample(&[0.0, 1.0, 0.0], &mut DecisionRng::new(7)), 1);
/// let (mut first, half) = (0, [0.5, 0.5]);
/// for seed in 0..1000 {
///     first += usize::from(sample(&half, &mut DecisionRng::new(seed)) == 0);
/// }
/// assert!((400..600).contains(&first));
/// ```
pub fn sample(probabilities: &[f64], rng: &mut DecisionRng) -> usize {
    let mut left = rng.share() * probabilities.iter().sum::<f64>();
    let mut index = 0;
    for (k, p) in probabilities.iter().enumerate() {
        if *p > 0.0 {
            index = k;
        }
        left -= p;
        if left < 0.0 {
            break;
        }
    }
    index
}

/// The probabilities that a program stated for so many candidates, divided by their sum.
///
/// # Errors
/// What is wrong with them: too few or too many, one that is negative or no number, a sum that is not 1.
pub(super) fn distribution(mut stated: Vec<f64>, candidates: usize) -> Result<Vec<f64>, String> {
    if stated.len() != candidates {
        return Err(format!(
            "probabilities is a list of {}; allowed: {candidates}, one for each candidate",
            stated.len()
        ));
    }
    if let Some((k, p)) = stated.iter().enumerate().find(|(_, p)| !(0.0..=1.0 + SUM_TOLERANCE).contains(*p)) {
        return Err(format!("probabilities[{k}] is {p}; allowed: a number in [0, 1]"));
    }
    let sum: f64 = stated.iter().sum();
    if (sum - 1.0).abs() > SUM_TOLERANCE {
        return Err(format!("probabilities add up to {sum}; allowed: 1, within {SUM_TOLERANCE}"));
    }
    if sum != 1.0 {
        stated.iter_mut().for_each(|p| *p /= sum);
    }
    Ok(stated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_distribution_over_the_candidates_is_one() {
        let of = |stated: &[f64]| distribution(stated.to_vec(), 2);
        assert_eq!(of(&[0.25, 0.75]), Ok(vec![0.25, 0.75]));
        assert_eq!(of(&[0.0, 1.0]), Ok(vec![0.0, 1.0]));
        let near = of(&[0.5, 0.5 + 0.9e-6]).unwrap();
        assert!((near.iter().sum::<f64>() - 1.0).abs() < 1e-15 && near[1] > near[0]);
        for (stated, said) in [
            (&[1.0][..], "a list of 1; allowed: 2"),
            (&[0.5, 0.25, 0.25], "a list of 3; allowed: 2"),
            (&[0.5, 0.5 + 1.1e-6], "add up to 1.0000011"),
            (&[0.5, 0.4], "add up to 0.9"),
            (&[-0.1, 1.1], "probabilities[0] is -0.1"),
            (&[f64::NAN, 1.0], "probabilities[0] is NaN"),
            (&[f64::INFINITY, 0.0], "probabilities[0] is inf"),
        ] {
            let refused = of(stated).unwrap_err();
            assert!(refused.contains(said), "{refused}");
        }
    }

    #[test]
    fn choices_come_as_often_as_stated() {
        // Chi-square over 4 candidates at its 1 - 1e-6 quantile, 30.66: false alarms one in a million.
        let stated = [0.1, 0.0, 0.6, 0.3];
        let (n, mut rng, mut chosen) = (100_000, DecisionRng::new(11), [0.0; 4]);
        for _ in 0..n {
            chosen[sample(&stated, &mut rng)] += 1.0;
        }
        assert_eq!(chosen[1], 0.0);
        let of = |(count, p): (&f64, &f64)| {
            if *p > 0.0 { (count - p * f64::from(n)).powi(2) / (p * f64::from(n)) } else { 0.0 }
        };
        let chi_square: f64 = chosen.iter().zip(&stated).map(of).sum();
        assert!(chi_square < 30.66, "{chosen:?}");
    }
}
