//! `rehearsal features compute`: profile features of users from their rewards.

use super::destination::Taken;
use super::folder::Pending;
use super::moment::Moment;
use super::{exit, output};
use crate::base::error::{Fault, Result};
use crate::model::ProfileTable;
use crate::report::profile_formats;
use jiff::Timestamp;
use serde::Serialize;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Whose rewards: a store, a folder with a log, or a file of it; repeatable
    #[arg(long, value_name = "STORE|EVENTS", required = true)]
    from: Vec<PathBuf>,
    /// Where they are written: .jsonl, a profile for each user as a request carries it; .csv or .parquet, a row for each user
    /// and kind, the user's own with an empty kind
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The moment that they are of: only what was known before it counts [default: after the latest event]
    #[arg(long, value_name = "TIME")]
    as_of: Option<Moment>,
    /// Where the counts are kept from one run to the next, so that only what came since is read. What is written is the same as
    /// without; where it could not be, all is counted anew
    #[arg(long, value_name = "FILE")]
    counts: Option<PathBuf>,
}

/// What is printed.
#[derive(Serialize)]
struct Computed {
    users: u64,
    as_of: String,
    passed_over: u64,
    /// Rewards that were told again, by another policy or another export, and count once.
    repeats: u64,
    /// How many entries of the log were read.
    read: u64,
    /// Why the counts were not gone on from.
    #[serde(skip_serializing_if = "Option::is_none")]
    counted_anew: Option<String>,
}

pub(super) fn run(args: &Args) -> Result<u8> {
    let formats = profile_formats();
    let extension = args.out.extension().and_then(|extension| extension.to_str());
    let Some(format) = formats.iter().find(|format| Some(format.extension()) == extension) else {
        let known: Vec<String> = formats.iter().map(|format| format!(".{}", format.extension())).collect();
        let allowed = format!("a file that ends in {}", known.join(", "));
        return Err(Fault::new("--out", args.out.display(), allowed).at("command line"));
    };
    if args.counts.as_ref() == Some(&args.out) {
        return Err(Fault::new("--counts", args.out.display(), "another file than --out").at("command line"));
    }
    let mut taken = Taken::by(args.from.iter().cloned());
    [Some(&args.out), args.counts.as_ref()].into_iter().flatten().try_for_each(|path| taken.claim(path))?;
    let out = Pending::open(&args.out)?;
    let kept =
        args.counts.as_deref().filter(|path| path.exists()).map(ProfileTable::from_counts).transpose()?;
    let counts = args.counts.as_deref().map(Pending::open).transpose()?;
    let moment = args.as_of.map(Moment::millis);
    let (table, counted_anew) = match kept {
        None => (ProfileTable::read(&args.from)?, None),
        Some(kept) => kept.read_on(&args.from, moment)?,
    };
    let as_of = moment.unwrap_or_else(|| table.end());
    let shown = Timestamp::from_millisecond(as_of as i64)
        .map_err(|error| Fault::new("--as-of", as_of, error.to_string()).at("command line"))?;
    let mut users = 0;
    out.write(|out| {
        let profiles = table.profiles_as_of(as_of).map(|(user, profile)| (user.as_str(), profile));
        format.write(&mut profiles.inspect(|_| users += 1), shown, out)
    })?;
    if let Some(counts) = counts {
        counts.write(|out| table.write_counts(as_of, out))?;
    }
    output::json(&Computed {
        users,
        as_of: shown.to_string(),
        passed_over: table.passed_over(),
        repeats: table.repeats(),
        read: table.entries_read(),
        counted_anew: counted_anew.map(|reason| reason.to_string()),
    })?;
    Ok(exit::DONE)
}
