//! Rehearse contextual-bandit policies on simulated people before they meet real ones.
//!
//! Data goes one way, in the order of the modules below; nothing points backwards.

pub mod error;
mod read;

pub mod stats;

pub mod profile;
pub mod reaction;
pub mod request;

pub mod features;
pub mod policy;
pub mod state;

pub mod history;
pub mod persona;
pub mod random;
pub mod scenario;
mod shipped;

pub mod environment;
pub mod metrics;
pub mod parts;
pub mod simulate;

pub mod gate;

pub mod digest;
pub mod promotion;
pub mod report;

pub mod evaluate;

pub mod cli;
