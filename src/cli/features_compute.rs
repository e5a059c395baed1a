//! `rehearsal features compute`: profile features of users from their rewards.

use super::folder::Pending;
use super::moment::Moment;
use super::{exit, output};
use crate::base::error::{Fault, Result};
use crate::domain::profile::{PROFILE_FEATURES, Profile, ProfileValues};
use crate::model::ProfileTable;
use jiff::Timestamp;
use serde::Serialize;
use std::io::{self, Write};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Whose rewards: a store, a folder with a log, or a file of it; repeatable
    #[arg(long, value_name = "STORE|EVENTS", required = true)]
    from: Vec<PathBuf>,
    /// Where they are written: .jsonl, a profile for each user as a request carries it; or .csv, a row for each user and
    /// kind, the user's own with an empty kind
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The moment that they are of: only what was known before it counts [default: after the latest event]
    #[arg(long, value_name = "TIME")]
    as_of: Option<Moment>,
}

/// A line of the table as JSON.
#[derive(Serialize)]
struct Line<'a> {
    user: &'a str,
    as_of: &'a str,
    profile_features: &'a Profile,
}

/// What is printed.
#[derive(Serialize)]
struct Computed {
    users: u64,
    as_of: String,
    passed_over: u64,
}

/// How a table is written.
enum Format {
    Jsonl,
    Csv,
}

pub(super) fn run(args: &Args) -> Result<u8> {
    let format = match args.out.extension().and_then(|extension| extension.to_str()) {
        Some("jsonl") => Format::Jsonl,
        Some("csv") => Format::Csv,
        _ => {
            let value = args.out.display();
            return Err(Fault::new("--out", value, "a file that ends in .jsonl or .csv").at("command line"));
        }
    };
    let out = Pending::open(&args.out)?;
    let table = ProfileTable::read(&args.from)?;
    let as_of = args.as_of.map_or_else(|| table.end(), Moment::millis);
    let shown = Timestamp::from_millisecond(as_of as i64)
        .map_err(|error| Fault::new("--as-of", as_of, error.to_string()).at("command line"))?
        .to_string();
    let mut users = 0;
    out.write(|out| match format {
        Format::Jsonl => table.profiles_as_of(as_of).try_for_each(|(user, profile)| {
            users += 1;
            serde_json::to_writer(&mut *out, &Line { user, as_of: &shown, profile_features: &profile })?;
            out.write_all(b"\n")
        }),
        Format::Csv => csv(&table, as_of, &shown, out, &mut users),
    })?;
    output::json(&Computed { users, as_of: shown, passed_over: table.passed_over() })?;
    Ok(exit::DONE)
}

fn csv(
    table: &ProfileTable,
    as_of: u64,
    shown: &str,
    out: &mut dyn Write,
    users: &mut u64,
) -> io::Result<()> {
    let mut rows = csv::Writer::from_writer(out);
    let header = ["user", "kind", "event_timestamp"].into_iter().chain(PROFILE_FEATURES.map(|f| f.name));
    rows.write_record(header)?;
    for (user, profile) in table.profiles_as_of(as_of) {
        *users += 1;
        let own = [(String::new(), profile.user)];
        for (kind, ProfileValues(values)) in own.iter().chain(&profile.by_kind) {
            let values = values.map(|value| value.map_or_else(String::new, |value| value.to_string()));
            let lead = [user.as_str(), kind, shown].map(str::to_owned);
            rows.write_record(lead.into_iter().chain(values))?;
        }
    }
    rows.flush()
}
