//! A table of a long tail: which lines are about a user, and where an event was learned.

use super::journal::Tail;
use super::record::{Header, Record};
use crate::error::Result;
use std::collections::HashMap;

/// Places of lines in the log, all of them after the checkpoint.
#[derive(Debug, Default)]
pub(super) struct Lookup {
    users: HashMap<String, Vec<u64>>,
    /// By hash of the event.
    events: HashMap<u64, u64>,
    /// Further events with a hash that is there already.
    collisions: Vec<(u64, u64)>,
}

impl Lookup {
    /// The table of a tail.
    pub(super) fn of(tail: &Tail) -> Result<Self> {
        let mut lookup = Self::default();
        for (place, line) in tail.lines() {
            let header = Header::parse(line).map_err(|what| tail.damaged(place, &what))?;
            lookup.add(&header.user, header.event_hash(), place);
        }
        Ok(lookup)
    }

    /// Adds a line about a user, in which the event with this hash is learned.
    pub(super) fn add(&mut self, user: &str, event: Option<u64>, place: u64) {
        match self.users.get_mut(user) {
            Some(places) => places.push(place),
            None => drop(self.users.insert(user.to_owned(), vec![place])),
        }
        if let Some(hash) = event
            && *self.events.entry(hash).or_insert(place) != place
        {
            self.collisions.push((hash, place));
        }
    }

    /// The records about a user, in order.
    pub(super) fn of_user(&self, tail: &Tail, user: &str) -> Result<Vec<Record>> {
        self.users.get(user).into_iter().flatten().map(|place| tail.record_at(*place)).collect()
    }

    /// The reward with which an event was learned.
    pub(super) fn learned(
        &self,
        tail: &Tail,
        hash: u64,
        user: &str,
        policy: &str,
        event: &str,
    ) -> Result<Option<f64>> {
        let Some(first) = self.events.get(&hash) else { return Ok(None) };
        let others = self.collisions.iter().filter(|(h, _)| *h == hash).map(|(_, place)| place);
        for place in [first].into_iter().chain(others) {
            if let Some(reward) = tail.record_at(*place)?.reward_of(user, policy, event) {
                return Ok(Some(reward));
            }
        }
        Ok(None)
    }
}
