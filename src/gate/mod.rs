//! The promotion gate: criteria, the evidence for and against each, and the verdict (ADR-0002).
//!
//! A [`GateSpec`] is the checked file. A [`Trial`] takes paired users, one batch after another, until it is
//! decided, and a [`Verdict`] says what was decided and what it rests on. Nothing here knows where the
//! users come from.

mod eprocess;
mod path;
mod spec;
mod trial;
mod verdict;

pub use eprocess::{EProcess, GRID, lower_bound, projected_count, upper_bound};
pub use path::Path;
pub use spec::{By, Criterion, GateSpec, Kind, RawCriterion, RawGate};
pub use trial::{Decision, PairedUser, Trial};
pub use verdict::{Assessment, Provenance, SCHEMA_VERSION, SeedSource, Verdict};
