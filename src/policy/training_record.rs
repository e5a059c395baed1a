//! What is known of how a prior was learned. It is kept beside the prior's numbers and changes nothing that they do.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a prior was learned, from what, and how well it did on users whom it had not seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingRecord {
    /// The policy for which it was learned.
    pub policy: String,
    /// SHA-256 of the sums that it was learned from; the order of rows has no part in it.
    pub data_digest: String,
    /// SHA-256 of the domain: outcomes and their rewards, and the profile's contract.
    pub domain_digest: String,
    /// Rewards that were read.
    pub rows: u64,
    /// Users whom they came from.
    pub users: u64,
    /// Variance of a reward around what its user's weights expect.
    pub noise: f64,
    /// Steps of the iteration, and whether it came to its end.
    pub iterations: u32,
    /// Whether the iteration ended because nothing moved any more.
    pub converged: bool,
    /// Users of the plain ridge's prior that were added, so that few users change it little.
    pub pseudo_users: f64,
    /// Seed of the choice of the users who were held out.
    pub seed: u64,
    /// What a fit without them made of users who were held out; `None` with too few.
    pub held_out: Option<HeldOut>,
    /// Who the people were, where they were simulated and the log says so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub simulated: Vec<SimulatedPeople>,
    /// Hashes of the users, the smallest first and at most 1,024: enough to find out whether two sets of people overlap.
    pub user_hashes: Vec<String>,
    /// Version of the program.
    pub version: String,
}

/// How well a prior foretold users who were held out, beside the plain ridge's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldOut {
    /// Users who were held out.
    pub users: u64,
    /// Their rewards.
    pub rows: u64,
    /// Mean squared error of the prior's mean, before anything is known of a user.
    pub squared_error: f64,
    /// The same of a model that expects 0.
    pub squared_error_plain: f64,
    /// Mean negative log density of a reward, each user's rewards together.
    pub log_loss: f64,
    /// The same under the plain ridge's prior with the same noise.
    pub log_loss_plain: f64,
    /// Slope of rewards on what the prior's mean expects: 1 if it is calibrated. `None` where it expects the same of all.
    pub slope: Option<f64>,
    /// Mean square of standardized rewards: 1 if what it is unsure of is as large as it says.
    pub dispersion: f64,
}

/// People that `simulate --log` made, told by what their random streams follow from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimulatedPeople {
    /// The seed.
    pub seed: u64,
    /// Digest of the scenario's conditions.
    pub conditions: String,
    /// Digest of each persona's character, and how many users of it there are, from the first on.
    pub characters: BTreeMap<String, u64>,
}

/// So many hashes of users a record has at most.
pub const MAX_USER_HASHES: usize = 1_024;
