//! On how many decisions a difference rests: bounds of the normal distribution and of the bootstrap are as good as that
//! number is large.
//!
//! Of n terms with deviations e from their mean, (sum of e^2)^2 / sum of e^4 is about how many carry the spread: n p for
//! rewards that are 1 with a small probability p, n / 3 for normal terms. Half of it is, to first order, the degrees of
//! freedom of the estimated variance (Satterthwaite 1946). It is small where rewards are rare or weights are few, and
//! then an interval is too short, and leans to the side where nothing was seen.

/// The smallest number of decisions on which a verdict may rest; see ADR-0009 for the coverage that it leaves.
pub const MIN_EFFECTIVE_TERMS: f64 = 50.0;

/// Sums of second and fourth powers of deviations.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct PowerSums {
    rows: f64,
    squares: f64,
    fourths: f64,
}

impl PowerSums {
    /// Adds one deviation.
    #[inline]
    pub(super) fn add(&mut self, deviation: f64) {
        let square = deviation * deviation;
        self.rows += 1.0;
        self.squares += square;
        self.fourths += square * square;
    }

    /// About how many deviations carry the spread; `None` where there is none, or it is too large to be computed.
    pub(super) fn effective(&self) -> Option<f64> {
        let size = self.squares * self.squares / self.fourths;
        (size.is_finite() && size > 0.0).then_some(size)
    }

    /// The share of the deviations that carries the spread.
    pub(super) fn share(&self) -> Option<f64> {
        self.effective().map(|effective| effective / self.rows)
    }
}

/// Raw power sums of rewards, taken from the first one on so that large rewards that differ little keep their digits.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct RewardPowers {
    first: Option<f64>,
    rows: f64,
    /// The sums of the first four powers.
    sums: [f64; 4],
}

impl RewardPowers {
    /// Adds one reward.
    #[inline]
    pub(super) fn add(&mut self, reward: f64) {
        let x = reward - *self.first.get_or_insert(reward);
        let square = x * x;
        self.rows += 1.0;
        for (sum, power) in self.sums.iter_mut().zip([x, square, square * x, square * square]) {
            *sum += power;
        }
    }

    /// The share of the rewards that carries their spread; `None` where all are equal.
    pub(super) fn share(&self) -> Option<f64> {
        let [m1, m2, m3, m4] = self.sums.map(|sum| sum / self.rows);
        let variance = m2 - m1 * m1;
        let fourth = m4 - 4.0 * m1 * m3 + 6.0 * m1 * m1 * m2 - 3.0 * m1 * m1 * m1 * m1;
        let share = variance * variance / fourth;
        // No distribution has more than all, and rounding may leave a spread of nothing.
        (variance > 0.0 && fourth > 0.0 && share.is_finite()).then_some(share.min(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_rewards_count_as_often_as_they_come() {
        let mut rewards = RewardPowers::default();
        (0..10_000).for_each(|i| rewards.add(f64::from(u8::from(i % 100 == 0))));
        let p: f64 = 0.01;
        let expected = p * (1.0 - p) / (p.powi(3) + (1.0 - p).powi(3));
        assert!((rewards.share().unwrap() - expected).abs() < 1e-9);
        // The same rewards, moved far away.
        let mut moved = RewardPowers::default();
        (0..10_000).for_each(|i| moved.add(1e6 + f64::from(u8::from(i % 100 == 0))));
        assert!((moved.share().unwrap() - expected).abs() < 1e-9);
        let mut same = RewardPowers::default();
        (0..9).for_each(|_| same.add(0.1));
        assert_eq!(same.share(), None);
    }

    #[test]
    fn one_large_deviation_carries_the_spread_alone() {
        let mut sums = PowerSums::default();
        (0..1000).for_each(|_| sums.add(0.1));
        assert!((sums.effective().unwrap() - 1000.0).abs() < 1e-6);
        sums.add(100.0);
        assert!(sums.effective().unwrap() < 1.01);
        assert_eq!(PowerSums::default().effective(), None);
    }
}
