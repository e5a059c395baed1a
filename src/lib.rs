//! Rehearse contextual-bandit policies on simulated people before they meet real ones.
//!
//! Data goes one way, in the order of the modules below; nothing points backwards.

pub mod error;
mod read;

pub mod stats;

pub mod profile;
pub mod request;

pub mod features;
pub mod policy;

pub mod evaluate;

pub mod cli;
