//! Ids of decisions: UUIDs of version 7 (RFC 9562), which begin with the time in milliseconds.

use crate::base::error::Result;
use crate::policy::DecisionRng;
use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng};
use smol_str::SmolStr;
use uuid::{Builder, Uuid};

/// Makes ids. 74 of their bits are drawn from a generator that begins with 53 bits of the system's, so that no two ever
/// meet, whichever processes make them.
pub(super) struct Ids {
    rng: ChaCha8Rng,
    now_ms: u64,
}

impl Ids {
    /// Ids of this moment.
    ///
    /// # Errors
    /// The operating system has no randomness to give.
    pub(super) fn new(now_ms: u64) -> Result<Self> {
        let mut seed = [0; 32];
        for part in seed.as_chunks_mut().0 {
            *part = DecisionRng::fresh_seed()?.to_le_bytes();
        }
        Ok(Self { rng: ChaCha8Rng::from_seed(seed), now_ms })
    }

    /// The next one.
    pub(super) fn next(&mut self) -> Uuid {
        let mut random = [0; 10];
        self.rng.fill_bytes(&mut random);
        Builder::from_unix_timestamp_millis(self.now_ms, &random).into_uuid()
    }
}

/// An id as text.
pub(super) fn text(id: Uuid) -> SmolStr {
    SmolStr::new(id.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
}
