//! Reset: a user is forgotten.

use super::shared::{Service, named_user, now_ms};
use crate::base::error::Result;
use crate::store::{Change, Durability, RewardRecord, StateRecord, Transaction, views, write};
use serde::Serialize;
use smol_str::{SmolStr, ToSmolStr};

/// What was forgotten.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reset {
    /// The user.
    pub user: SmolStr,
    /// Policies that knew them.
    pub removed: Vec<SmolStr>,
    /// What was removed from the log, if that was asked for.
    #[serde(flatten)]
    pub erased: Option<Erased>,
}

/// What was removed from the log.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Erased {
    /// How many decisions.
    pub erased_decisions: u64,
    /// How many rewards, resets and imports.
    pub erased_rewards: u64,
}

impl Service {
    /// Forgets what was learned of a user, under a policy or all of them; then publishes that.
    ///
    /// # Errors
    /// A store that cannot be written; then nothing is forgotten.
    pub fn reset(&self, user: &str, policy: Option<&str>) -> Result<Reset> {
        let user = named_user(user)?;
        let reset = write(self.store(), Durability::Power, |transaction| {
            let mut states = of_user(transaction, user, policy)?;
            states.retain(|state| state.model.is_some());
            Ok(Reset { user: user.into(), removed: forget(transaction, states, now_ms())?, erased: None })
        })?;
        self.note_changed(reset.removed.iter().map(|policy| (&reset.user, policy)));
        self.publish()?;
        Ok(reset)
    }

    /// Forgets a user and removes their decisions and rewards.
    ///
    /// They are forgotten first, and their state files removed: whoever is killed after that leaves nothing behind that
    /// the store does not know of.
    ///
    /// # Errors
    /// A store that cannot be written; then nothing is removed, or the user is forgotten and nothing else.
    pub fn erase(&self, user: &str, policy: Option<&str>) -> Result<Reset> {
        let user = named_user(user)?;
        let mut removed: Vec<SmolStr> = Vec::new();
        let mut forgotten = 0;
        let (policies, erased, published) = loop {
            let (all, names) = write(self.store(), Durability::Power, |transaction| {
                let mut states = of_user(transaction, user, policy)?;
                let all: Vec<SmolStr> = states.iter().map(|state| state.policy.name().into()).collect();
                states.retain(|state| state.model.is_some());
                Ok((all, forget(transaction, states, now_ms())?))
            })?;
            forgotten += names.len() as u64;
            removed.extend(names.into_iter().filter(|name| !removed.contains(name)).collect::<Vec<_>>());
            // A file of somebody else that cannot be written is no reason to keep them.
            let own: Vec<(&str, &str)> = all.iter().map(|policy| (user, policy.as_str())).collect();
            let published = views::publish_first(self.store(), &own);
            let done = write(self.store(), Durability::Power, |transaction| {
                let states = of_user(transaction, user, policy)?;
                // Somebody may have begun it anew meanwhile.
                if states.iter().any(|state| state.model.is_some()) {
                    return Ok(None);
                }
                let ids: Vec<i64> = states.iter().map(|state| state.id).collect();
                let entries: u64 = states.iter().map(|state| state.number).sum();
                let policies: Vec<String> =
                    states.iter().map(|state| state.policy.name().to_owned()).collect();
                transaction.erase_states(&ids)?;
                if policy.is_none() {
                    transaction.erase_spending(user)?;
                }
                let erased_decisions = transaction.erase_decisions(user, policy)?;
                Ok(Some((
                    policies,
                    Erased { erased_decisions, erased_rewards: entries.saturating_sub(forgotten) },
                )))
            })?;
            if let Some((policies, erased)) = done {
                break (policies, erased, published);
            }
        };
        // Of one that had begun to publish what it had learned before.
        views::erase(self.store(), user, &policies)?;
        published?;
        let reset = Reset { user: user.into(), removed, erased: Some(erased) };
        self.store().tidy()?;
        Ok(reset)
    }
}

fn of_user(transaction: &dyn Transaction, user: &str, policy: Option<&str>) -> Result<Vec<StateRecord>> {
    let mut states = transaction.states_of(user)?;
    states.retain(|state| policy.is_none_or(|name| state.policy.name() == name));
    Ok(states)
}

/// Notes in the log that these states were forgotten; the names of their policies.
pub(super) fn forget(
    transaction: &mut dyn Transaction,
    mut states: Vec<StateRecord>,
    at: u64,
) -> Result<Vec<SmolStr>> {
    let mut records = Vec::with_capacity(states.len());
    for state in &mut states {
        state.number += 1;
        state.revision += 1;
        (state.model, state.updates) = (None, 0);
        records.push(RewardRecord { state: state.id, number: state.number, at, change: Change::Reset });
    }
    transaction.write_states(&mut states)?;
    transaction.add_rewards(&records)?;
    Ok(states.iter().map(|state| state.policy.name().to_smolstr()).collect())
}
