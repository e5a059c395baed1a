//! `rehearsal stats`: what is known of users.

use super::{Global, exit, output};
use crate::base::error::{Error, Result};
use crate::features::FeatureSet;
use crate::policy::{Model, NAMED, Policy, Structure};
use crate::state::{UserState, View};
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
    /// One row per user, policy and model, for a whole population
    #[arg(long)]
    csv: bool,
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
    let store = global.store();
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
    if args.csv {
        out = rows(&view, &users)?;
    } else {
        for (user, policies) in &users {
            output::line(&of_user(&view, user, policies)?, &mut out);
        }
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
        let Some(state) = view.known_state(user, policy)? else { return Ok(None) };
        let model = state.model();
        Ok::<_, Error>(Some(PolicyStats {
            policy: policy.clone(),
            updates: model.updates(),
            mean_reward: model.mean_reward(),
            theta: Theta(state),
        }))
    };
    let policies = policies.iter().filter_map(|policy| of_policy(policy).transpose());
    Ok(UserStats { user, policies: policies.collect::<Result<_>>()? })
}

/// The table: weights that a policy does not have are empty, and so is the mean reward of one kind.
fn rows(view: &View, users: &BTreeMap<String, BTreeSet<String>>) -> Result<Vec<u8>> {
    let names = FeatureSet::WIDEST.names();
    let mut table = csv::Writer::from_writer(Vec::new());
    let failed = |e: csv::Error| Error::Refused(format!("cannot write the table: {e}"));
    table
        .write_record(["user", "policy", "kind", "updates", "mean_reward"].iter().chain(names))
        .map_err(failed)?;
    for (user, policies) in users {
        for policy in policies {
            let Some(state) = view.known_state(user, policy)? else { continue };
            let shared = state.policy().structure() == Structure::Shared;
            for part in state.model().kind_models().iter().filter(|p| shared || p.ridge.updates() > 0) {
                let mean = state.model().mean_reward().filter(|_| shared);
                let theta = part.ridge.theta();
                let row = [
                    user.clone(),
                    policy.clone(),
                    part.kind.as_deref().unwrap_or_default().to_owned(),
                    part.ridge.updates().to_string(),
                    mean.map_or_else(String::new, |m| m.to_string()),
                ];
                let weights = (0..names.len()).map(|i| theta.get(i).map_or_else(String::new, f64::to_string));
                table.write_record(row.into_iter().chain(weights)).map_err(failed)?;
            }
        }
    }
    table.into_inner().map_err(|e| Error::Refused(format!("cannot write the table: {e}")))
}

impl Serialize for Theta {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let names = self.0.policy().features().names();
        let model: &Model = self.0.model();
        if self.0.policy().structure() == Structure::Shared {
            return Weights(names, model.kind_models()[0].ridge.theta()).serialize(serializer);
        }
        let learned = model.kind_models().iter().filter(|part| part.ridge.updates() > 0);
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
