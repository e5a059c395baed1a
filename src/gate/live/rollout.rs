//! A rollout: the second variant's share grows in steps, each taken on the evidence of the one before it (ADR-0025).
//!
//! What is decided stands in the store: one record for each step, of which the latest one holds. A record is added only if
//! nobody else has added one since the evidence was read, so that two who advance at once take one step.

use super::arms::{self, Epoch};
use super::effect::{ArmUser, e_above, e_below, effect_estimate, effect_lower, effect_upper};
use super::metric::LiveMetric;
use super::observations::{DAY_MS, ObservationRules, observe};
use super::refusal::LiveRefusal;
use super::sample_ratio::SampleRatio;
use crate::base::error::{Error, Fault, Result};
use crate::evaluation::log::LabelledLog;
use crate::experiment::{Experiment, Guardrails};
use crate::gate::eprocess::MOST_E;
use crate::simulation::metrics::Direction;
use crate::store::{Durability, RolloutRecord, Store, read, write};
use serde::{Deserialize, Deserializer, Serialize};
use smol_str::SmolStr;
use std::sync::Arc;

/// Milliseconds of an hour.
const HOUR_MS: f64 = 3_600_000.0;

/// What a record of a rollout says that was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RolloutAction {
    /// The first share was given.
    Start,
    /// The next share was given.
    Advance,
    /// The last share was given, and no more is asked.
    Finish,
    /// Everybody has the first variant again, for the second one is worse.
    FallBack,
    /// Everybody has the first variant again, for somebody said so.
    Stop,
}

impl RolloutAction {
    const ALL: [Self; 5] = [Self::Start, Self::Advance, Self::Finish, Self::FallBack, Self::Stop];

    /// Its name in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Advance => "advance",
            Self::Finish => "finish",
            Self::FallBack => "fall back",
            Self::Stop => "stop",
        }
    }

    /// Whether more steps follow.
    pub fn is_running(self) -> bool {
        matches!(self, Self::Start | Self::Advance)
    }
}

/// One step with what it rested on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RolloutStep {
    /// Its number, from 1.
    pub revision: u64,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// What was done.
    pub action: RolloutAction,
    /// The share of the second variant from then on.
    pub share: f64,
    /// The evidence for it; `None` where nothing was asked.
    pub evidence: Option<RolloutEvidence>,
    /// Digest of the experiment then.
    #[serde(skip)]
    pub digest: SmolStr,
}

/// What the users of one step say of the second variant. Differences are gains: more is better, whatever the metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RolloutEvidence {
    /// The moment of the look, in milliseconds since 1970.
    pub as_of_ms: u64,
    /// The share of the second variant in this step.
    pub share: f64,
    /// Users who came in it and could have had either.
    pub exposed: u64,
    /// Those of them whose observation counts.
    pub users: u64,
    /// Those of these who had the second variant.
    pub challenger_users: u64,
    /// What it gains, as a share of the metric's range; `None` without users of both.
    pub difference: Option<f64>,
    /// Lower bound, at level alpha on this side alone.
    pub lower: Option<f64>,
    /// Upper bound, likewise.
    pub upper: Option<f64>,
    /// Evidence against its losing the margin or more.
    #[serde(deserialize_with = "e_value_of")]
    pub e_not_inferior: f64,
    /// Evidence against its being as good.
    #[serde(deserialize_with = "e_value_of")]
    pub e_harm: f64,
    /// Evidence against the shares being what was decided.
    #[serde(deserialize_with = "e_value_of")]
    pub e_sample_ratio: f64,
}

/// An e-value in a record; version 0.4 wrote null for those that were more than a double can hold.
fn e_value_of<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(deserializer)?.unwrap_or(MOST_E))
}

/// What the evidence says to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RolloutRuling {
    /// Take the next step.
    Step,
    /// Give everybody the first variant again.
    Harm,
    /// Wait: users are not where they were to be.
    Mismatch,
    /// Wait for more users.
    Wait,
}

/// What the guardrails make of `evidence` in a rollout of so many steps on evidence.
pub fn rule(evidence: &RolloutEvidence, guardrails: &Guardrails, steps: usize) -> RolloutRuling {
    let alpha = guardrails.alpha();
    // Whoever is as good is stopped with probability alpha in all steps together.
    if evidence.e_harm >= steps.max(1) as f64 / alpha {
        RolloutRuling::Harm
    } else if evidence.e_sample_ratio >= 1.0 / alpha {
        RolloutRuling::Mismatch
    } else if evidence.users >= guardrails.least_users() && evidence.e_not_inferior >= 1.0 / alpha {
        RolloutRuling::Step
    } else {
        RolloutRuling::Wait
    }
}

