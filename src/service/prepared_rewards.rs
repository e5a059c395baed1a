//! What programs have made of rewards before the transaction that learns them.

use crate::base::error::Result;
use crate::policy::Model;
use crate::policy::program::{Program, WhichCall};
use crate::store::{Observation, Taught, learn_by};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// What a program made of a reward.
pub(super) struct PreparedReward {
    /// What it knew before.
    pub(super) before: Option<Box<str>>,
    /// What it knows then.
    pub(super) after: Result<Box<str>>,
}

/// What programs made of rewards, by the position of the call.
#[derive(Default)]
pub(super) struct PreparedRewards(pub(super) Mutex<HashMap<usize, PreparedReward>>);

impl PreparedRewards {
    /// Lets a program learn: as it did before the transaction, if that began from what is known of the user now.
    pub(super) fn teach(
        &self,
        program: &Program,
        (call, user): (usize, &str),
        model: &mut Model,
        observation: &Observation,
    ) -> Result<()> {
        let mut prepared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reward) =
            prepared.get(&call).filter(|reward| reward.before.as_deref() == model.program_state())
        {
            if let Ok(after) = &reward.after {
                model.replace_program_state(after.clone(), observation.reward);
                return Ok(());
            }
            // A transaction that is made again asks again.
            if let Some(PreparedReward { after: Err(error), .. }) = prepared.remove(&call) {
                return Err(error);
            }
        }
        drop(prepared);
        let which = WhichCall { user, number: call as u64 + 1 };
        learn_by(program, &mut [Taught { which, model, observation }]).pop().unwrap_or(Ok(()))
    }
}
