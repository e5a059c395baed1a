//! Policies as a store defines them: the text that the table `definition` keeps of each, and those that were met.

use super::value::Value;
use crate::base::digest::of_value;
use crate::base::error::{Error, Fault, Result};
use crate::base::read;
use crate::features::FeatureSet;
use crate::policy::{Policy, Prior, RawDefinition};
use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// Definitions that one connection has met, by their ids: each is read once.
#[derive(Default)]
pub(crate) struct Definitions(RefCell<HashMap<i64, Arc<Policy>>>);

impl Definitions {
    pub(super) fn policy(&self, id: i64) -> Option<Arc<Policy>> {
        self.0.borrow().get(&id).cloned()
    }

    pub(super) fn id_of(&self, policy: &Arc<Policy>) -> Option<i64> {
        let known = self.0.borrow();
        known.iter().find(|(_, own)| Arc::ptr_eq(own, policy) || *own == policy).map(|(id, _)| *id)
    }

    pub(super) fn keep(&self, id: i64, policy: &Arc<Policy>) {
        self.0.borrow_mut().insert(id, Arc::clone(policy));
    }

    /// Forgets them all: an id that was not committed may become another definition's.
    pub(crate) fn clear(&self) {
        self.0.borrow_mut().clear();
    }
}

/// What tells one policy from all others.
pub(super) fn digest(policy: &Policy) -> String {
    of_value(&policy.definition())
}

/// What the columns `digest`, `name`, `policy`, `feature_set`, `domain` and `prior` have of a policy. A program has no
/// digests of a feature set and a domain: it is its own business what it looks at.
pub(super) fn row(policy: &Policy) -> [Value<'_>; 6] {
    let set = policy.program().is_none().then(|| policy.features());
    let toml = toml::to_string(&policy.definition()).expect("a policy is plain data");
    [
        digest(policy).into(),
        policy.name().into(),
        toml.into(),
        set.map(FeatureSet::digest).into(),
        set.map(|set| set.domain().digest()).into(),
        policy.prior().map(|prior| prior.to_json()).into(),
    ]
}

/// The policy that a definition tells, with the text of its prior beside it.
///
/// # Errors
/// A text that is no policy, or a prior that is none.
pub(super) fn policy(text: &str, prior: Option<&str>, id: i64, origin: &Path) -> Result<Policy> {
    let place = format!("{}: definition {id}", origin.display());
    let raw: RawDefinition = read::toml(text, &place)?;
    let policy = match raw {
        RawDefinition::BuiltIn(raw) => Policy::checked(raw, |_| {
            let missing = Fault::new("prior", "null", "the text of the prior that the policy names");
            let prior = Prior::from_json(prior.ok_or(missing)?, &place);
            let prior = prior.map_err(|error| Fault::new("prior", error, "the text of a prior"))?;
            Ok::<_, Fault>(Arc::new(prior))
        }),
        raw @ RawDefinition::Program(_) => Policy::try_from(raw),
    };
    policy.map_err(|fault| Error::Damaged {
        path: origin.to_owned(),
        what: format!("definition {id}: {fault}"),
    })
}
