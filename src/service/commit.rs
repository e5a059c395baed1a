//! Commit: decisions that were answered before they were kept, and rewards, in one transaction.

use super::reward::RewardReply;
use super::reward_call::RewardCall;
use super::shared::Service;
use crate::base::error::Result;
use crate::store::{DecisionRecord, Durability, write};

impl Service {
    /// Keeps decisions, then learns from each reward, those of these decisions among them; publishes nothing yet.
    ///
    /// With rewards it is as durable as they have to be, whatever `durability` says. After an error of which nobody knows
    /// whether it came before or after the commit, the same call may be made again: decisions that are there are left
    /// alone, and a reward that was learned is a duplicate.
    ///
    /// # Errors
    /// A store that cannot be read or written; then nothing is kept or learned. What is wrong with one reward is in its
    /// place.
    pub fn commit(
        &self,
        durability: Durability,
        decisions: &[&DecisionRecord],
        rewards: &[RewardCall],
    ) -> Result<Vec<Result<RewardReply>>> {
        let prepared = self.prepared_rewards(rewards)?;
        let durability = if rewards.is_empty() { durability } else { Durability::Power };
        let replies = write(self.store(), durability, |transaction| {
            transaction.add_decisions(decisions)?;
            if rewards.is_empty() {
                Ok(Vec::new())
            } else {
                self.learn_within(transaction, rewards, &prepared)
            }
        })?;
        self.note_changed(replies.iter().flatten().map(|reply| (&reply.user, &reply.policy)));
        Ok(replies)
    }
}
