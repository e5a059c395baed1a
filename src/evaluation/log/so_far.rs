//! What the files of one log have shown so far, for those that come after them.

use super::rewards::key;
use std::collections::HashMap;
use std::collections::hash_map::{DefaultHasher, Entry};
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex};

/// What is known of the files of one log that were read before.
#[derive(Debug, Clone, Default)]
pub(super) struct SoFar(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    /// Events by id, with what their labels say and the reward of it.
    events: HashMap<[u64; 2], (u64, f64)>,
    /// Whether candidates have numbers and kinds; unknown before that was found out.
    shape: Option<(bool, bool)>,
}

/// Whether an event was met before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EventMet {
    /// It is new.
    First,
    /// It stands there once more, with the same label.
    Again,
    /// It stands there once more, with another label.
    Otherwise,
}

impl SoFar {
    /// Meets an event of this id, whose label says that one of the actions was chosen, with which probability and
    /// reward.
    pub(super) fn meet(&self, id: &str, chosen: u32, probability: Option<f64>, reward: f64) -> EventMet {
        let mut label = DefaultHasher::new();
        (chosen, probability.map(f64::to_bits), reward.to_bits()).hash(&mut label);
        let label = label.finish();
        let mut known = self.0.lock().expect("nothing panics with it");
        match known.events.entry(key(id)) {
            Entry::Vacant(entry) => {
                entry.insert((label, reward));
                EventMet::First
            }
            Entry::Occupied(entry) if entry.get().0 == label => EventMet::Again,
            Entry::Occupied(_) => EventMet::Otherwise,
        }
    }

    /// The reward by the label of this event, if it was met.
    pub(super) fn reward_of(&self, event: &[u64; 2]) -> Option<f64> {
        self.0.lock().expect("nothing panics with it").events.get(event).map(|(_, reward)| *reward)
    }

    /// Whether candidates have numbers and kinds, once that was found out.
    pub(super) fn shape(&self) -> Option<(bool, bool)> {
        self.0.lock().expect("nothing panics with it").shape
    }

    /// Says whether candidates have numbers and kinds.
    pub(super) fn settle(&self, shape: (bool, bool)) {
        self.0.lock().expect("nothing panics with it").shape = Some(shape);
    }
}
