//! How far an estimate may be off.
//!
//! Questions with their sums and the samples come in (`last_pass`), bounds on every estimate and every difference go out.
//! All bounds speak of the estimator's own expectation. For the unbiased estimators that is the policy's value; for the
//! shrunk ones it is the value and their bias, which no interval of theirs can show.
//!
//! What is independent are users, with all their decisions, and decisions where the log names no users. The confidence
//! sequence needs no independence: it is of these decisions, the others are of others like them.
//!
//! Those that rest on many rewards, normal and bootstrap, are kept back where the log's are too few: the rule of the
//! method says that it does, and `estimates` looks.
//!
//! A reward model fitted on the log errs too, and where weights were shrunk its error does not cancel. Each row's
//! influence through the model, to first order, therefore belongs to its term.
//!
//! A new method: a file with a unit struct that implements [`IntervalRule`], its `mod` line here, and its line in
//! `table.rs`. Command line, help, completions and gates follow from the table.

mod anytime;
mod bernstein;
mod bootstrap;
mod last_pass;
mod normal;
mod resampling;
mod rule;
mod table;

pub(crate) use last_pass::{LastPass, Pair};

pub use table::IntervalMethod;