/// How many steps of a ramp are taken on evidence: the last one, if everybody then has the second variant, asks for none.
pub fn steps_on_evidence(ramp: &[f64]) -> usize {
    ramp.iter().filter(|share| **share < 1.0).count()
}

/// The share after `share` in a ramp, and whether it is the last thing to do.
pub fn next_share(ramp: &[f64], share: f64) -> (f64, bool) {
    match ramp.iter().find(|next| **next > share) {
        Some(next) => (*next, *next >= 1.0),
        None => (share, true),
    }
}

/// The evidence of weighted users, of whom more of the metric is better.
pub fn evidence_of(
    users: &[ArmUser],
    exposed: u64,
    e_sample_ratio: f64,
    share: f64,
    guardrails: &Guardrails,
) -> RolloutEvidence {
    let challengers = users.iter().filter(|user| user.treated).count();
    let both = challengers > 0 && challengers < users.len();
    RolloutEvidence {
        as_of_ms: 0,
        share,
        exposed,
        users: users.len() as u64,
        challenger_users: challengers as u64,
        difference: effect_estimate(users).filter(|_| both),
        lower: both.then(|| effect_lower(users, guardrails.alpha())),
        upper: both.then(|| effect_upper(users, guardrails.alpha())),
        e_not_inferior: e_above(users, -guardrails.margin()),
        e_harm: e_below(users, 0.0),
        e_sample_ratio,
    }
}

/// The steps of an experiment's rollouts, the first one first.
///
/// # Errors
/// A store that cannot be read, or has a step that nobody wrote.
pub fn rollout_history(store: &dyn Store, experiment: &str) -> Result<Vec<RolloutStep>> {
    let steps = read(store, |snapshot| snapshot.rollout_steps(experiment))?;
    steps.into_iter().map(step).collect()
}

fn step(record: RolloutRecord) -> Result<RolloutStep> {
    let damaged = || {
        let (experiment, revision) = (record.experiment.to_string(), record.revision);
        Error::because(LiveRefusal::Damaged { experiment, revision })
    };
    let action =
        RolloutAction::ALL.into_iter().find(|action| action.name() == record.action).ok_or_else(damaged)?;
    let evidence = record.evidence.as_deref().map(serde_json::from_str).transpose().map_err(|_| damaged())?;
    if !(0.0..=1.0).contains(&record.share) {
        return Err(damaged());
    }
    let (revision, at_ms, share, digest) = (record.revision, record.at, record.share, record.digest);
    Ok(RolloutStep { revision, at_ms, action, share, evidence, digest })
}

/// The steps as the times in which their shares held. The latest one has no end.
pub fn epochs(history: &[RolloutStep]) -> Vec<Epoch> {
    let ends = history.iter().skip(1).map(|step| step.at_ms).chain([u64::MAX]);
    history
        .iter()
        .zip(ends)
        .map(|(step, until)| Epoch { from: step.at_ms, until, share: step.share })
        .collect()
}

/// How observations of a rollout are closed, as its guardrails say.
///
/// # Errors
/// A metric that there is not.
pub fn rules_of(experiment: &Experiment, as_of: u64) -> Result<ObservationRules> {
    let guardrails = experiment.guardrails();
    let metric = match guardrails.metric() {
        None => LiveMetric::Reward,
        Some(name) => LiveMetric::named(name).ok_or_else(|| {
            let allowed = LiveMetric::ALL.map(LiveMetric::name).join(", ");
            Fault::new("guardrails.metric", format!("{name:?}"), allowed).at(experiment.key())
        })?,
    };
    Ok(ObservationRules {
        decisions: guardrails.decisions(),
        window_ms: (guardrails.window_days() * DAY_MS as f64) as u64,
        wait_ms: (guardrails.wait_hours() * HOUR_MS) as u64,
        ..ObservationRules::new(metric, as_of)
    })
}

