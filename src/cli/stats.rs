//! `rehearsal stats`: what is known of users.

use super::{Global, exit, output};
use crate::error::{Error, Result};
use crate::policy::{Model, NAMED, Policy, Structure};
use crate::state::{Store, UserState, View};
use serde::{Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this person; else all, one per line
    #[arg(long)]
    user: Option<String>,
    /// Only this policy: a name, or a TOML file
    #[arg(long, value_name = "NAME|FILE")]
    policy: Option<String>,
}

/// What is printed for one user.
#[derive(Serialize)]
struct UserStats<'a> {
    user: &'a str,
    policies: Vec<PolicyStats>,
}

#[derive(Serialize)]
struct PolicyStats {
    policy: String,
    updates: u64,
    mean_reward: Option<f64>,
    theta: Theta,
}

/// Weights by name of dimension; by kind of candidate first where each kind has a model of its own.
struct Theta(UserState);

pub(super) fn run(args: &Args, global: &Global) -> Result<u8> {
    let store = Store::new(&global.state_dir);
    let view = store.view()?;
    let mut users = match &args.user {
        Some(user) => BTreeMap::from([(user.clone(), view.policies_of(user)?)]),
        None => view.users()?,
    };
    if let Some(policy) = &args.policy {
        let name = known_name(policy, users.values())?;
        for policies in users.values_mut() {
            policies.retain(|p| *p == name);
        }
        users.retain(|_, policies| args.user.is_some() || !policies.is_empty());
    }
    // All are read before any is printed: no half of an answer when one is damaged.
    let mut out = Vec::new();
    for (user, policies) in &users {
        output::line(&of_user(&view, user, policies)?, &mut out);
    }
    output::bytes(&out)?;
    Ok(exit::DONE)
}

/// The name of a policy that is built in, in a file, or met among the users'.
pub(super) fn known_name<'a>(
    policy: &str,
    mut met: impl Iterator<Item = &'a BTreeSet<String>> + Clone,
) -> Result<String> {
    if NAMED.contains(&policy) || met.any(|policies| policies.contains(policy)) {
        return Ok(policy.to_owned());
    }
    Ok(Policy::load(policy)?.name().to_owned())
}

fn of_user<'a>(view: &View, user: &'a str, policies: &BTreeSet<String>) -> Result<UserStats<'a>> {
    let of_policy = |policy: &String| {
        let state = view.state_by_name(user, policy)?;
        let model = state.model();
        Ok::<_, Error>(PolicyStats {
            policy: policy.clone(),
            updates: model.updates(),
            mean_reward: model.mean_reward(),
            theta: Theta(state),
        })
    };
    Ok(UserStats { user, policies: policies.iter().map(of_policy).collect::<Result<_>>()? })
}

impl Serialize for Theta {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let names = self.0.policy().features().names();
        let model: &Model = self.0.model();
        if self.0.policy().structure() == Structure::Shared {
            return Weights(names, model.parts()[0].ridge.theta()).serialize(serializer);
        }
        let learned = model.parts().iter().filter(|part| part.ridge.updates() > 0);
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
