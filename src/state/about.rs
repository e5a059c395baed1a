//! What the index has to know of a record: under which hashes it is found.

use super::index::Place;
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

/// Hash of an event of one state: an even number.
pub(super) fn event_hash(user: &str, policy: &str, event: &str) -> u64 {
    hash([user, policy, event]) & !1
}

/// Hash of where the state of a user under a policy begins and ends: an odd number.
pub(super) fn life_hash(user: &str, policy: &str) -> u64 {
    hash([user, policy, ""]) | 1
}

/// Hash of where any state of a user begins and ends. No event has it: policies have names.
pub(super) fn user_hash(user: &str) -> u64 {
    event_hash(user, "", "")
}

/// Whether it is a [`life_hash`].
pub(super) fn is_of_life(hash: u64) -> bool {
    hash & 1 == 1
}

/// A table in memory whose keys are such hashes.
pub(super) type ByHash<T> = HashMap<u64, T, BuildHasherDefault<AsItIs>>;

/// Takes a hash for what it is.
#[derive(Debug, Default)]
pub(super) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, hash: u64) {
        // The lowest bit is the same for all of a kind.
        self.0 = hash.rotate_right(1);
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("hashes have 64 bits");
    }
}

fn hash(parts: [&str; 3]) -> u64 {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let digest = hasher.finalize();
    u64::from_le_bytes(digest[..8].try_into().expect("a digest has 32 bytes"))
}

/// What the index has to know of a record.
#[derive(Debug)]
pub(super) struct About<'a> {
    pub(super) user: &'a str,
    /// Policy and event, if it learns one.
    pub(super) learns: Option<(&'a str, &'a str)>,
    /// Policy and events of a state that comes with it.
    pub(super) brings: Vec<(&'a str, &'a str)>,
    /// The policy whose state of the user it changes; of a reset, none.
    pub(super) policy: Option<&'a str>,
    /// Of a reset, the policies that forget the user.
    pub(super) forgotten: Vec<&'a str>,
    /// Whether they begin or end with it.
    pub(super) turn: Option<Turn>,
}

/// Hashes of a record, as they are looked up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hashes {
    /// The [`life_hash`] of the state that learns or begins with it; of a reset, none.
    pub(super) state: Option<u64>,
    /// Of the event that it learns.
    pub(super) event: Option<u64>,
}

impl Hashes {
    pub(super) fn of(about: &About) -> Self {
        let state = about.policy.map(|policy| life_hash(about.user, policy));
        Self { state, event: about.event_hash() }
    }
}

/// What a record is to the states that it changes, if it is more than one among others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Begins,
    Ends,
}

impl About<'_> {
    /// The policies whose state of the user it changes.
    pub(super) fn states(&self) -> impl Iterator<Item = &str> {
        self.policy.iter().chain(&self.forgotten).copied()
    }

    /// The hashes under which the record is found: of its events; and where states begin or end, theirs and the user's.
    pub(super) fn hashes(&self) -> impl Iterator<Item = u64> {
        self.event_hash().into_iter().chain(self.brought_hashes()).chain(self.turn_hashes())
    }

    /// Those of the events that a state comes with.
    pub(super) fn brought_hashes(&self) -> impl Iterator<Item = u64> {
        self.brings.iter().map(|(policy, event)| event_hash(self.user, policy, event))
    }

    /// That of the event that it learns.
    pub(super) fn event_hash(&self) -> Option<u64> {
        self.learns.map(|(policy, event)| event_hash(self.user, policy, event))
    }

    /// Those of where states begin or end.
    pub(super) fn turn_hashes(&self) -> impl Iterator<Item = u64> {
        let turns = self.turn.is_some();
        let states = self.states().filter(move |_| turns).map(|policy| life_hash(self.user, policy));
        states.chain(turns.then(|| user_hash(self.user)))
    }
}

/// What the index is told of a whole log, record by record.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) slots: Vec<(u64, Place)>,
    /// Where states are met first that began before: in a segment that is not retained, or in a damaged line.
    met: Vec<(u64, Place)>,
    lives: HashSet<u64>,
}

impl Told {
    pub(super) fn add(&mut self, about: &About, place: Place) {
        self.slots.extend(about.hashes().map(|hash| (hash, place)));
        for policy in about.states() {
            let hash = life_hash(about.user, policy);
            if self.lives.insert(hash) && about.turn.is_none() {
                self.met.extend([(hash, place), (user_hash(about.user), place)]);
            }
        }
    }

    /// Everything that a new index has to know.
    pub(super) fn all(&self) -> Vec<(u64, Place)> {
        [&self.slots[..], &self.met].concat()
    }
}
