//! Units of different sizes: as how many equal ones they count.

/// Smallest effective number of units that is resampled: the percentiles of fewer are too narrow, and nothing in
/// them says so.
pub const MIN_RESAMPLED: f64 = 30.0;

/// As how many units of equal size units of these sizes count: (sum of n^2)^2 / sum of n^4, the degrees of freedom of
/// a variance to which each adds in proportion to n^2 (Satterthwaite 1946). Three that have a tenth of everything each
/// are three, however many others there are. 0 if all sizes are 0.
pub fn effective_units(sizes: impl IntoIterator<Item = f64>) -> f64 {
    let add = |(squares, fourths): (f64, f64), n: f64| (squares + n * n, fourths + (n * n) * (n * n));
    let (squares, fourths) = sizes.into_iter().fold((0.0, 0.0), add);
    if fourths > 0.0 { squares * squares / fourths } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_count_by_their_sizes() {
        assert_eq!(effective_units([5.0; 40]), 40.0);
        assert_eq!(effective_units([]), 0.0);
        let few = effective_units((0..40).map(|user| if user < 2 { 1000.0 } else { 10.0 }));
        assert!((2.0..2.1).contains(&few), "{few}");
    }
}
