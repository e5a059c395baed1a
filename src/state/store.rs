//! A state directory, read.
//!
//! Reading takes no lock. A state is its file, and on top of it the committed records that the file does
//! not show yet: whatever a killed process had committed is seen by the next command.

use super::decision_log::DECISIONS;
use super::dir::{Dir, MAX_STATE_BYTES};
use super::format;
use super::journal::{REWARDS, Tail};
use super::manifest::Manifest;
use super::name;
use super::record::{Op, Record};
use super::user_state::UserState;
use crate::base::error::{Error, Fault, Result};
use crate::policy::{NAMED, Policy, Scratch};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// Size at which a log is sealed and another one begun, with its next checkpoint.
pub const SEGMENT_BYTES: u64 = 64 << 20;

/// A state directory, which need not exist before the first write.
#[derive(Debug, Clone)]
pub struct Store {
    pub(super) dir: Dir,
    pub(super) segment_bytes: u64,
}

/// A state that was read.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) state: UserState,
    /// Whether its file says less.
    pub(super) behind: bool,
    /// Whether there is a file, or a record on top.
    pub(super) found: bool,
    /// Number of the latest record in the file, 0 if it has none or is not there.
    pub(super) file: u64,
    /// Whether nothing before matters: a record on top begins or ends it, or the index was asked already.
    pub(super) restarted: bool,
}

impl Loaded {
    /// Whether it is the state of this user under the policy of this name.
    pub(super) fn is_of(&self, user: &str, policy: &str) -> bool {
        self.state.user == user && self.state.policy.name() == policy
    }

    /// Whether it stands in a file that the log has not numbered: another tool wrote it.
    pub(super) fn foreign(&self) -> bool {
        self.found && self.state.seq == 0 && self.state.model().updates() > 0
    }
}

impl Store {
    /// The state directory at `path`.
    pub fn new(path: &Path) -> Self {
        Self { dir: Dir::new(path), segment_bytes: SEGMENT_BYTES }
    }

    /// Logs are sealed when they have grown to `bytes`; [`SEGMENT_BYTES`] if this is not called.
    #[must_use]
    pub fn with_segment_bytes(self, bytes: u64) -> Self {
        Self { segment_bytes: bytes, ..self }
    }

    /// A warning if the directory is on a file system that may not keep what it promises.
    pub fn warning(&self) -> Option<String> {
        let name = self.dir.network()?;
        Some(format!(
            "{} is on {name}: several machines may not exclude each other, and what is synced may not be \
             durable; let one machine write",
            self.dir.join("").display()
        ))
    }

    /// Files of both logs that the manifests list as full and that are not there.
    ///
    /// # Errors
    /// A damaged manifest.
    pub fn missing_segments(&self) -> Result<Vec<String>> {
        let mut missing = Vec::new();
        for log in [DECISIONS, REWARDS] {
            missing.extend(Manifest::read(&self.dir, log)?.missing(&self.dir, log)?);
        }
        Ok(missing)
    }

