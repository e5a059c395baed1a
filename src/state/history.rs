//! The whole retained log, replayed: every state as the log alone makes it, and everything wrong with it.

use super::index::{Place, event_hash};
use super::journal::REWARDS;
use super::manifest::{GONE, Manifest, last_crc};
use super::record::{Op, Record};
use super::store::Store;
use super::user_state::UserState;
use crate::error::{Error, Result};
use crate::policy::{Policy, Scratch};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file's name in the state directory.
    pub file: String,
    /// What is wrong with it, and where.
    pub problem: String,
}

/// What the log says.
#[derive(Debug)]
pub(super) struct History {
    /// By user and policy; those that were reset are not in it.
    pub(super) states: BTreeMap<(String, String), Remembered>,
    /// Every event with the place of its record.
    pub(super) events: Vec<(u64, Place)>,
    /// Number of the latest record that could be read.
    pub(super) last_seq: u64,
    /// What is wrong with each segment, the one that is written to last.
    pub(super) segments: Vec<Vec<Problem>>,
    /// Number of the latest record of each segment.
    pub(super) ends: Vec<u64>,
    /// Number of the record that reset a state, for those that are not there any more.
    pub(super) forgotten: BTreeMap<(String, String), u64>,
    /// Number of the record that the checkpoint has got to.
    checkpoint: u64,
}

/// A state as the log makes it.
#[derive(Debug)]
pub(super) struct Remembered {
    pub(super) state: UserState,
    /// Why the log does not tell all of it.
    pub(super) broken: Option<String>,
    /// Number of its latest record before the checkpoint, 0 if there is none: its file has got there.
    pub(super) settled: u64,
}

impl History {
    /// Reads every segment that the manifest lists, and the one that is written to.
    pub(super) fn read(store: &Store, manifest: &Manifest) -> Result<Self> {
        let mut history = Self {
            states: BTreeMap::new(),
            events: Vec::new(),
            last_seq: 0,
            segments: Vec::new(),
            ends: Vec::new(),
            forgotten: BTreeMap::new(),
            checkpoint: manifest.checkpoint.seq,
        };
        let mut scratch = Scratch::default();
        for segment in 1..=manifest.segment() {
            history.segments.push(Vec::new());
            let file = manifest.file(REWARDS, segment);
            let sealed = manifest.sealed.get(segment as usize - 1);
            if let Some(sealed) = sealed {
                history.check_sealed(store, &file, sealed.bytes, &sealed.last_crc)?;
            }
            let mut unread = 0;
            for (offset, line) in store.lines_of(&file, u64::MAX)?.lines() {
                let at = |what: &str| format!("the line at byte {offset}: {what}");
                match Record::parse(line) {
                    Err(what) => {
                        unread += 1;
                        history.note(&file, at(&what));
                    }
                    Ok(record) if record.seq <= history.last_seq => {
                        let (seq, last) = (record.seq, history.last_seq);
                        history.note(&file, at(&format!("record {seq} comes after record {last}")));
                    }
                    Ok(record) => {
                        let missing = record.seq - history.last_seq - 1;
                        if missing != unread {
                            history.note(&file, at(&format!("{missing} records are missing before it")));
                        }
                        unread = 0;
                        history.follow(record, Place { segment, offset }, &file, &mut scratch);
                    }
                }
            }
            history.last_seq = (history.last_seq + unread).max(sealed.map_or(0, |s| s.last_seq));
            history.ends.push(history.last_seq);
        }
        Ok(history)
    }

    /// Whether a line of the file that is written to is damaged, so that nothing may be appended.
    pub(super) fn active_is_damaged(&self) -> bool {
        self.segments.last().is_some_and(|problems| !problems.is_empty())
    }

    fn check_sealed(&mut self, store: &Store, name: &str, bytes: u64, crc: &str) -> Result<()> {
        let Some(file) = store.dir.open(name)? else {
            self.note(name, GONE.to_owned());
            return Ok(());
        };
        let length = file.metadata().map_err(Error::io("read", store.dir.join(name)))?.len();
        if length != bytes {
            self.note(name, format!("{length} bytes; the manifest knows {bytes}"));
        } else if last_crc(&file, length) != crc {
            self.note(name, format!("its last line does not carry checksum {crc}, which the manifest knows"));
        }
        Ok(())
    }

    fn note(&mut self, file: &str, problem: String) {
        let problems = self.segments.last_mut().expect("a segment is being read");
        problems.push(Problem { file: file.to_owned(), problem });
    }

    /// Does what the record says.
    fn follow(&mut self, record: Record, place: Place, file: &str, scratch: &mut Scratch) {
        let Record { seq, user, op, .. } = record;
        self.last_seq = seq;
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
                    self.states.insert((user, policy), Remembered { state, broken: None, settled });
                }
                Err(what) => self.note(file, format!("record {seq}: {what}")),
            },
            Op::Reward { policy, prev, spec, lesson } => {
                if let Some(event) = &lesson.event {
                    self.events.push((event_hash(&user, &policy, event), place));
                }
                let key = (user, policy);
                if !self.states.contains_key(&key) {
                    let spec = match spec {
                        Some(spec) => Policy::try_from(*spec).map_err(|e| e.to_string()),
                        None => Policy::named(&key.1).map_err(|_| "its first record is not there".to_owned()),
                    };
                    match spec {
                        Ok(spec) => {
                            let state = UserState::new(&key.0, &Arc::new(spec));
                            let remembered = Remembered { state, broken: None, settled: 0 };
                            self.states.insert(key.clone(), remembered);
                        }
                        Err(what) => {
                            self.note(file, format!("record {seq} of {:?} under {}: {what}", key.0, key.1));
                            return;
                        }
                    }
                }
                let remembered = self.states.get_mut(&key).expect("just added");
                if remembered.broken.is_some() {
                    return;
                }
                if prev == remembered.state.seq {
                    remembered.state.learn(&lesson, seq, scratch);
                    remembered.settled = remembered.settled.max(settled);
                    return;
                }
                let what = format!(
                    "record {seq} of {:?} under {} follows record {prev}, which is not there",
                    key.0, key.1
                );
                remembered.broken = Some(what.clone());
                self.note(file, what);
            }
        }
    }
}
