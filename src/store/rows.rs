//! Rows as tables have them, and the records that they stand for: the same for every store that speaks SQL.

use super::contract::{Change, RewardRecord, StateRecord};
use crate::base::error::{Error, Fault, Result};
use crate::base::read;
use crate::features::FeatureSet;
use crate::policy::{Policy, Prior, RawDefinition};
use smol_str::SmolStr;
use std::path::Path;
use std::sync::Arc;

/// The error of rows that do not fit together.
pub(super) fn damaged(origin: &Path, what: String) -> Error {
    Error::Damaged { path: origin.to_owned(), what }
}

/// The policy that a definition tells, with the text of its prior beside it.
///
/// # Errors
/// A text that is no policy, or a prior that is none.
pub(super) fn policy(text: &str, prior: Option<&str>, id: i64, origin: &Path) -> Result<Policy> {
    let place = format!("{}: definition {id}", origin.display());
    let raw: RawDefinition = read::toml(text, &place)?;
    let policy = match raw {
        RawDefinition::BuiltIn(raw) => Policy::checked(raw, |_| {
            let missing = Fault::new("prior", "null", "the text of the prior that the policy names");
            let prior = Prior::from_json(prior.ok_or(missing)?, &place);
            let prior = prior.map_err(|error| Fault::new("prior", error, "the text of a prior"))?;
            Ok::<_, Fault>(Arc::new(prior))
        }),
        raw @ RawDefinition::Program(_) => Policy::try_from(raw),
    };
    policy.map_err(|fault| damaged(origin, format!("definition {id}: {fault}")))
}

/// The digests of a policy's feature set and domain; none of a program, whose business it is what it looks at.
pub(super) fn looks_at(policy: &Policy) -> (Option<&'static str>, Option<&'static str>) {
    let set = policy.program().is_none().then(|| policy.features());
    (set.map(FeatureSet::digest), set.map(|set| set.domain().digest()))
}

/// The text of a policy's prior, as its definition keeps it.
pub(super) fn prior(policy: &Policy) -> Option<String> {
    policy.prior().map(|prior| prior.to_json())
}

/// What stands in the place of a policy that is yet to be looked up.
pub(super) fn blank() -> Arc<Policy> {
    Arc::new(Policy::named("uniform").expect("it is built in"))
}

/// A row of the table `state`.
pub(super) struct StateRow {
    pub(super) id: i64,
    pub(super) user: SmolStr,
    pub(super) policy: SmolStr,
    pub(super) definition: i64,
    pub(super) number: i64,
    pub(super) updates: i64,
    pub(super) model: Option<Vec<u8>>,
    pub(super) revision: i64,
    pub(super) published: Option<i64>,
}

impl StateRow {
    /// The record, once its definition is known.
    ///
    /// # Errors
    /// A definition of another policy than the state's.
    pub(super) fn record(self, policy: Arc<Policy>, origin: &Path) -> Result<StateRecord> {
        if policy.name() != self.policy {
            let what =
                format!("the state of {:?} under {} is defined as {}", self.user, self.policy, policy.name());
            return Err(damaged(origin, what));
        }
        Ok(StateRecord {
            id: self.id,
            user: self.user,
            policy,
            number: self.number as u64,
            model: self.model,
            updates: self.updates as u64,
            revision: self.revision as u64,
            published: self.published.map(|revision| revision as u64),
        })
    }
}

/// A row of the table `reward`.
pub(super) struct RewardRow {
    pub(super) state: i64,
    pub(super) number: i64,
    pub(super) at: i64,
    pub(super) op: String,
    pub(super) event: Option<SmolStr>,
    pub(super) answers_decision: bool,
    pub(super) reaction: Option<String>,
    pub(super) dwell_seconds: Option<f64>,
    pub(super) reward: Option<f64>,
    pub(super) learned_from: Option<String>,
}

impl RewardRow {
    /// The entry of the log that it is.
    ///
    /// # Errors
    /// A row without what its kind of entry has.
    pub(super) fn record(self, origin: &Path) -> Result<RewardRecord> {
        let (state, number) = (self.state, self.number);
        let missing = |what: &str| damaged(origin, format!("reward {number} of state {state} has no {what}"));
        let learned_from = self.learned_from;
        let change = match self.op.as_str() {
            "reset" => Change::Reset,
            "import" => Change::Import(learned_from.ok_or_else(|| missing("state"))?),
            _ => Change::Reward {
                reaction: self.reaction.map(SmolStr::from),
                reward: self.reward.ok_or_else(|| missing("reward"))?,
                shown: learned_from.ok_or_else(|| missing("candidate"))?,
                event: self.event,
                answers_decision: self.answers_decision,
                dwell_seconds: self.dwell_seconds,
            },
        };
        Ok(RewardRecord { state, number: number as u64, at: self.at as u64, change })
    }
}

/// What a change is in the columns of `reward`, from `op` on.
pub(super) struct ChangeColumns<'a> {
    pub(super) op: &'static str,
    pub(super) event: Option<&'a str>,
    pub(super) answers_decision: bool,
    pub(super) reaction: Option<&'a str>,
    pub(super) dwell_seconds: Option<f64>,
    pub(super) reward: Option<f64>,
    pub(super) learned_from: Option<&'a str>,
}

impl<'a> From<&'a Change> for ChangeColumns<'a> {
    fn from(change: &'a Change) -> Self {
        let none = Self {
            op: "reset",
            event: None,
            answers_decision: false,
            reaction: None,
            dwell_seconds: None,
            reward: None,
            learned_from: None,
        };
        match change {
            Change::Reward { event, answers_decision, reaction, dwell_seconds, reward, shown } => Self {
                op: "reward",
                event: event.as_deref(),
                answers_decision: *answers_decision,
                reaction: reaction.as_deref(),
                dwell_seconds: *dwell_seconds,
                reward: Some(*reward),
                learned_from: Some(shown),
            },
            Change::Reset => none,
            Change::Import(line) => Self { op: "import", learned_from: Some(line), ..none },
        }
    }
}
