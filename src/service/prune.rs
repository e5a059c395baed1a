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
use std::sync::Arc;

/// So many decisions are removed at a time, so that others get their turn.
const TOGETHER: usize = 8_192;

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

/// Removes what was decided and learned before a moment, in milliseconds since 1970. What programs have learned is made
/// again by those that are given; the rewards of others stay.
///
/// # Errors
/// A store that cannot be read or written; what was removed before that is removed.
pub fn prune(store: &dyn Store, before: u64, programs: &[Arc<Policy>]) -> Result<Pruned> {
    let mut pruned = Pruned { decisions: 0, rewards: 0, lost: Vec::new() };
    let prefix: RefCell<Option<Prefix>> = RefCell::new(None);
    read(store, |snapshot| {
        replay(
            snapshot,
            programs,
            |state, record| {
                let mut prefix = prefix.borrow_mut();
                let own = prefix.get_or_insert_with(|| Prefix {
                    replay: Replay::by(programs, &state.policy),
                    at: 0,
                    records: 0,
                    is_folded: !matches!(record.change, Change::Reward { .. }),
                });
                // What is younger ends the prefix, also where a clock was set back after it.
                if record.at < before && (own.records == 0 || own.replay.number + 1 >= record.number) {
                    own.replay.follow(record);
                    own.at = record.at;
                    own.records += 1;
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
                    pruned.rewards += fold(store, &state, &own)?;
                }
                Ok(())
            },
        )
    })?;
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

/// Puts one entry in the place of the first ones of a state; how many it took the place of.
fn fold(store: &dyn Store, state: &StateRecord, prefix: &Prefix) -> Result<u64> {
    let Prefix { replay, at, .. } = prefix;
    let change = match &replay.model {
        None => Change::Reset,
        Some(model) => {
            let (user, policy) = (state.user.clone(), Arc::clone(&state.policy));
            let line = State { user, policy, model: model.clone(), revision: replay.number }.to_line();
            Change::Import(String::from_utf8(line.trim_ascii_end().to_vec()).expect("JSON is UTF-8"))
        }
    };
    write(store, Durability::Power, |transaction| {
        // Somebody may have erased it meanwhile.
        if transaction.states_by_id(&[state.id])?.is_empty() {
            return Ok(0);
        }
        let removed = transaction.prune_rewards(state.id, replay.number)?;
        let record = RewardRecord { state: state.id, number: replay.number, at: *at, change: change.clone() };
        transaction.add_rewards(&[record])?;
        Ok(removed)
    })
}
