//! A group of rewards: what of it is new, what that teaches each state, and the records of it.

use super::RawState;
use super::about::{About, ByHash, Hashes};
use super::ledger::{Learned, Reward};
use super::lesson::Lesson;
use super::record::{Op, Record, write_learned};
use super::store::Loaded;
use super::user_state::KEPT_EVENTS;
use crate::base::error::{Error, Result};
use crate::base::threads::each;
use crate::policy::Scratch;
use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::ops::Range;

/// So many states learn on one thread at a time.
pub(super) const LEARN_TOGETHER: usize = 16;
/// So many records are put into text by one thread at a time.
const WRITE_TOGETHER: usize = 256;

/// The rewards of a group by the states that learn from them.
pub(super) struct Sorted<'r> {
    /// In the order of their first rewards.
    pub(super) states: Vec<ForState<'r>>,
    /// Positions of the rewards in the group: state by state, as they came for each.
    pub(super) order: Vec<usize>,
}

/// The rewards for one state.
pub(super) struct ForState<'r> {
    pub(super) first: &'r Reward<'r>,
    /// A part of [`Sorted::order`].
    pub(super) part: Range<usize>,
}

impl<'r> Sorted<'r> {
    pub(super) fn of(rewards: &[&'r Reward<'r>]) -> Self {
        let mut states: Vec<ForState> = Vec::new();
        let mut places = ByHash::with_capacity_and_hasher(rewards.len(), BuildHasherDefault::default());
        let place = |reward: &&'r Reward<'r>| {
            let mut hash = reward.life;
            loop {
                let place = *places.entry(hash).or_insert(states.len());
                if place == states.len() {
                    states.push(ForState { first: reward, part: 0..0 });
                }
                let state = &mut states[place];
                if state.first.is_for_state_of(reward) {
                    state.part.end += 1;
                    return place;
                }
                // Another state has the same hash.
                hash = hash.wrapping_add(2);
            }
        };
        let places: Vec<usize> = rewards.iter().map(place).collect();
        let mut begin = 0;
        for ForState { part, .. } in &mut states {
            let count = part.end;
            *part = begin..begin;
            begin += count;
        }
        let mut order = vec![0; rewards.len()];
        for (i, place) in places.into_iter().enumerate() {
            let end = &mut states[place].part.end;
            order[*end] = i;
            *end += 1;
        }
        Self { states, order }
    }
}

/// One state, and what it is to learn.
pub(super) struct Task {
    /// Its hash.
    pub(super) life: u64,
    /// Its rewards: a part of [`Sorted::order`].
    pub(super) part: Range<usize>,
    pub(super) loaded: Box<Loaded>,
    /// Whether its file says less, or will.
    pub(super) behind: bool,
    /// Number of the latest record.
    pub(super) latest: u64,
    /// The state as it was, if the log does not know it: it comes from another tool.
    pub(super) unknown: Option<Box<RawState>>,
}

/// What the log says of the event of a reward.
#[derive(Debug, Clone)]
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
    Learn {
        task: usize,
        updates: u64,
    },
    Duplicate {
        updates: u64,
    },
    Conflict {
        before: f64,
    },
    Untold,
    /// The state is of another policy of this name.
    Misfit {
        task: usize,
    },
    Refused,
}

impl Task {
    /// The state has been asked for all that must be known of it.
    pub(super) fn new(ForState { first, part }: ForState, mut loaded: Box<Loaded>) -> Self {
        loaded.restarted = true;
        let (state, behind) = (&loaded.state, loaded.behind);
        let unknown = (state.seq == 0 && state.model.updates() > 0).then(|| Box::new(RawState::of(state)));
        Self { life: first.life, part, behind, latest: state.seq, unknown, loaded }
    }

    /// Its records have their numbers.
    pub(super) fn numbered(&mut self) {
        if self.behind {
            self.loaded.state.seq = self.latest;
            self.loaded.behind = true;
        }
    }

    /// Its file says what it does.
    pub(super) fn shown(&mut self) {
        self.loaded.behind = false;
        self.behind = false;
    }

