//! How records stand in the tables: their columns, what a record is in them, and the record that a row is.

use super::database::{Column, Type, names};
use super::value::{RowReader, Value};
use crate::base::error::{Error, Result};
use crate::domain::labels::DecisionLabels;
use crate::policy::Policy;
use crate::store::records::{Change, DecisionRecord, RewardRecord, RolloutRecord, StateRecord};
use smol_str::SmolStr;
use std::path::Path;
use std::sync::Arc;

/// The columns of a definition, but for its id.
pub(super) const DEFINITION: &str = "digest, name, policy, feature_set, domain, prior";

pub(super) const STATE_ID: Column = ("id", Type::Integer);

/// By these a state is unique.
pub(super) const STATE_KEY: [Column; 2] = [("\"user\"", Type::Text), ("policy", Type::Text)];

/// The other columns of a state.
pub(super) const STATE: [Column; 6] = [
    ("definition", Type::Integer),
    ("number", Type::Integer),
    ("updates", Type::Integer),
    ("model", Type::Bytes),
    ("revision", Type::Integer),
    ("published", Type::Integer),
];

/// All columns of a state, as [`state`] reads them.
pub(super) fn state_columns() -> String {
    names(&[&[STATE_ID], &STATE_KEY[..], &STATE].concat())
}

/// The columns of a decision, but for its place in the log.
pub(super) const DECISION: [Column; 18] = [
    ("id", Type::Text),
    ("at", Type::Integer),
    ("\"user\"", Type::Text),
    ("definition", Type::Integer),
    ("seed", Type::Integer),
    ("request", Type::Text),
    ("scores", Type::Text),
    ("propensities", Type::Text),
    ("chosen", Type::Text),
    ("propensity", Type::Real),
    ("explored", Type::Flag),
    ("shadow_of", Type::Text),
    ("experiment", Type::Text),
    ("variant", Type::Text),
    ("prompt_version", Type::Text),
    ("prompt_digest", Type::Text),
    ("model_version", Type::Text),
    ("profile_lookup", Type::Text),
];

/// The columns of a reward, but for its place in the log.
pub(super) const REWARD: [Column; 10] = [
    ("state", Type::Integer),
    ("number", Type::Integer),
    ("at", Type::Integer),
    ("op", Type::Text),
    ("event", Type::Text),
    ("answers_decision", Type::Flag),
    ("reaction", Type::Text),
    ("dwell_seconds", Type::Real),
    ("reward", Type::Real),
    ("learned_from", Type::Text),
];

pub(super) const ROLLOUT: &str = "experiment, revision, at, action, share, digest, evidence";

pub(super) fn damaged(origin: &Path, what: String) -> Error {
    Error::Damaged { path: origin.to_owned(), what }
}

/// What a state is in the columns [`STATE`].
pub(super) fn of_state(state: &StateRecord, definition: i64) -> [Value<'_>; 6] {
    let StateRecord { number, updates, model, revision, published, .. } = state;
    [
        definition.into(),
        (*number).into(),
        (*updates).into(),
        model.as_deref().into(),
        (*revision).into(),
        (*published).into(),
    ]
}

/// The state that a row is.
///
/// # Errors
/// A definition of another policy than the state's.
pub(super) fn state(
    row: &mut RowReader,
    origin: &Path,
    policy: impl Fn(i64) -> Result<Arc<Policy>>,
) -> Result<StateRecord> {
    let (id, user, name): (_, SmolStr, SmolStr) = (row.read()?, row.read()?, row.read()?);
    let policy = policy(row.read()?)?;
    if policy.name() != name {
        return Err(damaged(
            origin,
            format!("the state of {user:?} under {name} is defined as {}", policy.name()),
        ));
    }
    let (number, updates, model) = (row.read()?, row.read()?, row.read()?);
    let (revision, published) = (row.read()?, row.read()?);
    Ok(StateRecord { id, user, policy, number, model, updates, revision, published })
}

