//! What people respond to that is no feature of any policy: a threshold, an interaction, an hour felt differently.

use crate::people::scenario::Bends;

/// From this priority on a tip is felt to matter.
const PRIORITY: f64 = 0.75;
/// From this effort on, in minutes, it counts whether it is evening.
const EFFORT_MINUTES: f64 = 30.0;
/// The quarter hour at which the evening begins.
const EVENING: u32 = 4 * 18;

impl Bends {
    /// What a tip of this priority and effort adds to u at quarter hour `now`.
    pub(super) fn of(self, priority: f64, effort_minutes: f64, now: u32) -> f64 {
        let threshold = if priority >= PRIORITY { self.threshold } else { -self.threshold / 3.0 };
        let interaction = match (effort_minutes >= EFFORT_MINUTES, now >= EVENING) {
            (false, _) => 0.0,
            (true, false) => self.interaction,
            (true, true) => -self.interaction,
        };
        threshold + interaction
    }

    /// How well an hour suits that is so many hours from the preferred one: in [-1, 1].
    pub(super) fn suits(self, hours: f64, cosine: f64) -> f64 {
        if !self.narrow_hours {
            return cosine;
        }
        let apart = hours.min(24.0 - hours) / 1.5;
        2.0 * libm::exp(-0.5 * apart * apart) - 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_bent_is_as_it_was() {
        assert_eq!(Bends::default().of(0.9, 60.0, 80), 0.0);
        assert_eq!(Bends::default().suits(3.0, 0.7), 0.7);
        let bent = Bends { threshold: 0.9, interaction: 0.5, narrow_hours: true };
        assert!((bent.of(0.75, 5.0, 0) - 0.9).abs() < 1e-12 && (bent.of(0.74, 5.0, 0) + 0.3).abs() < 1e-12);
        assert!((bent.of(0.8, 30.0, 71) - 1.4).abs() < 1e-12 && (bent.of(0.8, 30.0, 72) - 0.4).abs() < 1e-12);
        assert_eq!(bent.suits(0.0, 1.0), 1.0);
        assert!((bent.suits(23.0, 0.9) - bent.suits(1.0, 0.9)).abs() < 1e-12 && bent.suits(6.0, 0.0) < -0.9);
    }
}
