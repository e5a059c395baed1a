//! A state directory, written: how rewards and resets are committed.
//!
//! The lock `rewards.lock` is held throughout. A group of rewards is committed so:
//! 1. cut off a torn end of `rewards.jsonl`;
//! 2. read the states, look for events that were learned already, learn;
//! 3. write and sync the new states beside the old ones;
//! 4. append the records, with sequence numbers and checksums, and sync: this commits;
//! 5. rename the new states into place;
//! 6. acknowledge.
//!
//! An error before 4 leaves everything as it was. After 4 all is done, whether or not 5 is reached: a
//! state file is a view of the log, and every reader lays the log over it.

use super::dir::Prepared;
use super::journal::Journal;
use super::lock::Lock;
use super::record::{Lesson, Op, Record, spec_of};
use super::store::Store;
use super::user_state::UserState;
use super::{format, name, now_ms};
use crate::error::{Error, Result};
use crate::policy::{Policy, Scratch};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

const LOCK: &str = "rewards.lock";

/// A lesson for one state.
#[derive(Debug, Clone)]
pub struct Reward {
    /// The user.
    pub user: String,
    /// The policy that learns.
    pub policy: Arc<Policy>,
    /// What it learns.
    pub lesson: Lesson,
}

/// What became of a reward.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Learned {
    /// Updates of the state.
    pub updates: u64,
    /// Whether the event had been learned before, so that nothing changed.
    pub duplicate: bool,
}

/// The right to write, until dropped.
#[derive(Debug)]
pub struct Writer<'a> {
    store: &'a Store,
    journal: Journal,
    learned: HashMap<Key, f64>,
    _lock: Lock,
}

/// User, policy and event.
type Key = (String, String, String);

/// A state that a group changes.
struct Touched {
    state: UserState,
    changed: bool,
}

impl Store {
    /// Takes the lock, waiting for other writers, creating the directory if need be.
    ///
    /// # Errors
    /// A directory that cannot be written, a lock that is never released, a damaged log.
    pub fn writer(&self) -> Result<Writer<'_>> {
        self.dir.ensure()?;
        let lock = Lock::take(&self.dir, LOCK)?;
        let journal = Journal::open(&self.dir)?;
        let mut learned = HashMap::new();
        for (place, _) in journal.tail().lines() {
            let record = journal.tail().record_at(place)?;
            if let Op::Reward { policy, lesson, .. } = record.op
                && let Some(event) = lesson.event
            {
                learned.insert((record.user, policy, event), lesson.reward);
            }
        }
        Ok(Writer { store: self, journal, learned, _lock: lock })
    }
}

