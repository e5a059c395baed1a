//! Which attempt of a series a challenger is, and at which level it is tried (ADR-0020).

use serde::Serialize;

/// How a challenger stands among others that are tried at the same gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub enum Attempt {
    /// Nobody counts: what is said holds of a challenger that was not chosen by looking at these people.
    #[default]
    Uncounted,
    /// One of so many that are tried together, on the same people.
    OneOf(u64),
    /// The so-manieth of a series, counted from 1, on people of its own.
    Number(u64),
}

impl Attempt {
    /// The level at which it is tried, so that the probability of any false promotion is at most `alpha`.
    ///
    /// The levels alpha / (k (k + 1)) of a series add up to alpha, however long it gets: 1/2 + 1/6 + 1/12 + ... = 1.
    pub fn level(self, alpha: f64) -> f64 {
        match self {
            Self::Uncounted => alpha,
            Self::OneOf(count) => alpha / count.max(1) as f64,
            Self::Number(number) => alpha / (number as f64 * (number + 1) as f64),
        }
    }

    /// Its number in a series; `None` where nobody counts.
    pub fn number(self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(number),
            Self::Uncounted | Self::OneOf(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_levels_of_a_series_add_up_to_alpha() {
        let sum: f64 = (1..=100_000).map(|k| Attempt::Number(k).level(0.05)).sum();
        assert!(sum <= 0.05 && sum > 0.049_999, "{sum}");
        assert_eq!(Attempt::Number(1).level(0.05), 0.025);
        let together: f64 = (0..7).map(|_| Attempt::OneOf(7).level(0.05)).sum();
        assert!((together - 0.05).abs() < 1e-15);
    }
}
