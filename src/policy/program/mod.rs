//! Programs as policies: a command of somebody else's, in any language, answers what a policy is asked.
//!
//! In: what is known of users as the store keeps it, requests, rewards, all of them as JSON, many at a time. Out: one
//! probability for each candidate, and what is known afterwards. The program holds nothing between calls: its states are
//! opaque JSON, and whoever asks keeps them. It never draws: the choice is drawn here, by [`sample`], from the seed of the
//! decision, so that propensities are exact and luck is shared with every other policy.
//!
//! [`Program::decide`] and [`Program::learn`] ask in batches, each of a process of its own ([`Process`](process)), of which
//! there are as many as ask at the same time. What goes wrong is the error of one call, which names it. A program that
//! does not answer the same whatever the batch and the process is found by [`Program::conformance`].
//!
//! Only a file that the operator names makes a program that runs. A definition that was read from a store or a log says
//! what decided then, and starts nothing.

mod calls;
mod conformance;
mod definition;
mod error;
mod passing_on;
mod process;
mod program;
mod protocol;
mod sampling;
mod schema;
mod spawning;

pub use calls::{DecideCall, LearnCall, WhichCall};
pub use conformance::{Check, Conformance};
pub use definition::{RawDefinition, RawProgram};
pub use error::{Failure, ProgramError};
pub use passing_on::pass_stderr_to;
pub use program::Program;
pub use protocol::{MAX_BATCH, MAX_REPLY_BYTES, MAX_STATE_BYTES, PROTOCOL, SUM_TOLERANCE};
pub use sampling::sample;
pub use schema::schema;
