//! Inverses of rising functions, by halving.

/// The least double in `low..=high` for which `holds`, which must not hold below it and must hold above;
/// `high` if there is none. Both ends are at least 0: doubles are then ordered as their bits are, and at
/// most 64 halvings separate any two.
pub(super) fn least(low: f64, high: f64, holds: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (low.to_bits(), high.to_bits());
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(f64::from_bits(middle)) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    f64::from_bits(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halving_finds_the_first_double_that_holds() {
        assert_eq!(least(0.0, 10.0, |x| x >= 0.1), 0.1);
        assert_eq!(least(0.0, f64::MAX, |x| x > 1.0), 1.0 + f64::EPSILON);
        assert_eq!(least(2.0, 3.0, |_| false), 3.0);
        assert_eq!(least(2.0, 3.0, |_| true), 2.0);
    }
}