/// What the users of the running step say, read from `log`.
///
/// # Errors
/// A log that cannot be read, values out of range.
pub fn running_evidence(
    experiment: &Experiment,
    log: &LabelledLog,
    history: &[RolloutStep],
    as_of: u64,
) -> Result<RolloutEvidence> {
    let epochs = epochs(history);
    let mut rules = rules_of(experiment, as_of)?;
    rules.scope_ends = epochs.iter().map(|epoch| epoch.until).collect();
    let found = observe(log, &rules, |line| {
        let is_own = line.experiment.as_deref() == Some(experiment.key());
        Ok(is_own.then(|| arms::membership(experiment, &epochs, &line.user, line.time_ms)).flatten())
    })?;
    let scope = epochs.len().saturating_sub(1) as u32;
    let weighted = arms::of_rollout(&epochs, &found.all);
    let (mut ratio, mut users, mut exposed, mut is_over) = (SampleRatio::default(), Vec::new(), 0, false);
    let of_step = found.all.iter().zip(&weighted).filter(|(o, _)| o.membership.scope == scope);
    for (observation, user) in of_step {
        let Some(user) = user else { continue };
        exposed += 1;
        ratio.observe(user.group as usize, &user.weights);
        is_over |= !observation.is_closed;
        if let Some(pair) = user.in_pair(1, 0).filter(|_| !is_over) {
            let y = if rules.metric.better() == Direction::Less { 1.0 - pair.y } else { pair.y };
            users.push(ArmUser { y, ..pair });
        }
    }
    let share = epochs.last().map_or(0.0, |epoch| epoch.share);
    let evidence = evidence_of(&users, exposed, ratio.e_value(), share, experiment.guardrails());
    Ok(RolloutEvidence { as_of_ms: as_of, ..evidence })
}

/// The experiment's rollout as it runs.
///
/// # Errors
/// None runs, or the experiment was changed since.
fn running(experiment: &Experiment, history: &[RolloutStep]) -> Result<(u64, f64)> {
    let last = latest(experiment.key(), history)?;
    if !last.action.is_running() {
        return Err(ended(experiment.key(), last));
    }
    if last.digest != experiment.digest() {
        return Err(Error::because(LiveRefusal::Changed { experiment: experiment.key().to_string() }));
    }
    Ok((last.revision, last.share))
}

/// The latest step.
///
/// # Errors
/// There is none.
fn latest<'a>(experiment: &str, history: &'a [RolloutStep]) -> Result<&'a RolloutStep> {
    history.last().ok_or_else(|| {
        let status = "none was started".to_owned();
        Error::because(LiveRefusal::NotRunning { experiment: experiment.to_owned(), status })
    })
}

/// A rollout that ended with this step runs no more.
fn ended(experiment: &str, last: &RolloutStep) -> Error {
    let status = format!("its last step was {:?}", last.action.name());
    Error::because(LiveRefusal::NotRunning { experiment: experiment.to_owned(), status })
}

fn ramp(experiment: &Experiment) -> Result<&[f64]> {
    let experiment_name = || experiment.key().to_string();
    experiment.ramp().ok_or_else(|| Error::because(LiveRefusal::NoRamp { experiment: experiment_name() }))
}

/// Adds a step, unless somebody else was faster.
fn add(
    store: &dyn Store,
    (experiment, digest): (&str, &str),
    revision: u64,
    at: u64,
    (action, share): (RolloutAction, f64),
    evidence: Option<&RolloutEvidence>,
) -> Result<RolloutStep> {
    let record = RolloutRecord {
        experiment: experiment.into(),
        revision,
        at,
        action: action.name().into(),
        share,
        digest: digest.into(),
        evidence: evidence
            .map(|evidence| serde_json::to_string(evidence).expect("plain values always serialize")),
    };
    if !write(store, Durability::Power, |transaction| transaction.add_rollout_step(&record))? {
        return Err(Error::because(LiveRefusal::Moved { experiment: experiment.to_owned() }));
    }
    step(record)
}

/// Begins a rollout with the first share of its ramp.
///
/// # Errors
/// No ramp, or a rollout that runs already.
pub fn start_rollout(store: &dyn Store, experiment: &Experiment, now: u64) -> Result<RolloutStep> {
    let first = ramp(experiment)?[0];
    rules_of(experiment, now)?;
    let history = rollout_history(store, experiment.key())?;
    if let Some(last) = history.last().filter(|last| last.action.is_running()) {
        let (experiment, share) = (experiment.key().to_string(), last.share.to_string());
        return Err(Error::because(LiveRefusal::Running { experiment, share }));
    }
    let revision = history.last().map_or(1, |last| last.revision + 1);
    let action = if first >= 1.0 { RolloutAction::Finish } else { RolloutAction::Start };
    add(store, named(experiment), revision, now.max(after(&history)), (action, first), None)
}

/// The experiment as steps have it: its name and its digest.
fn named(experiment: &Experiment) -> (&str, &str) {
    (experiment.key(), experiment.digest())
}

/// A moment after every step so far, whatever clocks say.
fn after(history: &[RolloutStep]) -> u64 {
    history.last().map_or(0, |last| last.at_ms + 1)
}

