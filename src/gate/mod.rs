//! The promotion gate: criteria, the evidence for and against each, and the verdict (ADR-0002).
//!
//! A [`GateSpec`] is the checked file. A [`Trial`] takes paired users, one batch after another, until it is
//! decided, and a [`Verdict`] says what was decided and what it rests on. Nothing here knows where the
//! users come from.

mod calibrate;
mod eprocess;
pub mod evidence;
mod logged;
mod path;
mod plan;
pub mod promotion;
mod spec;
mod trial;
mod verdict;

pub use calibrate::{Calibration, Comparison, Null, Pool, Power, SCALES, calibrate};
pub use eprocess::{EProcess, GRID, Observation, lower_bound, mean, projected_count, upper_bound};
pub use logged::{LogAssessment, LogCriterion, RawColumns, RawLog, Simulated};
pub use path::Path;
pub use plan::{POWERS, Plan, plan};
pub use spec::{By, Criterion, DecisionTime, GateSpec, Kind, RawCriterion, RawGate, Segment, Setting};
pub use trial::{Decision, PairedUser, Trial};
pub use verdict::{Assessment, Provenance, SCHEMA_VERSION, SeedSource, Standing, Verdict};
