//! What `score` and `reward` share: policies by name, and what may be said twice.

use super::output;
use crate::error::{Error, Result};
use crate::policy::Policy;
use crate::profile::Profile;
use crate::request::Request;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, RwLock};

/// Policies that were named, each loaded once; for several threads.
#[derive(Debug, Default)]
pub(super) struct Policies(RwLock<HashMap<String, Arc<Policy>>>);

impl Policies {
    pub(super) fn load(&self, name: &str) -> Result<Arc<Policy>> {
        if let Some(policy) = self.0.read().expect("no thread dies with it").get(name) {
            return Ok(Arc::clone(policy));
        }
        let policy = Arc::new(Policy::load(name)?);
        let mut known = self.0.write().expect("no thread dies with it");
        Ok(Arc::clone(known.entry(name.to_owned()).or_insert(policy)))
    }

    /// The policy that the command line, the request, or both state. A file and the name in it agree.
    pub(super) fn agreed(
        &self,
        option: Option<&str>,
        request: Option<&str>,
        origin: &str,
    ) -> Result<Arc<Policy>> {
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
