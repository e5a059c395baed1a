//! Policies meet simulated people: the one loop, what is measured, and results that can be put together.
//!
//! In: a scenario, personas, policies and a seed. Out: one record of whole numbers per user and policy, which sum to
//! the same bytes however the run was cut. A new metric is an entry in `metrics.rs`.

mod labelled_table;
pub mod metrics;
pub mod parts;
pub mod progressive;
mod run;

pub use labelled_table::LabelledTable;
pub use run::{BLOCK_USERS, Block, Rollout, Simulation, live, watch};
