//! What `score` and `reward` share: policies by name, and what may be said twice.

use super::output;
use crate::base::error::{Error, Result};
use crate::domain::profile::Profile;
use crate::domain::request::Request;
use crate::policy::Policy;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock};

/// Policies that were met, each once, for several threads. A list in which nothing moves or goes: whoever needs a policy
/// takes no lock and counts no owners, which threads would do in each other's way.
#[derive(Debug, Default)]
pub(super) struct Policies(OnceLock<Box<Met>>);

#[derive(Debug)]
struct Met {
    /// What it was called, if it was loaded.
    name: Option<String>,
    policy: Arc<Policy>,
    others: Policies,
}

impl Policies {
    /// The policy of this name: built in, or in a file.
    pub(super) fn load(&self, name: &str) -> Result<&Arc<Policy>> {
        let is_it = |met: &Met| met.name.as_deref() == Some(name);
        self.find_or_add(is_it, || {
            let policy = Arc::new(Policy::load(name)?);
            Ok(Met { name: Some(name.to_owned()), policy, others: Self::default() })
        })
    }

    /// This policy.
    pub(super) fn same(&self, policy: &Arc<Policy>) -> &Arc<Policy> {
        let same = self.find_or_add(
            |met| met.policy == *policy,
            || Ok(Met { name: None, policy: Arc::clone(policy), others: Self::default() }),
        );
        same.expect("nothing to load")
    }

    fn find_or_add(
        &self,
        is_it: impl Fn(&Met) -> bool,
        make: impl Fn() -> Result<Met>,
    ) -> Result<&Arc<Policy>> {
        let mut at = self;
        loop {
            match at.0.get() {
                Some(met) if is_it(met) => return Ok(&met.policy),
                Some(met) => at = &met.others,
                // Another thread may be faster; then it is found or passed by.
                None => drop(at.0.set(Box::new(make()?))),
            }
        }
    }

    /// The policy that the command line, the request, or both state. A file and the name in it agree.
    pub(super) fn agreed(
        &self,
        option: Option<&str>,
        request: Option<&str>,
        origin: &str,
    ) -> Result<&Arc<Policy>> {
        if let (Some(option), Some(request)) = (option, request) {
            let policy = self.load(option)?;
            if policy.name() == request {
                return Ok(policy);
            }
        }
        self.load(agree("policy", option, request, origin)?)
    }
}

/// A value that the command line and the request may both state: the one that is stated.
pub(super) fn agree<'a>(
    what: &str,
    option: Option<&'a str>,
    request: Option<&'a str>,
    origin: &str,
) -> Result<&'a str> {
    match (option, request) {
        (Some(own), Some(other)) if own != other => {
            Err(Error::Refused(format!("--{what} is {own:?}, but {origin} says {other:?}")))
        }
        (Some(value), _) | (None, Some(value)) => Ok(value),
        (None, None) => Err(Error::Refused(format!("no {what}: give --{what}, or {what:?} in {origin}"))),
    }
}

/// Profile names that were warned about: once per name and run.
#[derive(Debug, Default)]
pub(super) struct Warned(Mutex<BTreeSet<String>>);

impl Warned {
    /// Warns about the names in the request's profile that the contract does not have.
    pub(super) fn unknown_names(&self, request: &Request) {
        for name in request.profile().into_iter().flat_map(Profile::unknown_names) {
            if self.0.lock().expect("no thread dies with it").insert(name.to_owned()) {
                output::warn(&format!("profile_features.{name} is not known here and is not looked at"));
            }
        }
    }
}
