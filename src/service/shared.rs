//! What every call works with: the store, the policies, and whether states get files.

use super::active_experiments::ActiveExperiments;
use super::error::ServiceError;
use super::policies::Policies;
use crate::base::error::{Error, Result, storable};
use crate::policy::Policy;
use crate::store::{Store, read};
use std::sync::{Arc, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

/// A store, and the policies that the operator named.
pub struct Service {
    store: Arc<dyn Store>,
    policies: Arc<RwLock<Arc<Policies>>>,
    shadows: Vec<Arc<Policy>>,
    /// Whether states get files.
    views: bool,
    experiments: Option<Arc<ActiveExperiments>>,
}

/// Puts a policy in the place of the one of its name, for calls that come from then on.
#[derive(Clone)]
pub struct PolicySwitch(Arc<RwLock<Arc<Policies>>>);

impl PolicySwitch {
    /// The policies that there are.
    pub fn policies(&self) -> Arc<Policies> {
        Arc::clone(&self.0.read().expect("nothing panics with it"))
    }

    /// Puts this policy in the place of the one of its name.
    pub fn put(&self, policy: &Arc<Policy>) {
        let mut policies = self.0.write().expect("nothing panics with it");
        *policies = Arc::new(policies.with(policy));
    }
}

impl Service {
    /// A service over `store` with these policies; the shadows decide whatever else decides, unseen, and learn nothing.
    ///
    /// # Errors
    /// Two shadows of one name.
    pub fn new(store: Arc<dyn Store>, policies: Policies, shadows: Vec<Arc<Policy>>) -> Result<Self> {
        for (i, shadow) in shadows.iter().enumerate() {
            if shadows[..i].iter().any(|other| other.name() == shadow.name()) {
                return Err(Error::because(ServiceError::NamedTwice {
                    what: "shadow",
                    name: shadow.name().to_owned(),
                }));
            }
        }
        let views = store.view_dir().is_some();
        let policies = Arc::new(RwLock::new(Arc::new(policies)));
        Ok(Self { store, policies, shadows, views, experiments: None })
    }

    /// The same without state files.
    #[must_use]
    pub fn without_views(self) -> Self {
        Self { views: false, ..self }
    }

    /// The same with experiments, which say who decides for their users.
    ///
    /// # Errors
    /// Experiments that were changed since their rollouts began, and a store that cannot be read.
    pub fn with_experiments(self, experiments: ActiveExperiments) -> Result<Self> {
        experiments.read_rollouts(self.store())?;
        Ok(Self { experiments: Some(Arc::new(experiments)), ..self })
    }

    /// The experiments that users are in.
    pub fn experiments(&self) -> Option<&ActiveExperiments> {
        self.experiments.as_deref()
    }

    /// The store.
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// The store, to share.
    pub fn shared_store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }

    /// Policies that decide too, unseen.
    pub fn shadows(&self) -> &[Arc<Policy>] {
        &self.shadows
    }

    /// Whether states get files.
    pub fn has_views(&self) -> bool {
        self.views
    }

    /// The policies that a request may name.
    pub fn policies(&self) -> Arc<Policies> {
        Arc::clone(&self.policies.read().expect("nothing panics with it"))
    }

    /// Puts policies in the place of others while the service goes on.
    pub fn policy_switch(&self) -> PolicySwitch {
        PolicySwitch(Arc::clone(&self.policies))
    }

    /// The policy as it runs: a program that a decision or a state names is the one that the operator gave.
    ///
    /// # Errors
    /// A program that the operator did not give.
    pub(super) fn running(&self, policy: &Arc<Policy>) -> Result<Arc<Policy>> {
        if policy.program().is_none() {
            return Ok(Arc::clone(policy));
        }
        let policies = self.policies();
        let mut given = policies.given().iter().chain(&self.shadows);
        let own = given.find(|own| own.name() == policy.name() && own.program().is_some());
        own.cloned().ok_or_else(|| {
            let (name, store) = (policy.name().to_owned(), self.store.origin().display().to_string());
            Error::because(ServiceError::ProgramNotGiven { name, store })
        })
    }

    /// Whether there is such a policy, or a state of the user under one of that name.
    ///
    /// # Errors
    /// [`Error::Unknown`], with the names that there are.
    pub fn knows(&self, user: &str, policy: &str) -> Result<()> {
        let user = named_user(user)?;
        let states = read(self.store(), |snapshot| snapshot.states_of(user))?;
        if states.iter().any(|state| state.policy.name() == policy) {
            return Ok(());
        }
        self.policies().find(policy).map(drop)
    }

    /// Writes the files of states that changed, those of processes that were killed among them; how many there were.
    ///
    /// # Errors
    /// A file that cannot be written. What was learned is in the store in any case.
    pub fn publish(&self) -> Result<usize> {
        if self.views { crate::store::views::publish(self.store()) } else { Ok(0) }
    }
}

/// A user whom a call names beside any request.
pub(super) fn named_user(user: &str) -> Result<&str> {
    storable("user", user).map_err(|fault| fault.at("the call"))
}

/// Milliseconds since 1970, for the logs; nothing that is computed depends on it.
pub(super) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64)
}
