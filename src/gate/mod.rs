//! The promotion gate: criteria, the evidence for and against each, and the verdict (ADR-0002).
//!
//! **In**: a gate's file (`spec`: criteria on simulated people, `log_criterion`: criteria on logs), personas, scenarios,
//! and two policies. **Out**: a [`Verdict`], with the [`evidence`] that charts and model cards are made of; a
//! [`Calibration`] of the same gate; a [`Plan`] of what it can show.
//!
//! | file | holds |
//! | --- | --- |
//! | `spec`, `criterion`, `claim`, `segment` | what must be established, how surely, of whom |
//! | `eprocess` | tests by betting and their bounds: the statistics, which know of no policy |
//! | `criterion_test`, `outcome` | the evidence for and against one criterion, and what all of them add up to |
//! | `trial` | all criteria of a gate, fed with paired users until it is decided; it asks nobody where they come from |
//! | `attempt`, `attempts_file` | which attempt of a series this is, and at what level |
//! | `ranking` | several challengers, the best first |
//! | `sensitivity` | how far people may be different before a verdict turns |
//! | `verdict` | what was decided and what it rests on |
//! | `promotion` | the run: people are simulated or read, logs are asked |
//! | `calibrate`, `plan`, `pool` | how often the gate errs, and what it can show |
//! | `evidence`, `evidence_path` | what else was seen on the way |
//! | `log_criterion`, `log_assessment` | logged decisions as criteria |
//!
//! A new segment of users is a variant in `segment`; a new claim is one in `claim`, whose null and aim `criterion` says.

mod attempt;
mod attempts_file;
mod calibrate;
mod claim;
mod criterion;
mod criterion_test;
mod eprocess;
pub mod evidence;
mod evidence_path;
pub mod live;
mod log_assessment;
mod log_criterion;
mod outcome;
mod plan;
mod pool;
pub mod promotion;
mod ranking;
mod refusal;
mod segment;
mod sensitivity;
mod spec;
mod trial;
mod verdict;

pub use attempt::Attempt;
pub use attempts_file::{AttemptLine, attempt_number};
pub use calibrate::{Calibration, Null, Power, SCALES, TestComparison, calibrate};
pub use claim::Claim;
pub use criterion::{Criterion, RawCriterion, Rival};
pub use eprocess::{EProcess, GRID, Gain, lower_bound, mean, projected_count, upper_bound};
pub use evidence_path::EvidencePath;
pub use log_assessment::{LogAssessment, Simulated};
pub use log_criterion::{LogCriterion, RawColumns, RawLog};
pub use outcome::{GateOutcome, Ruling};
pub use plan::{POWERS, Plan, plan};
pub use pool::Pool;
pub use ranking::Ranking;
pub use refusal::GateRefusal;
pub use segment::{By, Setting, UserSegment};
pub use sensitivity::{FACTORS, Knob, Moved, Turn, turns};
pub use spec::{DecisionTime, GateSpec, Propensity, RawGate};
pub use trial::{Trial, TriedUser, Wanted};
pub use verdict::{Assessment, Provenance, SCHEMA_VERSION, SeedSource, Standing, Verdict};
