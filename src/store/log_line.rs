//! The lines of our own logs, of decisions and of rewards: one definition for who writes and who reads them.
//!
//! `log` prints them, `simulate --log` writes them, `evaluate` and `compare-reality` read them, and the logs of version
//! 0.1 have them too. A field that is null is unknown; one that is not there says nothing. `R` is what holds the
//! request: a reader takes as much of it as it needs.

use crate::base::read::{optional_whole, whole};
use crate::policy::RawDefinition;
use serde::{Deserialize, Deserializer, Serialize};
use smol_str::SmolStr;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A decision.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DecisionLine<'a, R> {
    /// The decision's id.
    #[serde(borrow)]
    pub decision_id: Cow<'a, str>,
    /// The decision that was shown instead, if it is a shadow's.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub shadow_of: Option<Cow<'a, str>>,
    /// The experiment that its user took part in.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub experiment: Option<Cow<'a, str>>,
    /// The variant that its user has.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<Cow<'a, str>>,
    /// The version of the prompt that its candidates were written with.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub prompt_version: Option<Cow<'a, str>>,
    /// The digest of that prompt.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub prompt_digest: Option<Cow<'a, str>>,
    /// The version of the policy in a model registry.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub model_version: Option<Cow<'a, str>>,
    /// What came of asking a feature store for what the request did not say of the profile.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub profile_lookup: Option<Cow<'a, str>>,
    /// The user.
    #[serde(borrow)]
    pub user: Cow<'a, str>,
    /// The policy's name; other writers may leave it out.
    #[serde(borrow, default)]
    pub policy: Cow<'a, str>,
    /// The policy, where it is not built in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec: Option<RawDefinition>,
    /// Whether nobody was shown it.
    pub shadow: bool,
    /// Id of the chosen candidate.
    #[serde(borrow)]
    pub chosen: Cow<'a, str>,
    /// The probability with which it was chosen.
    #[serde(deserialize_with = "known_or_null")]
    pub propensity: Option<f64>,
    /// Whether chance rather than the scores decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explored: Option<bool>,
    /// Every candidate's score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scores: Option<Vec<f64>>,
    /// Every candidate's probability of being chosen.
    #[serde(deserialize_with = "known_or_null")]
    pub propensities: Option<Vec<f64>>,
    /// Seed of its exploration.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "optional_whole")]
    pub seed: Option<u64>,
    /// When it was made, in milliseconds since 1970.
    #[serde(deserialize_with = "whole")]
    pub time_ms: u64,
    /// The request.
    pub request: R,
}

/// What an entry of the log of rewards did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Op {
    /// A policy learned.
    Reward,
    /// A user was forgotten.
    Reset,
    /// A state came from elsewhere.
    Import,
}

/// A reward, a reset or an import.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RewardLine<'a, R, S = R> {
    /// The user; version 0.1 and other writers may leave it out.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Cow<'a, str>>,
    /// The policy's name.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Cow<'a, str>>,
    /// What happened.
    pub op: Op,
    /// Its number within the state.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "optional_whole")]
    pub number: Option<u64>,
    /// The event under which it was learned once.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Cow<'a, str>>,
    /// The reward.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reward: Option<f64>,
    /// The decision that it answers.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub decision_id: Option<Cow<'a, str>>,
    /// The reaction that the reward was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reaction: Option<SmolStr>,
    /// How long the tip was looked at, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dwell_seconds: Option<f64>,
    /// What was shown: a request with one candidate.
    #[serde(default = "nothing", skip_serializing_if = "Option::is_none")]
    pub request: Option<R>,
    /// The policy, where it is not built in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec: Option<RawDefinition>,
    /// Of a reset of version 0.1, the policies that forgot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policies: Option<BTreeMap<String, u64>>,
    /// The state that was imported.
    #[serde(default = "nothing", skip_serializing_if = "Option::is_none")]
    pub state: Option<S>,
    /// When it was written, in milliseconds since 1970.
    #[serde(deserialize_with = "whole")]
    pub time_ms: u64,
}

impl<R, S> RewardLine<'_, R, S> {
    /// An entry that says no more than what it did and when.
    pub fn new(op: Op, time_ms: u64) -> Self {
        Self {
            user: None,
            policy: None,
            op,
            number: None,
            event: None,
            reward: None,
            decision_id: None,
            reaction: None,
            dwell_seconds: None,
            request: None,
            spec: None,
            policies: None,
            state: None,
            time_ms,
        }
    }
}

fn nothing<T>() -> Option<T> {
    None
}

/// A value, or the null that says that nobody knows it; a field that is not there says nothing and is an error.
fn known_or_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(value: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(value)
}
