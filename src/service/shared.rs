//! What every call works with: the store, the policies, and whether states get files.

use super::active_experiments::ActiveExperiments;
use super::error::ServiceError;
use super::policies::Policies;
use crate::base::error::{Error, Result, storable};
use crate::policy::Policy;
use crate::store::views::{self, Run};
use crate::store::{Store, read};
use smol_str::SmolStr;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

/// So many states whose files are to be written are known by name.
const MOST_NAMED: usize = 4_096;

/// A store, and the policies that the operator named.
pub struct Service {
    store: Arc<dyn Store>,
    policies: Arc<RwLock<Arc<Policies>>>,
    shadows: Vec<Arc<Policy>>,
    /// Whether states get files.
    views: bool,
    /// What [`Self::publish`] writes first.
    changed: Mutex<Changed>,
    experiments: Option<Arc<ActiveExperiments>>,
}

/// The states that were changed since their files were written.
enum Changed {
    These(BTreeSet<(SmolStr, SmolStr)>),
    /// More than it pays to name.
    Many,
}

impl Default for Changed {
    fn default() -> Self {
        Self::These(BTreeSet::new())
    }
}

impl Changed {
    fn add(&mut self, user: &SmolStr, policy: &SmolStr) {
        if let Self::These(states) = self {
            states.insert((user.clone(), policy.clone()));
            if states.len() > MOST_NAMED {
                *self = Self::Many;
            }
        }
    }
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
        Ok(Self { store, policies, shadows, views, changed: Mutex::default(), experiments: None })
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

    /// Writes the files of states that changed, those of processes that were killed among them. What a run of somebody
    /// else has changed is left to it.
    ///
    /// # Errors
    /// A file that cannot be written. What was learned is in the store in any case.
    pub fn publish(&self) -> Result<()> {
        self.publish_after(None)
    }

    /// Begins a run over many calls, after which [`Self::publish_after`] writes the files.
    pub fn begin_run(&self) -> Option<Run> {
        self.views.then(|| Run::begin(self.store()))
    }

    /// The same for a run that may change any state, and does so beside [`Self::commit`].
    pub fn begin_sweep(&self) -> Option<Run> {
        *self.changed() = Changed::Many;
        self.begin_run()
    }

    /// The same as [`Self::publish`], at the end of a run.
    ///
    /// # Errors
    /// As [`Self::publish`].
    pub fn publish_after(&self, run: Option<Run>) -> Result<()> {
        if !self.views {
            return Ok(());
        }
        match std::mem::take(&mut *self.changed()) {
            Changed::These(states) => {
                let states: Vec<(&str, &str)> =
                    states.iter().map(|(u, p)| (u.as_str(), p.as_str())).collect();
                // This one is at its end: if it is the only one, the rest is nobody's.
                drop(run);
                views::publish_first(self.store(), &states)
            }
            // With the lock held: others leave these to it.
            Changed::Many => views::publish(self.store()),
        }
    }

    /// Notes that this state changed.
    pub(super) fn note_changed<'a>(&self, states: impl Iterator<Item = (&'a SmolStr, &'a SmolStr)>) {
        if self.views {
            let mut changed = self.changed();
            states.for_each(|(user, policy)| changed.add(user, policy));
        }
    }

    fn changed(&self) -> MutexGuard<'_, Changed> {
        self.changed.lock().expect("nothing panics with it")
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
