//! `rehearsal stats`: what is known of users.

use super::store_args::{Global, policy_name};
use super::{exit, output};
use crate::base::clean::clean_cell;
use crate::base::error::{Error, Result};
use crate::features::FeatureSet;
use crate::policy::NAMED;
use crate::service::{Service, StateRow};
use clap::builder::NonEmptyStringValueParser;
use std::path::Path;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this person; else all, one per line
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    user: Option<String>,
    /// Only this policy: a name, or a TOML file
    #[arg(long, value_name = "NAME|FILE")]
    policy: Option<String>,
    /// One row per user, policy and model, for a whole population
    #[arg(long)]
    csv: bool,
}

/// What is printed is collected up to so many bytes.
const BUFFER: usize = 1 << 16;

pub(super) fn run(args: &Args, global: &Global) -> Result<u8> {
    let service = global.plain_service(global.to_read()?)?;
    let policy = args.policy.as_deref().map(policy_name).transpose()?;
    let (user, policy) = (args.user.as_deref(), policy.as_deref());
    let mut out = Vec::new();
    if args.csv {
        let set = columns(&service, user, policy)?;
        let names = set.names();
        let mut table = csv::Writer::from_writer(Vec::new());
        let header = ["user", "policy", "kind", "updates", "mean_reward"].iter().chain(names);
        table.write_record(header).map_err(failed)?;
        service.state_rows(user, policy, |row| {
            table.write_record(cells(&row, set)).map_err(failed)?;
            if table.get_ref().len() > BUFFER {
                let full = std::mem::replace(&mut table, csv::Writer::from_writer(Vec::new()));
                output::table(&full.into_inner().map_err(|e| failed(e.into_error().into()))?)?;
            }
            Ok(())
        })?;
        output::table(&table.into_inner().map_err(|e| failed(e.into_error().into()))?)?;
    } else {
        service.stats(user, policy, |stats| {
            output::line(&stats, &mut out);
            if out.len() > BUFFER {
                output::bytes(&std::mem::take(&mut out))?;
            }
            Ok(())
        })?;
    }
    output::bytes(&out)?;
    Ok(exit::DONE)
}

fn failed(error: csv::Error) -> Error {
    Error::io("write", Path::new("the table"))(error.into())
}

/// The feature set whose dimensions are the columns: that of the policy that is asked for if a file declares it, else the one of
/// which all built-in ones are beginnings.
fn columns(service: &Service, user: Option<&str>, policy: Option<&str>) -> Result<FeatureSet> {
    let mut set = FeatureSet::WIDEST;
    if policy.is_some_and(|name| !NAMED.contains(&name)) {
        service.state_rows(user, policy, |row| {
            set = row.features.declared().map_or(set, |_| row.features);
            Ok(())
        })?;
    }
    Ok(set)
}

/// The cells of a row: weights that a policy does not have are empty, and so is the mean reward of one kind, and weights of
/// other dimensions than those of `set`. Names are from outside, and nobody's formulas.
fn cells(row: &StateRow, set: FeatureSet) -> impl Iterator<Item = String> + '_ {
    let same = match (row.features.declared(), set.declared()) {
        (None, None) => true,
        _ => row.features == set,
    };
    let theta = if same { &row.theta[..] } else { &[] };
    let own = [
        clean_cell(&row.user),
        clean_cell(&row.policy),
        clean_cell(&row.kind),
        row.updates.to_string(),
        row.mean_reward.map_or_else(String::new, |mean| mean.to_string()),
    ];
    own.into_iter().chain((0..set.dim()).map(|i| theta.get(i).map_or_else(String::new, f64::to_string)))
}
