//! What a store does, in the words of the domain: it keeps decisions, rewards and states, and makes changes of them
//! whole or not at all.
//!
//! A [`Store`] hands out a [`Snapshot`] to read one moment of it, and a [`Transaction`] to change it. What a reward
//! does to a state is none of its business; the service decides that, once for every kind of store.

use super::records::{DecisionRecord, LoggedReward, RewardRecord, RolloutRecord, StateRecord};
use crate::base::error::Result;
use std::path::Path;

/// Which entries of a log are wanted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LogFilter {
    /// Those from this moment on, in milliseconds since 1970.
    pub since: Option<u64>,
    /// Those of this user.
    pub user: Option<String>,
}

/// How safe a transaction is once it is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// The machine may lose power: for rewards and resets.
    Power,
    /// The process may be killed; a power cut may lose the latest: for decisions.
    Process,
}

/// One moment of a store.
///
/// # Errors
/// Every method fails for a store that cannot be read, and for records that are damaged.
#[expect(clippy::missing_errors_doc, reason = "they are the same for all methods")]
pub trait Snapshot {
    /// The states of these users under these policies, in the same order; `None` for those that there are not.
    fn states(&self, keys: &[(&str, &str)]) -> Result<Vec<Option<StateRecord>>>;

    /// Every state of a user, by the policy's name, also those that were forgotten.
    fn states_of(&self, user: &str) -> Result<Vec<StateRecord>>;

    /// At most `limit` states after (user, policy), in that order, those that were forgotten left out.
    fn states_after(&self, after: (&str, &str), limit: usize) -> Result<Vec<StateRecord>>;

    /// At most `limit` states from this id on, in the order of ids, also those that were forgotten.
    fn states_from(&self, id: i64, limit: usize) -> Result<Vec<StateRecord>>;

    /// States whose files are behind, at most `limit`, from this id on.
    fn unpublished(&self, from: i64, limit: usize) -> Result<Vec<StateRecord>>;

    /// The states with these ids, those that there are.
    fn states_by_id(&self, ids: &[i64]) -> Result<Vec<StateRecord>>;

    /// The decisions with these ids, in the same order.
    fn decisions(&self, ids: &[&str]) -> Result<Vec<Option<DecisionRecord>>>;

    /// At most `limit` decisions after a place of the log, in the order in which they were written, each with its place.
    ///
    /// Places of one state's rewards are in the order of their numbers. Otherwise what was written at the same time may
    /// become visible in another order than its places have: who reads page after page, each from a later moment, has all
    /// that was committed before the first, and some of what was committed since.
    fn decisions_after(
        &self,
        place: i64,
        filter: &LogFilter,
        limit: usize,
    ) -> Result<Vec<(i64, DecisionRecord)>>;

    /// At most `limit` rewards, resets and imports after a place of the log, in the order in which they were written.
    fn rewards_after(&self, place: i64, filter: &LogFilter, limit: usize) -> Result<Vec<LoggedReward>>;

    /// How many entries the states that there are have had, those that were pruned since included.
    fn entries_had(&self) -> Result<u64>;

    /// Hands every entry of the log of rewards to `visit`, state by state and in the order of their numbers, whatever
    /// memory that takes elsewhere.
    fn rewards_by_state(&self, visit: &mut dyn FnMut(RewardRecord) -> Result<()>) -> Result<()>;

    /// The latest entries of a state, by id, at most `limit`, the latest first. A store that was not told to
    /// [`find_rewards_by_state`](Store::find_rewards_by_state) may look at the latest entries of all states alone.
    fn latest_rewards(&self, state: i64, limit: usize) -> Result<Vec<RewardRecord>>;

    /// What was learned for these events of these states, by id; `None` for events that are new to them.
    fn prior_rewards(&self, events: &[(&str, i64)]) -> Result<Vec<Option<f64>>>;

    /// Every step of the rollouts of an experiment, the first one first.
    fn rollout_steps(&self, experiment: &str) -> Result<Vec<RolloutRecord>>;

    /// The latest step of every experiment that ever had one.
    fn rollouts(&self) -> Result<Vec<RolloutRecord>>;
}

/// A change of a store, of which others see all or nothing.
///
/// Within it what is read is locked until it ends. Nobody else changes the states that [`states`](Snapshot::states) and
/// [`states_by_id`](Snapshot::states_by_id) found, or begins or changes any state of the user that
/// [`states_of`](Snapshot::states_of) was asked for. A state that was not there may be begun by somebody else until
/// [`write_states`](Self::write_states) has begun it; the change is made again then.
///
/// # Errors
/// Every method fails for a store that cannot be written.
#[expect(clippy::missing_errors_doc, reason = "they are the same for all methods")]
pub trait Transaction: Snapshot {
    /// Adds decisions; those that are there already, by their ids, are left as they are.
    fn add_decisions(&mut self, decisions: &[&DecisionRecord]) -> Result<()>;

    /// Adds entries to the log of rewards, whose events are new to their states.
    fn add_rewards(&mut self, rewards: &[RewardRecord]) -> Result<()>;

