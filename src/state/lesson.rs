//! What a state learns from: one candidate that was shown, and what came of it.

use crate::base::error::{Fault, within};
use crate::domain::reaction::{MAX_REWARD, Reaction};
use crate::domain::request::{Request, Shown};
use smol_str::SmolStr;

/// Longest dwell in seconds: some thirty years.
pub const MAX_DWELL_SECONDS: f64 = 1e9;
/// Longest event id in bytes.
const MAX_EVENT_BYTES: usize = 256;

/// What there is to learn: one candidate that was shown earned a reward.
#[derive(Debug, Clone)]
pub struct Lesson {
    pub(super) shown: Shown,
    pub(super) reward: f64,
    pub(super) event: Option<SmolStr>,
    pub(super) source: Source,
}

/// Where a reward comes from: recorded, not learned.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Source {
    /// The decision that it answers.
    pub decision_id: Option<SmolStr>,
    /// The reaction that the reward was made from.
    pub reaction: Option<Reaction>,
    /// How long the tip was looked at, in seconds, in [0, 1e9].
    pub dwell_seconds: Option<f64>,
}

impl Lesson {
    /// The lesson that candidate `chosen` of `request` earned `reward`, at most [`MAX_REWARD`] in size. It
    /// is learned at most once for each `event` of a state; without one, every time.
    ///
    /// # Errors
    /// A [`Fault`] for a reward, a dwell time or an event id that is out of range.
    pub fn new(
        request: Request,
        chosen: usize,
        reward: f64,
        event: Option<SmolStr>,
        source: Source,
    ) -> Result<Self, Fault> {
        Self { shown: request.shown(chosen), reward, event, source }.check()
    }

    pub(super) fn check(self) -> Result<Self, Fault> {
        within("reward", self.reward, -MAX_REWARD, MAX_REWARD)?;
        if let Some(dwell) = self.source.dwell_seconds {
            within("dwell_seconds", dwell, 0.0, MAX_DWELL_SECONDS)?;
        }
        if let Some(id) = self.event.as_ref().filter(|id| id.is_empty() || id.len() > MAX_EVENT_BYTES) {
            let value = format!("a text of {} bytes", id.len());
            return Err(Fault::new("event_id", value, format!("1 to {MAX_EVENT_BYTES} bytes")));
        }
        Ok(self)
    }

    /// The reward.
    pub fn reward(&self) -> f64 {
        self.reward
    }
}
