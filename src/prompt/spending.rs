//! What a user may take of models in a day, counted in the store: for every process that works with it.
//!
//! Before a call its most likely cost is set aside, and after it what it did not take is given back. A call of which nobody
//! knows what it took keeps what was set aside. Days are those of UTC.

use super::completion::Usage;
use super::generate::Prepared;
use crate::base::error::Result;
use crate::store::{Durability, Store, write};

const DAY_MS: u64 = 24 * 3_600 * 1_000;

/// Tokens that were set aside for a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    user: String,
    day: i64,
    tokens: i64,
}

impl Allowance {
    /// Sets aside what a call may take at the moment `now_ms` of the clock; `None` if the user has not so much left of `most`
    /// tokens for the day.
    ///
    /// # Errors
    /// A store that cannot be written.
    pub fn reserve(store: &dyn Store, call: &Prepared, now_ms: u64, most: u64) -> Result<Option<Self>> {
        let tokens = i64::try_from(call.estimate()).unwrap_or(i64::MAX);
        let user = call.signals().user().to_owned();
        let (day, most) = ((now_ms / DAY_MS) as i64, i64::try_from(most).unwrap_or(i64::MAX));
        let fits =
            write(store, Durability::Process, |transaction| transaction.spend(&user, day, tokens, most))?;
        Ok(fits.then_some(Self { user, day, tokens }))
    }

    /// Counts what the call took.
    ///
    /// # Errors
    /// A store that cannot be written.
    pub fn settle(self, store: &dyn Store, usage: Usage) -> Result<()> {
        let Some(taken) = usage.total().and_then(|taken| i64::try_from(taken).ok()) else { return Ok(()) };
        let change = taken.saturating_sub(self.tokens);
        if change == 0 {
            return Ok(());
        }
        let settle = |transaction: &mut dyn crate::store::Transaction| {
            transaction.spend(&self.user, self.day, change, i64::MAX).map(drop)
        };
        write(store, Durability::Process, settle)
    }
}
