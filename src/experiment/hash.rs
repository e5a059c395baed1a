//! A user's place in [0, 1): GrowthBook's two hashes, over FNV-1a of 32 bits.
//!
//! Its SDKs agree on ids in ASCII and not beyond: some hash code points, some bytes of UTF-8. This is what its JavaScript
//! has, UTF-16 code units, for that one says what its case file holds.

use crate::base::digest::fnv1a;

/// FNV-1a of 32 bits over the UTF-16 code units of `text`, each taken whole.
pub fn fnv1a_32(text: &str) -> u32 {
    fnv1a(text.encode_utf16())
}

/// Version 2: the place of `value` under `seed`, in steps of 1/10000, unbiased. What experiments are assigned by.
///
/// ```
/// assert_eq!(rehearsal::experiment::hash_v2("seed", "a"), 0.0505);
/// ```
pub fn hash_v2(seed: &str, value: &str) -> f64 {
    let inner = fnv1a(seed.encode_utf16().chain(value.encode_utf16()));
    f64::from(fnv1a_32(&inner.to_string()) % 10_000) / 10_000.0
}

/// Version 1: the same in steps of 1/1000. Seeds that differ little give places that do, so only namespaces have it.
pub fn hash_v1(seed: &str, value: &str) -> f64 {
    f64::from(fnv1a(value.encode_utf16().chain(seed.encode_utf16())) % 1000) / 1000.0
}

/// The place by the version that an experiment's file names; `None` for one that there is not.
pub fn hash_of_version(seed: &str, value: &str, version: u64) -> Option<f64> {
    match version {
        1 => Some(hash_v1(seed, value)),
        2 => Some(hash_v2(seed, value)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `hash` of `cases.json`, specification 0.7.1, as the SDKs of growthbook/growthbook have it: seed, value, version,
    /// place.
    const CASES: [(&str, &str, u64, Option<f64>); 15] = [
        ("", "a", 1, Some(0.22)),
        ("", "b", 1, Some(0.077)),
        ("b", "a", 1, Some(0.946)),
        ("ef", "d", 1, Some(0.652)),
        ("asdf", "8952klfjas09ujk", 1, Some(0.549)),
        ("", "123", 1, Some(0.011)),
        ("", "___)((*\":&", 1, Some(0.563)),
        ("seed", "a", 2, Some(0.0505)),
        ("seed", "b", 2, Some(0.2696)),
        ("foo", "ab", 2, Some(0.2575)),
        ("foo", "def", 2, Some(0.2019)),
        ("89123klj", "8952klfjas09ujkasdf", 2, Some(0.124)),
        ("90850943850283058242805", "123", 2, Some(0.7516)),
        ("()**(%$##$%#$#", "___)((*\":&", 2, Some(0.0128)),
        ("abc", "def", 99, None),
    ];

    /// What packages/sdk-js/src/util.ts of growthbook/growthbook answered, run by Node.js: seed, value, versions 1 and 2.
    const BEYOND_ASCII: [(&str, &str, f64, f64); 7] = [
        ("seed", "Zo\u{eb}", 0.21, 0.4369),
        ("seed", "\u{65e5}\u{672c}\u{8a9e}", 0.215, 0.4482),
        ("seed", "\u{1f600}", 0.429, 0.4346),
        (
            "gr\u{f6}\u{df}e",
            "\u{43f}\u{43e}\u{43b}\u{44c}\u{437}\u{43e}\u{432}\u{430}\u{442}\u{435}\u{43b}\u{44c}-7",
            0.971,
            0.2376,
        ),
        ("seed", "e\u{301}", 0.438, 0.331),
        ("seed", "\u{e9}", 0.137, 0.8663),
        ("", "\u{1d49c}nn", 0.696, 0.314),
    ];

    #[test]
    fn places_are_those_of_the_public_case_file() {
        for (seed, value, version, place) in CASES {
            assert_eq!(hash_of_version(seed, value, version), place, "{seed:?} {value:?} {version}");
        }
    }

    #[test]
    fn beyond_ascii_it_is_what_javascript_has() {
        for (seed, value, first, second) in BEYOND_ASCII {
            assert_eq!((hash_v1(seed, value), hash_v2(seed, value)), (first, second), "{seed:?} {value:?}");
        }
    }
}
