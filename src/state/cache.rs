//! States in memory: a run that rewards the same people again reads each file once.

use super::about::{ByHash, life_hash};
use super::store::Loaded;

/// The states that a ledger keeps in memory, by [`life_hash`]. It is no loss when one takes the place of another with
/// the same hash: like one that was never read, that is its file and the tail of the log.
#[derive(Debug, Default)]
pub(super) struct Cache {
    states: ByHash<Box<Loaded>>,
    /// Whether the file of one that was put in may say less.
    behind: bool,
}

impl Cache {
    /// The state of a user under the policy of this name, if it is there.
    pub(super) fn get(&self, user: &str, policy: &str) -> Option<&Loaded> {
        self.states
            .get(&life_hash(user, policy))
            .map(AsRef::as_ref)
            .filter(|loaded| loaded.is_of(user, policy))
    }

    /// The state with this hash, which is not there any more then. It may be another one than was asked for.
    pub(super) fn take(&mut self, hash: u64) -> Option<Box<Loaded>> {
        self.states.remove(&hash)
    }

    pub(super) fn keep(&mut self, hash: u64, loaded: Box<Loaded>) {
        self.behind |= loaded.behind;
        self.states.insert(hash, loaded);
    }

    /// Number of states.
    pub(super) fn len(&self) -> usize {
        self.states.len()
    }

    pub(super) fn is_behind(&self) -> bool {
        self.behind
    }

    /// The files say what the states do.
    pub(super) fn settled(&mut self) {
        self.states.values_mut().for_each(|loaded| loaded.behind = false);
        self.behind = false;
    }
}
