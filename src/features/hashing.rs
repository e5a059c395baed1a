//! Feature hashing (Weinberger et al. 2009): a text takes one of 2^bits dimensions, with a sign of its own.

/// MurmurHash3's 32-bit variant for x86 (Appleby 2011), the hash that Vowpal Wabbit and others use.
pub(super) fn murmur3(text: &[u8], seed: u32) -> u32 {
    let scramble = |word: u32| word.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let (words, rest) = text.as_chunks::<4>();
    let mut hash = seed;
    for word in words {
        hash = (hash ^ scramble(u32::from_le_bytes(*word))).rotate_left(13);
        hash = hash.wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    let tail = rest.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
    hash ^= scramble(tail);
    hash ^= text.len() as u32;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

/// The dimension of `text` among 2^bits, and its sign: the low bits and the highest bit of its hash.
pub(super) fn place_and_sign(text: &[u8], bits: u32) -> (usize, f64) {
    let hash = murmur3(text, 0);
    ((hash & ((1 << bits) - 1)) as usize, if hash >> 31 == 0 { 1.0 } else { -1.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_hash_that_others_compute() {
        // The test vectors of MurmurHash3_x86_32 as its documentation and other libraries have them.
        for (text, seed, hash) in [
            ("", 0, 0),
            ("", 1, 0x514e_28b7),
            ("test", 0, 0xba6b_d213),
            ("Hello, world!", 0, 0xc036_3e43),
            ("The quick brown fox jumps over the lazy dog", 0, 0x2e4f_f723),
            ("aaa", 0x9747_b28c, 0x283e_0130),
        ] {
            assert_eq!(murmur3(text.as_bytes(), seed), hash, "{text:?}");
        }
    }

    #[test]
    fn places_and_signs_are_spread_evenly() {
        // Chi-square over 32 cells of 20,000 texts at its 1 - 1e-6 quantile (78.6 for 31 degrees of freedom).
        let mut cells = [0.0; 32];
        for i in 0..20_000 {
            let (place, sign) = place_and_sign(format!("item={i}").as_bytes(), 4);
            cells[2 * place + usize::from(sign > 0.0)] += 1.0;
        }
        let expected = 20_000.0 / 32.0;
        let chi_square: f64 = cells.iter().map(|n: &f64| (n - expected).powi(2) / expected).sum();
        assert!(chi_square < 78.6, "{chi_square}");
    }
}