impl Writer<'_> {
    /// Commits a group of rewards: all that can be learned are durable, and in the state files, when this
    /// returns. What cannot be learned, for a damaged state or an event that had another reward, is
    /// refused by itself.
    ///
    /// # Errors
    /// Input and output: then none of the group is committed, unless the message says otherwise.
    pub fn learn(&mut self, rewards: &[Reward]) -> Result<Vec<Result<Learned>>> {
        let mut touched: HashMap<(&str, &str), Touched> = HashMap::new();
        let mut group: HashMap<Key, f64> = HashMap::new();
        let (mut lines, mut seq) = (Vec::new(), self.journal.last_seq());
        let mut scratch = Scratch::default();
        let mut outcomes = Vec::with_capacity(rewards.len());
        for Reward { user, policy, lesson } in rewards {
            let Touched { state, changed } = match touched.entry((user, policy.name())) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
                    let records = self.journal.tail().of_user(user);
                    match records.and_then(|records| self.store.load(user, policy, &records)) {
                        Ok(state) => entry.insert(Touched { state, changed: false }),
                        Err(error) => {
                            outcomes.push(Err(error));
                            continue;
                        }
                    }
                }
            };
            if let Some(event) = &lesson.event {
                let key = (user.clone(), policy.name().to_owned(), event.clone());
                let in_state = || state.events.iter().find(|e| e.id == *event).map(|e| e.reward);
                let before = group.get(&key).or_else(|| self.learned.get(&key)).copied().or_else(in_state);
                if let Some(before) = before {
                    outcomes.push(again(event, before, lesson.reward, state.model.updates()));
                    continue;
                }
                group.insert(key, lesson.reward);
            }
            let prev = state.seq;
            // A state that was brought here from elsewhere may be ahead of this log.
            seq = seq.max(prev) + 1;
            state.learn(lesson, seq, &mut scratch);
            *changed = true;
            let op = Op::Reward {
                policy: policy.name().to_owned(),
                prev,
                spec: spec_of(policy).filter(|_| prev == 0),
                lesson: Box::new(lesson.clone()),
            };
            Record { seq, user: user.clone(), time_ms: now_ms(), op }.write(&mut lines);
            outcomes.push(Ok(Learned { updates: state.model.updates(), duplicate: false }));
        }
        if lines.is_empty() {
            // A duplicate is said only of what is durable.
            self.journal.sync()?;
            return Ok(outcomes);
        }
        let changed: Vec<&UserState> = touched.values().filter(|t| t.changed).map(|t| &t.state).collect();
        self.commit(&changed, &lines, seq)?;
        self.learned.extend(group);
        Ok(outcomes)
    }

    /// Commits that the user is forgotten by these policies, or by all that have a state; returns their
    /// names, sorted.
    ///
    /// # Errors
    /// Input and output: then nothing is forgotten, unless the message says otherwise.
    pub fn reset(&mut self, user: &str, policy: Option<&str>) -> Result<Vec<String>> {
        name::state_file(user, policy.unwrap_or_default()).map_err(|fault| fault.at("state directory"))?;
        let records = self.journal.tail().of_user(user)?;
        let mut names = self.store.policies_in(user, &records)?;
        names.retain(|name| policy.is_none_or(|p| p == name));
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let seq = self.journal.last_seq() + 1;
        let latest = |name: &str| {
            // Also a state that cannot be read can be forgotten.
            records.iter().rev().find(|r| r.prev_of(user, name).is_some()).map_or(0, |r| r.seq)
        };
        let policies: BTreeMap<String, u64> = names.iter().map(|n| (n.clone(), latest(n))).collect();
        let mut line = Vec::new();
        let op = Op::Reset { policies };
        Record { seq, user: user.to_owned(), time_ms: now_ms(), op }.write(&mut line);
        self.journal.append(&line, seq)?;
        for policy in &names {
            let file = name::state_file(user, policy).map_err(|fault| fault.at("state directory"))?;
            self.store.dir.remove(&file).map_err(|e| committed(&e))?;
        }
        Ok(names.into_iter().collect())
    }

    /// Steps 3 to 5.
    fn commit(&mut self, states: &[&UserState], lines: &[u8], seq: u64) -> Result<()> {
        let mut prepared: Vec<Prepared> = Vec::with_capacity(states.len());
        for (slot, state) in states.iter().enumerate() {
            let file = name::state_file(&state.user, state.policy.name())
                .map_err(|fault| fault.at("state directory"))?;
            prepared.push(self.store.dir.prepare(&file, slot, &format::to_line(state))?);
        }
        self.journal.append(lines, seq)?;
        prepared.into_iter().try_for_each(|new| new.publish().map_err(|e| committed(&e)))
    }
}

/// An event that was learned already: nothing to do, unless its reward was another one.
fn again(event: &str, before: f64, reward: f64, updates: u64) -> Result<Learned> {
    if before.to_bits() == reward.to_bits() {
        return Ok(Learned { updates, duplicate: true });
    }
    Err(Error::Refused(format!(
        "event {event:?} has reward {reward}, but it was learned with reward {before}; a reward is learned once"
    )))
}

/// An error after the commit: the log has it, and whoever reads the state lays the log over it.
fn committed(error: &Error) -> Error {
    Error::Refused(format!("{error}; the change itself is recorded and in force"))
}
