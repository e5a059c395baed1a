//! Policies meet simulated people: the one loop, what is measured, and results that can be put together.
//!
//! In: a scenario, personas, policies and a seed. Out: one record of whole numbers per user and policy, which sum to
//! the same bytes however the run was cut. A new metric is a file in `metrics/` and a line in its table; what reaches the
//! policies of a condition that scenarios can set is decided in `step_loop.rs` and `rollout.rs`.

mod blocks;
mod labelled_table;
mod learning_curve;
pub mod metrics;
pub mod parts;
mod people_log;
mod program_lives;
pub mod progressive;
mod rollout;
mod run_sums;
mod step_loop;
pub mod summary;

pub use blocks::{BLOCK_USERS, Block, Simulation, SimulationError};
pub use labelled_table::LabelledTable;
pub use learning_curve::{Course, CurvePoint, LearningCurve, ShownKind, courses};
pub use program_lives::ProgramDecision;
pub use rollout::Rollout;
pub use run_sums::RunSums;
pub use step_loop::{SimulatedDecision, run_batch, trace_batch};
