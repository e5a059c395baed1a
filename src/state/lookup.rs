//! A table of a long tail: which lines are about a user, and where an event was learned.

use super::index::event_hash;
use super::journal::Tail;
use super::record::{Header, Record};
use crate::error::{Error, Result};
use std::collections::HashMap;

/// Places of lines in the log, all of them after the checkpoint.
#[derive(Debug, Default)]
pub(super) struct Lookup {
    users: HashMap<String, Vec<u64>>,
    /// By hash of the event.
    events: HashMap<u64, Vec<u64>>,
}

impl Lookup {
    /// The table of a tail.
    pub(super) fn of(tail: &Tail) -> Result<Self> {
        let mut lookup = Self::default();
        for (place, line) in tail.lines() {
            lookup.add_line(place, line)?;
        }
        Ok(lookup)
    }

    /// Adds lines that were appended, the first of them at `start`.
    pub(super) fn add(&mut self, start: u64, lines: &[u8]) -> Result<()> {
        let mut place = start;
        for line in lines.split_inclusive(|b| *b == b'\n') {
            self.add_line(place, line)?;
            place += line.len() as u64;
        }
        Ok(())
    }

    fn add_line(&mut self, place: u64, line: &[u8]) -> Result<()> {
        let what = |what| Error::Refused(format!("rewards.jsonl: damaged: the line at byte {place}: {what}"));
        let header = Header::parse(line).map_err(what)?;
        if let (Some(policy), Some(event)) = (&header.policy, &header.event) {
            self.events.entry(event_hash(&header.user, policy, event)).or_default().push(place);
        }
        self.users.entry(header.user.into_owned()).or_default().push(place);
        Ok(())
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
        for place in self.events.get(&hash).into_iter().flatten() {
            if let Some(reward) = tail.record_at(*place)?.reward_of(user, policy, event) {
                return Ok(Some(reward));
            }
        }
        Ok(None)
    }
}
