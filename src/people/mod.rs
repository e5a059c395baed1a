//! Simulated people: where reactions come from.
//!
//! In: persona and scenario files, a seed. Out: moments, candidates and profile features that a policy is asked
//! with, and reactions to what it shows. A [`PersonaSimulator`] is one persona in one scenario; each [`Person`] of
//! it meets moments and tips and reacts to what is shown; four at a time, in a [`UserBatch`].
//!
//! A new persona is a file in `personas/`, a new scenario one in `scenarios/`. A new condition that scenarios can set
//! is a field in `scenario.rs` and its effect in `person/` and `user_batch/`.

mod bends;
pub mod digest;
mod logit;
mod person;
pub mod persona;
mod persona_simulator;
pub mod scenario;
mod user_batch;

pub use person::{Outcome, Person, Traits};
pub use persona_simulator::PersonaSimulator;
pub use user_batch::{DeclaredTables, UserBatch};
