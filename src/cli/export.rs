//! `rehearsal export`: states as JSON lines, for backup and moving.

use super::{Global, exit, output, stats};
use crate::base::error::Result;
use crate::state::UserState;
use std::collections::BTreeMap;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this person
    #[arg(long)]
    user: Option<String>,
    /// Only this policy: a name, or a TOML file
    #[arg(long, value_name = "NAME|FILE")]
    policy: Option<String>,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<u8> {
    let store = global.store_that_is_there()?;
    let view = store.view()?;
    let users = match &args.user {
        Some(user) => BTreeMap::from([(user.clone(), view.policies_of(user)?)]),
        None => view.users()?,
    };
    let only = args.policy.as_ref().map(|policy| stats::known_name(policy, users.values())).transpose()?;
    let mut out = Vec::new();
    for (user, policies) in &users {
        for policy in policies.iter().filter(|policy| only.as_ref().is_none_or(|only| only == *policy)) {
            out.extend(view.known_state(user, policy)?.iter().flat_map(UserState::to_line));
        }
    }
    output::bytes(&out)?;
    Ok(exit::DONE)
}
