//! Rebuild: states are made again from the log of rewards, here, elsewhere, or for another policy.

use super::error::ServiceError;
use super::replay::{Problem, Replay, UNASKED, difference, replay, running};
use crate::base::error::{Error, Fault, Result};
use crate::policy::{Model, Policy};
use crate::store::{
    Change, Durability, LogFilter, RewardRecord, Snapshot, StateRecord, Store, Transaction, encode, read,
    state_file, views, write,
};
use serde::Serialize;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

/// So many records are written at a time.
const TOGETHER: usize = 4_096;
/// So many entries of one state are kept until it is sure that they tell all of it; those of a state that has more are read once
/// more then.
const KEPT: usize = 1 << 14;

/// What became of the states of a store.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rebuilt {
    /// States that were as their rewards have them.
    pub unchanged: u64,
    /// Files of states that were made again.
    pub rebuilt: Vec<String>,
    /// States whose rewards do not tell all of them; they stay as they are.
    pub lost: Vec<Problem>,
}

/// Makes every state again that is not what its rewards make of it, and every state file that is not its state. Those of
/// programs are made by the programs that are given; those of others stay as they are.
///
/// # Errors
/// A store that cannot be read or written.
pub fn rebuild(store: &dyn Store, programs: &[Arc<Policy>]) -> Result<Rebuilt> {
    let mut result = Rebuilt { unchanged: 0, rebuilt: Vec::new(), lost: Vec::new() };
    let mut mend: Vec<(StateRecord, Replay)> = Vec::new();
    let mut views_to_write = Vec::new();
    read(store, |snapshot| {
        replay(
            snapshot,
            programs,
            |_, _| Ok(()),
            |state, replay| {
                if let Some(broken) = &replay.broken {
                    result
                        .lost
                        .push(Problem::of(&state, format!("its rewards do not tell all of it: {broken}")));
                } else if replay.unasked && state.model.is_some() {
                    result.lost.push(Problem::of(&state, UNASKED));
                } else if difference(&state, &replay, store.origin()).is_some() {
                    mend.push((state, replay));
                } else {
                    if views::problem(store, &state)?.is_some() {
                        views_to_write.push(state.id);
                    }
                    result.unchanged += u64::from(state.model.is_some());
                }
                Ok(())
            },
        )
    })?;
    for (state, replayed) in mend {
        let mended = write(store, Durability::Power, |transaction| {
            let now = transaction.states_by_id(&[state.id])?.pop();
            // Whoever wrote it meanwhile has changed what is to be mended.
            let Some(now) = now.filter(|now| now.revision == state.revision) else { return Ok(false) };
            let model = replayed.model.as_ref();
            let mended = StateRecord {
                model: model.map(encode),
                updates: model.map_or(0, Model::updates),
                number: replayed.number,
                revision: now.revision + 1,
                ..now
            };
            transaction.write_states(&mut [mended])?;
            Ok(true)
        })?;
        if mended {
            result.rebuilt.extend(state_file(&state.user, state.policy.name()));
        } else {
            result.lost.push(Problem::of(&state, "it changed while it was made again: rebuild once more"));
        }
    }
    for ids in views_to_write.chunks(TOGETHER) {
        write(store, Durability::Process, |transaction| {
            let mut states = transaction.states_by_id(ids)?;
            states.iter_mut().for_each(|state| state.published = Some(0));
            transaction.write_states(&mut states)
        })?;
    }
    result.rebuilt.sort();
    result.lost.sort();
    Ok(result)
}

/// What is learned again elsewhere.
#[derive(Debug, Clone)]
pub enum Source {
    /// Every state under its own policy, with every decision.
    Everything,
    /// What this policy learned, by name, for another one.
    Policy(String, Arc<Policy>),
}

