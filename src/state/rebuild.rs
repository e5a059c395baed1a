//! Every state made again: from the log, or where the log does not tell all, from its own file.
//!
//! What is damaged is set aside under another name, never overwritten. A state whose history the log
//! does not hold whole is written into the log as it is, so that from here on the log tells all again.

use super::about::{is_of_life, life_hash};
use super::decision_check;
use super::decision_log::{self, DECISIONS};
use super::dir::MAX_STATE_BYTES;
use super::files::publish;
use super::history::History;
use super::index::{INDEX, Index, Place};
use super::journal::{Journal, REWARDS, Tail};
use super::ledger::{Key, LOCK};
use super::life::Life;
use super::lock::Lock;
use super::manifest::{Checkpoint, LogName, Manifest, last_crc};
use super::reading::{Problem, Reading, digest};
use super::record::{Op, Record};
use super::store::Store;
use super::user_state::{KEPT_EVENTS, UserState};
use super::{RawState, format, name, now_ms};
use crate::base::error::{Error, Result};
use crate::policy::Scratch;
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet, HashSet};

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
    /// States that neither the log nor their file tells, and decisions that cannot be read; the files are where they
    /// were.
    pub lost: Vec<Problem>,
}

/// What the log does not tell, and has to be told.
#[derive(Debug, Default)]
struct Untold {
    /// States that stand in their files only.
    states: Vec<UserState>,
    /// By user: policies whose state is gone, with its latest record.
    forgotten: BTreeMap<SmolStr, BTreeMap<String, u64>>,
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
        let lock = Lock::take(&self.dir, LOCK)?;
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
            sealed.last_seq = history.log.ends[i];
        }
        report.lost.extend(passed_over(&history, &manifest)?);
        let open = self.rebuild_states(&history, &manifest, &mut report)?;
        self.rebuild_log(&lock, &history, manifest, open, &mut report)?;
        Ok(report)
    }

    /// The manifest of a log; if it is damaged, it is set aside and made of the segments that are there.
    fn manifest(&self, log: LogName, report: &mut Rebuilt) -> Result<Manifest> {
        match Manifest::read(&self.dir, log) {
            Err(Error::Damaged { .. }) => {
                report.set_aside(self, &log.manifest())?;
                Manifest::guess(&self.dir, log)
            }
            manifest => manifest,
        }
    }

    /// Puts a manifest of the log of decisions in the place of a damaged one, and says which decisions are lost.
    fn mend_decisions(&self, report: &mut Rebuilt) -> Result<()> {
        if let Err(Error::Damaged { .. }) = Manifest::read(&self.dir, DECISIONS) {
            let _lock = Lock::take(&self.dir, decision_log::LOCK)?;
            self.manifest(DECISIONS, report)?.write(&self.dir, DECISIONS)?;
        }
        report.lost.extend(decision_check::mend(&self.dir)?);
        Ok(())
    }

    /// The manifest, while nobody may seal a segment under the hands of who reads them all. Without a file to lock
    /// nobody writes there: it is a copy.
    pub(super) fn held_manifest(&self) -> Result<(Option<Lock>, Manifest)> {
        let lock = self.dir.has(LOCK).then(|| Lock::take(&self.dir, LOCK)).transpose()?;
        Ok((lock, Manifest::read(&self.dir, REWARDS)?))
    }

    /// Writes the states that the log tells; returns what it does not.
    fn rebuild_states(&self, history: &History, manifest: &Manifest, report: &mut Rebuilt) -> Result<Untold> {
        let mut keys: BTreeSet<Key> =
            self.dir.names()?.iter().filter_map(|file| name::parse_state_file(file)).collect();
        keys.extend(history.states.keys().cloned());
        let mut files = Vec::with_capacity(keys.len());
        for (user, policy) in &keys {
            let file = name::state_file(user, policy).map_err(|fault| fault.at("the log"))?;
            let state = match self.state_in(&file, user, policy) {
                Err(error @ Error::Io { .. }) => return Err(error),
                read => read,
            };
            files.push((file, state));
        }
        let seqs = files.iter().filter_map(|(_, state)| state.as_ref().ok()?.as_ref().map(|s| s.seq));
        let latest = seqs.max().unwrap_or(0).max(manifest.checkpoint.seq);
        let index = Index::open(&self.dir)?.filter(|index| index.covered() >= manifest.checkpoint.seq);
        let was_reset = |told: &UserState| {
            let (user, policy) = (told.user(), told.policy().name());
            let places = index.as_ref().map_or(Ok(None), |index| index.find(life_hash(user, policy)))?;
            let life = self.life(manifest, user, policy, places.unwrap_or_default())?;
            Ok::<_, Error>(!matches!(life, Life::Begun(_)))
        };
        // So far every state was in its file: up to the checkpoint, and to the end of what is sealed.
        let sealed = history.log.ends.iter().take(manifest.sealed.len()).copied();
        let settled = sealed.chain([manifest.checkpoint.seq]).max().unwrap_or(0);
        let tail = Tail::read(&self.dir).ok();
        let fits = |user: &str, policy: &str| {
            let records = tail.as_ref().and_then(|tail| tail.of_user(user).ok());
            records.is_none_or(|records| self.load_by_name(user, policy, &records).is_ok())
        };
        let mut untold = Untold { latest, ..Untold::default() };
        let (mut rebuilt, mut files_alone) = (Vec::new(), Vec::new());
        for (key, (file, in_file)) in keys.into_iter().zip(files) {
            let remembered = history.states.get(&key);
            let told = remembered.filter(|remembered| remembered.broken.is_none()).map(|r| &r.state);
            let reset = history.forgotten.get(&key).copied().unwrap_or_default();
            match (told, in_file) {
                // The log has lost its end, or what came between; the file tells more.
                (Some(told), Ok(Some(state)))
                    if state.seq > told.seq
                        && (told.seq < history.log.whole_from
                            || state.seq > history.log.last_seq && goes_on(told, &state)) =>
                {
                    files_alone.push(state);
                }
                (Some(told), Ok(Some(state))) if format::to_line(&state) == format::to_line(told) => {
                    report.unchanged += 1;
                }
                // What the log has lost may be its reset, unless the index knows better.
                (Some(told), Ok(None))
                    if told.seq < history.log.whole_from && told.seq <= settled && was_reset(told)? =>
                {
                    untold.forgotten.entry(key.0.clone()).or_default().insert(key.1.clone(), told.seq);
                    report.forgotten.push(file);
                }
                // What is newer than this program is not damaged.
                (Some(_), Err(error)) if self.is_newer(&file) => {
                    report.lost.push(Problem { file, problem: error.to_string() });
                }
                (Some(told), in_file) => {
                    // One that merely lags behind is replaced, as the next reward would.
                    if in_file
                        .as_ref()
                        .map_or(true, |state| state.as_ref().is_some_and(|s| s.seq >= told.seq || s.seq == 0))
                        || in_file.as_ref().is_ok_and(Option::is_some) && !fits(&key.0, &key.1)
                    {
                        report.set_aside(self, &file)?;
                    }
                    rebuilt.push(told);
                    report.rebuilt.push(file);
                }
                // Whoever reset it did not live to remove its file.
                (None, Ok(Some(state)))
                    if remembered.is_none()
                        && (1..reset).contains(&state.seq)
                        && reset > manifest.checkpoint.seq =>
                {
                    self.dir.remove(&file)?;
                }
                (None, Ok(Some(state))) if remembered.is_none() && state.seq <= reset && reset > 0 => {
                    report.set_aside(self, &file)?;
                }
                (None, Ok(Some(state)))
                    if remembered.is_some_and(|r| r.latest != state.seq && !goes_on(&r.state, &state)) =>
                {
                    let problem =
                        format!("it holds record {}, and not the latest event that the log tells", state.seq);
                    report.lost.push(Problem { file, problem });
                }
                (None, Ok(Some(state))) => files_alone.push(state),
                (None, Ok(None)) => report.lost.push(Problem {
                    file,
                    problem: remembered.and_then(|r| r.broken.clone()).unwrap_or_default(),
                }),
                (None, Err(error)) => report.lost.push(Problem { file, problem: error.to_string() }),
            }
        }
        self.replace(&rebuilt)?;
        untold.states = self.brought_up(files_alone, manifest, report)?;
        self.dir.sync()?;
        Ok(untold)
    }

    /// States of which the log does not tell the beginning, as their files and what the log tells after them make
    /// them. Those whose files do not go together with it are lost.
    fn brought_up(
        &self,
        states: Vec<UserState>,
        manifest: &Manifest,
        report: &mut Rebuilt,
    ) -> Result<Vec<UserState>> {
        let key = |state: &UserState| (state.user.clone(), state.policy.name().to_owned());
        let mut states: BTreeMap<Key, Result<UserState, String>> =
            states.into_iter().map(|state| (key(&state), Ok(state))).collect();
        if states.is_empty() {
            return Ok(Vec::new());
        }
        let mut scratch = Scratch::default();
        Reading::of(self, manifest, |_, record, _| {
            let Record { seq, user, op, .. } = record;
            let policies: Vec<String> = match &op {
                Op::Reward { policy, .. } | Op::Import { policy, .. } => vec![policy.clone()],
                Op::Reset { policies } => policies.keys().cloned().collect(),
            };
            for policy in policies {
                let Some(slot) = states.get_mut(&(user.clone(), policy)) else { continue };
                let Ok(state) = slot else { continue };
                if seq <= state.seq {
                    continue;
                }
                let holds = state.seq;
                match &op {
                    Op::Reward { .. } if holds == 0 && state.model().updates() > 0 => {
                        *slot = Err(format!("it has no record number, though record {seq} is about it"));
                    }
                    Op::Reward { prev: 0, .. } if holds > 0 => {
                        *slot = Err(format!("it holds record {holds}; record {seq} began it anew"));
                    }
                    Op::Reward { prev, lesson, .. } if *prev <= holds => {
                        state.learn(lesson, seq, &mut scratch)
                    }
                    Op::Reward { prev, .. } => {
                        *slot = Err(format!("it holds record {holds}; record {seq} follows record {prev}"));
                    }
                    Op::Import { state: new, .. } => {
                        *slot = new.as_ref().clone().state_of(&user).map(|new| UserState { seq, ..new });
                    }
                    Op::Reset { .. } => {
                        *slot = Err(format!("it holds record {holds}; record {seq} is its reset"))
                    }
                }
            }
        })?;
        let mut whole = Vec::new();
        for ((user, policy), state) in states {
            let file = name::state_file(&user, &policy).map_err(|fault| fault.at("the log"))?;
            match state {
                Ok(state) => whole.push(state),
                Err(problem) => report.lost.push(Problem { file, problem }),
            }
        }
        Ok(whole)
    }

    /// Begins a new segment if the log is damaged or has something to adopt, adopts it, and makes the index.
    fn rebuild_log(
        &self,
        lock: &Lock,
        history: &History,
        mut manifest: Manifest,
        untold: Untold,
        report: &mut Rebuilt,
    ) -> Result<()> {
        let Untold { states, forgotten, latest } = untold;
        let latest = latest.max(history.log.last_seq);
        let index = self.whole_index()?;
        let untraced = self.untraced(history, &index)?;
        if untraced > 0 {
            let problem =
                format!("{untraced} states that it names are in no file, and the log does not tell them");
            report.lost.push(Problem { file: INDEX.to_owned(), problem });
        }
        let of_log = history.told.all();
        let known: HashSet<&(u64, Place)> = of_log.iter().collect();
        let unreadable: Vec<(u64, Place)> = index.into_iter().filter(|slot| !known.contains(slot)).collect();
        // Before the manifest says that it reaches so far. Where states began and ended that the log does not tell is
        // of use until it is in the log what became of them.
        Index::create(&self.dir, &[&of_log[..], &unreadable].concat(), latest)?;
        let path = self.dir.join(&REWARDS.active());
        let active = self.dir.open_log(&REWARDS.active(), manifest.latest_sealed())?;
        if history.active_is_damaged() || history.log.last_seq < latest || !states.is_empty() {
            // What is wrong with the log so far is known from now on.
            let length = active.metadata().map_err(Error::io("read", &path))?.len();
            let crc = last_crc(&active, length).map_err(Error::io("read", &path))?;
            manifest.seal(&self.dir, REWARDS, length, latest, crc)?;
        } else {
            let offset = history.log.end;
            let crc = last_crc(&active, offset).map_err(Error::io("read", &path))?;
            manifest.checkpoint = Checkpoint { offset, seq: latest, crc };
        }
        if history.log.segments.iter().any(|problems| !problems.is_empty()) {
            // As whoever looks from now on finds it.
            let now = History::read(self, &manifest)?;
            for (sealed, problems) in manifest.sealed.iter_mut().zip(&now.log.segments) {
                sealed.damaged = digest(problems);
            }
        }
        manifest.write(&self.dir, REWARDS)?;
        let (stale, mut slots): (Vec<_>, Vec<_>) =
            unreadable.into_iter().partition(|(hash, _)| is_of_life(*hash));
        if forgotten.is_empty() && states.is_empty() && stale.is_empty() {
            return Ok(());
        }
        slots.extend(of_log);
        let mut journal = Journal::open(&self.dir)?;
        let mut record = |journal: &mut Journal, user: SmolStr, op: Op| {
            let place = Place { segment: journal.manifest().segment(), offset: journal.end() };
            let record = Record { seq: journal.last_seq() + 1, user, time_ms: now_ms(), op };
            slots.extend(record.about().hashes().map(|hash| (hash, place)));
            journal.append(lock, &[record.to_line()], record.seq)
        };
        for (user, policies) in forgotten {
            record(&mut journal, user, Op::Reset { policies })?;
        }
        for mut state in states {
            let op = Op::Import {
                policy: state.policy.name().to_owned(),
                prev: 0,
                state: Box::new(RawState::of(&state)),
            };
            state.seq = journal.last_seq() + 1;
            let file =
                name::state_file(&state.user, state.policy.name()).map_err(|f| f.at("state directory"))?;
            let prepared = self.prepare(&[&state])?;
            record(&mut journal, state.user.clone(), op)?;
            publish(prepared)?;
            report.adopted.push(file);
        }
        self.dir.sync()?;
        Index::create(&self.dir, &slots, journal.last_seq())?;
        journal.checkpoint(&self.dir, self.segment_bytes)
    }

    fn is_newer(&self, file: &str) -> bool {
        let bytes = self.dir.read(file, MAX_STATE_BYTES).ok().flatten();
        bytes.is_some_and(|bytes| format::is_newer(&bytes))
    }
}

