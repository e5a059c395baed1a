//! A state directory, written: how rewards and resets are committed.
//!
//! Each group of rewards is committed under the lock `rewards.lock`:
//! 1. cut off a torn end of `rewards.jsonl`;
//! 2. read the states, look for events that were learned already, learn;
//! 3. write and sync the new states beside the old ones;
//! 4. append the records, with sequence numbers and checksums, and sync: this commits;
//! 5. rename the new states into place;
//! 6. acknowledge.
//!
//! An error before 4 leaves everything as it was. After 4 all is done, whether or not 5 is reached: a
//! state file is a view of the log, and every reader lays the tail of the log over it. A group that
//! touches many states leaves 3 and 5 to the checkpoint, which also keeps the tail short.

use super::about::{event_hash, life_hash};
use super::cache::Cache;
use super::files::{FEW, publish};
use super::group::{LEARN_TOGETHER, Numbered, Sorted, Task, learn, number, outcomes, write};
use super::index::Index;
use super::journal::{BATCH_TAIL_BYTES, Journal};
use super::lesson::Lesson;
use super::lock::Lock;
use super::lookup::Lookup;
use super::record::{Op, Record};
use super::store::Store;
use super::user_state::UserState;
use super::{name, now_ms};
use crate::base::error::{Error, Result};
use crate::base::threads::each;
use crate::policy::Policy;
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) const LOCK: &str = "rewards.lock";
/// Groups up to this size are not worth other threads, nor a table of the tail.
pub(super) const SMALL: usize = 64;
/// The tail is read by every command: beyond this it is checkpointed.
const TAIL_BYTES: u64 = 128 << 10;
/// So many states are kept in memory.
const CACHED: usize = 50_000;

/// A lesson for one state.
#[derive(Debug, Clone)]
pub struct Reward<'p> {
    pub(super) user: SmolStr,
    pub(super) policy: &'p Arc<Policy>,
    pub(super) lesson: Lesson,
    /// Hash of the state.
    pub(super) life: u64,
    /// Hash of the event, if it has one.
    pub(super) event: Option<u64>,
}

impl<'p> Reward<'p> {
    /// The lesson is for the state of this user under this policy.
    pub fn new(user: impl Into<SmolStr>, policy: &'p Arc<Policy>, lesson: Lesson) -> Self {
        let user = user.into();
        let life = life_hash(&user, policy.name());
        let event = lesson.event.as_ref().map(|event| event_hash(&user, policy.name(), event));
        Self { user, policy, lesson, life, event }
    }

    /// The user.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The policy that learns.
    pub fn policy(&self) -> &Policy {
        self.policy
    }

    /// What it learns.
    pub fn lesson(&self) -> &Lesson {
        &self.lesson
    }

    pub(super) fn is_for_state_of(&self, other: &Self) -> bool {
        self.life == other.life && self.user == other.user && self.policy.name() == other.policy.name()
    }
}

/// What became of a reward.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Learned {
    /// Updates of the state.
    pub updates: u64,
    /// Whether the event had been learned before, so that nothing changed.
    pub duplicate: bool,
}

/// Commits rewards and resets. Between two commits others may write; what it remembers of the directory
/// is brought up to date under the lock.
#[derive(Debug)]
pub struct Ledger<'a> {
    pub(super) store: &'a Store,
    pub(super) journal: Option<Journal>,
    pub(super) index: Option<Index>,
    pub(super) lookup: Option<Lookup>,
    pub(super) cache: Cache,
}

/// User and policy.
pub(super) type Key = (SmolStr, String);

impl Store {
    /// The means to write to the directory, which is created by the first commit.
    pub fn ledger(&self) -> Ledger<'_> {
        Ledger { store: self, journal: None, index: None, lookup: None, cache: Cache::default() }
    }
}