/// Learns rewards of `store` again, into another store or, for another policy, into the same: how a new policy starts
/// warm. How many states there are, and what the log does not tell all of.
///
/// # Errors
/// A store that cannot be read or written; a policy that `store` has no state of; states that `target` has already.
pub fn retrain(
    store: &dyn Store,
    source: &Source,
    target: &dyn Store,
    with_views: bool,
    programs: &[Arc<Policy>],
) -> Result<(u64, Vec<Problem>)> {
    let (mut written, mut lost, mut met) = (0, Vec::new(), BTreeSet::new());
    let with_views = with_views && target.view_dir().is_some();
    let mut copies = Copies { target, with_views, pending: Vec::new(), records: 0 };
    read(store, |snapshot| {
        let copy: RefCell<Option<Copy>> = RefCell::new(None);
        replay(
            snapshot,
            programs,
            |state, record| {
                let policy = match source {
                    Source::Policy(from, _) if from != state.policy.name() => return Ok(()),
                    Source::Policy(_, policy) => policy,
                    Source::Everything => running(programs, &state.policy),
                };
                let (own, other) = (state.policy.features().domain(), policy.features().domain());
                if own != other {
                    let allowed = format!("{}, that of policy {}", other.label(), policy.name());
                    let fault = Fault::new("domain", own.label(), allowed);
                    return Err(fault.at(format!(
                        "the rewards of {:?} under {}",
                        state.user,
                        state.policy.name()
                    )));
                }
                copy.borrow_mut().get_or_insert_with(|| Copy::new(state, policy)).follow(record);
                Ok(())
            },
            |state, replay| {
                met.insert(state.policy.name().to_owned());
                let Some(copy) = copy.borrow_mut().take() else { return Ok(()) };
                let imported = matches!(source, Source::Policy(..)) && copy.imported;
                let broken = replay.broken.clone().or_else(|| copy.replay.broken.clone());
                if imported {
                    lost.push(Problem::of(&state, "it was imported, without the rewards behind it"));
                } else if let Some(broken) = broken {
                    lost.push(Problem::of(&state, format!("its rewards do not tell all of it: {broken}")));
                } else if copy.replay.unasked {
                    lost.push(Problem::of(&state, UNASKED));
                } else if copy.replay.model.is_some() {
                    written += 1;
                    copies.add(copy, snapshot)?;
                }
                Ok(())
            },
        )?;
        copies.flush(snapshot)?;
        if matches!(source, Source::Everything) {
            let (filter, mut place) = (LogFilter::default(), 0);
            loop {
                let page = snapshot.decisions_after(place, &filter, TOGETHER)?;
                let Some((last, _)) = page.last() else { break };
                place = *last;
                let decisions: Vec<_> = page.iter().map(|(_, decision)| decision).collect();
                write(target, Durability::Process, |transaction| transaction.add_decisions(&decisions))?;
            }
        }
        Ok(())
    })?;
    if let Source::Policy(from, _) = source
        && !met.contains(from)
    {
        return Err(Error::unknown("policy of the store", from, met));
    }
    lost.sort();
    Ok((written, lost))
}

/// A state that is learned again, with the entries since its user was forgotten last.
struct Copy {
    state: StateRecord,
    replay: Replay,
    records: CopiedRecords,
    imported: bool,
}

/// The entries of a copy.
struct CopiedRecords {
    /// The state that they are of, where they come from.
    source: i64,
    /// The number there of the first one.
    first: u64,
    count: usize,
    /// All of them, unless they are more than [`KEPT`].
    kept: Vec<RewardRecord>,
}

impl CopiedRecords {
    fn of(source: i64) -> Self {
        Self { source, first: 0, count: 0, kept: Vec::new() }
    }

    fn push(&mut self, record: RewardRecord) {
        self.count += 1;
        if self.count <= KEPT {
            self.kept.push(record);
        } else {
            self.kept = Vec::new();
        }
    }

