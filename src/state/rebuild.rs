//! Every state made again: from the log, or where the log does not tell all, from its own file.
//!
//! Learning again from the log also gives a policy that was not there a state to start from.
//!
//! What is damaged is set aside under another name, never overwritten. A state whose history the log
//! does not hold whole is written into the log as it is, so that from here on the log tells all again.

use super::decision_log::{self, DECISIONS};
use super::dir::Prepared;
use super::history::{History, Problem};
use super::index::Index;
use super::journal::{Journal, REWARDS};
use super::ledger::{LOCK, prepare};
use super::lock::Lock;
use super::manifest::{Checkpoint, GONE, LogName, Manifest, last_crc};
use super::record::{Op, Record};
use super::store::Store;
use super::user_state::UserState;
use super::{RawState, format, name, now_ms};
use crate::error::{Error, Result};
use crate::policy::{Policy, Scratch};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a rebuild did.
#[derive(Debug, Default)]
pub struct Rebuilt {
    /// States whose file was as it should be.
    pub unchanged: usize,
    /// Files of states that were made from the log.
    pub rebuilt: Vec<String>,
    /// Files of states that the log does not tell all of, and that it holds whole from now on.
    pub adopted: Vec<String>,
    /// Files that are not there, of states whose reset may be what the log has lost: taken as forgotten.
    pub forgotten: Vec<String>,
    /// Damaged files, and the names under which they are now.
    pub set_aside: Vec<(String, String)>,
    /// States that neither the log nor their file tells; their files are where they were.
    pub lost: Vec<Problem>,
}

/// What the log does not tell, and has to be told.
#[derive(Debug, Default)]
struct Untold {
    /// States that stand in their files only.
    states: Vec<UserState>,
    /// By user: policies whose state is gone, with its latest record.
    forgotten: BTreeMap<String, BTreeMap<String, u64>>,
    /// Number of the latest record that any file knows.
    latest: u64,
}

impl Store {
    /// Makes every state again, the index and, if it is lost, the manifest.
    ///
    /// # Errors
    /// Input and output; what was done until then stays and can be done again.
    pub fn rebuild(&self) -> Result<Rebuilt> {
        self.dir.ensure()?;
        let _lock = Lock::take(&self.dir, LOCK)?;
        let mut report = Rebuilt::default();
        let mut manifest = self.manifest(REWARDS, &mut report)?;
        self.mend_decisions(&mut report)?;
        manifest.finish_sealing(&self.dir, REWARDS)?;
        // What states are made from is durable before they are.
        let path = self.dir.join(&REWARDS.active());
        let active = self.dir.open_log(&REWARDS.active(), manifest.latest_sealed())?;
        active.sync_data().map_err(Error::io("sync", path))?;
        let history = History::read(self, &manifest)?;
        for (i, sealed) in manifest.sealed.iter_mut().enumerate() {
            (sealed.damaged, sealed.last_seq) = (history.segments[i].len(), history.ends[i]);
        }
        let open = self.rebuild_states(&history, &manifest, &mut report)?;
        self.rebuild_log(&history, manifest, open, &mut report)?;
        Ok(report)
    }

    /// The manifest of a log; if it is damaged, it is set aside and made of the segments that are there.
    fn manifest(&self, log: LogName, report: &mut Rebuilt) -> Result<Manifest> {
        match Manifest::read(&self.dir, log) {
            Err(Error::Damaged { .. }) => {
                self.set_aside(&log.manifest(), report)?;
                Manifest::guess(&self.dir, log)
            }
            manifest => manifest,
        }
    }

    /// Puts a manifest of the log of decisions in the place of a damaged one.
    fn mend_decisions(&self, report: &mut Rebuilt) -> Result<()> {
        if let Err(Error::Damaged { .. }) = Manifest::read(&self.dir, DECISIONS) {
            let _lock = Lock::take(&self.dir, decision_log::LOCK)?;
            self.manifest(DECISIONS, report)?.write(&self.dir, DECISIONS)?;
        }
        Ok(())
    }

    /// The manifest, while nobody may seal a segment under the hands of who reads them all. Without a file to lock
    /// nobody writes there: it is a copy.
    fn held_manifest(&self) -> Result<(Option<Lock>, Manifest)> {
        let lock = self.dir.has(LOCK).then(|| Lock::take(&self.dir, LOCK)).transpose()?;
        let manifest = Manifest::read(&self.dir, REWARDS)?;
        if lock.is_some() {
            manifest.finish_sealing(&self.dir, REWARDS)?;
        }
        Ok((lock, manifest))
    }