impl Ledger<'_> {
    /// Commits a group of rewards: those that can be learned are durable when this returns. A reward that
    /// cannot, for a damaged state or an event that had another reward, is refused by itself.
    ///
    /// # Errors
    /// Input and output, a damaged log: then none of the group is committed, unless the message says
    /// otherwise.
    pub fn learn(&mut self, rewards: &[&Reward]) -> Result<Vec<Result<Learned>>> {
        self.learn_and(rewards, |outcomes| outcomes)
    }

    /// As [`Self::learn`], with what `make` makes of the outcomes while they are written: nobody may see it before
    /// this returns.
    ///
    /// # Errors
    /// As [`Self::learn`].
    pub fn learn_and<T: Send>(
        &mut self,
        rewards: &[&Reward],
        make: impl FnOnce(Vec<Result<Learned>>) -> T + Send,
    ) -> Result<T> {
        let lock = self.lock()?;
        let made = self.learn_locked(rewards, &lock, make);
        if made.is_err() {
            self.forget();
        }
        made
    }

    /// Commits that the user is forgotten by this policy, or by all that have a state; returns their names,
    /// sorted.
    ///
    /// # Errors
    /// Input and output: then nothing is forgotten, unless the message says otherwise.
    pub fn reset(&mut self, user: &str, policy: Option<&str>) -> Result<Vec<String>> {
        if !self.store.dir.has(LOCK) && self.store.policies_in(user, &[])?.is_empty() {
            return Ok(Vec::new());
        }
        let lock = self.lock()?;
        let names = self.reset_locked(user, policy, &lock);
        if names.is_err() {
            self.forget();
        }
        names
    }

    fn reset_locked(&mut self, user: &str, policy: Option<&str>, lock: &Lock) -> Result<Vec<String>> {
        self.forget_lookup()?;
        if self.journal.as_ref().expect("locked").manifest().checkpoint.seq > 0 {
            // What follows looks into it.
            self.index = Some(self.index.take().map_or_else(|| self.open_index(), Ok)?);
        }
        let journal = self.journal.as_mut().expect("locked");
        let records = journal.tail().of_user(user)?;
        let mut names = self.store.policies_in(user, &records)?;
        names.retain(|name| policy.is_none_or(|p| p == name));
        if names.is_empty() {
            // Nothing is known any more: durably, for whoever recorded that may have died before it was.
            journal.sync()?;
            if records.iter().any(|record| matches!(record.op, Op::Reset { .. })) {
                self.checkpoint()?;
            }
            return Ok(Vec::new());
        }
        // Also a state that cannot be read can be forgotten.
        let latest =
            |name: &str| self.store.load_by_name(user, name, &records).map_or(0, |loaded| loaded.state.seq);
        let policies: BTreeMap<String, u64> = names.iter().map(|n| (n.clone(), latest(n))).collect();
        let seq = journal.last_seq() + 1;
        let op = Op::Reset { policies };
        let record = Record { seq, user: user.into(), time_ms: now_ms(), op };
        journal.append(lock, &[record.to_line()], seq)?;
        for policy in &names {
            self.cache.take(life_hash(user, policy));
            let file = name::state_file(user, policy).map_err(|fault| fault.at("state directory"))?;
            self.store.dir.remove(&file).map_err(|e| committed(&e))?;
        }
        // A file that is not there says nothing; with a checkpoint, a log that lost the reset is found out.
        self.checkpoint().map_err(|e| committed(&e))?;
        Ok(names.into_iter().collect())
    }

    /// Writes a checkpoint if one is due: when the tail of the log has grown long, or at the `end` of a
    /// run whose large groups left state files behind. Everything that was committed is committed anyway.
    ///
    /// # Errors
    /// Input and output. Nothing is lost by it.
    pub fn settle(&mut self, end: bool) -> Result<()> {
        let Some(journal) = &self.journal else { return Ok(()) };
        let due = if self.cache.is_behind() {
            end || journal.tail().len() >= BATCH_TAIL_BYTES || self.cache.len() > CACHED
        } else {
            journal.tail().len() >= TAIL_BYTES
        };
        if due {
            let _lock = self.lock()?;
            self.checkpoint().map_err(|e| committed(&e))?;
        }
        if self.cache.len() > CACHED {
            self.cache = Cache::default();
        }
        Ok(())
    }

    /// Takes the lock and brings what is remembered up to date.
    pub(super) fn lock(&mut self) -> Result<Lock> {
        let dir = &self.store.dir;
        dir.ensure()?;
        let lock = Lock::take(dir, LOCK)?;
        if !self.journal.as_ref().map_or(Ok(false), |journal| journal.is_current(dir))? {
            // Others wrote: their states, and ours that they wrote on, are read again.
            self.forget();
            let journal = self.journal.insert(Journal::open(dir)?);
            if journal.tail().len() >= BATCH_TAIL_BYTES {
                // Whoever wrote it was killed before its checkpoint, perhaps again and again.
                self.checkpoint().inspect_err(|_| self.forget())?;
            }
        }
        if self.index.as_ref().is_some_and(|index| !index.is_current()) {
            self.index = None;
        }
        Ok(lock)
    }

    /// Keeps no state in memory: what is committed is in the log.
    pub(super) fn forget_states(&mut self) -> Result<()> {
        self.cache = Cache::default();
        self.forget_lookup()
    }

    /// Keeps no table of the tail, but the tail itself.
    fn forget_lookup(&mut self) -> Result<()> {
        // In this order: without the table, all of the tail must be there.
        self.journal.as_mut().map_or(Ok(()), Journal::read_rest)?;
        self.lookup = None;
        Ok(())
    }

    /// Keeps nothing in memory that might be ahead of the log or behind it.
    fn forget(&mut self) {
        *self = self.store.ledger();
    }

    fn learn_locked<T: Send>(
        &mut self,
        rewards: &[&Reward],
        lock: &Lock,
        make: impl FnOnce(Vec<Result<Learned>>) -> T + Send,
    ) -> Result<T> {
        let large = rewards.len() > SMALL;
        if large && self.lookup.is_none() {
            self.lookup = Some(Lookup::of(self.journal.as_ref().expect("locked").tail())?);
        }
        let Sorted { states, order } = Sorted::of(rewards);
        let (mut tasks, mut refusals) = self.tasks(states, &order, rewards, large)?;
        let before = self.learned_before(rewards, large)?;
        let verdicts = learn(&mut tasks, &order, rewards, &before, large);
        let journal = self.journal.as_mut().expect("locked");
        let time_ms = now_ms();
        let records = number(rewards, &verdicts, &mut tasks, journal.last_seq(), time_ms);
        let Some(seq) = records.last().map(Numbered::seq) else {
            // A duplicate is said only of what is durable.
            journal.sync()?;
            let outcomes = outcomes(rewards, &verdicts, &before, &tasks, &mut refusals);
            self.keep(tasks);
            return Ok(make(outcomes));
        };
        each(tasks.chunks_mut(LEARN_TOGETHER), large, |tasks| tasks.iter_mut().for_each(Task::numbered));
        let mut place = journal.end();
        let (texts, lengths) = write(&records, rewards, time_ms, large);
        let changed: Vec<&UserState> = tasks.iter().filter(|t| t.behind).map(|t| &t.loaded.state).collect();
        // The files of many are left to the checkpoint.
        let at_once = changed.len() <= FEW;
        let prepared = if at_once { self.store.prepare(&changed)? } else { Vec::new() };
        let in_table = self.lookup.is_some();
        // In the table they stand too early for a moment; it is thrown away if they cannot be appended.
        let meanwhile = || {
            if let Some(lookup) = &mut self.lookup {
                for (record, length) in records.iter().zip(lengths) {
                    let (about, hashes) = record.about(rewards);
                    lookup.add(&about, hashes, place);
                    place += length as u64;
                }
            }
            make(outcomes(rewards, &verdicts, &before, &tasks, &mut refusals))
        };
        let made = journal.append_and(lock, &texts, seq, in_table, meanwhile)?;
        publish(prepared).map_err(|e| committed(&e))?;
        if at_once {
            tasks.iter_mut().filter(|task| task.behind).for_each(Task::shown);
        }
        self.keep(tasks);
        Ok(made)
    }

    fn keep(&mut self, tasks: Vec<Task>) {
        for Task { life, loaded, behind, .. } in tasks {
            self.cache.keep(life, loaded, behind);
        }
    }
}

