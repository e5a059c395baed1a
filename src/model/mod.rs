//! Models that are learned from everybody: priors of policies, the registry that gives them versions and names, and tables
//! of profile features of real users, and asking a feature store for them.
//!
//! In: rewards of a store or a log, and a policy whose features say what is looked at. Out: a [`Prior`](crate::policy::Prior)
//! with what is known of how it was learned. `training_data` reads rewards into one set of sums for each user,
//! `empirical_bayes` iterates over the sums (`expectation` is half of each step), `held_out` says how well that foretells
//! users who were not seen, `train` puts them together. Another place that versions may stand in is a folder or file in
//! [`registry`], another feature store one beside [`feast`].

mod empirical_bayes;
mod expectation;
pub mod feast;
mod held_out;
mod profile_counts_file;
mod profile_source;
mod profile_table;
pub mod registry;
mod reward_shard;
mod train;
mod training_data;
mod user_sums;

pub use empirical_bayes::{Centre, Fit};
pub use profile_counts_file::CountsFileError;
pub use profile_table::{CountedAnew, ProfileTable, ProfileTableError};
pub use train::{TrainingError, TrainingSettings, train};
pub use training_data::{TrainingData, TrainingDataError};
pub use user_sums::UserSums;
