//! What people did: the rewards of this program's own logs, which say of each the tip that was shown, the
//! moment, the profile and the reaction.

use super::compressed::decompressed;
use super::lines::LogLines;
use super::refusal::LogFileRefusal;
use super::rewards::{key, undamaged};
use crate::base::error::{Error, Fault, Result, within};
use crate::domain::reaction::{MAX_REWARD, Reaction};
use crate::domain::request::{RawRequest, Shown};
use crate::service::log_files::{Segments, is_whole, rewards_beside};
use crate::store::MAX_DWELL_SECONDS;
use crate::store::log_line::{Op, RewardLine};
use serde::de::IgnoredAny;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::PathBuf;

/// One reaction to one tip.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedReaction {
    /// Whose.
    pub user: String,
    /// Under which policy it was learned.
    pub policy: String,
    /// The tip, with the moment and the profile values that held for it.
    pub shown: Shown,
    /// What the person did.
    pub reaction: Reaction,
    /// For how long, in seconds.
    pub dwell_seconds: Option<f64>,
    /// The reward.
    pub reward: f64,
    /// When, in milliseconds since 1970.
    pub time_ms: u64,
}

/// Reads reactions, file after file.
pub struct ReactionLog {
    paths: std::vec::IntoIter<PathBuf>,
    lines: Option<LogLines>,
    /// The reward of each decision so far.
    seen: HashMap<[u64; 2], Option<f64>>,
    without_reaction: u64,
}

impl ReactionLog {
    /// The rewards at `paths`: files of rewards, or of decisions, beside which the rewards are, or folders with
    /// all segments of them.
    ///
    /// # Errors
    /// A file that is neither; a folder without a log of ours.
    pub fn new(paths: &[PathBuf]) -> Result<Self> {
        let mut files: Vec<PathBuf> = Vec::new();
        for path in paths {
            if is_whole(path) {
                files.extend(Segments::of(path)?.rewards);
                continue;
            }
            let named = |part: &str| path.file_name().is_some_and(|n| n.to_string_lossy().contains(part));
            let file = match (named("decisions"), named("rewards")) {
                (true, false) => rewards_beside(path),
                (_, true) => path.clone(),
                (false, false) => {
                    std::fs::metadata(path).map_err(Error::io("read", path))?;
                    return Err(Error::because(LogFileRefusal::NoReactions { file: path.clone() }));
                }
            };
            if !files.contains(&file) {
                files.push(file);
            }
        }
        Ok(Self { paths: files.into_iter(), lines: None, seen: HashMap::new(), without_reaction: 0 })
    }

    /// The next reaction; `None` at the end.
    ///
    /// # Errors
    /// A file that cannot be read, a line that is no record of a reward, with file, line and column.
    pub fn read(&mut self) -> Result<Option<LoggedReaction>> {
        loop {
            let Some(lines) = &mut self.lines else {
                let Some(path) = self.paths.next() else { return Ok(None) };
                self.lines = Some(LogLines::new(decompressed(&path)?, &path.display().to_string()));
                continue;
            };
            if !lines.advance()? {
                self.lines = None;
                continue;
            }
            if lines.text().is_empty() {
                continue;
            }
            let line = lines.line();
            undamaged(line)?;
            let raw: RewardLine<RawRequest, IgnoredAny> = line.json()?;
            if raw.op != Op::Reward {
                continue;
            }
            // What one policy learned from another's decision is the same reaction again.
            if let Some(id) = &raw.decision_id {
                match self.seen.entry(key(id)) {
                    Entry::Vacant(entry) => entry.insert(raw.reward),
                    Entry::Occupied(entry) if *entry.get() == raw.reward => continue,
                    Entry::Occupied(entry) => {
                        let said =
                            |reward: Option<f64>| reward.map_or("missing".to_owned(), |r| r.to_string());
                        let allowed = format!("{}, which its decision has before", said(*entry.get()));
                        return Err(line.fault("reward", Fault::new("reward", said(raw.reward), allowed)));
                    }
                };
            }
            let missing =
                |field: &str, allowed: &str| line.fault(field, Fault::new(field, "missing", allowed));
            let Some(reaction) = raw.reaction else {
                self.without_reaction += 1;
                continue;
            };
            let reaction = Reaction::from_name(&reaction).map_err(|_| {
                let allowed = Reaction::ALL.map(Reaction::name).join(", ");
                line.fault("reaction", Fault::new("reaction", format!("{reaction:?}"), allowed))
            })?;
            let reward = raw.reward.ok_or_else(|| missing("reward", "a number"))?;
            let reward = within("reward", reward, -MAX_REWARD, MAX_REWARD);
            let reward = reward.map_err(|fault| line.fault("reward", fault))?;
            let request = raw.request.ok_or_else(|| missing("request", "the tip that was shown"))?;
            let shown =
                Shown::try_from(request).map_err(|fault| line.fault("request", fault.within("request")))?;
            let dwell = |seconds| within("dwell_seconds", seconds, 0.0, MAX_DWELL_SECONDS);
            let dwell_seconds = raw.dwell_seconds.map(dwell).transpose();
            return Ok(Some(LoggedReaction {
                user: raw.user.ok_or_else(|| missing("user", "a user's name"))?.into_owned(),
                policy: raw.policy.ok_or_else(|| missing("policy", "a policy's name"))?.into_owned(),
                shown,
                reaction,
                dwell_seconds: dwell_seconds.map_err(|fault| line.fault("dwell_seconds", fault))?,
                reward,
                time_ms: raw.time_ms,
            }));
        }
    }

    /// Rewards so far that were given as numbers, without the reaction.
    pub fn without_reaction(&self) -> u64 {
        self.without_reaction
    }
}
