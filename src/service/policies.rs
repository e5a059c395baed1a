//! The policies that a request may name: the built-in ones, and those that the operator gave.

use super::error::ServiceError;
use super::given::{Given, GivenBy, resolve};
use crate::base::error::{Error, Result};
use crate::base::read::Text;
use crate::domain::Domain;
use crate::policy::{NAMED, Policy};
use serde::Deserialize;
use std::sync::Arc;

/// Policies by name. The first one that the operator gave is the default.
#[derive(Debug, Clone)]
pub struct Policies {
    given: Vec<Arc<Policy>>,
    built_in: Vec<Arc<Policy>>,
}

impl Policies {
    /// The built-in policies and these, by name or as files; only the operator names files.
    ///
    /// # Errors
    /// A policy that there is not, a file that is no policy, two different policies of one name.
    pub fn new<S: AsRef<str>>(given: &[S]) -> Result<Self> {
        let named = NAMED.into_iter().map(|name| Policy::named(name).map(Arc::new));
        let mut policies = Self { given: Vec::new(), built_in: named.collect::<Result<_>>()? };
        for name in given {
            policies.give(name.as_ref())?;
        }
        Ok(policies)
    }

    /// These policies and no others, by name or as files: nothing answers to a name that the operator did not give.
    ///
    /// # Errors
    /// As for [`Self::new`].
    pub fn exactly<S: AsRef<str>>(given: &[S]) -> Result<Self> {
        Ok(Self { built_in: Vec::new(), ..Self::new(given)? })
    }

    /// The same without the built-in ones that nobody gave.
    #[must_use]
    pub fn only_given(self) -> Self {
        Self { built_in: Vec::new(), ..self }
    }

    /// The same with another policy in the place of the one of its name, if one of that name was given.
    #[must_use]
    pub fn with(&self, policy: &Arc<Policy>) -> Self {
        let mut policies = self.clone();
        for given in policies.given.iter_mut().filter(|given| given.name() == policy.name()) {
            *given = Arc::clone(policy);
        }
        policies
    }

    /// The policies that the operator gave, the default one first.
    pub fn given(&self) -> &[Arc<Policy>] {
        &self.given
    }

    /// Adds a policy that the operator gave, by name or as a file.
    ///
    /// # Errors
    /// As for [`Self::new`].
    pub fn give(&mut self, name: &str) -> Result<Arc<Policy>> {
        let policy = self.of_operator(name)?;
        self.add(policy)
    }

    /// Adds a policy that the operator gave.
    ///
    /// # Errors
    /// Another policy of its name that was given before.
    pub fn add(&mut self, policy: Arc<Policy>) -> Result<Arc<Policy>> {
        match self.given.iter().find(|other| other.name() == policy.name()) {
            Some(other) if *other == policy => return Ok(Arc::clone(other)),
            Some(_) => {
                let name = policy.name().to_owned();
                return Err(Error::because(ServiceError::NamedTwice { what: "policy", name }));
            }
            None => self.given.push(Arc::clone(&policy)),
        }
        Ok(policy)
    }

    /// A policy that the operator names, which may be a file.
    ///
    /// # Errors
    /// A policy that there is not, a file that is no policy.
    pub fn of_operator(&self, name: &str) -> Result<Arc<Policy>> {
        let built_in = self.built_in.iter().find(|policy| policy.name() == name);
        built_in.map_or_else(|| Policy::load(name).map(Arc::new), |policy| Ok(Arc::clone(policy)))
    }

    /// The policy of that name.
    ///
    /// # Errors
    /// [`Error::Unknown`], with the names that there are.
    pub fn find(&self, name: &str) -> Result<&Arc<Policy>> {
        let all = || self.given.iter().chain(&self.built_in);
        let found = all().find(|policy| policy.name() == name);
        found.ok_or_else(|| Error::unknown("policy", name, all().map(|policy| policy.name())))
    }

    /// The domain in which a request in JSON is to be read: that of the policy which is given beside it, which it names, or
    /// which decides where it names none. Where nobody gave a policy of another domain, it is not even looked at.
    pub(super) fn domain_of(&self, given: &Given, text: &[u8]) -> &'static Domain {
        #[derive(Deserialize)]
        struct Named<'a> {
            #[serde(default, borrow)]
            policy: Option<Text<'a>>,
        }
        let all_tips = |policies: &[Arc<Policy>]| policies.iter().all(|p| p.features().domain().is_tips());
        if all_tips(&self.given) {
            return Domain::tips();
        }
        let stated = if given.policy.is_none() { serde_json::from_slice::<Named>(text).ok() } else { None };
        let stated = stated.and_then(|named| named.policy);
        let default = || self.default_policy().map(|policy| policy.name());
        let name = given.policy.as_deref().or(stated.as_deref()).or_else(default);
        let policy = name.and_then(|name| self.find(name).ok());
        policy.map_or_else(Domain::tips, |policy| policy.features().domain())
    }

    /// The policy that decides where a request names none.
    pub fn default_policy(&self) -> Option<&Arc<Policy>> {
        self.given.first()
    }

    /// The policy that the option, the request, or both name; else the default one.
    ///
    /// # Errors
    /// Two different names, none, or one that nothing answers to; `origin` is what errors call the request.
    pub fn resolve(
        &self,
        by: GivenBy,
        option: Option<&str>,
        request: Option<&str>,
        origin: &str,
    ) -> Result<&Arc<Policy>> {
        let default = self.default_policy().map(|policy| policy.name());
        let option = option.or_else(|| default.filter(|_| request.is_none()));
        self.find(resolve("policy", by, option, request, origin)?)
    }
}