    /// What is committed now.
    ///
    /// # Errors
    /// A log that cannot be read.
    pub fn view(&self) -> Result<View<'_>> {
        Ok(View { store: self, tail: Tail::read(&self.dir)? })
    }

    /// The state in the file of this name, without the records on top; `None` if it is not there.
    pub(super) fn state_in(&self, file: &str, user: &str, policy: &str) -> Result<Option<UserState>> {
        let Some(bytes) = self.dir.read(file, MAX_STATE_BYTES)? else { return Ok(None) };
        let path = self.dir.join(file);
        let spec =
            if NAMED.contains(&policy) { Policy::named(policy)? } else { format::spec_in(&bytes, &path)? };
        format::from_bytes(&bytes, &path, user, &Arc::new(spec)).map(Some)
    }

    /// Policies under which the user has a file, or should have one, and those of the records on top.
    pub(super) fn policies_in(&self, user: &str, records: &[Record]) -> Result<BTreeSet<String>> {
        let prefix = name::user_prefix(user);
        let files = self.dir.names()?;
        let files = files.iter().filter(|n| n.starts_with(&prefix)).filter_map(|n| name::parse_state_file(n));
        let mut policies: BTreeSet<String> = files.map(|(_, policy)| policy).collect();
        policies.extend(self.indexed(user)?);
        for record in records {
            follow(&mut policies, record.op.clone());
        }
        Ok(policies)
    }

    /// The policy of this name as far as its model needs it: built in, or as the user's state or its records
    /// say.
    fn spec(&self, user: &str, policy: &str, records: &[Record]) -> Result<Policy> {
        if NAMED.contains(&policy) {
            return Policy::named(policy);
        }
        let file = name::state_file(user, policy).map_err(|fault| fault.at("state directory"))?;
        if let Some(bytes) = self.dir.read(&file, MAX_STATE_BYTES)? {
            return format::spec_in(&bytes, &self.dir.join(&file));
        }
        let invalid = |fault: Fault| fault.at(self.dir.join(&REWARDS.active()).display());
        for record in records.iter().rev().filter(|r| r.prev_of(user, policy).is_some()) {
            match &record.op {
                Op::Reward { spec: Some(spec), .. } => {
                    return Policy::try_from((**spec).clone()).map_err(invalid);
                }
                Op::Import { state, .. } => return state.spec().map_err(invalid),
                Op::Reward { .. } | Op::Reset { .. } => {}
            }
        }
        let mut known = self.policies_in(user, records)?;
        known.extend(NAMED.map(str::to_owned));
        Err(self.undefined(user, policy, Error::unknown("policy", policy, known))?)
    }

    /// The state in its file, with the records on top of it. Where there is neither, the caller knows whether
    /// there should be.
    pub(super) fn load(&self, user: &str, policy: &Arc<Policy>, records: &[Record]) -> Result<Loaded> {
        let file = name::state_file(user, policy.name()).map_err(|fault| fault.at("state directory"))?;
        let bytes = self.dir.read(&file, MAX_STATE_BYTES)?;
        let there = bytes.is_some();
        let turns =
            |r: &Record| r.prev_of(user, policy.name()).is_some() && !matches!(r.op, Op::Reward { .. });
        let state = match bytes.map(|bytes| format::from_bytes(&bytes, &self.dir.join(&file), user, policy)) {
            // What it was before it was reset or replaced is of no interest.
            Some(Err(_)) if records.iter().any(turns) => UserState::new(user, policy),
            Some(read) => read?,
            None => UserState::new(user, policy),
        };
        let shown = state.seq;
        let unnumbered = there && shown == 0;
        let state = self.replay(state, records)?;
        let own = || records.iter().filter_map(|r| Some((r, r.prev_of(user, policy.name())?)));
        let found = there || own().next().is_some();
        let restarted = own().any(|(r, prev)| prev == 0 || !matches!(r.op, Op::Reward { .. }));
        Ok(Loaded { behind: state.seq != shown || unnumbered, found, file: shown, restarted, state })
    }

    /// As [`Self::load`], for a reader: a state that should be there and is not is an error.
    pub(super) fn load_to_read(
        &self,
        user: &str,
        policy: &Arc<Policy>,
        records: &[Record],
    ) -> Result<Loaded> {
        self.there_for_reader(self.load(user, policy, records)?)
    }

    /// As [`Self::load_to_read`], by the policy's name.
    pub(super) fn load_by_name(&self, user: &str, policy: &str, records: &[Record]) -> Result<Loaded> {
        self.load_to_read(user, &Arc::new(self.spec(user, policy, records)?), records)
    }

    fn replay(&self, mut state: UserState, records: &[Record]) -> Result<UserState> {
        let log = self.dir.join(&REWARDS.active());
        let damaged = |what: String| Error::Damaged { path: log.clone(), what };
        let name = state.policy.name().to_owned();
        let own: Vec<(u64, &Record)> =
            records.iter().filter_map(|r| r.prev_of(&state.user, &name).map(|prev| (prev, r))).collect();
        // What was before the latest reset or import is of no interest, be it in the file or not.
        let restart = own.iter().rposition(|(_, r)| r.seq > state.seq && !matches!(r.op, Op::Reward { .. }));
        if restart.is_none() && state.seq == 0 && state.model().updates() > 0 && !own.is_empty() {
            return Err(Error::Refused(format!(
                "the state of {:?} under {name} has no record number, though the log has records of it: it comes \
                 from elsewhere; `rehearsal rebuild` puts the log's in its place",
                state.user
            )));
        }
        let mut rest = &own[..];
        if let Some(i) = restart {
            let (_, record) = own[i];
            let policy = Arc::clone(&state.policy);
            state = match &record.op {
                Op::Import { state, .. } => {
                    state.belongs_to(&record.user, &policy).map_err(|fault| fault.at(log.display()))?;
                    let what = |e| damaged(format!("the state imported by record {}: {e}", record.seq));
                    UserState { seq: record.seq, ..state.as_ref().clone().into_state(&policy).map_err(what)? }
                }
                Op::Reset { .. } | Op::Reward { .. } => UserState::new(&record.user, &policy),
            };
            rest = &own[i + 1..];
        }
        let mut scratch = Scratch::default();
        let shown = state.seq;
        // Records of the definition that is in force: those since the latest beginning or end.
        let turn = own.iter().rposition(|(_, r)| !matches!(r.op, Op::Reward { .. })).map_or(0, |i| i + 1);
        for (_, record) in &own[turn..] {
            let Op::Reward { spec: Some(spec), .. } = &record.op else { continue };
            let told = Policy::try_from((**spec).clone()).map_err(|fault| fault.at(log.display()))?;
            state.fits(&told)?;
        }
        for (prev, record) in rest.iter().filter(|(_, r)| r.seq > shown) {
            let Op::Reward { lesson, .. } = &record.op else { continue };
            if *prev != state.seq && state.seq == 0 {
                return Err(self.gone_file(&state.user, &name));
            }
            if *prev != state.seq {
                return Err(damaged(format!(
                    "record {} of {:?} under {name} follows record {prev}, but its state holds record {}",
                    record.seq, state.user, state.seq
                )));
            }
            state.learn(lesson, record.seq, &mut scratch);
        }
        Ok(state)
    }
}

