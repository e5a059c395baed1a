//! Evidence from real logs: what a policy would have earned, judged on decisions that another one made.
//!
//! A log comes in as the rows of a [`log::LogReader`], and the policies under test as [`Target`]s; an [`Evaluation`] goes
//! out. [`reality`] compares simulated people with those of a log.
//!
//! A log is read once, row by row. What the later passes need waits in a temporary file, so memory does not
//! grow with the log:
//!
//! 1. `spooled_log` reads and checks rows, and sums up the reward model;
//! 2. `policy_pass` weighs each row for each policy: weights, predictions, and sums for every hyperparameter;
//! 3. `evaluate` adds up every estimator with its hyperparameter: the estimates;
//! 4. `estimates` goes over their terms once more: bounds, and the differences between policies.
//!
//! A new estimator is a file and a line in `estimators`, a new way to compute bounds one in `intervals`, a new log format
//! one in [`log`]; each of these folders says how.

mod bounds;
mod cluster;
mod diagnostics;
mod effective_rewards;
mod estimates;
mod estimators;
mod evaluate;
mod folds;
mod inputs;
mod interner;
mod intervals;
mod learner;
pub mod log;
mod no_estimate;
mod policy_pass;
mod policy_verdict;
mod probability_table;
mod program_learner;
mod question;
pub mod reality;
mod refusal;
mod rejection;
mod repeats;
mod result;
mod reward_model;
mod row;
mod sample;
mod samples;
mod settings;
mod slope;
mod split_mix;
mod spool;
mod spooled_log;
mod target;
mod totals;
mod value_estimate;

pub use bounds::Bounds;
pub use cluster::{Cluster, MAX_CLUSTERS};
pub use diagnostics::{
    Diagnostics, MAX_UNSUPPORTED, MEAN_WEIGHT_ALPHA, MEAN_WEIGHT_SLACK, MIN_EFFECTIVE_SAMPLE, Support,
};
pub use effective_rewards::MIN_EFFECTIVE_REWARDS;
pub use estimators::{Estimator, EstimatorRule, GRID, Hyperparameter, WeightBound};
pub use evaluate::evaluate;
pub use interner::Interner;
pub use intervals::IntervalMethod;
pub use no_estimate::{Extreme, NoEstimateReason};
pub use policy_verdict::{DetectableDifference, POWER, PolicyVerdict};
pub use refusal::LogRefusal;
pub use result::{Evaluation, LogVerdict, PolicyDifference, PolicyEvaluation, SCHEMA_VERSION};
pub use reward_model::ModelKind;
pub use row::{ListedItem, Row, RowVectors};
pub use sample::Sample;
pub use settings::EvaluationSettings;
pub use target::Target;
pub use totals::RatioTerms;
pub use value_estimate::ValueEstimate;