    /// Keeps states; those with the id 0 are new and get one.
    fn write_states(&mut self, states: &mut [StateRecord]) -> Result<()>;

    /// Notes which revision of which state, by id, its file has got to.
    fn mark_published(&mut self, states: &[(i64, u64)]) -> Result<()>;

    /// Removes states and all their rewards.
    fn erase_states(&mut self, ids: &[i64]) -> Result<()>;

    /// Removes the decisions that a policy, or any, made for a user; how many there were.
    fn erase_decisions(&mut self, user: &str, policy: Option<&str>) -> Result<u64>;

    /// Counts tokens that a user takes on a day, unless that would make more than `most` of them; whether it does not. Days
    /// are numbered; what was taken on another day is forgotten. A negative number gives tokens back.
    fn spend(&mut self, user: &str, day: i64, tokens: i64, most: i64) -> Result<bool>;

    /// Forgets what a user has taken.
    fn erase_spending(&mut self, user: &str) -> Result<()>;

    /// Removes at most `limit` decisions made before a moment, in milliseconds since 1970; how many there were.
    fn prune_decisions(&mut self, before: u64, limit: usize) -> Result<u64>;

    /// Removes the entries of a state, by id, up to this number; how many there were.
    fn prune_rewards(&mut self, state: i64, up_to: u64) -> Result<u64>;

    /// Adds a step of a rollout, unless somebody else has taken the one of its number: whether it was added.
    fn add_rollout_step(&mut self, step: &RolloutRecord) -> Result<bool>;
}

/// Where decisions, rewards and states are kept. Any number of threads and processes may use one.
pub trait Store: Send + Sync {
    /// What errors call it: a path, or an address without its password.
    fn origin(&self) -> &Path;

    /// Reads one moment of it.
    ///
    /// # Errors
    /// A store that cannot be read, and those of `work`.
    fn read(&self, work: &mut dyn FnMut(&dyn Snapshot) -> Result<()>) -> Result<()>;

    /// The states of these users under these policies at one moment, as [`Snapshot::states`] gives them.
    ///
    /// # Errors
    /// As for [`Snapshot::states`].
    fn states(&self, keys: &[(&str, &str)]) -> Result<Vec<Option<StateRecord>>> {
        let mut found = Vec::new();
        self.read(&mut |snapshot| {
            found = snapshot.states(keys)?;
            Ok(())
        })?;
        Ok(found)
    }

    /// Whether a few records are read within microseconds, without waiting for a network or for anybody: then who must
    /// not wait may read it where they stand.
    fn reads_at_once(&self) -> bool {
        false
    }

    /// Changes it: all that `work` does is committed when it returns, or nothing if it fails. Waits for others.
    ///
    /// Where many change it at once, what `work` has done may be undone and `work` be run again, from a later moment: it
    /// must do the same then, and count nothing before this has returned.
    ///
    /// # Errors
    /// A store that cannot be written or stays busy, and those of `work`.
    fn write(
        &self,
        durability: Durability,
        work: &mut dyn FnMut(&mut dyn Transaction) -> Result<()>,
    ) -> Result<()>;

    /// The directory that state files of it stand in, if it has them.
    fn view_dir(&self) -> Option<&Path>;

    /// Writes a copy of one moment of it, from which it can be restored. The path must be free.
    ///
    /// # Errors
    /// A path that is taken or cannot be written.
    fn backup(&self, path: &Path) -> Result<()>;

    /// What the engine finds wrong with its own files.
    ///
    /// # Errors
    /// A store that cannot be read.
    fn integrity(&self) -> Result<Vec<String>>;

    /// What is to be done now and then beside a long run, without keeping readers or writers waiting for long.
    ///
    /// # Errors
    /// A store that cannot be written.
    fn upkeep(&self) -> Result<()> {
        Ok(())
    }

    /// Has the store keep what it takes to find the rewards of a state without looking at all of them, which costs each
    /// reward a little from then on.
    ///
    /// # Errors
    /// A store that cannot be written.
    fn find_rewards_by_state(&self) -> Result<()> {
        Ok(())
    }

    /// Gives back what a long run left behind, such as a log that was not folded in yet.
    ///
    /// # Errors
    /// A store that cannot be written.
    fn tidy(&self) -> Result<()>;
}

/// What `work` reads in one moment of a store.
///
/// # Errors
/// Those of [`Store::read`].
pub fn read<T>(store: &dyn Store, mut work: impl FnMut(&dyn Snapshot) -> Result<T>) -> Result<T> {
    let mut value = None;
    store.read(&mut |snapshot| {
        value = Some(work(snapshot)?);
        Ok(())
    })?;
    Ok(value.expect("it ran"))
}

/// What `work` gives, once what it did is committed.
///
/// # Errors
/// Those of [`Store::write`].
pub fn write<T>(
    store: &dyn Store,
    durability: Durability,
    mut work: impl FnMut(&mut dyn Transaction) -> Result<T>,
) -> Result<T> {
    let mut value = None;
    store.write(durability, &mut |transaction| {
        value = Some(work(transaction)?);
        Ok(())
    })?;
    Ok(value.expect("it ran"))
}
