//! Where decisions, rewards and states are kept.
//!
//! In: records of what was decided and learned. Out: the same records, whole or not at all, whoever is killed when. The
//! trait [`Store`] says what a store does; [`sqlite`] keeps it in a directory, [`postgres`] on a server, both with the tables
//! and statements of `sql/`. State files are [`views`]: they follow a directory's store and nothing reads them. A new store is
//! a folder beside `postgres/` and a line in `kinds.rs`, from which [`open`] knows it; where it speaks SQL, a type with
//! `Database` (`sql/database.rs`) is most of it.
//!
//! # What it promises
//! Any process may be killed at any moment, the machine may lose power, a disk may be full or fail, many processes may
//! work at once. Then
//!
//! - a reward that was acknowledged is neither lost nor learned twice;
//! - nothing is half done;
//! - a kill loses no decision; a power cut may lose the latest ones, whose rewards then answer not found;
//! - no state file is replaced by an older one, and no user who was forgotten comes back.
//!
//! It does not promise to notice what somebody changes in the database by hand: the service's `verify` does.

mod access;
mod contract;
mod error;
mod kinds;
pub mod log_line;
mod model_bytes;
pub mod postgres;
mod records;
mod sql;
pub mod sqlite;
mod state;
mod state_line;
mod state_schema;
mod view_name;
pub mod views;

pub use access::{Access, Pace};
pub use contract::{Durability, LogFilter, Snapshot, Store, Transaction, read, write};
pub use error::StoreError;
pub use kinds::{check_place, is_address, is_secret, open, shown};
pub use model_bytes::{decode, encode};
pub use records::{Change, DecisionRecord, LoggedReward, RewardRecord, RolloutRecord, StateRecord};
pub use state::{MAX_DWELL_SECONDS, Observation, RewardEvent, State, Taught, apply, learn_by};
pub use state_line::FORMAT_VERSION;
pub(crate) use state_line::fits;
pub use state_schema::schema;
pub use view_name::{parse_state_file, state_file, user_name};
