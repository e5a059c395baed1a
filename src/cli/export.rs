//! `rehearsal export`: states as JSON lines, for moving and for other tools.

use super::store_args::{Global, policy_name};
use super::{exit, output};
use crate::base::error::Result;
use crate::service::export;
use clap::builder::NonEmptyStringValueParser;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this person
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    user: Option<String>,
    /// Only this policy: a name, or a TOML file
    #[arg(long, value_name = "NAME|FILE")]
    policy: Option<String>,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<u8> {
    let service = global.plain_service(global.to_read()?)?;
    let policy = args.policy.as_deref().map(policy_name).transpose()?;
    let mut out = Vec::new();
    export(&service, args.user.as_deref(), policy.as_deref(), |line| {
        out.extend(line);
        if out.len() > 1 << 16 { output::json_bytes(std::mem::take(&mut out)) } else { Ok(()) }
    })?;
    output::json_bytes(out)?;
    Ok(exit::DONE)
}
