//! What a policy has learned about one user, with where that stands in the log.

use super::record::Lesson;
use crate::error::{Error, Result};
use crate::features::FeatureBlock;
use crate::policy::{Model, Policy, Scratch};
use std::collections::VecDeque;
use std::sync::Arc;

/// How many of the latest events a state file names.
pub const KEPT_EVENTS: usize = 256;

/// An event that was learned from: its id and its reward.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The id, the decision's where none was given.
    pub id: String,
    /// What was learned for it.
    pub reward: f64,
}

/// The state of one user under one policy.
#[derive(Debug, Clone)]
pub struct UserState {
    pub(super) user: String,
    pub(super) policy: Arc<Policy>,
    pub(super) model: Model,
    pub(super) seq: u64,
    pub(super) events: VecDeque<Event>,
}

impl UserState {
    /// The state of a user of whom nothing is known.
    pub fn new(user: &str, policy: &Arc<Policy>) -> Self {
        Self {
            user: user.to_owned(),
            policy: Arc::clone(policy),
            model: policy.new_model(),
            seq: 0,
            events: VecDeque::new(),
        }
    }

    /// The user.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The policy. Of one that was read back without its file, only what the model needs is known.
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// What has been learned.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Sequence number of the latest log record in it; 0 before the first.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The latest events, oldest first, at most [`KEPT_EVENTS`].
    pub fn events(&self) -> impl DoubleEndedIterator<Item = &Event> {
        self.events.iter()
    }

    /// Whether `policy` has this state's model: two files may give different policies one name.
    pub(super) fn fits(&self, policy: &Policy) -> Result<()> {
        let model =
            |p: &Policy| (p.features(), p.structure(), p.lambda().to_bits(), p.forgetting().to_bits());
        if model(&self.policy) == model(policy) {
            return Ok(());
        }
        Err(Error::Refused(format!("policy {:?} is defined in two ways in one run", policy.name())))
    }

    /// Learns from a lesson, which is record `seq` of the log.
    pub(super) fn learn(&mut self, lesson: &Lesson, seq: u64, scratch: &mut Scratch) {
        let block = FeatureBlock::of(self.policy.features(), &lesson.request);
        let part = self.model.part(lesson.request.candidates()[0].kind.as_deref());
        self.model.learn(&block, 0, part, lesson.reward, scratch);
        self.seq = seq;
        if let Some(id) = &lesson.event {
            if self.events.len() == KEPT_EVENTS {
                self.events.pop_front();
            }
            self.events.push_back(Event { id: id.clone(), reward: lesson.reward });
        }
    }
}
