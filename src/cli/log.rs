//! `rehearsal log`: decisions or rewards as JSON Lines, which `evaluate` reads.

use super::moment::Moment;
use super::store_args::Global;
use super::{exit, output};
use crate::base::error::Result;
use crate::service::{LogExport, LogKind};
use crate::store::LogFilter;
use clap::builder::NonEmptyStringValueParser;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which log
    what: What,
    /// Only from this moment on: a date, a time such as 2026-11-30T08:00Z (without a zone it is UTC), or an age such
    /// as 7d
    #[arg(long, value_name = "TIME")]
    since: Option<Moment>,
    /// Only this person
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    user: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// Every decision, the shadows' marked
    Decisions,
    /// Every reward, reset and import
    Rewards,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<u8> {
    let kind = match args.what {
        What::Decisions => LogKind::Decisions,
        What::Rewards => LogKind::Rewards,
    };
    let filter = LogFilter { since: args.since.map(Moment::millis), user: args.user.clone() };
    let mut lines = LogExport::new(global.to_read()?, kind, filter);
    while let Some(page) = lines.next_page()? {
        output::json_bytes(page)?;
    }
    Ok(exit::DONE)
}
