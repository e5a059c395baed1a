//! Profile features of real users, from the rewards that a store or a log has, by the simulator's own code.
//!
//! A feature of a moment is made of what was known before it: events from that moment on have no part in it, or a model that
//! learns from such features would be taught by its own future. Who was forgotten has no past before that, whenever it was.
//! Events come in the order of their times, whatever the order of lines.

use super::training_data::is_everybody;
use crate::base::error::{Cause, Error, ErrorKind, Result};
use crate::base::read;
use crate::domain::profile::Profile;
use crate::domain::reaction::Reaction;
use crate::domain::request::{RawRequest, Shown};
use crate::evaluation::log::{log_file, reward_files};
use crate::features::profile_history::{ProfileHistory, TipEvent};
use crate::store::log_line::{Op, RewardLine};
use serde::de::IgnoredAny;
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::io::{BufRead, Read};
use std::path::PathBuf;

/// Longest line.
const MAX_LINE_BYTES: u64 = 64 << 20;
/// The kind of candidates without one.
const NO_KIND: &str = "";

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

/// What a user did with one tip.
#[derive(Debug, Clone, PartialEq)]
struct UserEvent {
    at: u64,
    id: SmolStr,
    kind: SmolStr,
    event: TipEvent,
}

/// The past of every user.
#[derive(Debug, Clone, Default)]
pub struct ProfileTable {
    users: BTreeMap<SmolStr, Vec<UserEvent>>,
    latest: u64,
    passed_over: u64,
}

impl ProfileTable {
    /// Reads the rewards at each of `from`: a store, a folder with a log, or one file of it.
    ///
    /// # Errors
    /// Files that cannot be read; a line that is no reward of a known user.
    pub fn read(from: &[PathBuf]) -> Result<Self> {
        let mut table = Self::default();
        for path in from {
            for path in reward_files(path)? {
                let (mut file, origin) = (log_file(&path)?, path.display().to_string());
                let (mut line, mut number) = (Vec::new(), 0);
                loop {
                    line.clear();
                    number += 1;
                    let read = (&mut *file).take(MAX_LINE_BYTES).read_until(b'\n', &mut line);
                    if read.map_err(Error::io("read", &path))? == 0 {
                        break;
                    }
                    if !line.trim_ascii().is_empty() {
                        table.add(&line, &format!("{origin}: line {number}"))?;
                    }
                }
            }
        }
        for events in table.users.values_mut() {
            events.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        }
        table.users.retain(|_, events| !events.is_empty());
        Ok(table)
    }

    fn add(&mut self, line: &[u8], place: &str) -> Result<()> {
        let line: RewardLine<RawRequest, IgnoredAny> = read::json(line, place)?;
        let missing = |what| Error::because(ProfileTableError::Missing { place: place.to_owned(), what });
        let user = line.user.filter(|user| !user.is_empty());
        if line.op == Op::Import {
            self.passed_over += 1;
            return Ok(());
        }
        if line.op == Op::Reset {
            let user: SmolStr = user.ok_or_else(|| missing("its user"))?.as_ref().into();
            self.users.remove(&user);
            return Ok(());
        }
        let request = line.request.ok_or_else(|| missing("what was shown"))?;
        let user: SmolStr = match user {
            Some(user) if !is_everybody(&user) => user.as_ref().into(),
            _ => request.user.clone().ok_or_else(|| missing("its user"))?,
        };
        let shown = Shown::try_from(request).map_err(|fault| fault.within("request").at(place))?;
        // A number alone does not say what the person did.
        let reaction = line.reaction.as_deref().map(Reaction::from_name).transpose();
        let reaction = reaction.map_err(Error::named_by(place.to_owned()))?;
        let (Some(reaction), Some(dwell_seconds)) = (reaction, line.dwell_seconds) else {
            self.passed_over += 1;
            return Ok(());
        };
        let (candidate, moment) = (shown.candidate(), shown.context());
        let hour = candidate.hour.unwrap_or(moment.hour);
        let event = TipEvent { kind: 0, hour, reaction, dwell_seconds };
        let kind = candidate.kind.clone().unwrap_or_else(|| NO_KIND.into());
        let id = line.event.map(|id| SmolStr::from(id.as_ref())).unwrap_or_default();
        self.latest = self.latest.max(line.time_ms);
        self.users.entry(user).or_default().push(UserEvent { at: line.time_ms, id, kind, event });
        Ok(())
    }

    /// The moment after the latest event, in milliseconds since 1970.
    pub fn end(&self) -> u64 {
        self.latest + 1
    }

    /// Rewards that do not say what the person did or how long they looked, and imports.
    pub fn passed_over(&self) -> u64 {
        self.passed_over
    }

    /// What was known of each user before this moment, in the order of names; of whom nothing was known then is left out.
    pub fn profiles_as_of(&self, as_of: u64) -> impl Iterator<Item = (&SmolStr, Profile)> {
        self.users.iter().filter_map(move |(user, events)| {
            let known = &events[..events.partition_point(|event| event.at < as_of)];
            (!known.is_empty()).then(|| (user, profile(known)))
        })
    }
}

fn profile(events: &[UserEvent]) -> Profile {
    let mut kinds: Vec<String> = events.iter().map(|event| event.kind.to_string()).collect();
    kinds.sort();
    kinds.dedup();
    let mut history = ProfileHistory::new(kinds.len());
    for UserEvent { kind, event, .. } in events {
        let kind = kinds.binary_search_by(|own| own.as_str().cmp(kind)).expect("it was just listed");
        history.observe(&TipEvent { kind, ..*event });
    }
    let mut profile = history.profile(&kinds);
    // For candidates without a kind the user's own values hold.
    profile.by_kind.retain(|(kind, _)| kind != NO_KIND);
    profile
}