/// An error after the commit: the log has it, and whoever reads the state lays the log over it.
pub(super) fn committed(error: &Error) -> Error {
    Error::Refused(format!("{error}; what was to be recorded is recorded and in force"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::request::Request;
    use crate::state::Source;

    const REQUEST: &str = r#"{"context":{"hour":8.5,"weekday":1},"candidates":[{"id":"a"}]}"#;

    /// Where there is a table of the tail, what is appended to it is not held.
    #[test]
    fn what_is_not_held_in_memory_is_known_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let policy = Arc::new(Policy::named("egreedy-v1").unwrap());
        let reward = |user: usize, value: f64| {
            let request = Request::from_json(REQUEST.as_bytes(), "request").unwrap();
            let lesson = Lesson::new(request, 0, value, Some("e".into()), Source::default()).unwrap();
            Reward::new(format!("u{user}"), &policy, lesson)
        };
        let learn = |ledger: &mut Ledger, users: std::ops::Range<usize>, value: f64| {
            let rewards: Vec<Reward> = users.map(|user| reward(user, value)).collect();
            ledger.learn(&rewards.iter().collect::<Vec<_>>()).unwrap()
        };
        let held = |ledger: &Ledger| ledger.journal.as_ref().unwrap().tail().lines().count();
        let mut ledger = store.ledger();
        assert!(learn(&mut ledger, 0..1, 1.0)[0].is_ok());
        assert_eq!(held(&ledger), 1);
        for users in [1..100, 100..103] {
            let learned = learn(&mut ledger, users, 1.0);
            assert!(learned.iter().all(|l| l.as_ref().unwrap() == &Learned { updates: 1, duplicate: false }));
        }
        assert!(ledger.journal.as_ref().unwrap().tail().unread > 0);
        ledger.cache = Cache::default();
        for users in [0..103, 99..102] {
            let again = learn(&mut ledger, users.clone(), 1.0);
            assert!(again.iter().all(|l| l.as_ref().unwrap() == &Learned { updates: 1, duplicate: true }));
            for other in learn(&mut ledger, users, 0.5) {
                assert!(other.unwrap_err().to_string().contains("was learned with reward 1"));
            }
        }
        assert_eq!(ledger.reset("u50", None).unwrap(), ["egreedy-v1"]);
        assert_eq!(ledger.journal.as_ref().unwrap().tail().len(), 0);
        let view = store.view().unwrap();
        for user in 0..103 {
            let state = view.state(&format!("u{user}"), &policy).unwrap();
            assert_eq!(state.model().updates(), u64::from(user != 50), "u{user}");
        }
    }

    #[test]
    fn nothing_is_appended_to_what_others_wrote_and_somebody_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let policy = Arc::new(Policy::named("egreedy-v1").unwrap());
        let learn = |ledger: &mut Ledger, user: &str| {
            let request = Request::from_json(REQUEST.as_bytes(), "request").unwrap();
            let lesson = Lesson::new(request, 0, 1.0, None, Source::default()).unwrap();
            ledger.learn(&[&Reward::new(user, &policy, lesson)]).map(|mut learned| learned.remove(0).unwrap())
        };
        let mut ours = store.ledger();
        assert_eq!(learn(&mut ours, "ann").unwrap().updates, 1);
        assert_eq!(learn(&mut store.ledger(), "ann").unwrap().updates, 2);
        assert_eq!(learn(&mut ours, "ann").unwrap().updates, 3);
        learn(&mut store.ledger(), "bob").unwrap();
        let log = store.dir.join("rewards.jsonl");
        let text = std::fs::read_to_string(&log).unwrap();
        let damaged = text.replace("bob", "rob");
        std::fs::write(&log, &damaged).unwrap();
        for user in ["ann", "bob", "ann"] {
            assert!(matches!(learn(&mut ours, user), Err(Error::Damaged { .. })), "{user}");
        }
        assert_eq!(std::fs::read_to_string(&log).unwrap(), damaged);
        std::fs::write(&log, text).unwrap();
        assert_eq!(learn(&mut ours, "ann").unwrap().updates, 4);
    }
}
