//! A policy with its prior as files of a version, and back.

use super::contract::{Artifacts, ModelRegistry};
use crate::base::error::Result;
use crate::base::read;
use crate::policy::{Policy, Prior, RawPolicy};
use std::sync::Arc;

/// The file of the policy.
pub(super) const POLICY_FILE: &str = "policy.toml";
/// The file of its prior.
pub(super) const PRIOR_FILE: &str = "prior.json";

/// The files of a policy: its own, and its prior's beside it.
pub fn pack(policy: &Policy) -> Artifacts {
    let prior = policy.prior().map(|prior| prior.to_json());
    let raw = RawPolicy { prior: prior.as_ref().map(|_| PRIOR_FILE.to_owned()), ..policy.to_raw() };
    let text = toml::to_string(&raw).expect("a policy is plain data");
    let mut files = Artifacts::from([(POLICY_FILE.to_owned(), text.into_bytes())]);
    files.extend(prior.map(|prior| (PRIOR_FILE.to_owned(), prior.into_bytes())));
    files
}

/// The policy of a version, which says that it came from there.
///
/// # Errors
/// A version without a policy, or with one that is none.
pub fn unpack(registry: &dyn ModelRegistry, name: &str, version: u64) -> Result<Policy> {
    let origin = format!("{}: {name}@{version}", registry.place());
    let text = |file: &str| read::utf8(registry.read(name, version, file)?, format_args!("{origin}: {file}"));
    let raw: RawPolicy = read::toml(&text(POLICY_FILE)?, &format!("{origin}: {POLICY_FILE}"))?;
    let named_prior = raw.prior.is_some();
    let policy = Policy::try_from(RawPolicy { prior: None, ..raw }).map_err(|fault| fault.at(&origin))?;
    let policy = if named_prior {
        let prior = Prior::from_json(&text(PRIOR_FILE)?, &format!("{origin}: {PRIOR_FILE}"))?;
        policy.with_prior(Arc::new(prior)).map_err(|fault| fault.at(&origin))?
    } else {
        policy
    };
    Ok(policy.of_version(&format!("{name}@{version}")))
}