    /// Hands all of them to `add`, numbered from 1, in pieces.
    fn each(
        &self,
        user: &str,
        snapshot: &dyn Snapshot,
        mut add: impl FnMut(Vec<RewardRecord>) -> Result<()>,
    ) -> Result<()> {
        if self.count <= KEPT {
            return add(self.kept.clone());
        }
        let (filter, mut place) = (LogFilter { user: Some(user.to_owned()), ..LogFilter::default() }, 0);
        loop {
            let page = snapshot.rewards_after(place, &filter, TOGETHER)?;
            let Some(last) = page.last() else { return Ok(()) };
            place = last.place;
            let own = page.into_iter().map(|logged| logged.record);
            let own = own.filter(|record| record.state == self.source && record.number >= self.first);
            add(own
                .map(|record| RewardRecord { number: record.number - self.first + 1, ..record })
                .collect())?;
        }
    }
}

impl Copy {
    fn new(source: &StateRecord, policy: &Arc<Policy>) -> Self {
        let (state, replay) = (StateRecord::new(&source.user, policy), Replay::new(policy));
        Self { state, replay, records: CopiedRecords::of(source.id), imported: false }
    }

    fn follow(&mut self, record: &RewardRecord) {
        if record.change == Change::Reset {
            self.replay = Replay::new(&self.state.policy);
            self.records = CopiedRecords::of(self.records.source);
            self.imported = false;
            return;
        }
        self.imported |= matches!(record.change, Change::Import(_));
        if self.records.count == 0 {
            self.records.first = record.number;
        }
        let record = RewardRecord { number: self.records.count as u64 + 1, ..record.clone() };
        self.replay.follow(&record);
        self.records.push(record);
    }
}

/// Events that a state learned before it was forgotten are known under their entries of then: these stand without them.
fn forget_known_events(transaction: &dyn Transaction, records: &mut [RewardRecord]) -> Result<()> {
    for record in records {
        if let Change::Reward { event: event @ Some(_), .. } = &mut record.change {
            let known = transaction.prior_rewards(&[(event.as_deref().unwrap_or_default(), record.state)])?;
            if known.first().is_some_and(Option::is_some) {
                *event = None;
            }
        }
    }
    Ok(())
}

/// Copies on their way into the target.
struct Copies<'a> {
    target: &'a dyn Store,
    with_views: bool,
    pending: Vec<Copy>,
    records: usize,
}

impl Copies<'_> {
    fn add(&mut self, copy: Copy, snapshot: &dyn Snapshot) -> Result<()> {
        self.records += copy.records.count;
        self.pending.push(copy);
        if self.records >= TOGETHER { self.flush(snapshot) } else { Ok(()) }
    }

    fn flush(&mut self, snapshot: &dyn Snapshot) -> Result<()> {
        self.records = 0;
        let mut pending = std::mem::take(&mut self.pending);
        let published = self.with_views.then_some(0);
        write(self.target, Durability::Power, |transaction| {
            let keys: Vec<(&str, &str)> =
                pending.iter().map(|copy| (copy.state.user.as_str(), copy.state.policy.name())).collect();
            let there = transaction.states(&keys)?;
            if let Some(there) = there.into_iter().flatten().find(|state| state.model.is_some()) {
                return Err(Error::because(ServiceError::Taken {
                    user: there.user.to_string(),
                    policy: there.policy.name().to_owned(),
                    remedy: "`rehearsal reset` forgets it",
                }));
            }
            for copy in &mut pending {
                let key = (copy.state.user.as_str(), copy.state.policy.name());
                let there = transaction.states(&[key])?.pop().flatten();
                let base = there.as_ref().map_or(0, |state| state.number);
                let model = copy.replay.model.as_ref().expect("only such are added");
                let mut state = [StateRecord {
                    id: there.as_ref().map_or(0, |state| state.id),
                    number: base + copy.replay.number,
                    updates: model.updates(),
                    model: Some(encode(model)),
                    revision: there.as_ref().map_or(0, |state| state.revision) + 1,
                    published,
                    ..copy.state.clone()
                }];
                transaction.write_states(&mut state)?;
                let id = state[0].id;
                copy.records.each(&copy.state.user, snapshot, |mut records| {
                    for record in &mut records {
                        (record.state, record.number) = (id, base + record.number);
                    }
                    if base > 0 {
                        forget_known_events(transaction, &mut records)?;
                    }
                    transaction.add_rewards(&records)
                })?;
            }
            Ok(())
        })
    }
}
