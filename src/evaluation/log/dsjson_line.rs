//! One line of `dsjson` as it is written.

use super::distinct::DistinctObject;
use super::timestamp::TimeStamp;
use crate::base::read::{optional_whole, optional_wholes};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::fmt;

/// What is looked at of a line; the rest is passed over.
#[derive(Deserialize)]
#[serde(rename = "Line")]
pub(super) struct DsjsonLine {
    #[serde(rename = "_label_cost", default, deserialize_with = "there")]
    pub(super) cost: Option<Cost>,
    #[serde(rename = "_skipLearn", default)]
    pub(super) skip: Option<bool>,
    #[serde(rename = "_label_probability")]
    pub(super) probability: Option<f64>,
    #[serde(rename = "_labelIndex", default, deserialize_with = "optional_whole")]
    pub(super) index: Option<usize>,
    #[serde(rename = "_label_Action", default, deserialize_with = "optional_whole")]
    pub(super) action: Option<usize>,
    #[serde(rename = "Timestamp")]
    pub(super) timestamp: Option<TimeStamp>,
    #[serde(rename = "a", default, deserialize_with = "optional_wholes")]
    pub(super) actions: Option<Vec<usize>>,
    #[serde(rename = "p")]
    pub(super) probabilities: Option<Vec<f64>>,
    #[serde(rename = "c")]
    pub(super) context: Option<DsjsonContext>,
    pub(super) pdrop: Option<f64>,
    #[serde(rename = "EventId")]
    pub(super) event: Option<Box<RawValue>>,
    #[serde(rename = "_original_label_cost")]
    pub(super) original_cost: Option<f64>,
    #[serde(rename = "_deferred", alias = "DeferredAction", default)]
    pub(super) deferred: Option<bool>,
    /// What was observed of the decision.
    #[serde(rename = "o")]
    pub(super) observed: Option<Box<RawValue>>,
    /// What a line says that has a reward and no decision.
    #[serde(rename = "RewardValue")]
    pub(super) reward: Option<Box<RawValue>>,
    #[serde(rename = "_outcomes")]
    pub(super) outcomes: Option<IgnoredAny>,
}

impl DsjsonLine {
    /// Whether it is a reward that arrived without its decision: an event with no part of a label or of a decision.
    pub(super) fn is_reward_alone(&self) -> bool {
        let label = self.cost.is_some() || self.probability.is_some();
        let decision = self.probabilities.is_some() || self.context.is_some();
        self.event.is_some() && !(label || decision || self.says_what_was_chosen())
    }

    /// The id of its event, if it is a text.
    pub(super) fn event_id(&self) -> Option<&str> {
        let text = self.event.as_ref()?.get();
        text.strip_prefix('"')?.strip_suffix('"').filter(|id| !id.is_empty())
    }

    /// What was observed of the decision that is like a `T`.
    fn observations<'a, T: Deserialize<'a>>(&'a self) -> impl Iterator<Item = T> {
        let all =
            self.observed.as_ref().and_then(|own| serde_json::from_str::<Vec<&RawValue>>(own.get()).ok());
        all.into_iter().flatten().filter_map(|one| serde_json::from_str(one.get()).ok())
    }

    /// Whether it is of a decision that was put off, and that was never made: nobody saw what was chosen.
    pub(super) fn was_never_shown(&self) -> bool {
        #[derive(Deserialize)]
        struct Activation {
            #[serde(rename = "ActionTaken", default)]
            taken: bool,
        }
        self.deferred == Some(true) && !self.observations().any(|Activation { taken }| taken)
    }

    /// The rewards that were observed of the decision.
    pub(super) fn observed_rewards(&self) -> Vec<f64> {
        #[derive(Deserialize)]
        struct Observation {
            v: f64,
        }
        self.observations().map(|Observation { v }| v).collect()
    }

    /// The reward that a line without a decision says, if it is a number.
    pub(super) fn reward_value(&self) -> Option<f64> {
        serde_json::from_str(self.reward.as_ref()?.get()).ok()
    }

    /// Whether it says, in any of three ways, which action was chosen.
    pub(super) fn says_what_was_chosen(&self) -> bool {
        self.index.is_some() || self.action.is_some() || self.actions.is_some()
    }
}

/// A cost that is there, if only as null.
pub(super) struct Cost(pub(super) Option<f64>);

fn there<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Cost>, D::Error> {
    Option::deserialize(value).map(|cost| Some(Cost(cost)))
}

/// What actions share, and the actions.
pub(super) struct DsjsonContext {
    pub(super) shared: DistinctObject,
    pub(super) multi: Vec<DistinctObject>,
}

impl<'de> Deserialize<'de> for DsjsonContext {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = DsjsonContext;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a map with _multi, the list of actions")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<DsjsonContext, A::Error> {
                let mut multi = Vec::new();
                let shared = DistinctObject::read_beside(map, Some("_multi"), |map| {
                    multi = map.next_value()?;
                    Ok(())
                })?;
                Ok(DsjsonContext { shared, multi })
            }
        }
        deserializer.deserialize_map(Members)
    }
}
