//! A table of the tail of the log: which lines are about a state, where an event was learned, and what a checkpoint
//! has to bring up to date.

use super::about::{About, ByHash, Hashes, Turn, life_hash};
use super::index::Place;
use super::journal::{Journal, Tail};
use super::ledger::SMALL;
use super::record::{Header, Record};
use crate::base::error::Result;
use crate::base::threads::each;
use smol_str::SmolStr;

/// Places of lines in the log, all of them after the checkpoint.
#[derive(Debug, Default)]
pub(super) struct Lookup {
    /// By their hashes; of several with one hash, each but one is where [`next_slot`] says.
    states: ByHash<OfState>,
    /// Those of all states.
    lines: Vec<Line>,
    /// By hash of the event.
    events: ByHash<u64>,
    /// Further events with a hash that is there already.
    collisions: Vec<(u64, u64)>,
    /// Where states begin and end.
    turns: Vec<(u64, u64)>,
}

/// What the tail has of a state.
#[derive(Debug)]
pub(super) struct OfState {
    pub(super) user: SmolStr,
    pub(super) policy: SmolStr,
    /// Number of the latest line, from 1.
    latest: u32,
    /// Whether the state ends with it.
    pub(super) ends: bool,
}

/// A line about a state.
#[derive(Debug)]
struct Line {
    place: u64,
    /// Number of the line before it that is about this state; 0 if it is the first.
    before: u32,
}

impl OfState {
    fn is_of(&self, user: &str, policy: &str) -> bool {
        self.user == user && self.policy == policy
    }
}

/// Where a state is looked for next if another one has its hash.
fn next_slot(hash: u64) -> u64 {
    hash.wrapping_add(2)
}

impl Lookup {
    /// The table of a tail.
    pub(super) fn of(tail: &Tail) -> Result<Self> {
        let lines: Vec<(u64, &[u8])> = tail.lines().collect();
        let header = |(place, line): (u64, _)| {
            let header = Header::parse(line).map_err(|what| tail.damaged(place, &what))?;
            let hashes = Hashes::of(&header.about());
            Ok((place, header, hashes))
        };
        let many = lines.len() > SMALL;
        let mut lookup = Self::default();
        for header in each(lines, many, header) {
            let (place, header, hashes) = header?;
            lookup.add(&header.about(), hashes, place);
        }
        Ok(lookup)
    }

    /// Adds the line at a place.
    pub(super) fn add(&mut self, about: &About, hashes: Hashes, place: u64) {
        if let (Some(policy), Some(hash)) = (about.policy, hashes.state) {
            self.add_to_state(hash, about, policy, place);
        }
        for policy in &about.forgotten {
            self.add_to_state(life_hash(about.user, policy), about, policy, place);
        }
        for hash in hashes.event.into_iter().chain(about.brought_hashes()) {
            if *self.events.entry(hash).or_insert(place) != place {
                self.collisions.push((hash, place));
            }
        }
        self.turns.extend(about.turn_hashes().map(|hash| (hash, place)));
    }

    fn add_to_state(&mut self, mut hash: u64, about: &About, policy: &str, place: u64) {
        let state = loop {
            let new = || OfState { user: about.user.into(), policy: policy.into(), latest: 0, ends: false };
            let state = self.states.entry(hash).or_insert_with(new);
            if state.is_of(about.user, policy) {
                break state;
            }
            hash = next_slot(hash);
        };
        self.lines.push(Line { place, before: state.latest });
        state.latest = self.lines.len() as u32;
        state.ends = about.turn == Some(Turn::Ends);
    }

    /// What it has of the state with this hash.
    pub(super) fn state(&self, mut hash: u64, user: &str, policy: &str) -> Option<&OfState> {
        loop {
            let state = self.states.get(&hash)?;
            if state.is_of(user, policy) {
                return Some(state);
            }
            hash = next_slot(hash);
        }
    }

    /// The records about a state, in order.
    pub(super) fn records(&self, journal: &Journal, state: &OfState) -> Result<Vec<Record>> {
        self.places(state).into_iter().map(|place| journal.record_at(place)).collect()
    }

    /// Where they are.
    fn places(&self, state: &OfState) -> Vec<u64> {
        let mut places = Vec::new();
        let mut next = state.latest;
        while let Some(at) = next.checked_sub(1) {
            let Line { place, before } = self.lines[at as usize];
            places.push(place);
            next = before;
        }
        places.reverse();
        places
    }

    /// The states that the tail changes.
    pub(super) fn states(&self) -> impl Iterator<Item = &OfState> {
        self.states.values()
    }

    /// What the index has to know, the tail being in this segment; in order, as pages of the index are.
    pub(super) fn slots(&self, segment: u32) -> Vec<(u64, Place)> {
        let events = self.events.iter().map(|(hash, place)| (*hash, *place));
        let all = events.chain(self.collisions.iter().chain(&self.turns).copied());
        let mut slots: Vec<_> = all.map(|(hash, offset)| (hash, Place { segment, offset })).collect();
        slots.sort_unstable();
        slots
    }

    /// The reward with which an event was learned.
    pub(super) fn learned(
        &self,
        journal: &Journal,
        hash: u64,
        user: &str,
        policy: &str,
        event: &str,
    ) -> Result<Option<f64>> {
        let Some(first) = self.events.get(&hash) else { return Ok(None) };
        let others = self.collisions.iter().filter(|(h, _)| *h == hash).map(|(_, place)| place);
        for place in [first].into_iter().chain(others) {
            if let Some(reward) = journal.record_at(*place)?.reward_of(user, policy, event) {
                return Ok(Some(reward));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_with_one_hash_have_lines_of_their_own() {
        let mut lookup = Lookup::default();
        let users = ["ann", "bob", "carol"];
        for place in 0..30 {
            let about = About {
                user: users[place as usize % users.len()],
                learns: None,
                brings: Vec::new(),
                policy: Some("egreedy-v1"),
                forgotten: Vec::new(),
                turn: (place == 28).then_some(Turn::Ends),
            };
            lookup.add(&about, Hashes { state: Some(7), event: None }, place);
        }
        for (i, user) in users.into_iter().enumerate() {
            let state = lookup.state(7, user, "egreedy-v1").unwrap();
            let own: Vec<u64> = (0..30).filter(|place| *place as usize % users.len() == i).collect();
            assert_eq!(lookup.places(state), own);
            assert_eq!(state.ends, user == "bob");
        }
        assert!(
            lookup.state(7, "ann", "egreedy-v2").is_none() && lookup.state(8, "ann", "egreedy-v1").is_none()
        );
    }
}
