//! The randomness of a decision.

use crate::base::error::{Cause, Error, ErrorKind, Result};
use rand::rngs::{ChaCha8Rng, SysRng};
use rand::{Rng, RngExt, SeedableRng, TryRng};
use rand_distr::StandardNormal;
use rand_xoshiro::SplitMix64;
use std::cell::RefCell;

thread_local! {
    /// Begun with 256 bits of the operating system: asking it each time would be a call of the system each time.
    static UNPREDICTABLE: RefCell<Option<ChaCha8Rng>> = const { RefCell::new(None) };
}

/// Bytes that nobody can tell beforehand, for ids and seeds.
///
/// # Errors
/// The operating system has no randomness to give.
pub(crate) fn unpredictable<const N: usize>() -> Result<[u8; N]> {
    UNPREDICTABLE.with_borrow_mut(|rng| {
        if rng.is_none() {
            let mut seed = [0; 32];
            SysRng
                .try_fill_bytes(&mut seed)
                .map_err(|error| Error::because(RandomnessError::NoneToGive(error.to_string())))?;
            *rng = Some(ChaCha8Rng::from_seed(seed));
        }
        let mut bytes = [0; N];
        rng.as_mut().expect("it was just begun").fill_bytes(&mut bytes);
        Ok(bytes)
    })
}

/// The randomness of one decision, all of it from one seed below 2^53, so that a decision that was
/// logged with its seed can be made again. SplitMix64 (Steele, Lea & Flood 2014).
///
/// ```
/// use rehearsal::policy::DecisionRng;
///
/// assert_eq!(DecisionRng::new(7), DecisionRng::new(7));
/// assert!(DecisionRng::fresh_seed()? < DecisionRng::SEEDS);
/// # Ok::<(), rehearsal::base::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionRng(SplitMix64);

impl DecisionRng {
    /// Seeds are below this, so that JSON readers that hold numbers as doubles keep them whole.
    pub const SEEDS: u64 = crate::base::random::SEEDS;

    /// The generator that starts from this seed.
    #[inline(always)]
    pub fn new(seed: u64) -> Self {
        Self(SplitMix64::seed_from_u64(seed))
    }

    /// A seed that nobody knows, for decisions that need not be repeated.
    ///
    /// # Errors
    /// The operating system has no randomness to give.
    pub fn fresh_seed() -> Result<u64> {
        Ok(u64::from_le_bytes(unpredictable()?) % Self::SEEDS)
    }

    /// A number in [0, 1), from one word.
    #[inline(always)]
    pub(super) fn share(&mut self) -> f64 {
        self.0.random()
    }

    /// A uniform number below `n`, from one word; its bias is below n / 2^32.
    #[inline(always)]
    pub(super) fn below(&mut self, n: usize) -> usize {
        ((u64::from(self.0.next_u32()) * n as u64) >> 32) as usize
    }

    /// A draw from the standard normal distribution.
    #[inline(always)]
    pub(super) fn normal(&mut self) -> f64 {
        self.0.sample(StandardNormal)
    }
}

/// Why there is no fresh seed.
#[derive(Debug, thiserror::Error)]
pub enum RandomnessError {
    /// The operating system refused, for this reason.
    #[error("the system's random generator: {0}")]
    NoneToGive(String),
}

impl Cause for RandomnessError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Unavailable
    }
}