/// What a decision is in its columns.
pub(super) fn of_decision(decision: &DecisionRecord, definition: i64) -> [Value<'_>; 18] {
    let DecisionLabels { experiment, variant, prompt_version, prompt_digest, model_version, profile_lookup } =
        &decision.labels;
    [
        decision.id.as_str().into(),
        decision.at.into(),
        decision.user.as_str().into(),
        definition.into(),
        decision.seed.into(),
        (&*decision.request).into(),
        decision.scores.as_str().into(),
        decision.propensities.as_deref().into(),
        decision.chosen.as_str().into(),
        decision.propensity.into(),
        decision.explored.into(),
        decision.shadow_of.as_deref().into(),
        experiment.as_deref().into(),
        variant.as_deref().into(),
        prompt_version.as_deref().into(),
        prompt_digest.as_deref().into(),
        model_version.as_deref().into(),
        profile_lookup.as_deref().into(),
    ]
}

/// The decision that a row is.
pub(super) fn decision(
    row: &mut RowReader,
    policy: impl Fn(i64) -> Result<Arc<Policy>>,
) -> Result<DecisionRecord> {
    // In the order of the columns.
    Ok(DecisionRecord {
        id: row.read()?,
        at: row.read()?,
        user: row.read()?,
        policy: policy(row.read()?)?,
        seed: row.read()?,
        request: row.read()?,
        scores: row.read()?,
        propensities: row.read()?,
        chosen: row.read()?,
        propensity: row.read()?,
        explored: row.read()?,
        shadow_of: row.read()?,
        labels: DecisionLabels {
            experiment: row.read()?,
            variant: row.read()?,
            prompt_version: row.read()?,
            prompt_digest: row.read()?,
            model_version: row.read()?,
            profile_lookup: row.read()?,
        },
    })
}

/// What an entry of the log of rewards is in its columns.
pub(super) fn of_reward(record: &RewardRecord) -> [Value<'_>; 10] {
    let nothing = [Value::Null, false.into(), Value::Null, Value::Null, Value::Null];
    let (op, [event, answers_decision, reaction, dwell_seconds, reward], learned_from) = match &record.change
    {
        Change::Reward { event, answers_decision, reaction, dwell_seconds, reward, shown } => {
            let event = event.as_deref().into();
            let reaction = reaction.as_deref().into();
            let values =
                [event, (*answers_decision).into(), reaction, (*dwell_seconds).into(), (*reward).into()];
            ("reward", values, Some(shown.as_str()))
        }
        Change::Reset => ("reset", nothing, None),
        Change::Import(line) => ("import", nothing, Some(line.as_str())),
    };
    [
        record.state.into(),
        record.number.into(),
        record.at.into(),
        op.into(),
        event,
        answers_decision,
        reaction,
        dwell_seconds,
        reward,
        learned_from.into(),
    ]
}

/// The entry of the log that a row is.
///
/// # Errors
/// A row without what its kind of entry has.
pub(super) fn reward(row: &mut RowReader, origin: &Path) -> Result<RewardRecord> {
    let (state, number, at, op): (i64, u64, _, SmolStr) =
        (row.read()?, row.read()?, row.read()?, row.read()?);
    let (event, answers_decision, reaction) = (row.read()?, row.read()?, row.read()?);
    let (dwell_seconds, reward, learned_from) =
        (row.read()?, row.read::<Option<f64>>()?, row.read::<Option<String>>()?);
    let missing = |what: &str| damaged(origin, format!("reward {number} of state {state} has no {what}"));
    let change = match op.as_str() {
        "reset" => Change::Reset,
        "import" => Change::Import(learned_from.ok_or_else(|| missing("state"))?),
        _ => Change::Reward {
            event,
            answers_decision,
            reaction,
            dwell_seconds,
            reward: reward.ok_or_else(|| missing("reward"))?,
            shown: learned_from.ok_or_else(|| missing("candidate"))?,
        },
    };
    Ok(RewardRecord { state, number, at, change })
}

/// What a step of a rollout is in its columns.
pub(super) fn of_rollout(step: &RolloutRecord) -> [Value<'_>; 7] {
    [
        step.experiment.as_str().into(),
        step.revision.into(),
        step.at.into(),
        step.action.as_str().into(),
        step.share.into(),
        step.digest.as_str().into(),
        step.evidence.as_deref().into(),
    ]
}

/// The step of a rollout that a row is.
pub(super) fn rollout(row: &mut RowReader) -> Result<RolloutRecord> {
    Ok(RolloutRecord {
        experiment: row.read()?,
        revision: row.read()?,
        at: row.read()?,
        action: row.read()?,
        share: row.read()?,
        digest: row.read()?,
        evidence: row.read()?,
    })
}
