//! Profile features of real users, from the rewards that a store or a log has, by the simulator's own code.
//!
//! A feature of a moment is made of what was known before it: events from that moment on have no part in it, or a model that
//! learns from such features would be taught by its own future. Events come in the order of their times, whatever the order of
//! lines; one that several policies learned, or that several exports tell, is one, of the moment when it was told first.
//!
//! Who was forgotten has no past before that, whenever it was. A reset is of one policy: it takes away what that policy was
//! told, and what others were told as well stays. One that names no policy is of all.
//!
//! What was counted up to a moment may be written down (`profile_counts_file`) and be gone on from, so that only what came
//! since is understood. That is a shortcut and nothing else: wherever it could give another table, all is counted anew.

use super::profile_source::{Entry, Reading, SourceMark, read_after};
use super::training_data::is_everybody;
use crate::base::error::{Cause, Error, ErrorKind, Result, within};
use crate::domain::profile::Profile;
use crate::domain::reaction::Reaction;
use crate::domain::request::Shown;
use crate::evaluation::log::reward_files;
use crate::features::profile_history::{ProfileCounts, TipEvent};
use crate::store::MAX_DWELL_SECONDS;
use crate::store::log_line::Op;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::ControlFlow;
use std::path::PathBuf;

/// Why events cannot be counted.
#[derive(Debug, thiserror::Error)]
pub enum ProfileTableError {
    /// A reward that does not say whose it is, or what was shown.
    #[error("{place}: a reward without {what}: profile features are those of users, by what they were shown")]
    Missing {
        /// File and line.
        place: String,
        /// What it lacks.
        what: &'static str,
    },
}

impl Cause for ProfileTableError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }
}

/// Why all is counted anew, though there are counts to go on from.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CountedAnew {
    /// Rewards are read from elsewhere.
    #[error("--from names other logs than those that were counted")]
    OtherSources,
    /// What was counted is not there as it was.
    #[error("{path} is not what it was when it was counted: something was erased, pruned or changed")]
    Changed {
        /// The source.
        path: String,
    },
    /// An event that was not there when its moment was counted.
    #[error("{place} is of a moment that had been counted without it")]
    Late {
        /// File and line.
        place: String,
    },
    /// A policy forgot a user of whom others were told too, and nobody knows which of what was counted is whose.
    #[error("{place} takes away a part of what had been counted together")]
    Forgotten {
        /// File and line.
        place: String,
    },
    /// Counts of a later moment than is asked for.
    #[error("the counts are of a later moment")]
    LaterMoment,
}

/// What a user did with one tip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UserEvent {
    at: u64,
    /// What tells it from others of its user; empty where nothing does.
    id: SmolStr,
    /// Which policy was told; empty where nobody says.
    policy: SmolStr,
    kind: Option<SmolStr>,
    hour: f64,
    reaction: Reaction,
    dwell_seconds: f64,
    /// Whether it was told before.
    #[serde(skip)]
    is_repeat: bool,
}

/// What is known of a user: what was counted, and every event since.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct UserPast {
    pub(super) counts: ProfileCounts,
    /// Which policies were told what was counted.
    pub(super) told: BTreeSet<SmolStr>,
    /// What tells the events that were counted from others.
    pub(super) counted: BTreeSet<u64>,
    /// In the order of their times.
    pub(super) events: Vec<UserEvent>,
}

/// The past of every user.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProfileTable {
    pub(super) users: BTreeMap<SmolStr, UserPast>,
    /// Every event before this moment is in the counts, and none from then on.
    pub(super) counted_to: u64,
    pub(super) latest: u64,
    pub(super) passed_over: u64,
    /// How far each source was read.
    pub(super) sources: Vec<SourceMark>,
    pub(super) read: u64,
    pub(super) repeats: u64,
}

impl ProfileTable {
    /// Reads the rewards at each of `from`: a store, a folder with a log, or one file of it.
    ///
    /// # Errors
    /// Files that cannot be read, or that are named twice; a line that is no reward of a known user.
    pub fn read(from: &[PathBuf]) -> Result<Self> {
        let mut table = Self::default();
        for path in files(from)? {
            let reading = read_after(&path, None, &mut |entry, place| table.add(entry, place))?;
            let Reading::Done(mark) = reading else { unreachable!("there is no mark, and nobody stops") };
            table.sources.push(mark);
        }
        table.sort();
        Ok(table)
    }

