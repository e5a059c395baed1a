//! States in memory: a run that rewards the same people again reads each file once.

use super::about::{ByHash, life_hash};
use super::store::Loaded;

/// The states that a ledger keeps in memory, by [`life_hash`]. It is no loss when one takes the place of another with
/// the same hash: like one that was never read, that is its file and the tail of the log.
#[derive(Debug, Default)]
pub(super) struct Cache {
    states: ByHash<Box<Loaded>>,
    /// Of how many the file says less.
    behind: usize,
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
        let loaded = self.states.remove(&hash)?;
        self.behind -= usize::from(loaded.behind);
        Some(loaded)
    }

    pub(super) fn keep(&mut self, hash: u64, loaded: Box<Loaded>) {
        self.behind += usize::from(loaded.behind);
        let displaced = self.states.insert(hash, loaded);
        self.behind -= displaced.map_or(0, |loaded| usize::from(loaded.behind));
    }

    /// Number of states.
    pub(super) fn len(&self) -> usize {
        self.states.len()
    }

    /// Whether there is a state whose file says less.
    pub(super) fn is_behind(&self) -> bool {
        self.behind > 0
    }

    /// The files say what the states do.
    pub(super) fn settled(&mut self) {
        self.states.values_mut().for_each(|loaded| loaded.behind = false);
        self.behind = 0;
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
        cache.keep(hash, loaded("ann", true));
        assert!(cache.get("ann", "egreedy-v1").is_some() && cache.get("ann", "egreedy-v2").is_none());
        cache.keep(hash, loaded("bob", false));
        assert!(cache.get("ann", "egreedy-v1").is_none());
    }

    #[test]
    fn it_is_behind_as_long_as_one_state_is() {
        let mut cache = Cache::default();
        cache.keep(1, loaded("ann", true));
        cache.keep(3, loaded("bob", true));
        drop(cache.take(1));
        assert!(cache.is_behind());
        cache.keep(3, loaded("carol", false));
        assert!(!cache.is_behind());
        cache.keep(5, loaded("dan", true));
        cache.settled();
        assert!(!cache.is_behind() && cache.len() == 2);
        assert!(cache.take(5).is_some_and(|dan| !dan.behind) && !cache.is_behind());
    }
}
