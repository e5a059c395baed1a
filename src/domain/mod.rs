//! What may be known and what can happen: requests, reactions and their rewards, the profile contract.
//!
//! In: JSON from outside. Out: checked requests, in which every number is finite and in range. A new profile feature
//! is an entry in `profile.rs`.

pub mod labels;
pub mod profile;
pub mod reaction;
pub mod request;
