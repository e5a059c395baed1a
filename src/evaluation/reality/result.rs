//! What a comparison of simulated people with those of a log says: the shape of its JSON.

use crate::base::digest;
use crate::domain::reaction::Reaction;
use serde::Serialize;

/// Version of the result's JSON.
pub const SCHEMA_VERSION: u32 = 1;

/// What the comparison found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RealityComparison {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Version of this program.
    pub version: &'static str,
    /// The scenario.
    pub scenario: String,
    /// The policy under which both sides live.
    pub policy: String,
    /// Seed of the simulated people and of resampling.
    pub seed: u64,
    /// SHA-256 of personas, scenario, policy.
    pub digests: digest::Digests,
    /// Users of the log.
    pub users: u64,
    /// The same as they count for intervals: few where most reactions are of few. Below 30 there are none.
    pub effective_users: f64,
    /// Their reactions.
    pub reactions: u64,
    /// Rewards that were given as numbers, without a reaction: left out.
    pub without_reaction: u64,
    /// Rewards beyond those of the reaction table: left out of the distance of rewards.
    pub rewards_off_the_table: u64,
    /// Simulated users of each persona.
    pub simulated_users: u64,
    /// Names of the personas.
    pub personas: Vec<String>,
    /// Probability with which any aspect exceeds its noise level without a difference.
    pub alpha: f64,
    /// Every respect.
    pub aspects: Vec<AspectResult>,
    /// Reactions by kind: `None` for kinds that no persona knows.
    pub kinds: Vec<GroupResult>,
    /// Reactions by hour of the moment.
    pub hours: Vec<GroupResult>,
    /// Dwell after each reaction.
    pub dwell: Vec<DwellResult>,
    /// Means of profile values.
    pub profile: Vec<ProfilePair>,
    /// Predicted and seen completions.
    pub calibration: Vec<CalibrationResult>,
    /// The aspect to look at first; `None` where none is beyond its noise level.
    pub farthest: Option<String>,
    /// What to do next.
    pub next: String,
}

/// One respect. Everything is `None` where one side has nothing to compare.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AspectResult {
    /// Its name.
    pub aspect: String,
    /// How distance is measured; always in [0, 1].
    pub measure: &'static str,
    /// The distance of the samples.
    pub distance: Option<f64>,
    /// Lower bound, 95%, on the distance of the populations; `None` also of few users.
    pub lower: Option<f64>,
    /// Upper bound, 95%.
    pub upper: Option<f64>,
    /// Distance that people drawn from the simulated ones exceed hardly ever.
    pub noise: Option<f64>,
    /// Whether the distance is above that.
    pub beyond_noise: Option<bool>,
}

/// A number on both sides; `None` where there is nothing to count.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProfilePair {
    /// Of what.
    pub name: String,
    /// In the log.
    pub logged: Option<f64>,
    /// Among simulated people.
    pub simulated: Option<f64>,
}

/// Reactions of some tips. Each array is in the order completed, snoozed, ignored, dismissed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupResult {
    /// The kind, or the hours; `None` for kinds that no persona knows.
    pub name: Option<String>,
    /// Share of the log's tips, and of the simulated ones.
    pub shares: [f64; 2],
    /// Rates in the log; `None` without tips.
    pub logged: Option<[f64; 4]>,
    /// Rates among simulated people; `None` without tips.
    pub simulated: Option<[f64; 4]>,
}

/// Dwell after one reaction: the geometric mean of 1 + seconds, minus 1.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DwellResult {
    /// After which.
    pub reaction: Reaction,
    /// Seconds in the log; `None` where there are none.
    pub logged: Option<f64>,
    /// Seconds among simulated people.
    pub simulated: Option<f64>,
}

/// Tips whose predicted probability of completion is in one bin.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CalibrationResult {
    /// Where the bin begins and ends.
    pub bin: [f64; 2],
    /// Logged tips.
    pub tips: u64,
    /// Mean predicted probability of those.
    pub predicted: Option<f64>,
    /// Share of them that was completed.
    pub logged: Option<f64>,
    /// Share of simulated tips of the same bin that was completed.
    pub simulated: Option<f64>,
}