    /// Learns what is new of the rewards at `positions`, in order; what becomes of each is added to `verdicts`.
    fn learn(
        &mut self,
        number: usize,
        positions: &[usize],
        rewards: &[&Reward],
        before: &[Before],
        scratch: &mut Scratch,
        verdicts: &mut Vec<(usize, Verdict)>,
    ) {
        let state = &mut self.loaded.state;
        // The state itself knows the latest ones.
        let long = positions.len() > KEPT_EVENTS;
        let mut group: HashMap<&str, f64> = HashMap::new();
        for i in positions {
            let Reward { policy, lesson, .. } = rewards[*i];
            if state.fits(policy).is_err() {
                verdicts.push((*i, Verdict::Misfit { task: number }));
                continue;
            }
            let known = lesson.event.as_deref().and_then(|event| match before[*i] {
                Before::Learned(reward) => Some(reward),
                Before::New | Before::Untold(_) => {
                    group.get(event).copied().or_else(|| state.events.reward_of(event))
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
                    self.behind = true;
                    let event = lesson.event.as_deref().filter(|_| long);
                    group.extend(event.map(|event| (event, lesson.reward)));
                    Verdict::Learn { task: number, updates: updates + 1 }
                }
            };
            verdicts.push((*i, verdict));
        }
    }
}

/// Lets each state learn its rewards; what becomes of each reward, [`Verdict::Refused`] of those that are for none.
pub(super) fn learn(
    tasks: &mut [Task],
    order: &[usize],
    rewards: &[&Reward],
    before: &[Before],
    large: bool,
) -> Vec<Verdict> {
    let of = |(part, tasks): (usize, &mut [Task])| {
        let (mut verdicts, mut scratch) = (Vec::with_capacity(2 * tasks.len()), Scratch::default());
        for (i, task) in tasks.iter_mut().enumerate() {
            let positions = &order[task.part.clone()];
            task.learn(part * LEARN_TOGETHER + i, positions, rewards, before, &mut scratch, &mut verdicts);
        }
        verdicts
    };
    let learned = each(tasks.chunks_mut(LEARN_TOGETHER).enumerate(), large, of);
    let mut verdicts = vec![Verdict::Refused; rewards.len()];
    for (i, verdict) in learned.into_iter().flatten() {
        verdicts[i] = verdict;
    }
    verdicts
}

/// A record to be written.
pub(super) enum Numbered {
    /// The reward at this position is learned.
    Learned { seq: u64, prev: u64, position: usize },
    /// A state that the log does not know comes before.
    Brought(Record),
}

/// The records of what is learned, numbered in the order of the rewards.
pub(super) fn number(
    rewards: &[&Reward],
    verdicts: &[Verdict],
    tasks: &mut [Task],
    mut seq: u64,
    time_ms: u64,
) -> Vec<Numbered> {
    let mut records = Vec::with_capacity(rewards.len());
    for (position, verdict) in verdicts.iter().enumerate() {
        let Verdict::Learn { task, .. } = *verdict else { continue };
        let task = &mut tasks[task];
        if let Some(state) = task.unknown.take() {
            seq += 1;
            let Reward { user, policy, .. } = rewards[position];
            let op = Op::Import { policy: policy.name().to_owned(), prev: 0, state };
            records.push(Numbered::Brought(Record { seq, user: user.clone(), time_ms, op }));
            task.latest = seq;
        }
        seq += 1;
        records.push(Numbered::Learned { seq, prev: task.latest, position });
        task.latest = seq;
    }
    records
}

impl Numbered {
    pub(super) fn seq(&self) -> u64 {
        match self {
            Self::Learned { seq, .. } => *seq,
            Self::Brought(record) => record.seq,
        }
    }

    fn write(&self, rewards: &[&Reward], time_ms: u64, out: &mut Vec<u8>) {
        match self {
            Self::Learned { seq, prev, position } => {
                let Reward { user, policy, lesson, .. } = rewards[*position];
                write_learned((*seq, *prev, time_ms), user, policy, lesson, out);
            }
            Self::Brought(record) => record.write(out),
        }
    }

