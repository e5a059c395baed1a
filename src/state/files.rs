//! The files of states, written.

use super::dir::Prepared;
use super::store::Store;
use super::user_state::UserState;
use super::{format, name};
use crate::error::Result;
use rayon::prelude::*;

/// So many are synced one by one; more of them with everything else that the file system has.
pub(super) const FEW: usize = 16;
/// Of many, so many are written while those before them are synced and take their places.
const TOGETHER: usize = 1024;

impl Store {
    /// New files of these states, written and synced, not in their places yet.
    pub(super) fn prepare(&self, states: &[&UserState]) -> Result<Vec<Prepared>> {
        if states.len() <= FEW {
            let one = |(slot, state): (usize, &&UserState)| {
                self.dir.prepare(&file(state)?, slot, &format::to_line(state))
            };
            return states.iter().enumerate().map(one).collect();
        }
        let prepared = self.write(states, 0)?;
        self.dir.sync_many(&prepared)?;
        Ok(prepared)
    }

    /// The files of these states take their places, each after it was synced.
    pub(super) fn replace(&self, states: &[&UserState]) -> Result<()> {
        if states.len() <= FEW {
            return publish(self.prepare(states)?);
        }
        let sync_and_publish = |written: Vec<Prepared>| {
            self.dir.sync_many(&written)?;
            publish(written)
        };
        let mut written = Vec::new();
        for (i, states) in states.chunks(TOGETHER).enumerate() {
            // Those before are still in their slots, if others than these.
            let write = || self.write(states, i % 2 * TOGETHER);
            let (published, next) = rayon::join(|| sync_and_publish(written), write);
            published?;
            written = next?;
        }
        sync_and_publish(written)
    }

    /// New files of these states, in slots from `first` on, not synced yet.
    fn write(&self, states: &[&UserState], first: usize) -> Result<Vec<Prepared>> {
        let one = |text: &mut Vec<u8>, (i, state): (usize, &&UserState)| {
            format::write_line(state, text);
            self.dir.prepare_unsynced(&file(state)?, first + i, text)
        };
        states.par_iter().enumerate().map_init(Vec::new, one).collect()
    }
}

/// Prepared files take their places.
pub(super) fn publish(prepared: Vec<Prepared>) -> Result<()> {
    prepared.into_iter().try_for_each(Prepared::publish)
}

fn file(state: &UserState) -> Result<String> {
    name::state_file(&state.user, state.policy.name()).map_err(|fault| fault.at("state directory"))
}