/// Ends a rollout of the experiment of this name: everybody has the first variant again. What the experiment's file has become
/// meanwhile, and whether it is there, is in the way of no stop.
///
/// # Errors
/// None runs; one that has finished can be stopped too.
pub fn stop_rollout(store: &dyn Store, experiment: &str, now: u64) -> Result<RolloutStep> {
    let history = rollout_history(store, experiment)?;
    let last = latest(experiment, &history)?;
    if last.share <= 0.0 && !last.action.is_running() {
        return Err(ended(experiment, last));
    }
    let (of, stop) = ((experiment, &*last.digest), (RolloutAction::Stop, 0.0));
    add(store, of, last.revision + 1, now.max(after(&history)), stop, None)
}

/// Looks at the evidence of the running step, and takes the next one, falls back, or waits: then there is no step.
///
/// # Errors
/// No rollout that runs, a log that cannot be read, and somebody else who moved it meanwhile.
pub fn advance_rollout(
    store: &Arc<dyn Store>,
    experiment: &Experiment,
    now: u64,
) -> Result<(RolloutEvidence, RolloutRuling, Option<RolloutStep>)> {
    let ramp = ramp(experiment)?;
    let history = rollout_history(&**store, experiment.key())?;
    let (revision, share) = running(experiment, &history)?;
    let log = LabelledLog::of_store(store);
    let evidence = running_evidence(experiment, &log, &history, now)?;
    let ruling = rule(&evidence, experiment.guardrails(), steps_on_evidence(ramp));
    let taken = match ruling {
        RolloutRuling::Harm => (RolloutAction::FallBack, 0.0),
        RolloutRuling::Step => {
            let (next, is_last) = next_share(ramp, share);
            (if is_last { RolloutAction::Finish } else { RolloutAction::Advance }, next)
        }
        RolloutRuling::Mismatch | RolloutRuling::Wait => return Ok((evidence, ruling, None)),
    };
    let step =
        add(&**store, named(experiment), revision + 1, now.max(after(&history)), taken, Some(&evidence))?;
    Ok((evidence, ruling, Some(step)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(e_not_inferior: f64, e_harm: f64, e_sample_ratio: f64, users: u64) -> RolloutEvidence {
        let guardrails = guardrails();
        RolloutEvidence {
            users,
            e_not_inferior,
            e_harm,
            ..evidence_of(&[], users, e_sample_ratio, 0.05, &guardrails)
        }
    }

    fn guardrails() -> Guardrails {
        Guardrails::try_from(crate::experiment::RawGuardrails::default()).unwrap()
    }

    #[test]
    fn evidence_steps_waits_or_falls_back() {
        let of = |not_inferior, harm, ratio, users| {
            rule(&evidence(not_inferior, harm, ratio, users), &guardrails(), 2)
        };
        assert_eq!(of(20.0, 0.1, 1.0, 200), RolloutRuling::Step);
        assert_eq!(of(19.9, 0.1, 1.0, 200), RolloutRuling::Wait);
        assert_eq!(of(20.0, 0.1, 1.0, 199), RolloutRuling::Wait);
        assert_eq!(of(20.0, 0.1, 20.0, 200), RolloutRuling::Mismatch);
        assert_eq!(of(20.0, 39.9, 1.0, 200), RolloutRuling::Step);
        assert_eq!(of(20.0, 40.0, 20.0, 1), RolloutRuling::Harm);
    }

    #[test]
    fn evidence_of_thousands_is_read_again() {
        // Everybody in one arm does it, nobody in the other: beyond what a double can hold after some thousand users.
        let users: Vec<ArmUser> = (0..4_000)
            .map(|n| ArmUser { treated: n % 2 == 0, weight: 0.5, y: f64::from(n % 2 == 0) })
            .collect();
        let found = evidence_of(&users, 4_000, 1.0, 0.5, &guardrails());
        assert_eq!((found.e_not_inferior, rule(&found, &guardrails(), 1)), (MOST_E, RolloutRuling::Step));
        let text = serde_json::to_string(&found).unwrap();
        assert_eq!(serde_json::from_str::<RolloutEvidence>(&text).unwrap(), found);
        // As version 0.4 wrote it.
        let older = text.replace("1e+300", "null").replace("1e300", "null");
        assert!(older.contains("null"), "{older}");
        assert_eq!(serde_json::from_str::<RolloutEvidence>(&older).unwrap(), found);
    }

    #[test]
    fn a_ramp_ends_with_everybody_or_with_its_last_share() {
        let ramp = [0.05, 0.25, 1.0];
        assert_eq!([0.05, 0.25].map(|share| next_share(&ramp, share)), [(0.25, false), (1.0, true)]);
        assert_eq!((next_share(&[0.5], 0.5), steps_on_evidence(&ramp)), ((0.5, true), 2));
    }
}
