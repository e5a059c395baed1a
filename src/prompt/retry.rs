//! When a call that failed is made again: after a pause that doubles and that chance shortens, or after as long as the other
//! side asks for.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// A call is made so often at most.
const ATTEMPTS: u32 = 3;
/// The first pause, before chance shortens it.
const FIRST: Duration = Duration::from_millis(200);

/// The pauses of one call.
pub(super) struct Retries {
    rng: ChaCha8Rng,
    failed: u32,
}

impl Retries {
    /// Those of a call with this seed for this user: many calls that fail together come back apart.
    pub(super) fn new(seed: u64, user: &str) -> Self {
        let mut hash = Sha256::new_with_prefix(b"rehearsal retry 1");
        hash.update(seed.to_le_bytes());
        hash.update(user);
        Self { rng: ChaCha8Rng::from_seed(hash.finalize().into()), failed: 0 }
    }

    /// How long to wait after one more failure; `None` if it is not worth another attempt within what is left.
    pub(super) fn pause(&mut self, asked: Option<Duration>, left: Duration) -> Option<Duration> {
        self.failed += 1;
        if self.failed >= ATTEMPTS {
            return None;
        }
        let own = FIRST * (1 << (self.failed - 1));
        let pause = own.mul_f64(self.rng.random_range(0.5..1.0)).max(asked.unwrap_or_default());
        (pause < left).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn pauses_double_differ_by_user_and_end() {
        let pauses = |seed, user| {
            let mut retries = Retries::new(seed, user);
            std::iter::from_fn(|| retries.pause(None, LONG)).collect::<Vec<_>>()
        };
        let one = pauses(1, "u");
        assert_eq!(one.len(), ATTEMPTS as usize - 1);
        for (i, pause) in one.iter().enumerate() {
            let most = FIRST * (1 << i);
            assert!(*pause >= most / 2 && *pause < most, "{one:?}");
        }
        assert_eq!(pauses(1, "u"), one);
        assert_ne!(pauses(2, "u"), one);
        assert_ne!(pauses(1, "v"), one);
    }

    #[test]
    fn who_asks_for_longer_gets_it_if_there_is_time() {
        let mut retries = Retries::new(1, "u");
        let asked = Some(Duration::from_secs(5));
        assert_eq!(retries.pause(asked, LONG), asked);
        assert_eq!(retries.pause(asked, Duration::from_secs(4)), None);
    }
}
