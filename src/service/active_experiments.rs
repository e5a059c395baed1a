//! Experiments as they hold just now: which variant a user has, who decides for it, and how far rollouts are.

use super::error::ServiceError;
use super::policies::Policies;
use crate::base::error::{Error, Result};
use crate::domain::profile::PROFILE_FEATURES;
use crate::domain::request::Request;
use crate::experiment::{Assignment, Experiment, Experiments, Variant};
use crate::policy::Policy;
use crate::store::{RolloutRecord, Store, read};
use serde_json::Value;
use smol_str::SmolStr;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// Experiments, the policies that their variants name, and the shares of those that are rolled out.
pub struct ActiveExperiments {
    experiments: Experiments,
    /// By experiment, one for each variant that names one.
    policies: HashMap<SmolStr, Vec<Option<Arc<Policy>>>>,
    /// The share of the second variant, by experiment.
    shares: RwLock<HashMap<SmolStr, f64>>,
}

/// What a user's part in experiments says of a decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Participation {
    /// The experiment.
    pub experiment: SmolStr,
    /// The variant.
    pub variant: SmolStr,
    /// Who decides, if the variant says it.
    pub policy: Option<Arc<Policy>>,
}

impl ActiveExperiments {
    /// Experiments whose policies are given to `policies`, so that they answer and learn. Rollouts stand where nobody has the
    /// second variant until [`Self::refresh`] has looked.
    ///
    /// # Errors
    /// A policy that there is not, two different ones of one name.
    pub fn new(experiments: Experiments, policies: &mut Policies) -> Result<Self> {
        let mut own = HashMap::new();
        for experiment in experiments.iter() {
            let by = |name: &str| format!("experiment {}, policy {name:?}", experiment.key());
            let give = |variant: &Variant| {
                variant
                    .policy()
                    .map(|name| policies.give(name).map_err(Error::named_by(by(name))))
                    .transpose()
            };
            let given: Vec<_> = experiment.variants().iter().map(give).collect::<Result<_>>()?;
            own.insert(experiment.key().clone(), given);
        }
        Ok(Self { experiments, policies: own, shares: RwLock::default() })
    }

    /// All of them.
    pub fn experiments(&self) -> &Experiments {
        &self.experiments
    }

    /// Whether any is rolled out in steps.
    pub fn has_rollouts(&self) -> bool {
        self.experiments.iter().any(|experiment| experiment.ramp().is_some())
    }

    /// Reads how far rollouts are.
    ///
    /// # Errors
    /// A store that cannot be read; then the shares stay as they were.
    pub fn refresh(&self, store: &dyn Store) -> Result<()> {
        if !self.has_rollouts() {
            return Ok(());
        }
        let found = read(store, |snapshot| snapshot.rollouts())?;
        let shares = found.into_iter().map(|step| (step.experiment, step.share)).collect();
        *self.shares.write().unwrap_or_else(PoisonError::into_inner) = shares;
        Ok(())
    }

    /// Refuses experiments that were changed since their rollouts began: their users would have other variants.
    ///
    /// # Errors
    /// The first one that was, and a store that cannot be read.
    pub fn check_unchanged(&self, store: &dyn Store) -> Result<()> {
        if !self.has_rollouts() {
            return Ok(());
        }
        let found = read(store, |snapshot| snapshot.rollouts())?;
        let differs = |step: &&RolloutRecord| {
            let own = self.experiments.get(&step.experiment);
            step.share > 0.0 && own.is_some_and(|experiment| experiment.digest() != step.digest)
        };
        found.iter().find(differs).map_or(Ok(()), |step| {
            Err(Error::because(ServiceError::ExperimentChanged { experiment: step.experiment.to_string() }))
        })
    }

    /// The share of the second variant of an experiment that is rolled out.
    pub fn share(&self, experiment: &str) -> Option<f64> {
        self.shares.read().unwrap_or_else(PoisonError::into_inner).get(experiment).copied()
    }

    /// What an experiment gives a user.
    pub fn assign(
        &self,
        experiment: &Experiment,
        user: &str,
        attribute: &dyn Fn(&str) -> Option<Value>,
    ) -> Assignment {
        experiment.assign(user, self.share(experiment.key()), attribute)
    }

    /// The user's part in what decides this request: that in an experiment whose variants set policies, else that in one
    /// whose variants set prompts.
    pub fn participation(&self, user: &str, request: &Request) -> Option<Participation> {
        let attribute = |name: &str| profile_value(request, name);
        let of = |experiment: &Experiment| {
            let (position, _) = experiment.variant_of(user, self.share(experiment.key()), &attribute);
            let position = position?;
            Some(Participation {
                experiment: experiment.key().clone(),
                variant: experiment.variants()[position].name().into(),
                policy: self.policies.get(experiment.key()).and_then(|own| own[position].clone()),
            })
        };
        let that =
            |sets: fn(&Experiment) -> bool| self.experiments.iter().filter(move |e| sets(e)).find_map(of);
        that(Experiment::sets_policy).or_else(|| that(|e| !e.sets_policy() && e.sets_prompt()))
    }

    /// The version of the prompt that experiments give a user, if any does, with the experiment and the variant.
    pub fn prompt_version(
        &self,
        user: &str,
        attribute: &dyn Fn(&str) -> Option<Value>,
    ) -> Option<(SmolStr, SmolStr, SmolStr)> {
        self.experiments.iter().filter(|experiment| experiment.sets_prompt()).find_map(|experiment| {
            let (position, _) = experiment.variant_of(user, self.share(experiment.key()), attribute);
            let variant = &experiment.variants()[position?];
            Some((variant.prompt_version()?.clone(), experiment.key().clone(), variant.name().into()))
        })
    }
}

/// What the request's profile says of the user, whatever the kind.
fn profile_value(request: &Request, name: &str) -> Option<Value> {
    let position = PROFILE_FEATURES.iter().position(|feature| feature.name == name)?;
    request.profile()?.values_for(None).0[position].map(Value::from)
}
