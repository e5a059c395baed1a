//! A request and a profile become one vector per candidate.
//!
//! In: a checked request, or the events of a person's past. Out: a [`FeatureBlock`], one row per candidate, and profile
//! features. Each dimension has one function, in `values.rs`. The command line calls them on what it read; the simulator
//! calls them once for every value that its tables hold. Both therefore get the same bits.
//!
//! Transcendental functions come from the `libm` crate and not from the system, so that the same request
//! gives the same vector on every machine.
//!
//! A new feature set is a file: dimensions over a domain's inputs (`file.rs`), checked and compiled once (`compiler.rs`) into
//! what makes vectors (`declared_set.rs`). Those in `features/` ship. `v1` and `v2` have kernels besides, over the dimensions
//! in `dimension.rs`; a new step is a variant of `Transform`. `proposal.rs` writes a file for what a log says (`summary.rs`).

mod block;
mod chain;
mod compiler;
mod declared_set;
pub mod dimension;
mod feature_set;
mod file;
mod hashing;
pub mod profile_history;
mod proposal;
mod summary;
mod values;

pub use block::FeatureBlock;
pub(crate) use chain::{Chain, Made};
pub use declared_set::{DeclaredSet, ExplainedDimension, MAX_DIMS};
pub(crate) use dimension::ALL_DIMS;
pub use dimension::CANDIDATE_DIMS;
pub use feature_set::{FeatureSet, FeatureSetRef};
pub use file::{Level, OneOrMore, RawDimension, RawFeatureSet, Transform};
pub use proposal::{ProposedFrom, propose};
pub use summary::{InputSummary, LogSummary, SummedValues};
pub(crate) use values::alignment;
pub use values::{
    CandidateFeatures, Clock, ProfileFeatures, effort, mean_dwell, priority, tip_volume, urgency, weekend,
};
