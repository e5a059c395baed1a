//! Export and import: states as lines of JSON, for moving and for other tools.

use super::error::ServiceError;
use super::shared::{Service, now_ms};
use crate::base::error::{Error, Result};
use crate::store::{Change, Durability, RewardRecord, State, StateRecord, encode, write};
use serde::Serialize;
use smol_str::{SmolStr, ToSmolStr};
use std::collections::HashSet;

/// A state that was taken in.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Imported {
    /// The user.
    pub user: SmolStr,
    /// The policy.
    pub policy: SmolStr,
    /// Rewards that it has learned from.
    pub updates: u64,
}

/// Hands the line of every state, or of those of a user or a policy, to `visit`.
///
/// # Errors
/// A store that cannot be read, a policy that nobody has, and those of `visit`.
pub fn export(
    service: &Service,
    user: Option<&str>,
    policy: Option<&str>,
    mut visit: impl FnMut(Vec<u8>) -> Result<()>,
) -> Result<()> {
    service.each_state(user, policy, |state| visit(state.to_line()))
}

/// Takes states in as they are, each recorded whole in the log of rewards. One that is there already is refused by
/// itself, unless they `replace`.
///
/// # Errors
/// A store that cannot be written; then none of them is taken.
pub fn import(service: &Service, states: &[State], replace: bool) -> Result<Vec<Result<Imported>>> {
    write(service.store(), Durability::Power, |transaction| {
        let keys: Vec<(&str, &str)> =
            states.iter().map(|state| (state.user.as_str(), state.policy.name())).collect();
        let there = transaction.states(&keys)?;
        let (mut taken, mut outcomes) = (HashSet::new(), Vec::with_capacity(states.len()));
        let (mut records, mut entries) = (Vec::new(), Vec::new());
        for ((state, key), there) in states.iter().zip(keys).zip(there) {
            let is_known = there.as_ref().is_some_and(|there| there.model.is_some());
            if !taken.insert(key) || is_known && !replace {
                outcomes.push(Err(Error::because(ServiceError::Taken {
                    user: state.user.to_string(),
                    policy: state.policy.name().to_owned(),
                    remedy: "--replace puts this one in its place",
                })));
                continue;
            }
            let there = there.unwrap_or_else(|| StateRecord::new(&state.user, &state.policy));
            let (number, revision) = (there.number + 1, there.revision + 1);
            let line = State { revision, ..state.clone() }.to_line();
            let line = String::from_utf8(line.trim_ascii_end().to_vec()).expect("JSON is UTF-8");
            entries.push(RewardRecord {
                state: there.id,
                number,
                at: now_ms(),
                change: Change::Import(line),
            });
            records.push(StateRecord {
                policy: state.policy.clone(),
                number,
                revision,
                model: Some(encode(&state.model)),
                updates: state.model.updates(),
                published: there.published.or(service.has_views().then_some(0)),
                ..there
            });
            let (user, policy) = (state.user.clone(), state.policy.name().to_smolstr());
            outcomes.push(Ok(Imported { user, policy, updates: state.model.updates() }));
        }
        transaction.write_states(&mut records)?;
        entries.iter_mut().zip(&records).for_each(|(entry, state)| entry.state = state.id);
        transaction.add_rewards(&entries)?;
        Ok(outcomes)
    })
}
