//! The gate on simulated people.
//!
//! **In**: [`Inputs`], which are a gate, people, conditions and two policies, and a [`UserSource`]. **Out**: a
//! [`Judgement`]. Another place that users may come from is a variant of [`UserSource`], in `supply`.

mod inputs;
mod log_findings;
mod run;
mod supply;

pub use inputs::Inputs;
pub use run::Judgement;
pub use supply::UserSource;