    /// What the index has to know of it, and its hashes, of a reward those that are known.
    pub(super) fn about<'a>(&'a self, rewards: &[&'a Reward]) -> (About<'a>, Hashes) {
        match self {
            Self::Learned { prev, position, .. } => {
                let Reward { user, policy, lesson, life, event } = rewards[*position];
                let hashes = Hashes { state: Some(*life), event: *event };
                (About::learned(user, policy.name(), *prev, lesson), hashes)
            }
            Self::Brought(record) => {
                let about = record.about();
                let hashes = Hashes::of(&about);
                (about, hashes)
            }
        }
    }
}

/// The lines of the records, in several texts, and the length of each line.
pub(super) fn write(
    records: &[Numbered],
    rewards: &[&Reward],
    time_ms: u64,
    large: bool,
) -> (Vec<Vec<u8>>, Vec<usize>) {
    let of = |records: &[Numbered]| {
        let mut lines = Vec::with_capacity(512 * records.len());
        let mut lengths = Vec::with_capacity(records.len());
        for record in records {
            let start = lines.len();
            record.write(rewards, time_ms, &mut lines);
            lengths.push(lines.len() - start);
        }
        (lines, lengths)
    };
    let (texts, lengths): (_, Vec<_>) = each(records.chunks(WRITE_TOGETHER), large, of).into_iter().unzip();
    (texts, lengths.concat())
}

/// What becomes of each reward.
pub(super) fn outcomes(
    rewards: &[&Reward],
    verdicts: &[Verdict],
    before: &[Before],
    tasks: &[Task],
    refusals: &mut HashMap<usize, Error>,
) -> Vec<Result<Learned>> {
    let outcome = |(i, verdict): (usize, &Verdict)| match *verdict {
        Verdict::Learn { updates, .. } => Ok(Learned { updates, duplicate: false }),
        Verdict::Duplicate { updates } => Ok(Learned { updates, duplicate: true }),
        Verdict::Conflict { before } => {
            let Lesson { event, reward, .. } = &rewards[i].lesson;
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
        Verdict::Misfit { task } => {
            let misfit = tasks[task].loaded.state.fits(rewards[i].policy);
            Err(misfit.expect_err("that is the verdict"))
        }
        Verdict::Refused => Err(refusals.remove(&i).expect("a refusal has its reason")),
    };
    verdicts.iter().enumerate().map(outcome).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::request::Request;
    use crate::policy::Policy;
    use crate::state::{Source, Store};
    use std::sync::Arc;

    const REQUEST: &str = r#"{"context":{"hour":8.5,"weekday":1},"candidates":[{"id":"a"}]}"#;

    /// The states of two people after the same rewards; they may have one hash.
    fn states(one_hash: bool, group: usize) -> [Vec<u8>; 2] {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let policy = Arc::new(Policy::named("egreedy-v1").unwrap());
        let reward = |i: usize| {
            let request = Request::from_json(REQUEST.as_bytes(), "request").unwrap();
            let (event, value) = (Some(format!("e{}", i / 2).into()), (i % 7) as f64 / 7.0);
            let lesson = Lesson::new(request, 0, value, event, Source::default()).unwrap();
            let reward = Reward::new(["ann", "bob"][i % 2], &policy, lesson);
            if one_hash { Reward { life: 7, ..reward } } else { reward }
        };
        let rewards: Vec<Reward> = (0..400).map(reward).collect();
        let mut ledger = store.ledger();
        for rewards in rewards.chunks(group) {
            assert!(ledger.learn(&rewards.iter().collect::<Vec<_>>()).unwrap().iter().all(Result::is_ok));
            ledger.settle(false).unwrap();
        }
        ledger.settle(true).unwrap();
        let view = store.view().unwrap();
        ["ann", "bob"].map(|user| view.state(user, &policy).unwrap().to_line())
    }

    #[test]
    fn states_with_one_hash_are_kept_apart() {
        for group in [1, 10, 100, 400] {
            let apart = states(false, group);
            assert_eq!(states(true, group), apart, "groups of {group}");
            assert!(apart.iter().all(|line| String::from_utf8_lossy(line).contains("\"updates\":200,")));
        }
    }
}
