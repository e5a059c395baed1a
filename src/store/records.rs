//! What a store keeps: decisions, rewards, states, and steps of rollouts, each as a record.

use super::model_bytes;
use super::state::State;
use crate::base::error::{Error, Result};
use crate::domain::labels::DecisionLabels;
use crate::policy::{Model, Policy};
use smol_str::SmolStr;
use std::path::Path;
use std::sync::Arc;

/// One decision as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct DecisionRecord {
    /// A UUID of version 7, or an id that version 0.1 gave.
    pub id: SmolStr,
    /// When it was made, in milliseconds since 1970.
    pub at: u64,
    /// For whom.
    pub user: SmolStr,
    /// Who decided.
    pub policy: Arc<Policy>,
    /// Seed of its exploration, below 2^53.
    pub seed: u64,
    /// The request as it was scored, as JSON in one line.
    pub request: Arc<str>,
    /// Every candidate's score, as a JSON array in the order of the request.
    pub scores: String,
    /// Every candidate's probability of being chosen, likewise; `None` where it has no closed form.
    pub propensities: Option<String>,
    /// Id of the chosen candidate.
    pub chosen: SmolStr,
    /// The probability with which it was chosen, if it is known.
    pub propensity: Option<f64>,
    /// Whether chance rather than the scores decided.
    pub explored: bool,
    /// The decision that was shown instead of this one, if nobody was shown this one.
    pub shadow_of: Option<SmolStr>,
    /// What it carries for who analyses it.
    pub labels: DecisionLabels,
}

/// What an entry of the log of rewards did to its state.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// It learned.
    Reward {
        /// The event, under which it is learned once; a decision's id if it answers one.
        event: Option<SmolStr>,
        /// Whether the event is a decision.
        answers_decision: bool,
        /// What the user did, if the reward was made from that.
        reaction: Option<SmolStr>,
        /// How long the tip was looked at, in seconds.
        dwell_seconds: Option<f64>,
        /// The reward.
        reward: f64,
        /// What was shown, as the JSON of a request with one candidate.
        shown: String,
    },
    /// It was forgotten.
    Reset,
    /// It came from elsewhere, whole: a line that `export` prints.
    Import(String),
}

/// One entry of the log of rewards.
#[derive(Debug, Clone, PartialEq)]
pub struct RewardRecord {
    /// Id of its state.
    pub state: i64,
    /// Its number within the state: 1 for the first, then one more for each.
    pub number: u64,
    /// When it was written, in milliseconds since 1970.
    pub at: u64,
    /// What it did.
    pub change: Change,
}

/// An entry of the log of rewards with the names of its state.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedReward {
    /// Where it stands in the log: to go on after it.
    pub place: i64,
    /// The user.
    pub user: SmolStr,
    /// The policy, as the state has it now.
    pub policy: Arc<Policy>,
    /// The entry.
    pub record: RewardRecord,
}

/// One state as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct StateRecord {
    /// Its id, for as long as the store has it; 0 before it is kept.
    pub id: i64,
    /// The user.
    pub user: SmolStr,
    /// The policy that it was begun with.
    pub policy: Arc<Policy>,
    /// Number of its latest entry in the log of rewards.
    pub number: u64,
    /// The model as [`encode`](crate::store::encode) writes it; `None` once the user is forgotten.
    pub model: Option<Vec<u8>>,
    /// Number of rewards in the model.
    pub updates: u64,
    /// Counts every change of the state.
    pub revision: u64,
    /// The revision that its file has got to; `None` if nobody wants a file of it.
    pub published: Option<u64>,
}

impl StateRecord {
    /// A state that is not kept yet and has learned nothing.
    pub fn new(user: &str, policy: &Arc<Policy>) -> Self {
        Self {
            id: 0,
            user: user.into(),
            policy: Arc::clone(policy),
            number: 0,
            model: None,
            updates: 0,
            revision: 0,
            published: None,
        }
    }

    /// Whether its file is wanted and older than it.
    pub fn is_behind(&self) -> bool {
        self.published.is_some_and(|published| published < self.revision)
    }

    /// What has been learned, or an untaught model.
    ///
    /// # Errors
    /// [`Error::Damaged`] for bytes that are no model of the policy.
    pub fn model(&self, origin: &Path) -> Result<Model> {
        let Some(bytes) = &self.model else { return Ok(self.policy.new_model()) };
        model_bytes::decode(bytes, &self.policy).map_err(|what| Error::Damaged {
            path: origin.to_owned(),
            what: format!("the state of {:?} under {}: {what}", self.user, self.policy.name()),
        })
    }

    /// The state; `None` if the user is forgotten.
    ///
    /// # Errors
    /// As [`Self::model`].
    pub fn state(&self, origin: &Path) -> Result<Option<State>> {
        if self.model.is_none() {
            return Ok(None);
        }
        let (user, policy) = (self.user.clone(), Arc::clone(&self.policy));
        Ok(Some(State { user, policy, model: self.model(origin)?, revision: self.revision }))
    }
}

/// One step of a rollout: what holds from then on, and why. The latest one of an experiment says where it is.
#[derive(Debug, Clone, PartialEq)]
pub struct RolloutRecord {
    /// The experiment.
    pub experiment: SmolStr,
    /// Its number within the experiment: 1 for the first, then one more for each.
    pub revision: u64,
    /// When it was taken, in milliseconds since 1970.
    pub at: u64,
    /// What was done: `start`, `advance`, `fall back`, `stop`, `finish`.
    pub action: SmolStr,
    /// The share of users who have the second variant from then on, in [0, 1].
    pub share: f64,
    /// SHA-256, in hexadecimal, of the experiment as it was then.
    pub digest: SmolStr,
    /// What it rests on, as JSON; `None` where nothing was asked.
    pub evidence: Option<String>,
}
