//! Every state as the log alone makes it.

use super::about::Told;
use super::ledger::Key;
use super::manifest::Manifest;
use super::reading::Reading;
use super::record::{Op, Record};
use super::store::Store;
use super::user_state::UserState;
use crate::base::error::Result;
use crate::policy::{Policy, Scratch};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the log says.
#[derive(Debug)]
pub(super) struct History {
    /// By user and policy; those that were reset are not in it.
    pub(super) states: BTreeMap<Key, Remembered>,
    /// What the index has to know.
    pub(super) told: Told,
    /// How the log could be read.
    pub(super) log: Reading,
    /// Number of the record that reset a state, for those that are not there any more.
    pub(super) forgotten: BTreeMap<Key, u64>,
    /// Number of the record that the checkpoint has got to.
    checkpoint: u64,
}

/// A state as the log makes it.
#[derive(Debug)]
pub(super) struct Remembered {
    pub(super) state: UserState,
    /// Why the log does not tell all of it.
    pub(super) broken: Option<String>,
    /// Number of its latest record, also where the log does not tell all.
    pub(super) latest: u64,
    /// Number of its latest record before the checkpoint, 0 if there is none: its file has got there.
    pub(super) settled: u64,
}

impl History {
    /// Reads every segment that the manifest lists, and the one that is written to.
    pub(super) fn read(store: &Store, manifest: &Manifest) -> Result<Self> {
        let mut history = Self {
            states: BTreeMap::new(),
            told: Told::default(),
            log: Reading::default(),
            forgotten: BTreeMap::new(),
            checkpoint: manifest.checkpoint.seq,
        };
        let mut scratch = Scratch::default();
        history.log = Reading::of(store, manifest, |log, record, place| {
            history.told.add(&record.about(), place);
            history.follow(log, record, &mut scratch);
        })?;
        Ok(history)
    }

    /// Whether a line of the file that is written to is damaged, so that nothing may be appended.
    pub(super) fn active_is_damaged(&self) -> bool {
        self.log.segments.last().is_some_and(|problems| !problems.is_empty())
    }

    /// Does what the record says.
    fn follow(&mut self, log: &mut Reading, record: Record, scratch: &mut Scratch) {
        let Record { seq, user, op, .. } = record;
        let settled = if seq <= self.checkpoint { seq } else { 0 };
        match op {
            Op::Reset { policies } => {
                for policy in policies.into_keys() {
                    let key = (user.clone(), policy);
                    self.states.remove(&key);
                    self.forgotten.insert(key, seq);
                }
            }
            Op::Import { policy, state, .. } => match state.state_of(&user) {
                Ok(state) => {
                    let state = UserState { seq, ..state };
                    self.states
                        .insert((user, policy), Remembered { state, broken: None, latest: seq, settled });
                }
                Err(what) => log.note(format!("record {seq}: {what}")),
            },
            Op::Reward { policy, prev, spec, lesson } => {
                let key = (user, policy);
                // The latest record of the state may be its end.
                let end = self.forgotten.get(&key).copied().unwrap_or_default();
                let untold = |r: &Remembered| r.broken.is_some() || r.state.seq.max(end) < log.whole_from;
                if prev == 0 && self.states.get(&key).is_some_and(untold) {
                    log.note(format!(
                        "record {seq} begins {:?} under {} anew, and its reset is missing",
                        key.0, key.1
                    ));
                    self.states.remove(&key);
                }
                if !self.states.contains_key(&key) {
                    let spec = match spec {
                        Some(spec) => Policy::try_from(*spec).map_err(|e| e.to_string()),
                        None => Policy::named(&key.1).map_err(|_| "its first record is not there".to_owned()),
                    };
                    match spec {
                        Ok(spec) => {
                            let state = UserState::new(&key.0, &Arc::new(spec));
                            let remembered = Remembered { state, broken: None, latest: 0, settled: 0 };
                            self.states.insert(key.clone(), remembered);
                        }
                        Err(what) => {
                            log.note(format!("record {seq} of {:?} under {}: {what}", key.0, key.1));
                            return;
                        }
                    }
                }
                let remembered = self.states.get_mut(&key).expect("just added");
                let latest = remembered.state.seq.max(end);
                remembered.latest = seq;
                remembered.settled = remembered.settled.max(settled);
                if remembered.broken.is_some() {
                    return;
                }
                if prev != remembered.state.seq {
                    let of = format!("record {seq} of {:?} under {} follows record {prev}", key.0, key.1);
                    if prev < latest && latest >= log.whole_from {
                        // Nothing is missing in between: its file was gone, or an old one was put in its place.
                        log.note(format!("{of}, though record {latest} came before it"));
                    } else {
                        let what = format!("{of}, which is not there");
                        remembered.broken = Some(what.clone());
                        log.note(what);
                        return;
                    }
                }
                remembered.state.learn(&lesson, seq, scratch);
            }
        }
    }
}
