//! Prune: the log is kept bounded.
//!
//! Of each state, what its rewards had made of it by then takes their place, as an import, so that `verify` and
//! `rebuild` go on as before. What is gone is gone: a decision that was pruned answers not found, and an event of the
//! caller's own would be learned again.

use super::replay::{Problem, Replay, UNASKED, replay};
use crate::base::error::Result;
use crate::policy::Policy;
use crate::store::{Change, Durability, RewardRecord, State, StateRecord, Store, read, write};
use serde::Serialize;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

/// So many decisions are removed at a time, so that others get their turn.
const TOGETHER: usize = 8_192;
/// So many states get their one entry in one commit: while the log is read nothing is folded into the database, and each
/// commit looks at all that waits for it.
const STATES_TOGETHER: usize = 2_048;
/// From so many on it pays to find rewards by their state.
const INDEX_FROM: usize = 64;

/// What was removed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pruned {
    /// How many decisions.
    pub decisions: u64,
    /// How many rewards, resets and imports.
    pub rewards: u64,
    /// States whose rewards do not tell all of them, of which none was removed.
    pub lost: Vec<Problem>,
}

/// What the entries before the moment made of a state.
struct Prefix {
    replay: Replay,
    at: u64,
    records: u64,
    /// Whether it is one entry that stands for others already.
    is_folded: bool,
}

impl Prefix {
    /// None of the entries of a state yet, of which this is the first.
    fn of(programs: &[Arc<Policy>], state: &StateRecord, first: &RewardRecord) -> Self {
        let is_folded = !matches!(first.change, Change::Reward { .. });
        Self { replay: Replay::by(programs, &state.policy), at: 0, records: 0, is_folded }
    }

    fn follow(&mut self, record: &RewardRecord) {
        self.replay.follow(record);
        self.at = record.at;
        self.records += 1;
    }
}

/// Removes what was decided and learned before a moment, in milliseconds since 1970. What programs have learned is made
/// again by those that are given; the rewards of others stay.
///
/// # Errors
/// A store that cannot be read or written; what was removed before that is removed.
pub fn prune(store: &dyn Store, before: u64, programs: &[Arc<Policy>]) -> Result<Pruned> {
    let mut pruned = Pruned { decisions: 0, rewards: 0, lost: Vec::new() };
    let prefix: RefCell<Option<Prefix>> = RefCell::new(None);
    let mut folds: Vec<Fold> = Vec::new();
    read(store, |snapshot| {
        replay(
            snapshot,
            programs,
            |state, record| {
                let mut prefix = prefix.borrow_mut();
                let own = prefix.get_or_insert_with(|| Prefix::of(programs, state, record));
                // What is younger ends the prefix, also where a clock was set back after it.
                if record.at < before && (own.records == 0 || own.replay.number + 1 >= record.number) {
                    own.follow(record);
                }
                Ok(())
            },
            |state, _| {
                let Some(own) = prefix.borrow_mut().take() else { return Ok(()) };
                if let Some(broken) = &own.replay.broken {
                    pruned
                        .lost
                        .push(Problem::of(&state, format!("its rewards do not tell all of it: {broken}")));
                } else if own.replay.unasked {
                    pruned.lost.push(Problem::of(&state, UNASKED));
                } else if own.records > u64::from(own.is_folded) {
                    folds.push(Fold::new(&state, own));
                    if folds.len() == STATES_TOGETHER {
                        pruned.rewards += fold(store, &std::mem::take(&mut folds))?;
                    }
                }
                Ok(())
            },
        )
    })?;
    pruned.rewards += fold(store, &folds)?;
    loop {
        let count =
            write(store, Durability::Process, |transaction| transaction.prune_decisions(before, TOGETHER))?;
        pruned.decisions += count;
        if count == 0 {
            break;
        }
    }
    store.tidy()?;
    pruned.lost.sort();
    Ok(pruned)
}

/// The entry that takes the place of the first ones of a state.
struct Fold {
    state: i64,
    number: u64,
    at: u64,
    change: Change,
}