/// Rewards that stand in the log beside a record of the same number and that nothing was learned from, as far as no
/// rebuild has said so before. They can be sent again.
fn passed_over(history: &History, manifest: &Manifest) -> Result<Vec<Problem>> {
    let known: HashSet<u64> = history.told.slots.iter().map(|(hash, _)| *hash).collect();
    let mut problems = Vec::new();
    for (segment, record) in &history.log.beside {
        let said = manifest.sealed.get(*segment).map_or("", |sealed| &sealed.damaged);
        let Op::Reward { policy, lesson, .. } = &record.op else { continue };
        let is_known = record.about().event_hash().is_some_and(|hash| known.contains(&hash));
        if is_known || said == digest(&history.log.segments[*segment]) {
            continue;
        }
        let file = name::state_file(&record.user, policy).map_err(|fault| fault.at("the log"))?;
        let event = lesson.event.as_ref().map_or_else(String::new, |event| format!(" of event {event:?}"));
        let problem =
            format!("a reward{event} stands beside another record {}, and was not learned", record.seq);
        problems.push(Problem { file, problem });
    }
    Ok(problems)
}

/// Whether the file goes on from what the log tells: it knows the latest event, if it can.
fn goes_on(told: &UserState, file: &UserState) -> bool {
    let latest = told.events().next_back();
    latest.is_none_or(|latest| file.events().any(|e| e == latest)) || file.events().count() == KEPT_EVENTS
}

impl Rebuilt {
    /// Sets a damaged file aside and says so.
    fn set_aside(&mut self, store: &Store, file: &str) -> Result<()> {
        let now = store.dir.set_aside(file)?;
        self.set_aside.extend(now.map(|now| (file.to_owned(), now)));
        Ok(())
    }
}