/// A state directory at one moment, or a little later: what was committed then is in it.
#[derive(Debug)]
pub struct View<'a> {
    store: &'a Store,
    tail: Tail,
}

impl View<'_> {
    /// Whether nothing was committed since it was taken.
    pub fn is_current(&self) -> bool {
        self.tail.is_current()
    }

    /// The latest state of `user` under `policy`; a new one if there is none.
    ///
    /// # Errors
    /// A file that cannot be read, is damaged, or belongs to another policy, user or format.
    pub fn state(&self, user: &str, policy: &Arc<Policy>) -> Result<UserState> {
        name::state_file(user, policy.name()).map_err(|fault| fault.at("state directory"))?;
        self.state_on(user, policy, &self.tail.of_user(user)?)
    }

    /// The state with these records on top of its file.
    fn state_on(&self, user: &str, policy: &Arc<Policy>, records: &[Record]) -> Result<UserState> {
        let loaded = match self.store.load_to_read(user, policy, records) {
            // A state that was reset or written since then may not fit the log as it was then.
            Err(Error::Damaged { .. }) => {
                self.store.load_to_read(user, policy, &Tail::read(&self.store.dir)?.of_user(user)?)
            }
            loaded => loaded,
        };
        loaded.map(|loaded| loaded.state)
    }

    /// The latest state of `user` under the policy of this name, built in or not.
    ///
    /// # Errors
    /// As [`Self::state`]; a policy that is neither built in nor has a state of this user.
    pub fn state_by_name(&self, user: &str, policy: &str) -> Result<UserState> {
        Ok(self.loaded_by_name(user, policy)?.state)
    }

    /// The same, if there is one: it may have been reset since it was listed.
    ///
    /// # Errors
    /// As [`Self::state_by_name`].
    pub fn known_state(&self, user: &str, policy: &str) -> Result<Option<UserState>> {
        match self.loaded_by_name(user, policy) {
            Ok(loaded) => Ok((loaded.state.seq > 0 || loaded.foreign()).then_some(loaded.state)),
            Err(Error::Unknown { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn loaded_by_name(&self, user: &str, policy: &str) -> Result<Loaded> {
        match self.store.load_by_name(user, policy, &self.tail.of_user(user)?) {
            // It may have been reset or written since then.
            Err(Error::Damaged { .. } | Error::Unknown { .. }) => {
                self.store.load_by_name(user, policy, &Tail::read(&self.store.dir)?.of_user(user)?)
            }
            loaded => loaded,
        }
    }

    /// Names of all policies under which `user` has a state, sorted.
    ///
    /// # Errors
    /// The empty user; a directory or log that cannot be read.
    pub fn policies_of(&self, user: &str) -> Result<BTreeSet<String>> {
        name::state_file(user, "").map_err(|fault| fault.at("state directory"))?;
        self.store.policies_in(user, &self.tail.of_user(user)?)
    }

    /// All users who have a state, with their policies, sorted.
    ///
    /// # Errors
    /// A directory or log that cannot be read; a state whose file is gone.
    pub fn users(&self) -> Result<BTreeMap<String, BTreeSet<String>>> {
        let mut users = BTreeMap::<String, BTreeSet<String>>::new();
        for (user, policy) in self.store.dir.names()?.iter().filter_map(|n| name::parse_state_file(n)) {
            users.entry(user.into()).or_default().insert(policy);
        }
        for (place, _) in self.tail.lines() {
            let record = self.tail.record_at(place)?;
            follow(users.entry(record.user.into()).or_default(), record.op);
        }
        users.retain(|_, policies| !policies.is_empty());
        self.store.gone(&users)?.map_or(Ok(users), Err)
    }
}

/// Which policies have a state of a user after a record, if `policies` had one before.
pub(super) fn follow(policies: &mut BTreeSet<String>, op: Op) {
    match op {
        Op::Reward { policy, .. } | Op::Import { policy, .. } => {
            policies.insert(policy);
        }
        Op::Reset { policies: forgotten } => policies.retain(|p| !forgotten.contains_key(p)),
    }
}
