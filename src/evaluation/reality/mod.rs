//! How far simulated people are from real ones, and in which respect.
//!
//! Files of a log come in, with a scenario and personas; a [`RealityComparison`] goes out.
//!
//! The people of a log are compared with those of a scenario who live under the log's policy and make as many
//! decisions each. Each respect has a distance, an interval, and a noise level: how large the distance becomes
//! when the log's people are drawn from the simulated ones. Below it nothing can be told apart.
//!
//! A new respect is a variant of `Aspect` in `distance`, from sums that `cells` counts.

mod cells;
mod compare;
mod distance;
mod findings;
#[cfg(test)]
mod laws;
mod people;
mod refusal;
mod resample;
mod result;
mod settings;
mod tables;

pub use compare::compare;
pub use refusal::ComparisonRefusal;
pub use result::{
    AspectResult, CalibrationResult, DwellResult, GroupResult, ProfilePair, RealityComparison, SCHEMA_VERSION,
};
pub use settings::ComparisonSettings;
