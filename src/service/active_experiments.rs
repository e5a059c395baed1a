//! Experiments as they hold just now: which variant a user has, who decides for it, and how far rollouts are.

use super::error::ServiceError;
use super::policies::Policies;
use crate::base::error::{Error, Result};
use crate::domain::profile::{PROFILE_FEATURES, Profile};
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
    /// The version of the prompt that writes candidates, if the variant says it.
    pub prompt_version: Option<SmolStr>,
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

    /// Reads how far rollouts are before anybody is decided for.
    ///
    /// # Errors
    /// Experiments that were changed since their rollouts began, and a store that cannot be read.
    pub fn read_rollouts(&self, store: &dyn Store) -> Result<()> {
        self.check_unchanged(store)?;
        self.refresh(store)
    }

    /// Refuses experiments that were changed since their rollouts began: their users would have other variants.
    ///
    /// # Errors
    /// The first one that was, and a store that cannot be read.
    fn check_unchanged(&self, store: &dyn Store) -> Result<()> {
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

    /// The user's part in what decides this request. Candidates that another version of the prompt wrote than the variant's
    /// are no part of the experiment.
    pub fn participation(&self, user: &str, request: &Request) -> Option<Participation> {
        let (experiment, position) = self.deciding(user, request.profile())?;
        let variant = &experiment.variants()[position];
        let prompt_version = variant.prompt_version().cloned();
        let asked = request.labels().prompt_version;
        if prompt_version.is_some() && asked.is_some() && asked != prompt_version {
            return None;
        }
        Some(Participation {
            experiment: experiment.key().clone(),
            variant: variant.name().into(),
            policy: self.policies.get(experiment.key()).and_then(|own| own[position].clone()),
            prompt_version,
        })
    }

    /// The version of the prompt that an experiment gives a user who asks for none, if any does.
    pub fn prompt_version(&self, user: &str, profile: Option<&Profile>) -> Option<&SmolStr> {
        let (experiment, position) = self.deciding(user, profile)?;
        experiment.variants()[position].prompt_version()
    }

    /// The experiment on policies or prompts that the user is in, which is one at most, and the position of the variant.
    fn deciding(&self, user: &str, profile: Option<&Profile>) -> Option<(&Experiment, usize)> {
        let attribute = |name: &str| profile_value(profile, name);
        self.experiments.iter().filter(|experiment| experiment.decides()).find_map(|experiment| {
            let (position, _) = experiment.variant_of(user, self.share(experiment.key()), &attribute);
            Some((experiment, position?))
        })
    }
}

/// What a profile says of the user, whatever the kind.
fn profile_value(profile: Option<&Profile>, name: &str) -> Option<Value> {
    let position = PROFILE_FEATURES.iter().position(|feature| feature.name == name)?;
    profile?.values_for(None).0[position].map(Value::from)
}
