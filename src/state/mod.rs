//! A policy's state on disk, and the logs that it can be made again from.
//!
//! | file | holds | written by |
//! | --- | --- | --- |
//! | `<user>_<policy>.json` | what one policy has learned about one user | [`Ledger`] |
//! | `rewards.jsonl` | every reward and reset: the record that commits | [`Ledger`] |
//! | `decisions.jsonl` | every decision | [`DecisionLog`] |
//! | `rewards.000001.jsonl`, ... | segments of these logs that are full | |
//! | `rewards.manifest.json`, ... | which segments there are, and the checkpoint | |
//! | `rewards.index` | where each event was learned; made anew when it is missing | [`Ledger`] |
//! | `rewards.lock`, `decisions.lock` | nothing: locks, never replaced | |
//! | `new.0`, `new.index`, ... | what is being written, or was when its process died | |
//!
//! Readers take no lock: [`View`]. The [`Ledger`] says how it commits.

mod about;
mod cache;
mod checkpoint;
mod decision;
mod decision_check;
mod decision_id;
mod decision_log;
mod dir;
mod files;
mod format;
mod frame;
mod group;
mod history;
mod import;
mod index;
mod journal;
mod known;
mod ledger;
mod lesson;
mod life;
mod lock;
mod lookup;
mod manifest;
mod name;
mod reading;
mod rebuild;
mod record;
mod relearn;
mod schema;
mod store;
mod user_state;
mod verify;

pub use decision::{Decision, decide};
pub use decision_id::PLACEHOLDER as ID_PLACEHOLDER;
pub use decision_log::{DecisionLog, Drafts, Finder, IdText, Logged};
pub use format::{FORMAT_VERSION, RawState};
pub use frame::check_line;
pub use ledger::{Learned, Ledger, Reward};
pub use lesson::{Lesson, MAX_DWELL_SECONDS, Source};
pub use lock::Lock;
pub use name::{parse_state_file, state_file};
pub use reading::Problem;
pub use rebuild::Rebuilt;
pub use record::Record;
pub use schema::schema;
pub use store::{SEGMENT_BYTES, Store, View};
pub use user_state::{Event, KEPT_EVENTS, UserState};
pub use verify::Verified;

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970, for the logs; nothing depends on it.
fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64)
}
