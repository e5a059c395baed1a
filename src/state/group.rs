//! A group of rewards: what of it is new, what that teaches each state, and the records of it.

use super::ledger::{Key, Learned, Reward};
use super::record::{Lesson, Op, Record, spec_of};
use super::store::Loaded;
use super::user_state::KEPT_EVENTS;
use super::{RawState, now_ms};
use crate::error::{Error, Result};
use crate::policy::{Policy, Scratch};
use rayon::prelude::*;
use std::collections::HashMap;
use std::sync::Arc;

/// So many records are put into text by one thread at a time.
const TOGETHER: usize = 256;

/// What a group wants of one state.
pub(super) struct Wanted<'r> {
    pub(super) key: Key,
    pub(super) policy: &'r Arc<Policy>,
    /// Positions of its rewards in the group.
    pub(super) rewards: Vec<usize>,
    /// The state, if it is in memory.
    pub(super) known: Option<Loaded>,
}

/// The same, with the state.
pub(super) struct Task {
    pub(super) key: Key,
    /// Positions of its rewards in the group.
    pub(super) rewards: Vec<usize>,
    pub(super) loaded: Loaded,
    /// Number of the latest record.
    pub(super) latest: u64,
    /// The state as it was, if the log does not know it: it comes from another tool.
    pub(super) unknown: Option<Box<RawState>>,
}

/// What the log says of the event of a reward.
#[derive(Debug)]
pub(super) enum Before {
    /// It has none, or it is new.
    New,
    /// The reward with which it was learned.
    Learned(f64),
    /// Why it cannot be told: the index names a record that cannot be read.
    Untold(String),
}

/// What to do with one reward.
#[derive(Debug, Clone, Copy)]
pub(super) enum Verdict {
    Learn { task: usize, updates: u64 },
    Duplicate { updates: u64 },
    Conflict { before: f64 },
    Untold,
    Refused,
}

impl Task {
    /// Learns what is new, in order; what becomes of each reward.
    pub(super) fn learn(
        &mut self,
        number: usize,
        rewards: &[Reward],
        before: &[Before],
        scratch: &mut Scratch,
    ) -> Vec<(usize, Verdict)> {
        let state = &mut self.loaded.state;
        // The state itself knows the latest ones.
        let long = self.rewards.len() > KEPT_EVENTS;
        let mut group: HashMap<&str, f64> = HashMap::new();
        let mut verdicts = Vec::with_capacity(self.rewards.len());
        for i in &self.rewards {
            let lesson: &Lesson = &rewards[*i].lesson;
            let known = lesson.event.as_deref().and_then(|event| {
                let in_state = || state.events.iter().find(|e| e.id == event).map(|e| e.reward);
                match before[*i] {
                    Before::Learned(reward) => Some(reward),
                    Before::New | Before::Untold(_) => group.get(event).copied().or_else(in_state),
                }
            });
            let updates = state.model.updates();
            let verdict = match known {
                // Rewards are finite; 0 and -0 are one.
                Some(known) if known == lesson.reward => Verdict::Duplicate { updates },
                Some(before) => Verdict::Conflict { before },
                None if matches!(before[*i], Before::Untold(_)) => Verdict::Untold,
                None => {
                    state.learn(lesson, state.seq, scratch);
                    self.loaded.behind = true;
                    let event = lesson.event.as_deref().filter(|_| long);
                    group.extend(event.map(|event| (event, lesson.reward)));
                    Verdict::Learn { task: number, updates: updates + 1 }
                }
            };
            verdicts.push((*i, verdict));
        }
        verdicts
    }
}

/// The records of what is learned, numbered in the order of the rewards.
pub(super) fn number(
    rewards: &[Reward],
    verdicts: &[Verdict],
    tasks: &mut [Task],
    mut seq: u64,
) -> Vec<Record> {
    let time_ms = now_ms();
    let mut records = Vec::with_capacity(rewards.len());
    for (reward, verdict) in rewards.iter().zip(verdicts) {
        let Verdict::Learn { task, .. } = *verdict else { continue };
        let task = &mut tasks[task];
        if let Some(state) = task.unknown.take() {
            seq += 1;
            let op = Op::Import { policy: reward.policy.name().to_owned(), prev: 0, state };
            records.push(Record { seq, user: reward.user.clone(), time_ms, op });
            task.latest = seq;
        }
        seq += 1;
        let op = Op::Reward {
            policy: reward.policy.name().to_owned(),
            prev: task.latest,
            spec: spec_of(&reward.policy).filter(|_| task.latest == 0),
            lesson: Arc::clone(&reward.lesson),
        };
        task.latest = seq;
        task.loaded.state.seq = seq;
        records.push(Record { seq, user: reward.user.clone(), time_ms, op });
    }
    records
}

/// The lines of the records, and the length of each.
pub(super) fn write(records: &[Record], large: bool) -> (Vec<u8>, Vec<usize>) {
    let of = |records: &[Record]| {
        let mut lines = Vec::with_capacity(512 * records.len());
        let mut lengths = Vec::with_capacity(records.len());
        for record in records {
            let start = lines.len();
            record.write(&mut lines);
            lengths.push(lines.len() - start);
        }
        (lines, lengths)
    };
    if !large {
        return of(records);
    }
    let parts: (Vec<_>, Vec<_>) = records.par_chunks(TOGETHER).map(of).unzip();
    (parts.0.concat(), parts.1.concat())
}

/// What becomes of each reward.
pub(super) fn outcomes(
    rewards: &[Reward],
    verdicts: &[Verdict],
    before: &[Before],
    refusals: &mut HashMap<usize, Error>,
) -> Vec<Result<Learned>> {
    let outcome = |(i, verdict): (usize, &Verdict)| match *verdict {
        Verdict::Learn { updates, .. } => Ok(Learned { updates, duplicate: false }),
        Verdict::Duplicate { updates } => Ok(Learned { updates, duplicate: true }),
        Verdict::Conflict { before } => {
            let Lesson { event, reward, .. } = rewards[i].lesson.as_ref();
            let event = event.as_deref().unwrap_or_default();
            Err(Error::Refused(format!(
                "event {event:?} has reward {reward}, but was learned with reward {before}; it is learned once"
            )))
        }
        Verdict::Untold => {
            let event = rewards[i].lesson.event.as_deref().unwrap_or_default();
            let Before::Untold(why) = &before[i] else { unreachable!("who says so knows why") };
            Err(Error::Refused(format!(
                "event {event:?} may have been learned by a record that cannot be read ({why}); it is not learned again"
            )))
        }
        Verdict::Refused => Err(refusals.remove(&i).expect("a refusal has its reason")),
    };
    verdicts.iter().enumerate().map(outcome).collect()
}
