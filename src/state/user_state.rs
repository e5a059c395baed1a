//! What a policy has learned about one user, with where that stands in the log.

use super::lesson::Lesson;
use crate::base::error::{Error, Result};
use crate::policy::{Model, Policy, Scratch};
use smol_str::SmolStr;
use std::collections::VecDeque;
use std::sync::Arc;

/// How many of the latest events a state file names.
pub const KEPT_EVENTS: usize = 256;

/// An event that was learned from: its id and its reward.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The id, the decision's where none was given.
    pub id: SmolStr,
    /// What was learned for it.
    pub reward: f64,
}

/// The latest events of a state, oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct Events {
    events: VecDeque<Event>,
    /// Of each id a part, side by side: looking for one that is not there looks at no id.
    tags: VecDeque<u64>,
}

impl FromIterator<Event> for Events {
    fn from_iter<I: IntoIterator<Item = Event>>(events: I) -> Self {
        let mut all = Self::default();
        events.into_iter().for_each(|event| all.push(event));
        all
    }
}

impl Events {
    /// Adds the latest one; the oldest makes room if there are [`KEPT_EVENTS`].
    pub(super) fn push(&mut self, event: Event) {
        if self.events.len() == KEPT_EVENTS {
            self.events.pop_front();
            self.tags.pop_front();
        }
        self.tags.push_back(Self::tag(&event.id));
        self.events.push_back(event);
    }

    /// The reward of the event with this id.
    pub(super) fn reward_of(&self, id: &str) -> Option<f64> {
        let tag = Self::tag(id);
        let same = |(i, own): (usize, &u64)| (*own == tag).then(|| &self.events[i]);
        self.tags.iter().enumerate().filter_map(same).find(|event| event.id == id).map(|event| event.reward)
    }

    /// The last eight bytes: ids that count, and those of decisions, differ there.
    fn tag(id: &str) -> u64 {
        let mut tag = [0; 8];
        let bytes = &id.as_bytes()[id.len().saturating_sub(tag.len())..];
        tag[..bytes.len()].copy_from_slice(bytes);
        u64::from_le_bytes(tag)
    }
}

/// The state of one user under one policy.
#[derive(Debug, Clone)]
pub struct UserState {
    pub(super) user: SmolStr,
    pub(super) policy: Arc<Policy>,
    pub(super) model: Model,
    pub(super) seq: u64,
    pub(super) events: Events,
}

impl UserState {
    /// The state of a user of whom nothing is known.
    pub fn new(user: &str, policy: &Arc<Policy>) -> Self {
        Self {
            user: user.into(),
            policy: Arc::clone(policy),
            model: policy.new_model(),
            seq: 0,
            events: Events::default(),
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
        self.events.events.iter()
    }

    /// Whether `policy` has this state's model: two files may give different policies one name.
    pub(super) fn fits(&self, policy: &Policy) -> Result<()> {
        if Arc::as_ptr(&self.policy) == std::ptr::from_ref(policy) || self.policy.has_model_of(policy) {
            return Ok(());
        }
        Err(Error::Refused(format!("policy {:?} is defined in two ways in one run", policy.name())))
    }

    /// Learns from a lesson, which is record `seq` of the log.
    pub(super) fn learn(&mut self, lesson: &Lesson, seq: u64, scratch: &mut Scratch) {
        let part = self.model.kind_index(lesson.shown.candidate().kind.as_deref());
        scratch.with_block(self.policy.features(), lesson.shown.offered(), |block, _| {
            self.model.learn(block, 0, part, lesson.reward);
        });
        self.seq = seq;
        if let Some(id) = &lesson.event {
            self.events.push(Event { id: id.clone(), reward: lesson.reward });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_found_by_its_whole_id() {
        // Some are short, some differ only before their last eight bytes.
        let id = |i: usize| match i % 3 {
            0 => format!("{i}"),
            1 => format!("{i}-is one of many"),
            _ => format!("\u{e9}{i}"),
        };
        let event = |i: usize| Event { id: id(i).into(), reward: i as f64 };
        let all = 2 * KEPT_EVENTS;
        let events: Events = (0..all).map(event).collect();
        for i in 0..all {
            let kept = i >= all - KEPT_EVENTS;
            assert_eq!(events.reward_of(&id(i)), kept.then_some(i as f64), "{}", id(i));
        }
        assert_eq!(events.reward_of(""), None);
    }
}
