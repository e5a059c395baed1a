//! From a place in [0, 1) to a variant: each has a range, in their order, as wide as its weight.

use super::hash::hash_v2;

/// The places that one variant has: from `start` on, below `end`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BucketRange {
    /// The first place that is in it.
    pub start: f64,
    /// The first place behind it.
    pub end: f64,
}

impl BucketRange {
    /// Whether a place is in it.
    pub fn contains(&self, place: f64) -> bool {
        (self.start..self.end).contains(&place)
    }
}

/// The ranges of `variations` variants of which a share of `coverage`, in [0, 1], takes part: each begins where it would
/// if everybody took part, so that a share that grows moves nobody from one variant to another. Weights that are not
/// given, not as many, or do not sum to 1 within 0.01 are equal ones, as GrowthBook has it; files of experiments refuse
/// them before.
pub fn bucket_ranges(variations: usize, coverage: f64, weights: Option<&[f64]>) -> Vec<BucketRange> {
    let coverage = coverage.clamp(0.0, 1.0);
    let usable = |weights: &&[f64]| {
        weights.len() == variations && (0.99..=1.01).contains(&weights.iter().sum::<f64>())
    };
    let equal = vec![1.0 / variations as f64; variations];
    let mut cumulative = 0.0;
    let range = |weight: &f64| {
        let start = cumulative;
        cumulative += weight;
        BucketRange { start, end: start + coverage * weight }
    };
    weights.filter(usable).unwrap_or(&equal).iter().map(range).collect()
}

/// The variant whose range has `place`; `None` for who takes no part.
pub fn choose_variation(place: f64, ranges: &[BucketRange]) -> Option<usize> {
    ranges.iter().position(|range| range.contains(place))
}