impl Fold {
    fn new(state: &StateRecord, Prefix { replay, at, .. }: Prefix) -> Self {
        let number = replay.number;
        let change = match replay.model {
            None => Change::Reset,
            Some(model) => {
                let (user, policy) = (state.user.clone(), Arc::clone(&state.policy));
                let line = State { user, policy, model, revision: number }.to_line();
                Change::Import(String::from_utf8(line.trim_ascii_end().to_vec()).expect("JSON is UTF-8"))
            }
        };
        Self { state: state.id, number, at, change }
    }
}

/// Puts one entry in the place of the first ones of each of these states; how many they took the place of.
fn fold(store: &dyn Store, folds: &[Fold]) -> Result<u64> {
    if folds.is_empty() {
        return Ok(0);
    }
    // Without an index all rewards are looked through for those of one state.
    if folds.len() > INDEX_FROM {
        store.find_rewards_by_state()?;
    }
    let ids: Vec<i64> = folds.iter().map(|fold| fold.state).collect();
    write(store, Durability::Power, |transaction| {
        // Somebody may have erased some of them meanwhile.
        let there: BTreeSet<i64> =
            transaction.states_by_id(&ids)?.into_iter().map(|state| state.id).collect();
        let (mut removed, mut records) = (0, Vec::with_capacity(folds.len()));
        for Fold { state, number, at, change } in folds.iter().filter(|fold| there.contains(&fold.state)) {
            let own = transaction.prune_rewards(*state, *number)?;
            // Who pruned further meanwhile has one entry in the place of these and of later ones.
            if own > 0 {
                records.push(RewardRecord {
                    state: *state,
                    number: *number,
                    at: *at,
                    change: change.clone(),
                });
            }
            removed += own;
        }
        transaction.add_rewards(&records)?;
        Ok(removed)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::{Given, GivenBy, Policies, RewardCall, Service, verify};
    use crate::store::{Access, Pace, open};

    /// What the entries up to this number make of the only state.
    fn prefix(store: &dyn Store, number: u64) -> (StateRecord, Prefix) {
        let (mut found, mut own) = (None, None);
        read(store, |snapshot| {
            replay(
                snapshot,
                &[],
                |state, record| {
                    let own = own.get_or_insert_with(|| Prefix::of(&[], state, record));
                    if record.number <= number {
                        own.follow(record);
                    }
                    Ok(())
                },
                |state, _| {
                    found = Some(state);
                    Ok(())
                },
            )
        })
        .unwrap();
        (found.unwrap(), own.unwrap())
    }

    #[test]
    fn of_two_who_prune_at_once_none_undoes_what_the_other_did() {
        let given = || Given { by: GivenBy::Options, user: None, policy: None, seed: None };
        let learned = |reward: usize| {
            format!(
                r#"{{"user":"u","policy":"egreedy-v1","chosen":"a","reward":0.{reward},
                "context":{{"hour":8.5,"weekday":0}},"candidates":[{{"id":"a"}}]}}"#
            )
        };
        for (first, second) in [(5, 3), (3, 5), (4, 4)] {
            let dir = tempfile::tempdir().unwrap();
            let store = open(&dir.path().join("state"), Access::Write, Pace::Single).unwrap();
            let policies = Policies::new::<&str>(&[]).unwrap();
            let service = Service::new(Arc::clone(&store), policies, Vec::new()).unwrap();
            let call = |text: String| RewardCall::parse(&service, text.as_bytes(), "a line", &given());
            let calls: Vec<RewardCall> = (1..=6).map(learned).map(|text| call(text).unwrap()).collect();
            assert!(service.learn(&calls).unwrap().iter().all(Result::is_ok));
            // Both have read before either has written.
            let prefixes = [prefix(&*store, first), prefix(&*store, second)];
            for (state, prefix) in prefixes {
                fold(&*store, &[Fold::new(&state, prefix)]).unwrap();
            }
            service.publish().unwrap();
            let verified = verify(&*store, &[]).unwrap();
            assert_eq!((verified.problems, verified.states), (Vec::new(), 1), "{first} {second}");
            assert_eq!(verified.rewards, 7 - first.max(second));
        }
    }
}
