//! Stats: what is known of users.

use super::shared::{Service, named_user};
use crate::base::error::{Error, Result};
use crate::features::FeatureSet;
use crate::policy::{Model, NAMED, Structure};
use crate::store::{State, StateRecord, read};
use serde::{Serialize, Serializer};
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// So many states are read at a time.
const PAGE: usize = 1_024;

/// What is known of one user.
#[derive(Debug, Serialize)]
pub struct UserStats {
    /// The user.
    pub user: SmolStr,
    /// By policy.
    pub policies: Vec<PolicyStats>,
}

/// What one policy knows of a user.
#[derive(Debug, Serialize)]
pub struct PolicyStats {
    /// The policy.
    pub policy: SmolStr,
    /// Rewards that were learned from.
    pub updates: u64,
    /// Their mean; `None` before the first.
    pub mean_reward: Option<f64>,
    /// Weights by name of dimension, null of a program; by kind of candidate first where each kind has a model of its own.
    pub theta: Theta,
}

/// The weights of a state.
#[derive(Debug)]
pub struct Theta(State);

/// One row of a table of states: one for each model.
#[derive(Debug)]
pub struct StateRow {
    /// The user.
    pub user: SmolStr,
    /// The policy.
    pub policy: SmolStr,
    /// The kind of candidate; empty where all share the model, or have no kind.
    pub kind: SmolStr,
    /// Rewards that were learned from.
    pub updates: u64,
    /// Their mean, where all kinds share the model.
    pub mean_reward: Option<f64>,
    /// What its policy looks at.
    pub features: FeatureSet,
    /// One weight per dimension; none of a program.
    pub theta: Vec<f64>,
}

impl PolicyStats {
    fn of(state: State) -> Self {
        Self {
            policy: state.policy.name().into(),
            updates: state.model.updates(),
            mean_reward: state.model.mean_reward(),
            theta: Theta(state),
        }
    }
}

impl Service {
    /// What is known of a user, or of everybody, under a policy or all of them, handed to `visit` user by user.
    ///
    /// # Errors
    /// A store that cannot be read, a policy that nobody has, and those of `visit`.
    pub fn stats(
        &self,
        user: Option<&str>,
        policy: Option<&str>,
        mut visit: impl FnMut(UserStats) -> Result<()>,
    ) -> Result<()> {
        let mut stats: Option<UserStats> = None;
        self.each_state(user, policy, |state| {
            if let Some(done) = stats.take_if(|stats| stats.user != state.user) {
                visit(done)?;
            }
            let own =
                stats.get_or_insert_with(|| UserStats { user: state.user.clone(), policies: Vec::new() });
            own.policies.push(PolicyStats::of(state));
            Ok(())
        })?;
        match (stats, user) {
            (Some(stats), _) => visit(stats),
            (None, Some(user)) => visit(UserStats { user: user.into(), policies: Vec::new() }),
            (None, None) => Ok(()),
        }
    }

