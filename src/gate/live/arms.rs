//! Users in arms, with the probabilities with which they were to be there.
//!
//! In a rollout the second variant's share grows, and users come back. What is known of who had the first variant while the
//! share was s is that their place is at least s: when the share becomes s', they have the second one with probability
//! (s' - s) / (1 - s), whatever happened before. Who had the second one keeps it, for sure, and is evidence of nothing. Arms are
//! those of the shares that were decided, whatever a server that had not heard of them yet has shown.

use super::effect::ArmUser;
use super::observations::{Membership, Observation};
use crate::experiment::Experiment;
use smol_str::SmolStr;
use std::collections::HashMap;

/// A step of a rollout, for as long as it held.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Epoch {
    /// Its first moment, in milliseconds since 1970.
    pub from: u64,
    /// The first moment after it.
    pub until: u64,
    /// The share of the second variant.
    pub share: f64,
}

/// A user in a group, with the weights of all groups.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct WeightedUser {
    pub(super) group: u32,
    pub(super) weights: Vec<f64>,
    pub(super) y: Option<f64>,
}

impl WeightedUser {
    /// One of an experiment whose weights are always the same.
    pub(super) fn of(observation: &Observation, weights: &[f64]) -> Option<Self> {
        let group = observation.membership.group;
        Some(Self { group, weights: weights.to_vec(), y: observation.value })
    }

    /// The user as evidence on two groups, if in one of them.
    pub(super) fn in_pair(&self, arm: u32, control: u32) -> Option<ArmUser> {
        let treated = self.group == arm;
        let (own, other) = (self.weights[arm as usize], self.weights[control as usize]);
        let weight = own / (own + other);
        let is_open = weight > 0.0 && weight < 1.0;
        (is_open && (treated || self.group == control)).then_some(())?;
        Some(ArmUser { treated, weight, y: self.y? })
    }
}

/// Where a decision of a rollout belongs: the step that it was made in, and the arm that the user's place has there.
pub(super) fn membership(
    experiment: &Experiment,
    epochs: &[Epoch],
    user: &str,
    at: u64,
) -> Option<Membership> {
    let scope = epochs.iter().position(|epoch| (epoch.from..epoch.until).contains(&at))?;
    let group = u32::from(experiment.place(user) < epochs[scope].share);
    Some(Membership { scope: scope as u32, group })
}

/// Every observation of a rollout, in the order of exposure, as a weighted user; `None` for who could be nowhere else.
pub(super) fn of_rollout(epochs: &[Epoch], all: &[Observation]) -> Vec<Option<WeightedUser>> {
    // The largest share that each user has been under so far.
    let mut largest: HashMap<&SmolStr, f64> = HashMap::new();
    let weigh = |observation: &'_ Observation, before: f64| {
        let share = epochs[observation.membership.scope as usize].share;
        let weight = (share - before) / (1.0 - before);
        (weight > 0.0 && weight < 1.0).then(|| WeightedUser {
            group: observation.membership.group,
            weights: vec![1.0 - weight, weight],
            y: observation.value,
        })
    };
    let mut had_second: HashMap<&SmolStr, bool> = HashMap::new();
    all.iter()
        .map(|observation| {
            let share = epochs[observation.membership.scope as usize].share;
            let before = largest.insert(&observation.user, share).unwrap_or(0.0);
            let largest_now = before.max(share);
            largest.insert(&observation.user, largest_now);
            let second = had_second.entry(&observation.user).or_insert(false);
            let is_sure = *second;
            *second |= observation.membership.group == 1;
            if is_sure { None } else { weigh(observation, before) }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observation(user: &str, scope: u32, group: u32) -> Observation {
        Observation {
            user: user.into(),
            membership: Membership { scope, group },
            exposed_at: 0,
            decisions: 1,
            value: Some(0.5),
            is_closed: true,
        }
    }

    #[test]
    fn who_comes_back_was_assigned_with_what_is_left_of_the_share() {
        let epoch = |from: u64, share: f64| Epoch { from, until: from + 10, share };
        let epochs = [epoch(0, 0.2), epoch(10, 0.6), epoch(20, 1.0)];
        let all = [
            observation("ann", 0, 0),
            observation("bob", 0, 1),
            observation("ann", 1, 1),
            observation("bob", 1, 1),
            observation("cid", 1, 0),
            observation("cid", 2, 1),
        ];
        let weight = |user: &Option<WeightedUser>| user.as_ref().map(|user| user.weights[1]);
        let found: Vec<_> = of_rollout(&epochs, &all).iter().map(weight).collect();
        let left = (0.6_f64 - 0.2) / (1.0 - 0.2);
        assert_eq!(found, [Some(0.2), Some(0.2), Some(left), None, Some(0.6), None]);
    }
}
