//! Programs as policies: a command of somebody else's, in any language, answers what a policy is asked.
//!
//! In: what is known of users as the store keeps it, requests, rewards, all of them as JSON, many at a time. Out: one
//! probability for each candidate, and what is known afterwards. The program holds nothing between calls: its states are
//! opaque JSON, and whoever asks keeps them. It never draws: the choice is drawn here, by [`sample`], from the seed of the
//! decision, so that propensities are exact and luck is shared with every other policy.
//!
//! [`Program::decide`] and [`Program::learn`] ask in batches, each of a process of its own (`process.rs`), of which
//! there are as many as ask at the same time. What goes wrong is the error of one call, which names it. A program that
//! does not answer the same whatever the batch and the process is found by [`Program::conformance`].
//!
//! Only a file that the operator names makes a program that runs. A definition that was read from a store or a log says
//! what decided then, and starts nothing.

mod batches;
mod call;
mod check_requests;
mod conformance;
mod definition;
mod error;
mod findings;
mod passing_on;
mod process;
mod protocol;
mod running;
mod sampling;
mod schema;
mod spawning;

pub use call::{DecideCall, LearnCall, WhichCall};
pub use definition::RawProgram;
pub use error::{Failure, ProgramError};
pub use findings::{Check, Conformance};
pub use passing_on::pass_stderr_to;
pub use protocol::{MAX_BATCH, MAX_REPLY_BYTES, MAX_STATE_BYTES, PROTOCOL, SUM_TOLERANCE};
pub use running::Program;
pub use sampling::sample;
pub use schema::schema;
