//! A table of the tail of the log: which lines are about a user, where an event was learned, and what a checkpoint
//! has to bring up to date.

use super::about::{About, ByHash, Turn};
use super::index::Place;
use super::journal::Tail;
use super::ledger::{Key, SMALL};
use super::record::{Header, Record};
use crate::error::Result;
use crate::threads::each;
use smol_str::SmolStr;
use std::collections::HashMap;

/// Places of lines in the log, all of them after the checkpoint.
#[derive(Debug, Default)]
pub(super) struct Lookup {
    users: HashMap<SmolStr, OfUser>,
    /// By hash of the event.
    events: ByHash<u64>,
    /// Further events with a hash that is there already.
    collisions: Vec<(u64, u64)>,
    /// What the index has to know, line by line.
    slots: Vec<(u64, u64)>,
}

/// What the tail has of a user.
#[derive(Debug, Default)]
struct OfUser {
    lines: Vec<u64>,
    /// Policies whose state it changes, and whether that ends with it.
    states: Vec<(String, bool)>,
}

impl OfUser {
    fn add(&mut self, about: &About, place: u64) {
        self.lines.push(place);
        let ends = about.turn == Some(Turn::Ends);
        for policy in about.states() {
            match self.states.iter_mut().find(|(known, _)| known == policy) {
                Some((_, ended)) => *ended = ends,
                None => self.states.push((policy.to_owned(), ends)),
            }
        }
    }
}

impl Lookup {
    /// The table of a tail.
    pub(super) fn of(tail: &Tail) -> Result<Self> {
        let lines: Vec<(u64, &[u8])> = tail.lines().collect();
        let header = |(place, line): (u64, _)| {
            let header = Header::parse(line).map_err(|what| tail.damaged(place, &what))?;
            let event = header.about().event_hash();
            Ok((place, header, event))
        };
        let many = lines.len() > SMALL;
        let mut lookup = Self::default();
        for header in each(lines, many, header) {
            let (place, header, event) = header?;
            lookup.add(&header.about(), event, place);
        }
        Ok(lookup)
    }

    /// Adds the line at a place, in which the event with this hash is learned.
    pub(super) fn add(&mut self, about: &About, event: Option<u64>, place: u64) {
        if let Some(user) = self.users.get_mut(about.user) {
            user.add(about, place);
        } else {
            self.users.entry(about.user.into()).or_default().add(about, place);
        }
        for hash in event.into_iter().chain(about.brought_hashes()) {
            if *self.events.entry(hash).or_insert(place) != place {
                self.collisions.push((hash, place));
            }
            self.slots.push((hash, place));
        }
        self.slots.extend(about.turn_hashes().map(|hash| (hash, place)));
    }

    /// The records about a user, in order.
    pub(super) fn of_user(&self, tail: &Tail, user: &str) -> Result<Vec<Record>> {
        let lines = self.users.get(user).into_iter().flat_map(|user| &user.lines);
        lines.map(|place| tail.record_at(*place)).collect()
    }

    /// The states that the tail changes, and whether they end with it.
    pub(super) fn states(&self) -> impl Iterator<Item = (Key, bool)> {
        let of_user = |(user, of): (&SmolStr, &'_ OfUser)| -> Vec<(Key, bool)> {
            of.states.iter().map(|(policy, ends)| ((user.clone(), policy.clone()), *ends)).collect()
        };
        self.users.iter().flat_map(of_user)
    }

    /// What the index has to know, the tail being in this segment.
    pub(super) fn slots(&self, segment: u32) -> Vec<(u64, Place)> {
        self.slots.iter().map(|(hash, offset)| (*hash, Place { segment, offset: *offset })).collect()
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
