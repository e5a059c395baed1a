//! Where rewards are read from, and how far: a file of a log, or a store, may be read on from where it was left another day.
//!
//! A [`SourceMark`] says what must still be so for that. Of a file, the bytes that were read are the same: they are read
//! again, and not understood again. Of a store, the last entry that was read is still there, and states have had as many
//! entries as were read, and those that come now; whoever was erased, pruned, or committed late makes the sum another one.

use crate::base::digest::hexadecimal;
use crate::base::error::{Cause, Error, ErrorKind, Result};
use crate::base::read;
use crate::domain::request::RawRequest;
use crate::evaluation::log::log_file;
use crate::service::log_files::of_store;
use crate::store::log_line::{Op, RewardLine};
use crate::store::{self, Access, Change, LogFilter, LoggedReward, Pace};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use smol_str::SmolStr;
use std::borrow::Cow;
use std::io::{BufRead, Read};
use std::ops::ControlFlow;
use std::path::Path;

/// Longest line.
const MAX_LINE_BYTES: u64 = 64 << 20;
/// So many entries of a store are read at a time.
const PAGE: usize = 2_048;

/// A line that is too long.
#[derive(Debug, thiserror::Error)]
#[error("{place}: a line of more than {MAX_LINE_BYTES} bytes")]
struct LongLine {
    place: String,
}

impl Cause for LongLine {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }
}

/// An entry of a log of rewards, with as much of it as profiles need.
pub(super) type Entry<'a> = RewardLine<'a, RawRequest, IgnoredAny>;

/// How far a source was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceMark {
    /// Its path, as it was named.
    pub(super) path: String,
    read: Position,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Position {
    File {
        bytes: u64,
        lines: u64,
        sha256: String,
    },
    Store {
        /// How many entries its states had had.
        entries: u64,
        latest: Option<Latest>,
    },
}

/// The entry of a store that was read last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Latest {
    place: i64,
    user: SmolStr,
    policy: SmolStr,
    number: u64,
    at: u64,
}

impl Latest {
    fn of(reward: &LoggedReward) -> Self {
        Self {
            place: reward.place,
            user: reward.user.clone(),
            policy: reward.policy.name().into(),
            number: reward.record.number,
            at: reward.record.at,
        }
    }
}

/// Whether a source could be read.
pub(super) enum Reading {
    /// To its end.
    Done(SourceMark),
    /// It is not what it was when it was left.
    Changed,
    /// Who was handed an entry wanted no more.
    Stopped,
}

/// Hands the entries of a source, after a mark if there is one, to `visit`, each with its place.
///
/// # Errors
/// A source that cannot be read, and those of `visit`.
pub(super) fn read_after(
    path: &Path,
    mark: Option<&SourceMark>,
    visit: &mut dyn FnMut(Entry, &str) -> Result<ControlFlow<()>>,
) -> Result<Reading> {
    let position = mark.map(|mark| &mark.read);
    if let Some((dir, _)) = of_store(path) {
        store(path, dir, position, visit)
    } else {
        file(path, position, visit)
    }
}

fn file(
    path: &Path,
    mark: Option<&Position>,
    visit: &mut dyn FnMut(Entry, &str) -> Result<ControlFlow<()>>,
) -> Result<Reading> {
    let (mut file, origin) = (log_file(path)?, path.display().to_string());
    let (mut hash, mut bytes, mut lines) = (Sha256::new(), 0, 0);
    match mark {
        None => {}
        Some(Position::Store { .. }) => return Ok(Reading::Changed),
        Some(Position::File { bytes: known, lines: known_lines, sha256 }) => {
            while bytes < *known {
                let buffer = file.fill_buf().map_err(Error::io("read", path))?;
                if buffer.is_empty() {
                    return Ok(Reading::Changed);
                }
                let length = buffer.len().min(usize::try_from(known - bytes).unwrap_or(usize::MAX));
                hash.update(&buffer[..length]);
                file.consume(length);
                bytes += length as u64;
            }
            if hexadecimal(&hash.clone().finalize()) != *sha256 {
                return Ok(Reading::Changed);
            }
            lines = *known_lines;
        }
    }
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = (&mut *file).take(MAX_LINE_BYTES + 1).read_until(b'\n', &mut line);
        let read = read.map_err(Error::io("read", path))? as u64;
        if read == 0 {
            break;
        }
        let place = format!("{origin}: line {}", lines + 1);
        if read > MAX_LINE_BYTES {
            return Err(Error::because(LongLine { place }));
        }
        hash.update(&line);
        bytes += read;
        lines += u64::from(line.ends_with(b"\n"));
        if !line.trim_ascii().is_empty() && visit(read::json(&line, &place)?, &place)?.is_break() {
            return Ok(Reading::Stopped);
        }
    }
    let read = Position::File { bytes, lines, sha256: hexadecimal(&hash.finalize()) };
    Ok(Reading::Done(SourceMark { path: origin, read }))
}

/// Of one moment of the store: else it could not be said what had been there.
fn store(
    path: &Path,
    dir: &Path,
    mark: Option<&Position>,
    visit: &mut dyn FnMut(Entry, &str) -> Result<ControlFlow<()>>,
) -> Result<Reading> {
    let origin = path.display().to_string();
    let (known, mut latest) = match mark {
        None => (None, None),
        Some(Position::Store { entries, latest }) => (Some(*entries), latest.clone()),
        Some(Position::File { .. }) => return Ok(Reading::Changed),
    };
    let (store, filter) = (store::open(dir, Access::Read, Pace::Single)?, LogFilter::default());
    store::read(&*store, |snapshot| {
        if let Some(latest) = &latest {
            let found = snapshot.rewards_after(latest.place.saturating_sub(1), &filter, 1)?;
            if found.first().map(Latest::of).as_ref() != Some(latest) {
                return Ok(Reading::Changed);
            }
        }
        let (entries, mut more) = (snapshot.entries_had()?, 0);
        loop {
            let place = latest.as_ref().map_or(0, |latest| latest.place);
            let page = snapshot.rewards_after(place, &filter, PAGE)?;
            let Some(last) = page.last() else { break };
            latest = Some(Latest::of(last));
            more += page.len() as u64;
            for reward in &page {
                let place = format!("{origin}: entry {}", reward.place);
                if visit(entry(reward, &place)?, &place)?.is_break() {
                    return Ok(Reading::Stopped);
                }
            }
        }
        if known.is_some_and(|known| known + more != entries) {
            return Ok(Reading::Changed);
        }
        let read = Position::Store { entries, latest: latest.clone() };
        Ok(Reading::Done(SourceMark { path: origin.clone(), read }))
    })
}

fn entry<'a>(reward: &'a LoggedReward, place: &str) -> Result<Entry<'a>> {
    let at = reward.record.at;
    let mut entry = match &reward.record.change {
        Change::Reset => Entry::new(Op::Reset, at),
        Change::Import(_) => Entry::new(Op::Import, at),
        Change::Reward { event, reaction, dwell_seconds, shown, .. } => Entry {
            event: event.as_deref().map(Cow::Borrowed),
            reaction: reaction.clone(),
            dwell_seconds: *dwell_seconds,
            number: Some(reward.record.number),
            request: Some(read::json(shown.as_bytes(), place)?),
            ..Entry::new(Op::Reward, at)
        },
    };
    entry.user = Some(Cow::Borrowed(reward.user.as_str()));
    entry.policy = Some(Cow::Borrowed(reward.policy.name()));
    Ok(entry)
}
