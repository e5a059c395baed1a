//! A request and a profile become one vector per candidate.
//!
//! In: a checked request, or the events of a person's past. Out: a [`FeatureBlock`], one row per candidate, and profile
//! features. Each dimension has one function, in `values.rs`. The command line calls them on what it read; the simulator
//! calls them once for every value that its tables hold. Both therefore get the same bits.
//!
//! Transcendental functions come from the `libm` crate and not from the system, so that the same request
//! gives the same vector on every machine.
//!
//! A new dimension is an entry at the end of the list in `dimension.rs` and a function in `values.rs`; a new feature set
//! is a variant in `feature_set.rs`.

mod block;
pub mod dimension;
mod feature_set;
pub mod profile_history;
mod values;

pub use block::FeatureBlock;
pub(crate) use dimension::ALL_DIMS;
pub use dimension::CANDIDATE_DIMS;
pub use feature_set::FeatureSet;
pub(crate) use values::alignment;
pub use values::{
    CandidateFeatures, Clock, ProfileFeatures, effort, mean_dwell, priority, tip_volume, urgency, weekend,
};