    /// The same as [`Self::read`] gives for features of the moment `as_of`, or of the end, from what was counted of the same
    /// sources before; and why all was read instead, where it was.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_on(self, from: &[PathBuf], as_of: Option<u64>) -> Result<(Self, Option<CountedAnew>)> {
        match self.go_on(&files(from)?, as_of)? {
            Ok(table) => Ok((table, None)),
            Err(reason) => Ok((Self::read(from)?, Some(reason))),
        }
    }

    fn go_on(mut self, files: &[PathBuf], as_of: Option<u64>) -> Result<Result<Self, CountedAnew>> {
        if as_of.is_some_and(|as_of| as_of < self.counted_to) {
            return Ok(Err(CountedAnew::LaterMoment));
        }
        let marks = std::mem::take(&mut self.sources);
        let named = |(mark, file): (&SourceMark, &PathBuf)| mark.path == file.display().to_string();
        if marks.len() > files.len() || !marks.iter().zip(files).all(named) {
            return Ok(Err(CountedAnew::OtherSources));
        }
        for (i, path) in files.iter().enumerate() {
            // Entries come in the order of files: behind what was counted, more may come in the last of them alone.
            let (is_last, mut reason) = (i + 1 >= marks.len(), None);
            let reading = read_after(path, marks.get(i), &mut |entry, place| {
                if entry.op == Op::Reward && entry.time_ms < self.counted_to {
                    reason = Some(CountedAnew::Late { place: place.to_owned() });
                }
                if reason.is_some() || !is_last {
                    return Ok(ControlFlow::Break(()));
                }
                let added = self.add(entry, place)?;
                if added.is_break() {
                    reason = Some(CountedAnew::Forgotten { place: place.to_owned() });
                }
                Ok(added)
            })?;
            match (reading, reason) {
                (Reading::Done(mark), _) => self.sources.push(mark),
                (Reading::Stopped, Some(reason)) => return Ok(Err(reason)),
                _ => return Ok(Err(CountedAnew::Changed { path: path.display().to_string() })),
            }
        }
        self.sort();
        Ok(Ok(self))
    }

    fn sort(&mut self) {
        for past in self.users.values_mut() {
            past.events.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
            self.repeats += past.find_repeats();
        }
    }

    /// Adds an entry; breaks where it forgets a part of what was counted, and of that no part can be told from others.
    fn add(&mut self, entry: Entry, place: &str) -> Result<ControlFlow<()>> {
        const ADDED: Result<ControlFlow<()>> = Ok(ControlFlow::Continue(()));
        self.read += 1;
        let Entry {
            op,
            user,
            policy,
            event,
            decision_id,
            number,
            reaction,
            dwell_seconds,
            request,
            time_ms,
            ..
        } = entry;
        let missing = |what| Error::because(ProfileTableError::Missing { place: place.to_owned(), what });
        let user = user.filter(|user| !user.is_empty());
        if op == Op::Import {
            self.passed_over += 1;
            return ADDED;
        }
        if op == Op::Reset {
            let user = user.ok_or_else(|| missing("its user"))?;
            return Ok(self.forget(&user, policy.as_deref()));
        }
        let request = request.ok_or_else(|| missing("what was shown"))?;
        let user: SmolStr = match user {
            Some(user) if !is_everybody(&user) => user.as_ref().into(),
            _ => request.user.clone().ok_or_else(|| missing("its user"))?,
        };
        let shown = Shown::try_from(request).map_err(|fault| fault.within("request").at(place))?;
        // A number alone does not say what the person did.
        let reaction = reaction.as_deref().map(Reaction::from_name).transpose();
        let reaction = reaction.map_err(Error::named_by(place.to_owned()))?;
        let (Some(reaction), Some(dwell_seconds)) = (reaction, dwell_seconds) else {
            self.passed_over += 1;
            return ADDED;
        };
        within("dwell_seconds", dwell_seconds, 0.0, MAX_DWELL_SECONDS).map_err(|fault| fault.at(place))?;
        let (candidate, moment) = (shown.candidate(), shown.context());
        let event = UserEvent {
            at: time_ms,
            id: match (event.or(decision_id), number) {
                (Some(id), _) => id.as_ref().into(),
                // Two of one state have two numbers.
                (None, Some(number)) => format!("number {number} at {time_ms}").into(),
                (None, None) => SmolStr::default(),
            },
            policy: policy.map(SmolStr::from).unwrap_or_default(),
            kind: candidate.kind.clone(),
            hour: candidate.hour.unwrap_or(moment.hour),
            reaction,
            dwell_seconds,
            is_repeat: false,
        };
        self.latest = self.latest.max(event.at);
        self.users.entry(user).or_default().events.push(event);
        ADDED
    }

    /// Forgets what this policy was told of a user, or what all were.
    fn forget(&mut self, user: &str, policy: Option<&str>) -> ControlFlow<()> {
        let Some(past) = self.users.get_mut(user) else { return ControlFlow::Continue(()) };
        let mut forgotten = ControlFlow::Continue(());
        if let Some(policy) = policy {
            forgotten = past.forget(policy);
        } else {
            *past = UserPast::default();
        }
        if *past == UserPast::default() {
            self.users.remove(user);
        }
        forgotten
    }

    /// The moment after the latest event, in milliseconds since 1970.
    pub fn end(&self) -> u64 {
        self.latest.saturating_add(1)
    }

    /// Rewards that do not say what the person did or how long they looked, and imports.
    pub fn passed_over(&self) -> u64 {
        self.passed_over
    }

    /// Events that were told again, and count once.
    pub fn repeats(&self) -> u64 {
        self.repeats
    }

    /// How many entries were read, without those that had been counted before.
    pub fn entries_read(&self) -> u64 {
        self.read
    }

    /// What was known of each user before this moment, in the order of names; of whom nothing was known then is left out.
    /// The moment is not before the one that was asked for when counts were gone on from.
    pub fn profiles_as_of(&self, as_of: u64) -> impl Iterator<Item = (&SmolStr, Profile)> {
        self.users.iter().filter_map(move |(user, past)| {
            let counts = past.counts_as_of(as_of).0;
            (!counts.is_empty()).then(|| (user, counts.profile()))
        })
    }
}

