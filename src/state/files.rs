//! The files of states, written.

use super::dir::Prepared;
use super::store::Store;
use super::user_state::UserState;
use super::{format, name};
use crate::base::error::Result;
use rayon::prelude::*;

/// So many are synced one by one; more of them with everything else that the file system has.
pub(super) const FEW: usize = 16;
/// Of many, so many are written while those before them are synced and take their places.
const WRITTEN_TOGETHER: usize = 1024;

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
        for (i, states) in states.chunks(WRITTEN_TOGETHER).enumerate() {
            // Those before are still in their slots, if others than these.
            let write = || self.write(states, i % 2 * WRITTEN_TOGETHER);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;
    use std::sync::Arc;

    const MANY: usize = 3 * WRITTEN_TOGETHER + 1;

    fn states(updates: u64) -> Vec<UserState> {
        let policy = Arc::new(Policy::named("egreedy-v1").unwrap());
        let state =
            |i| UserState { seq: updates * (1 + i as u64), ..UserState::new(&format!("u{i}"), &policy) };
        (0..MANY).map(state).collect()
    }

    /// The numbers in the files of these states.
    fn found(store: &Store, states: &[UserState]) -> Vec<u64> {
        let read = |state: &UserState| {
            let found = store.state_in(&file(state).unwrap(), &state.user, state.policy.name());
            found.unwrap().unwrap().seq
        };
        states.iter().map(read).collect()
    }

    #[test]
    fn each_of_many_states_gets_its_own_file() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        for updates in 1..3 {
            let states = states(updates);
            store.replace(&states.iter().collect::<Vec<_>>()).unwrap();
            let numbers: Vec<u64> = states.iter().map(|state| state.seq).collect();
            assert_eq!(found(&store, &states), numbers);
            assert_eq!(store.dir.names().unwrap().len(), MANY);
        }
    }

    #[test]
    fn an_error_leaves_whole_files_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let (old, new) = (states(1), states(2));
        store.replace(&old.iter().collect::<Vec<_>>()).unwrap();
        for at in [0, WRITTEN_TOGETHER, MANY - 1] {
            let path = store.dir.join(&file(&old[at]).unwrap());
            std::fs::remove_file(&path).unwrap();
            std::fs::create_dir(&path).unwrap();
            assert!(store.replace(&new.iter().collect::<Vec<_>>()).is_err());
            assert_eq!(store.dir.names().unwrap().len(), MANY);
            std::fs::remove_dir(&path).unwrap();
            store.replace(&[&old[at]]).unwrap();
            for (found, old) in found(&store, &old).into_iter().zip(&old) {
                assert!(found == old.seq || found == 2 * old.seq);
            }
        }
    }
}