    /// Every state as the log makes it, and what is wrong with the log. Writers wait meanwhile.
    ///
    /// # Errors
    /// Files that cannot be read.
    pub fn replayed(&self) -> Result<(Vec<UserState>, Vec<Problem>)> {
        let (_lock, manifest) = self.held_manifest()?;
        let history = History::read(self, &manifest)?;
        let whole = history.states.into_values().filter(|remembered| remembered.broken.is_none());
        Ok((whole.map(|r| r.state).collect(), history.segments.into_iter().flatten().collect()))
    }

    /// What `policy` would know, had it learned all that the policy named `source` learned, user by user:
    /// how a new policy starts warm. With it, the users of whom the log does not tell all, and segments that are
    /// gone. Writers wait meanwhile.
    ///
    /// # Errors
    /// Files that cannot be read.
    pub fn relearn(&self, source: &str, policy: &Arc<Policy>) -> Result<(Vec<UserState>, Vec<Problem>)> {
        let (_lock, manifest) = self.held_manifest()?;
        let mut states: BTreeMap<String, Result<UserState, String>> = BTreeMap::new();
        let mut scratch = Scratch::default();
        for segment in 1..=manifest.segment() {
            for (offset, line) in self.lines_of(&manifest.file(REWARDS, segment), u64::MAX)?.lines() {
                let Ok(record) = Record::parse(line) else {
                    let what = format!("the line at byte {offset} is damaged; `rehearsal verify` says more");
                    return Err(Error::Damaged {
                        path: self.dir.join(&manifest.file(REWARDS, segment)),
                        what,
                    });
                };
                let Record { seq, user, op, .. } = record;
                match op {
                    Op::Reward { policy: own, prev, lesson, .. } if own == source => {
                        let new = || Ok(UserState::new(&user, policy));
                        let state = states.entry(user.clone()).or_insert_with(new);
                        match state {
                            Ok(known) if known.seq == prev => known.learn(&lesson, seq, &mut scratch),
                            Ok(_) => {
                                let what = "which is not there";
                                *state =
                                    Err(format!("record {seq} follows record {prev} under {source}, {what}"));
                            }
                            Err(_) => {}
                        }
                    }
                    Op::Import { policy: own, .. } if own == source => {
                        let what =
                            format!("record {seq} imports its state under {source}, without the rewards");
                        states.insert(user, Err(what));
                    }
                    Op::Reset { policies } if policies.contains_key(source) => drop(states.remove(&user)),
                    Op::Reward { .. } | Op::Import { .. } | Op::Reset { .. } => {}
                }
            }
        }
        let gone = manifest.missing(&self.dir, REWARDS)?.into_iter();
        let mut untold: Vec<Problem> = gone.map(|file| Problem { file, problem: GONE.to_owned() }).collect();
        let mut learned = Vec::new();
        for (user, state) in states {
            match state {
                Ok(state) => learned.push(state),
                Err(problem) => untold.push(Problem { file: name::user_prefix(&user) + "*", problem }),
            }
        }
        Ok((learned, untold))
    }

