//! Policies: explorer (how to choose) x ridge model (what to expect) x feature set (what to look at), or a program.
//!
//! In: feature vectors of candidates, rewards of chosen ones, a seed. Out: choices with their scores and propensities, and
//! models that have learned. A [`Policy`] is a checked specification and holds no state. A [`Model`] is what it has learned
//! about one user, or about each of several users side by side. `score`, `reward` and `simulate` call the same two
//! functions: [`Policy::decide`] and [`Model::learn`], or the kernels behind them for four users at once.
//!
//! A policy that is a [`program`] answers the same two questions in a process of its own, in batches: whoever asks a policy
//! looks first whether [`Policy::program`] is one.
//!
//! A new policy over explorers that there are is a TOML file, or a line in `named.rs`; a new explorer is a file in
//! `explorer/` and a line in its table.

mod decide;
mod definition;
mod explorer;
mod kernels;
mod learns;
mod model;
mod named;
mod prior;
pub mod program;
mod ridge;
mod rng;
mod scratch;
mod spec;
mod structure;
mod training_record;

pub(crate) use decide::Decide;
pub use definition::RawDefinition;
// Whatever the table of explorers has.
pub use explorer::*;
pub(crate) use kernels::{Cholesky, Solve};
pub use learns::Learns;
pub use model::{KindModel, Model};
pub use named::NAMED;
pub use prior::{Prior, PriorStart, RawKindPrior, RawPrior, RidgePrior};
pub use ridge::{Ridge, RidgeError, RidgeNumbers};
pub(crate) use rng::unpredictable;
pub use rng::{DecisionRng, RandomnessError};
pub use scratch::Scratch;
pub use spec::{Policy, RawPolicy};
pub use structure::Structure;
pub use training_record::{HeldOut, MAX_USER_HASHES, SimulatedPeople, TrainingRecord};
