//! A lower and an upper bound, and the ones that the normal distribution gives.

use crate::base::stats::{Moments, normal_quantile};
use serde::Serialize;

/// Lower and upper bound.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bounds {
    /// The lower bound.
    pub lower: f64,
    /// The upper bound.
    pub upper: f64,
}

impl Bounds {
    /// The same bounds, moved.
    #[must_use]
    pub fn shifted(self, by: f64) -> Self {
        Self { lower: self.lower + by, upper: self.upper + by }
    }

    /// Whether both are numbers: what overflows is no bound.
    pub fn is_finite(self) -> bool {
        self.lower.is_finite() && self.upper.is_finite()
    }

    /// Bounds at the same distance on both sides.
    pub fn around(centre: f64, half_width: f64) -> Self {
        Self { lower: centre - half_width, upper: centre + half_width }
    }
}

/// Two-sided normal bounds on the mean of independent terms; `None` as long as all terms are equal, for
/// then nothing is known of their spread.
pub(super) fn normal(terms: &Moments, alpha: f64) -> Option<Bounds> {
    terms.variance().filter(|v| *v > 0.0)?;
    Some(Bounds::around(terms.mean()?, normal_quantile(1.0 - alpha / 2.0) * terms.standard_error()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_equal_what_the_formula_gives_by_hand() {
        // The variance is 1/3, the standard error sqrt(1/12).
        let terms: Moments = [0.0, 1.0, 1.0, 0.0].into_iter().collect();
        let normal = normal(&terms, 0.05).unwrap();
        assert!((normal.upper - (0.5 + 1.959_963_984_540_054 * (1.0_f64 / 12.0).sqrt())).abs() < 1e-12);
    }

    #[test]
    fn equal_terms_have_no_bounds() {
        let one: Moments = [1.0].into_iter().collect();
        assert_eq!(normal(&one, 0.05), None);
        let same: Moments = [1.0; 9].into_iter().collect();
        assert_eq!(normal(&same, 0.05), None);
    }
}
