//! Estimators of what a policy would have earned.
//!
//! Samples come in (`super::sample`), the terms of a mean or of a ratio go out (`super::totals`). Every estimator is a
//! file of its own with its equation and its paper; `rule` says what it has to state, `table` lists them all.
//!
//! A new one: a file with a unit struct that implements [`EstimatorRule`], its `mod` line here, and its line in
//! `table.rs`, whose place is that in reports. Command line, help, completions, gates and reports follow from the table.

mod clipped_ips;
mod direct_method;
mod doubly_robust;
mod doubly_robust_optimistic_shrinkage;
mod ips;
mod replay;
mod rule;
mod self_normalized_doubly_robust;
mod snips;
mod sub_gaussian_doubly_robust;
mod sub_gaussian_ips;
mod switch_doubly_robust;
mod table;

pub use rule::{EstimatorRule, GRID, Hyperparameter, WeightBound};
pub use table::Estimator;