    /// Writes the states that the log tells; returns what it does not.
    fn rebuild_states(&self, history: &History, manifest: &Manifest, report: &mut Rebuilt) -> Result<Untold> {
        let mut keys: BTreeSet<(String, String)> =
            self.dir.names()?.iter().filter_map(|file| name::parse_state_file(file)).collect();
        keys.extend(history.states.keys().cloned());
        let mut files = Vec::with_capacity(keys.len());
        for (user, policy) in &keys {
            let file = name::state_file(user, policy).map_err(|fault| fault.at("the log"))?;
            let state = self.state_in(&file, user, policy);
            files.push((file, state));
        }
        let seqs = files.iter().filter_map(|(_, state)| state.as_ref().ok()?.as_ref().map(|s| s.seq));
        let latest = seqs.max().unwrap_or(0).max(manifest.checkpoint.seq);
        let log_is_whole = history.last_seq >= latest && history.segments.iter().all(Vec::is_empty);
        let mut untold = Untold { latest, ..Untold::default() };
        for (key, (file, in_file)) in keys.into_iter().zip(files) {
            let remembered = history.states.get(&key);
            let told = remembered.filter(|remembered| remembered.broken.is_none()).map(|r| &r.state);
            let reset = history.forgotten.get(&key).copied().unwrap_or_default();
            match (told, in_file) {
                // The log has lost its end; the file tells more.
                (Some(told), Ok(Some(state))) if state.seq > told.seq => untold.states.push(state),
                (Some(told), Ok(Some(state))) if format::to_line(&state) == format::to_line(told) => {
                    report.unchanged += 1;
                }
                (Some(told), Ok(None)) if !log_is_whole && told.seq <= manifest.checkpoint.seq => {
                    untold.forgotten.entry(key.0.clone()).or_default().insert(key.1.clone(), told.seq);
                    report.forgotten.push(file);
                }
                (Some(told), in_file) => {
                    // One that merely lags behind is replaced, as the next reward would.
                    if in_file
                        .as_ref()
                        .map_or(true, |state| state.as_ref().is_some_and(|s| s.seq == told.seq))
                    {
                        self.set_aside(&file, report)?;
                    }
                    prepare(self, &[told])?.into_iter().try_for_each(Prepared::publish)?;
                    report.rebuilt.push(file);
                }
                (None, Ok(Some(state))) if remembered.is_none() && state.seq <= reset && reset > 0 => {
                    self.set_aside(&file, report)?;
                }
                (None, Ok(Some(state))) => untold.states.push(state),
                (None, Ok(None)) => report.lost.push(Problem {
                    file,
                    problem: remembered.and_then(|r| r.broken.clone()).unwrap_or_default(),
                }),
                (None, Err(error)) => report.lost.push(Problem { file, problem: error.to_string() }),
            }
        }
        self.dir.sync()?;
        Ok(untold)
    }

    /// Begins a new segment if the log is damaged or has something to adopt, adopts it, and makes the index.
    fn rebuild_log(
        &self,
        history: &History,
        mut manifest: Manifest,
        untold: Untold,
        report: &mut Rebuilt,
    ) -> Result<()> {
        let Untold { states, forgotten, latest } = untold;
        let latest = latest.max(history.last_seq);
        if history.active_is_damaged() || history.last_seq < latest || !states.is_empty() {
            // What is wrong with the log so far is known from now on.
            let path = self.dir.join(&REWARDS.active());
            let active = self.dir.open_log(&REWARDS.active(), manifest.latest_sealed())?;
            let length = active.metadata().map_err(Error::io("read", &path))?.len();
            manifest.seal(&self.dir, REWARDS, length, latest, last_crc(&active, length))?;
            let sealed = manifest.sealed.last_mut().expect("just sealed");
            sealed.damaged = history.segments.last().map_or(0, Vec::len);
        } else {
            // The tail begins where it may: all of the file is read again once.
            let before = manifest.sealed.last().map_or(0, |sealed| sealed.last_seq);
            manifest.checkpoint = Checkpoint { offset: 0, seq: before, crc: String::new() };
        }
        manifest.write(&self.dir, REWARDS)?;
        let mut journal = Journal::open(&self.dir)?;
        for (user, policies) in forgotten {
            let seq = journal.last_seq() + 1;
            let mut line = Vec::new();
            Record { seq, user, time_ms: now_ms(), op: Op::Reset { policies } }.write(&mut line);
            journal.append(&line, seq)?;
        }
        for mut state in states {
            let seq = journal.last_seq() + 1;
            let op = Op::Import {
                policy: state.policy.name().to_owned(),
                prev: 0,
                state: Box::new(RawState::of(&state)),
            };
            let mut line = Vec::new();
            Record { seq, user: state.user.clone(), time_ms: now_ms(), op }.write(&mut line);
            state.seq = seq;
            let file =
                name::state_file(&state.user, state.policy.name()).map_err(|f| f.at("state directory"))?;
            let prepared = prepare(self, &[&state])?;
            journal.append(&line, seq)?;
            prepared.into_iter().try_for_each(Prepared::publish)?;
            report.adopted.push(file);
        }
        self.dir.sync()?;
        Index::create(&self.dir, &history.events, journal.last_seq())?;
        journal.checkpoint(&self.dir, self.segment_bytes)
    }

    /// Renames a damaged file to the first free `damaged.<n>`.
    fn set_aside(&self, file: &str, report: &mut Rebuilt) -> Result<()> {
        if self.dir.has(file) {
            let mut number = 1;
            while self.dir.has(&format!("damaged.{number}")) {
                number += 1;
            }
            let free = format!("damaged.{number}");
            self.dir.rename(file, &free)?;
            report.set_aside.push((file.to_owned(), free));
        }
        Ok(())
    }
}
