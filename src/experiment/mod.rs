//! Which variant a user meets: at random, in given shares, and the same one whenever and wherever it is asked.
//!
//! In: the id of a user, and what the file of an experiment declares. Out: a variant, or none. Nothing is stored and no
//! random number is drawn: a user's place in [0, 1) is a hash of their id, and a variant has a range of that. The hash is
//! GrowthBook's, so that a service that assigns with one of its SDKs, and this program, give one user the same variant.
//!
//! A new thing that a variant may set is a field of [`RawVariant`], and whoever heeds it reads it from [`Variant`].

mod audience;
mod buckets;
mod definition;
mod experiments;
mod guardrails;
mod hash;
mod namespace;

pub use audience::{Condition, RawCondition};
pub use buckets::{BucketRange, bucket_ranges, choose_variation, equal_share};
pub use definition::{Assignment, Experiment, RawExperiment, RawNamespace, RawVariant, Variant};
pub use experiments::{EXPERIMENTS_DIR, Experiments, ExperimentsRefusal};
pub use guardrails::{Guardrails, RawGuardrails};
pub use hash::{fnv1a_32, hash_of_version, hash_v1, hash_v2};
pub use namespace::Namespace;
