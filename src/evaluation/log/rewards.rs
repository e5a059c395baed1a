//! The rewards of our own logs: read first and kept, so that the decisions can stream past them.

use super::checks::checked_reward;
use super::lines::{LazyLogLines, LogLine};
use super::parsed_lines::ParsedLines;
use super::place::{malformed, place};
use crate::base::checksum::check_line;
use crate::base::error::{Fault, Result};
use crate::store::log_line::{Op, RewardLine};
use serde::de::IgnoredAny;
use sha2::{Digest, Sha256};

/// What followed each decision.
pub(super) struct Rewards {
    /// Sorted by the decision's key.
    pub(super) all: Vec<Reward>,
    /// The names of the files.
    origins: Vec<String>,
    /// When the latest of them came, in milliseconds since 1970.
    pub(super) latest: u64,
}

pub(super) struct Reward {
    pub(super) key: [u64; 2],
    /// The first part of the key of the user; `None` where the record names none.
    user: Option<u64>,
    pub(super) value: f64,
    pub(super) time_ms: u64,
    line: u32,
    file: u16,
    /// Whether its decision was met.
    pub(super) met: bool,
}

/// The reward on a line, without its place; `None` where the line is about something else.
fn parse(at: LogLine) -> Result<Option<Reward>> {
    undamaged(at)?;
    let line: RewardLine<IgnoredAny> = at.json()?;
    let RewardLine { op, user, decision_id, reward, time_ms, .. } = line;
    if op != Op::Reward {
        return Ok(None);
    }
    let missing = || at.fault("reward", Fault::new("reward", "missing", "a finite number"));
    let value = checked_reward("reward", reward.ok_or_else(missing)?);
    let value = value.map_err(|fault| at.fault("reward", fault))?;
    let reward = |decision: &str| Reward {
        key: key(decision),
        user: user.as_deref().map(|user| key(user)[0]),
        value,
        time_ms,
        line: 0,
        file: 0,
        met: false,
    };
    Ok(decision_id.as_deref().map(reward))
}

impl Rewards {
    /// Reads all of them.
    ///
    /// # Errors
    /// A line that is no record, two rewards for one decision.
    pub(super) fn read(segments: Vec<LazyLogLines>) -> Result<Self> {
        let (mut rewards, mut origins) = (Vec::new(), Vec::new());
        for (file, segment) in segments.into_iter().enumerate() {
            let mut lines = ParsedLines::new(segment()?, parse);
            origins.push(lines.origin().to_owned());
            while let Some(mut reward) = lines.next()? {
                (reward.line, reward.file) = (lines.line().number() as u32, file as u16);
                rewards.push(reward);
            }
        }
        let latest = rewards.iter().map(|r: &Reward| r.time_ms).max().unwrap_or(0);
        rewards.sort_by_key(|r| r.key);
        // A decision that was learned from by several policies has the same reward with each.
        for pair in rewards.windows(2) {
            let [first, again] = pair else { unreachable!("windows of two") };
            if first.key == again.key && first.value != again.value {
                let at = |r: &Reward| place(&origins[usize::from(r.file)], r.line.into(), 1);
                let allowed = format!("{}, which its decision has at {}", first.value, at(first));
                return Err(Fault::new("reward", again.value, allowed).at(at(again)));
            }
        }
        // Of those with the same user one is enough; others are met with their decision.
        rewards.dedup_by_key(|r| (r.key, r.user));
        Ok(Self { all: rewards, origins, latest })
    }

    /// The reward of this decision of `user`, which stands in `line`.
    pub(super) fn of(&mut self, decision: &str, user: &str, line: LogLine) -> Result<Option<&mut Reward>> {
        let key_of = key(decision);
        let first = self.all.partition_point(|r| r.key < key_of);
        let mut own = self.all[first..].iter().take_while(|r| r.key == key_of);
        let user_key = key(user)[0];
        if let Some(other) = own.find(|r| r.user.is_some_and(|of| of != user_key)) {
            let at = place(&self.origins[usize::from(other.file)], other.line.into(), 1);
            let allowed = format!("{user:?}, as its decision has at {}", line.at(1));
            return Err(Fault::new("user", "another", allowed).at(at));
        }
        Ok(self.all.get_mut(first).filter(|r| r.key == key_of))
    }
}

/// Refuses a line whose checksum does not hold: what was damaged may still be JSON.
pub(super) fn undamaged(line: LogLine) -> Result<()> {
    check_line(line.text()).map_err(|reason| malformed(line.at(1), reason))
}

/// Half of the id's SHA-256: no two ids that will ever be met share it.
pub(super) fn key(decision: &str) -> [u64; 2] {
    let digest = Sha256::digest(decision.as_bytes());
    [0, 8].map(|i| u64::from_le_bytes(digest[i..i + 8].try_into().expect("a digest has 32 bytes")))
}
