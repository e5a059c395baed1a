//! States in memory: a run that rewards the same people again reads each file once.

use super::about::{ByHash, life_hash};
use super::store::Loaded;

/// The states that a ledger keeps in memory, by [`life_hash`]. It is no loss when one takes the place of another with
/// the same hash: like one that was never read, that is its file and the tail of the log.
#[derive(Debug, Default)]
pub(super) struct Cache {
    states: ByHash<Box<Loaded>>,
    /// Whether there was one whose file says less.
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

    /// Keeps a state, whose file may say less: who calls knows, so that nothing is looked up in the state itself.
    pub(super) fn keep(&mut self, hash: u64, loaded: Box<Loaded>, behind: bool) {
        self.behind |= behind;
        self.states.insert(hash, loaded);
    }

    /// Number of states.
    pub(super) fn len(&self) -> usize {
        self.states.len()
    }

    /// Whether the files of some states may say less than they.
    pub(super) fn is_behind(&self) -> bool {
        self.behind
    }

    /// The files say what the states do.
    pub(super) fn settled(&mut self) {
        self.states.values_mut().for_each(|loaded| loaded.behind = false);
        self.behind = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;
    use crate::state::UserState;
    use std::sync::Arc;

    fn loaded(user: &str, behind: bool) -> Box<Loaded> {
        let state = UserState::new(user, &Arc::new(Policy::named("egreedy-v1").unwrap()));
        Box::new(Loaded { state, behind, found: true, file: 0, restarted: true })
    }

    #[test]
    fn a_state_is_not_taken_for_another_one_with_its_hash() {
        let mut cache = Cache::default();
        let hash = life_hash("ann", "egreedy-v1");
        cache.keep(hash, loaded("ann", true), true);
        assert!(cache.get("ann", "egreedy-v1").is_some() && cache.get("ann", "egreedy-v2").is_none());
        cache.keep(hash, loaded("bob", false), false);
        assert!(cache.get("ann", "egreedy-v1").is_none());
    }

    #[test]
    fn it_is_behind_until_the_files_are_written() {
        let mut cache = Cache::default();
        cache.keep(1, loaded("ann", true), true);
        cache.keep(3, loaded("bob", true), true);
        drop(cache.take(1));
        cache.keep(5, loaded("carol", false), false);
        assert!(cache.is_behind());
        cache.settled();
        assert!(!cache.is_behind() && cache.len() == 2);
        assert!(cache.take(3).is_some_and(|bob| !bob.behind) && !cache.is_behind());
    }
}