/// Which of `shares` equal shares, at least one, a user is in under `seed`: the same one whenever it is asked.
///
/// ```
/// let share = rehearsal::experiment::equal_share("prompt_version", "ann", 3);
/// assert!(share < 3);
/// assert_eq!(share, rehearsal::experiment::equal_share("prompt_version", "ann", 3));
/// ```
pub fn equal_share(seed: &str, user: &str, shares: usize) -> usize {
    let ranges = bucket_ranges(shares, 1.0, None);
    // Rounding may leave a gap behind the last range, far below the width of a place.
    choose_variation(hash_v2(seed, user), &ranges).unwrap_or(shares.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Ranges = &'static [(f64, f64)];

    /// `getBucketRange` of `cases.json`, specification 0.7.1, as the SDKs of growthbook/growthbook have it: what it is about,
    /// variants, coverage, weights, ranges.
    const RANGES: [(&str, usize, f64, Option<&[f64]>, Ranges); 13] = [
        ("normal 50/50", 2, 1.0, None, &[(0.0, 0.5), (0.5, 1.0)]),
        ("reduced coverage", 2, 0.5, None, &[(0.0, 0.25), (0.5, 0.75)]),
        ("zero coverage", 2, 0.0, None, &[(0.0, 0.0), (0.5, 0.5)]),
        ("4 variations", 4, 1.0, None, &[(0.0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.0)]),
        ("uneven weights", 2, 1.0, Some(&[0.4, 0.6]), &[(0.0, 0.4), (0.4, 1.0)]),
        (
            "uneven weights, 3 variations",
            3,
            1.0,
            Some(&[0.2, 0.3, 0.5]),
            &[(0.0, 0.2), (0.2, 0.5), (0.5, 1.0)],
        ),
        (
            "uneven weights, reduced coverage, 3 variations",
            3,
            0.2,
            Some(&[0.2, 0.3, 0.5]),
            &[(0.0, 0.04), (0.2, 0.26), (0.5, 0.6)],
        ),
        ("negative coverage", 2, -0.2, None, &[(0.0, 0.0), (0.5, 0.5)]),
        ("coverage above 1", 2, 1.5, None, &[(0.0, 0.5), (0.5, 1.0)]),
        ("weights sum below 1", 2, 1.0, Some(&[0.4, 0.1]), &[(0.0, 0.5), (0.5, 1.0)]),
        ("weights sum above 1", 2, 1.0, Some(&[0.7, 0.6]), &[(0.0, 0.5), (0.5, 1.0)]),
        (
            "weights.length not equal to num variations",
            4,
            1.0,
            Some(&[0.4, 0.4, 0.2]),
            &[(0.0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.0)],
        ),
        ("weights sum almost equals 1", 2, 1.0, Some(&[0.4, 0.5999]), &[(0.0, 0.4), (0.4, 0.9999)]),
    ];

    /// `chooseVariation` of the same file: what it is about, place, ranges, variant.
    const CHOICES: [(&str, f64, Ranges, Option<usize>); 13] = [
        ("even range, 0.2", 0.2, &[(0.0, 0.5), (0.5, 1.0)], Some(0)),
        ("even range, 0.4", 0.4, &[(0.0, 0.5), (0.5, 1.0)], Some(0)),
        ("even range, 0.6", 0.6, &[(0.0, 0.5), (0.5, 1.0)], Some(1)),
        ("even range, 0.8", 0.8, &[(0.0, 0.5), (0.5, 1.0)], Some(1)),
        ("even range, 0", 0.0, &[(0.0, 0.5), (0.5, 1.0)], Some(0)),
        ("even range, 0.5", 0.5, &[(0.0, 0.5), (0.5, 1.0)], Some(1)),
        ("reduced range, 0.2", 0.2, &[(0.0, 0.25), (0.5, 0.75)], Some(0)),
        ("reduced range, 0.4", 0.4, &[(0.0, 0.25), (0.5, 0.75)], None),
        ("reduced range, 0.6", 0.6, &[(0.0, 0.25), (0.5, 0.75)], Some(1)),
        ("reduced range, 0.8", 0.8, &[(0.0, 0.25), (0.5, 0.75)], None),
        ("reduced range, 0.25", 0.25, &[(0.0, 0.25), (0.5, 0.75)], None),
        ("reduced range, 0.5", 0.5, &[(0.0, 0.25), (0.5, 0.75)], Some(1)),
        ("zero range", 0.5, &[(0.0, 0.5), (0.5, 0.5), (0.5, 1.0)], Some(2)),
    ];

    fn ranges(pairs: Ranges) -> Vec<BucketRange> {
        pairs.iter().map(|&(start, end)| BucketRange { start, end }).collect()
    }

    #[test]
    fn ranges_are_those_of_the_public_case_file() {
        for (about, variations, coverage, weights, expected) in RANGES {
            let found = bucket_ranges(variations, coverage, weights);
            assert_eq!(found.len(), expected.len(), "{about}");
            for (found, expected) in found.iter().zip(ranges(expected)) {
                // Its own tests compare rounded sums of doubles.
                let off = (found.start - expected.start).abs().max((found.end - expected.end).abs());
                assert!(off < 1e-9, "{about}: {found:?}, not {expected:?}");
            }
        }
    }

    #[test]
    fn choices_are_those_of_the_public_case_file() {
        for (about, place, pairs, expected) in CHOICES {
            assert_eq!(choose_variation(place, &ranges(pairs)), expected, "{about}");
        }
    }

    #[test]
    fn a_share_that_grows_moves_nobody_to_another_variant() {
        for user in 0..2000 {
            let place = hash_v2("seed", &user.to_string());
            let mut met = None;
            for coverage in [0.05, 0.25, 0.6, 1.0] {
                let now = choose_variation(place, &bucket_ranges(3, coverage, Some(&[0.5, 0.3, 0.2])));
                assert!(met.is_none() || now == met, "user {user}");
                met = now;
            }
            assert!(met.is_some());
        }
    }

    #[test]
    fn every_user_is_in_one_of_equal_shares() {
        let mut counts = [0; 7];
        for user in 0..7000 {
            counts[equal_share("prompt_version", &user.to_string(), 7)] += 1;
        }
        // A share of 1000 expected has a standard deviation of 29.
        assert!(counts.iter().all(|count| (850..1150).contains(count)), "{counts:?}");
        assert_eq!(equal_share("any", "one", 1), 0);
    }
}