    /// What is known of the users after this one, in the order of their names: of at most `limit`, under a policy or all.
    ///
    /// # Errors
    /// As [`Self::stats`].
    pub fn stats_after(&self, user: &str, policy: Option<&str>, limit: usize) -> Result<Vec<UserStats>> {
        let mut found = Vec::<UserStats>::new();
        self.states_after(user, |record| {
            if record.user == user || policy.is_some_and(|name| record.policy.name() != name) {
                return Ok(ControlFlow::Continue(()));
            }
            if found.last().is_none_or(|stats| stats.user != record.user) {
                if found.len() == limit {
                    return Ok(ControlFlow::Break(()));
                }
                found.push(UserStats { user: record.user.clone(), policies: Vec::new() });
            }
            let stats = found.last_mut().expect("it was just added");
            stats.policies.extend(record.state(self.store().origin())?.map(PolicyStats::of));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    /// Hands the states of this user and those after it, by user and policy, to `visit`, page after page, until it has
    /// enough.
    fn states_after(
        &self,
        user: &str,
        mut visit: impl FnMut(&StateRecord) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let mut after = (SmolStr::from(user), SmolStr::default());
        loop {
            let page = read(self.store(), |snapshot| snapshot.states_after((&after.0, &after.1), PAGE))?;
            let Some(last) = page.last() else { return Ok(()) };
            after = (last.user.clone(), last.policy.name().into());
            for record in &page {
                if visit(record)?.is_break() {
                    return Ok(());
                }
            }
        }
    }

    /// The same as rows of a table.
    ///
    /// # Errors
    /// As [`Self::stats`].
    pub fn state_rows(
        &self,
        user: Option<&str>,
        policy: Option<&str>,
        mut visit: impl FnMut(StateRow) -> Result<()>,
    ) -> Result<()> {
        self.each_state(user, policy, |state| {
            if state.policy.program().is_some() {
                return visit(StateRow {
                    user: state.user.clone(),
                    policy: state.policy.name().into(),
                    kind: SmolStr::default(),
                    updates: state.model.updates(),
                    mean_reward: state.model.mean_reward(),
                    features: state.policy.features(),
                    theta: Vec::new(),
                });
            }
            let shared = state.policy.structure() == Structure::Shared;
            let learned = state.model.kind_models().iter().filter(|part| shared || part.ridge.updates() > 0);
            learned.into_iter().try_for_each(|part| {
                visit(StateRow {
                    user: state.user.clone(),
                    policy: state.policy.name().into(),
                    kind: part.kind.clone().unwrap_or_default(),
                    updates: part.ridge.updates(),
                    mean_reward: state.model.mean_reward().filter(|_| shared),
                    features: state.policy.features(),
                    theta: part.ridge.theta().to_vec(),
                })
            })
        })
    }

    /// Hands every state, or those of a user or a policy, to `visit`, by user and policy.
    ///
    /// # Errors
    /// As [`Self::stats`].
    pub fn each_state(
        &self,
        user: Option<&str>,
        policy: Option<&str>,
        mut visit: impl FnMut(State) -> Result<()>,
    ) -> Result<()> {
        let known = |name: &str| NAMED.contains(&name) || self.policies().find(name).is_ok();
        let (mut met, asked) = (policy.is_none_or(known), policy);
        let mut wanted = |record: &StateRecord| {
            let wanted = asked.is_none_or(|name| record.policy.name() == name);
            met |= wanted;
            wanted
        };
        if let Some(user) = user.map(named_user).transpose()? {
            let states = read(self.store(), |snapshot| snapshot.states_of(user))?;
            for record in states.iter().filter(|record| wanted(record)) {
                record.state(self.store().origin())?.map_or(Ok(()), &mut visit)?;
            }
        } else {
            self.states_after("", |record| {
                if wanted(record) {
                    record.state(self.store().origin())?.map_or(Ok(()), &mut visit)?;
                }
                Ok(ControlFlow::Continue(()))
            })?;
        }
        match policy {
            Some(name) if !met => Err(Error::unknown("policy", name, NAMED)),
            _ => Ok(()),
        }
    }
}

impl Serialize for Theta {
    /// Null for a program, which has no weights that are known here.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.policy.program().is_some() {
            return serializer.serialize_none();
        }
        let names = self.0.policy.features().names();
        let model: &Model = &self.0.model;
        if self.0.policy.structure() == Structure::Shared {
            return Weights(names, model.kind_models()[0].ridge.theta()).serialize(serializer);
        }
        let learned = model.kind_models().iter().filter(|part| part.ridge.updates() > 0);
        let by_kind: BTreeMap<&str, Weights> = learned
            .map(|part| (part.kind.as_deref().unwrap_or_default(), Weights(names, part.ridge.theta())))
            .collect();
        by_kind.serialize(serializer)
    }
}

struct Weights<'a>(&'a [&'static str], &'a [f64]);

impl Serialize for Weights<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().zip(self.1))
    }
}
