//! What programs have answered for calls that are to be decided.

use super::decide::{ScoredChoice, draw};
use crate::base::error::Result;
use crate::policy::Policy;
use std::collections::HashMap;

/// What programs answered, by the place of the call and the name of the policy.
#[derive(Default)]
pub(super) struct AskedPrograms {
    pub(super) answered: HashMap<(usize, String), Result<Vec<f64>>>,
}

impl AskedPrograms {
    /// The choice that is drawn from what was answered for the call at this place. An error is told once: who is told one
    /// asks no more.
    pub(super) fn take(&mut self, place: usize, policy: &Policy, seed: u64) -> Result<ScoredChoice> {
        let key = (place, policy.name().to_owned());
        if let Some(Ok(probabilities)) = self.answered.get(&key) {
            return Ok(draw(probabilities.clone(), seed));
        }
        let answered = self.answered.remove(&key);
        Ok(draw(answered.expect("each program was asked for each call")?, seed))
    }

    /// What was answered for groups of so many calls, one after the other without end.
    pub(super) fn into_groups(self, size: usize) -> impl Iterator<Item = Self> {
        let mut groups: HashMap<usize, Self> = HashMap::new();
        for ((place, policy), answered) in self.answered {
            let group = groups.entry(place / size).or_default();
            group.answered.insert((place % size, policy), answered);
        }
        (0..).map(move |group| groups.remove(&group).unwrap_or_default())
    }
}
