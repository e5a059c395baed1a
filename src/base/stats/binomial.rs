//! Exact bounds on a share, after a number of trials fixed in advance.

use super::special::incomplete_beta_inverse;

/// Lower bound on a share of which `successes` of `trials` were seen: the true share is below it with
/// probability at most `alpha` (Clopper & Pearson 1934). 0 without a success.
pub fn clopper_pearson_lower(successes: u64, trials: u64, alpha: f64) -> f64 {
    if successes == 0 {
        return 0.0;
    }
    incomplete_beta_inverse(successes as f64, (trials - successes) as f64 + 1.0, alpha)
}

/// Upper bound on a share of which `successes` of `trials` were seen: the true share is above it with
/// probability at most `alpha`. 1 without a failure.
pub fn clopper_pearson_upper(successes: u64, trials: u64, alpha: f64) -> f64 {
    1.0 - clopper_pearson_lower(trials - successes, trials, alpha)
}

/// Two-sided interval: the true share is outside it with probability at most `alpha`, half on each side.
pub fn clopper_pearson(successes: u64, trials: u64, alpha: f64) -> (f64, f64) {
    (
        clopper_pearson_lower(successes, trials, alpha / 2.0),
        clopper_pearson_upper(successes, trials, alpha / 2.0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use statrs::distribution::{Binomial, DiscreteCDF};

    #[test]
    fn at_the_bound_what_was_seen_has_probability_alpha() {
        for (successes, trials) in [(1, 1), (1, 10), (5, 10), (9, 10), (42, 10_000), (700, 1000)] {
            for alpha in [0.001, 0.05, 0.3] {
                let at_least = |p: f64| Binomial::new(p, trials).unwrap().sf(successes - 1);
                let lower = clopper_pearson_lower(successes, trials, alpha);
                assert!((at_least(lower) / alpha - 1.0).abs() < 1e-8, "{successes}/{trials}: {lower}");
                if successes < trials {
                    let at_most = |p: f64| Binomial::new(p, trials).unwrap().cdf(successes);
                    let upper = clopper_pearson_upper(successes, trials, alpha);
                    assert!((at_most(upper) / alpha - 1.0).abs() < 1e-8, "{successes}/{trials}: {upper}");
                }
            }
        }
    }

    #[test]
    fn the_ends_are_closed() {
        assert_eq!(clopper_pearson(0, 20, 0.05).0, 0.0);
        assert_eq!(clopper_pearson(20, 20, 0.05).1, 1.0);
        // The "rule of three" in its exact form: 1 - alpha^(1/n).
        let exact = 1.0 - libm::pow(0.05, 1.0 / 20.0);
        assert!((clopper_pearson_upper(0, 20, 0.05) - exact).abs() < 1e-14);
        assert_eq!(clopper_pearson(0, 0, 0.05), (0.0, 1.0));
    }

    #[test]
    fn the_interval_covers_as_often_as_it_says() {
        // Exact coverage by summing over every outcome; no interval of half the alpha would pass.
        for p in [0.02, 0.1, 0.5, 0.77] {
            let binomial = Binomial::new(p, 60).unwrap();
            let covered: f64 = (0..=60)
                .filter(|s| {
                    let (low, high) = clopper_pearson(*s, 60, 0.1);
                    (low..=high).contains(&p)
                })
                .map(|s| statrs::distribution::Discrete::pmf(&binomial, s))
                .sum();
            assert!((0.9..0.99).contains(&covered), "{p}: {covered}");
        }
    }
}
