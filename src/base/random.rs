//! Random streams that mean the same on every machine: ChaCha with 8 rounds (Bernstein 2008).
//!
//! Each simulated user has streams of their own by (seed, conditions, character, user, purpose), the middle two being digests
//! of what a scenario and a persona say, not their names. The key is a
//! digest of all but the user, whose number is ChaCha's stream number: streams never overlap, and no
//! stream depends on who else is simulated or in which order.

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use sha2::{Digest, Sha256};

/// Seeds are below this, so that JSON readers that hold numbers as doubles keep them whole.
pub const SEEDS: u64 = 1 << 53;

/// What a stream is drawn for. Baseline and challenger read the same streams: common random numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Who the person is; drawn once.
    Traits,
    /// The moment, what there is to choose from, what they would do, and the seed of whoever chooses:
    /// 4 + K words per step.
    Steps,
    /// The order of the rows of a table.
    Order,
    /// The seeds of whoever chooses from a table: 1 word per row.
    Exploration,
}

/// The streams of one persona in one scenario under one seed.
#[derive(Debug, Clone)]
pub struct Streams {
    keys: [[u8; 32]; 4],
}

impl Streams {
    /// The streams of (seed, scenario, persona), the two named by whatever tells them apart.
    pub fn new(seed: u64, scenario: &str, persona: &str) -> Self {
        let purposes = ["traits", "steps", "order", "exploration"];
        let keys = purposes.map(|purpose| {
            let mut hash = Sha256::new_with_prefix(b"rehearsal stream 1");
            for part in [&seed.to_le_bytes()[..], scenario.as_bytes(), persona.as_bytes(), purpose.as_bytes()]
            {
                // Length first, so that no two lists of parts run together.
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part);
            }
            hash.finalize().into()
        });
        Self { keys }
    }

    /// The stream of one user for one purpose.
    pub fn of(&self, user: u64, purpose: Purpose) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::from_seed(self.keys[purpose as usize]);
        rng.set_stream(user);
        rng
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn every_part_of_the_name_makes_another_stream() {
        let first = |seed, scenario, persona, user, purpose| {
            Streams::new(seed, scenario, persona).of(user, purpose).next_u64()
        };
        let all = [
            first(1, "steady", "mover", 0, Purpose::Traits),
            first(2, "steady", "mover", 0, Purpose::Traits),
            first(1, "drift", "mover", 0, Purpose::Traits),
            first(1, "steady", "owl", 0, Purpose::Traits),
            first(1, "steady", "mover", 1, Purpose::Traits),
            first(1, "steady", "mover", 0, Purpose::Steps),
            first(1, "steadym", "over", 0, Purpose::Traits),
        ];
        let distinct: std::collections::BTreeSet<_> = all.into_iter().collect();
        assert_eq!(distinct.len(), all.len());
        assert_eq!(all[0], first(1, "steady", "mover", 0, Purpose::Traits));
    }

    #[test]
    fn the_generator_is_chacha8_as_others_print_it() {
        // First block of ChaCha8 with an all-zero key and nonce, as in the test vectors of
        // draft-strombergson-chacha-test-vectors-01 (TC1, 8 rounds, 256-bit key).
        let mut rng = ChaCha8Rng::from_seed([0; 32]);
        let mut bytes = [0; 16];
        rng.fill_bytes(&mut bytes);
        let expected =
            [0x3e, 0x00, 0xef, 0x2f, 0x89, 0x5f, 0x40, 0xd6, 0x7f, 0x5b, 0xb8, 0xe8, 0x1f, 0x09, 0xa5, 0xa1];
        assert_eq!(bytes, expected);
    }
}