/// What tells an event that was counted from others of its user: no two that one person will ever have share it.
fn key(id: &str) -> u64 {
    let digest = Sha256::digest(id);
    u64::from_le_bytes(digest[..8].try_into().expect("a digest has 32 bytes"))
}

impl UserPast {
    /// Marks the events that were told before, which are in order; how many they are.
    fn find_repeats(&mut self) -> u64 {
        let (mut met, mut repeats) = (HashSet::new(), 0);
        for event in self.events.iter_mut().filter(|event| !event.id.is_empty()) {
            let was_counted = !self.counted.is_empty() && self.counted.contains(&key(&event.id));
            event.is_repeat = was_counted || !met.insert(event.id.clone());
            repeats += u64::from(event.is_repeat);
        }
        repeats
    }

    /// Forgets what this policy was told, or may have been where nobody says who was; breaks where that is a part of what was
    /// counted.
    fn forget(&mut self, policy: &str) -> ControlFlow<()> {
        let is_its = |told: &SmolStr| told.is_empty() || told == policy;
        self.events.retain(|event| !is_its(&event.policy));
        if self.told.iter().all(is_its) {
            *self = Self { events: std::mem::take(&mut self.events), ..Self::default() };
        }
        if self.told.iter().any(is_its) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// The same with every event before this moment counted.
    pub(super) fn counted_to(&self, as_of: u64) -> Self {
        let (counts, since) = self.counts_as_of(as_of);
        let known = &self.events[..self.events.len() - since.len()];
        let (mut told, mut counted) = (self.told.clone(), self.counted.clone());
        told.extend(known.iter().map(|event| event.policy.clone()));
        counted.extend(known.iter().filter(|event| !event.id.is_empty()).map(|event| key(&event.id)));
        Self { counts, told, counted, events: since.to_vec() }
    }

    /// What counts before this moment, and the events from then on.
    fn counts_as_of(&self, as_of: u64) -> (ProfileCounts, &[UserEvent]) {
        let (known, since) = self.events.split_at(self.events.partition_point(|event| event.at < as_of));
        let mut counts = self.counts.clone();
        for event in known.iter().filter(|event| !event.is_repeat) {
            let UserEvent { kind, hour, reaction, dwell_seconds, .. } = event;
            let event = TipEvent { kind: 0, hour: *hour, reaction: *reaction, dwell_seconds: *dwell_seconds };
            counts.observe(kind.as_ref(), &event);
        }
        (counts, since)
    }
}

/// The files of rewards at each of `from`, in order.
fn files(from: &[PathBuf]) -> Result<Vec<PathBuf>> {
    Ok(reward_files(from)?.into_iter().flatten().collect())
}
