//! Four people of one persona who take their steps side by side, each in a lane of a vector register.
//!
//! They have nothing to do with each other: each draws from streams of their own, and what is computed of them together
//! has the same bits as if each were alone. Where there are fewer, copies of the first fill the other lanes; they never take
//! a step, and what becomes of them is not read.
//!
//! In: the tables of a [`PersonaSimulator`](super::PersonaSimulator), and the users' numbers. Out: blocks of feature
//! vectors for policies, and reactions. What is computed of all four at once is a kernel in `kernels.rs`; vectors of
//! feature sets that files declare are made in `declared.rs`.

mod batch;
mod characters;
mod declared;
mod kernels;

pub use batch::UserBatch;
pub use declared::DeclaredTables;
