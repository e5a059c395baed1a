//! A policy's state on disk, and the logs that it can be made again from.
//!
//! | file | holds | written by |
//! | --- | --- | --- |
//! | `<user>_<policy>.json` | what one policy has learned about one user | [`Writer`] |
//! | `rewards.jsonl` | every reward and reset: the record that commits | [`Writer`] |
//! | `decisions.jsonl` | every decision | [`DecisionLog`] |
//! | `rewards.lock`, `decisions.lock` | nothing: locks, never replaced | |
//!
//! Readers take no lock: [`View`]. Writers say how they commit: [`Writer`].

mod decision;
mod decision_id;
mod decision_log;
mod dir;
mod format;
mod frame;
mod journal;
mod lock;
mod name;
mod record;
mod store;
mod user_state;
mod writer;

pub use decision::{Decision, decide};
pub use decision_log::{DecisionLog, Draft, Logged};
pub use format::{FORMAT_VERSION, RawState};
pub use name::state_file;
pub use record::{Lesson, MAX_DWELL_SECONDS, MAX_REWARD, Source};
pub use store::{Store, View};
pub use user_state::{Event, KEPT_EVENTS, UserState};
pub use writer::{Learned, Reward, Writer};

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970, for the logs; nothing depends on it.
fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64)
}
