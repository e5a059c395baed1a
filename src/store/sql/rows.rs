//! How records stand in the tables: their columns, what a record is in them, and the record that a row is.

use super::database::listed;
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

/// By these a state is unique.
pub(super) const STATE_KEY: &str = "\"user\" text, policy text";

/// The other columns of a state, but for its id.
pub(super) const STATE: &str =
    "definition integer, number integer, updates integer, model bytes, revision integer, published integer";

/// The columns of a decision, but for its place in the log.
pub(super) const DECISION: &str = "id text, at integer, \"user\" text, definition integer, seed integer, request text, \
                                   scores text, propensities text, chosen text, propensity real, explored flag, \
                                   shadow_of text, experiment text, variant text, prompt_version text, \
                                   prompt_digest text, model_version text, profile_lookup text";

/// The columns of a reward, but for its place in the log.
pub(super) const REWARD: &str = "state integer, number integer, at integer, op text, event text, answers_decision flag, \
                                 reaction text, dwell_seconds real, reward real, learned_from text";

/// The columns of a step of a rollout.
pub(super) const ROLLOUT: &str = "experiment, revision, at, action, share, digest, evidence";

/// All columns of a state, as [`state`] reads them.
pub(super) fn state_columns() -> String {
    format!("id, {}, {}", listed(STATE_KEY), listed(STATE))
}

pub(super) fn damaged(origin: &Path, what: String) -> Error {
    Error::Damaged { path: origin.to_owned(), what }
}

/// What a state is in the columns [`STATE`], after what tells which one it is.
pub(super) fn of_state<'s>(key: &[Value<'s>], state: &'s StateRecord, definition: i64) -> Vec<Value<'s>> {
    let StateRecord { number, updates, model, revision, published, .. } = state;
    let (number, updates, revision) = ((*number).into(), (*updates).into(), (*revision).into());
    let own = [definition.into(), number, updates, model.as_deref().into(), revision, (*published).into()];
    key.iter().cloned().chain(own).collect()
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
pub(super) fn of_decision(decision: &DecisionRecord, definition: i64) -> Vec<Value<'_>> {
    let DecisionLabels { experiment, variant, prompt_version, prompt_digest, model_version, profile_lookup } =
        &decision.labels;
    vec![
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
pub(super) fn of_reward(record: &RewardRecord) -> Vec<Value<'_>> {
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
    vec![
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
