//! A hash whose bits depend on every bit of what goes in: the finalizer of SplitMix64.

use rand::{Rng, SeedableRng};
use rand_xoshiro::SplitMix64;

/// 2^64 over the golden ratio, the step of SplitMix64: numbers that are this far apart are spread evenly.
pub(super) const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finalizer of SplitMix64 (Steele, Lea & Flood 2014): each bit of the result depends on each of `z`.
pub(super) fn mix(z: u64) -> u64 {
    // The generator takes a step before it mixes.
    SplitMix64::seed_from_u64(z.wrapping_sub(GOLDEN)).next_u64()
}
