//! `rehearsal features fit`: a feature set proposed from what a log says.

use super::destination::Taken;
use super::folder::{Pending, folder};
use super::log_args::{AUTO, FormatChoice, columns, formats, names_of};
use super::{exit, output};
use crate::base::error::{Cause, Error, ErrorKind, Result};
use crate::base::read;
use crate::domain::Domain;
use crate::evaluation::log::{LogReader, Logs};
use crate::evaluation::summarize;
use crate::features::{FeatureSet, ProposedFrom, propose};
use serde::Serialize;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files of logged decisions, gzip or zstd or plain; or a state directory, all segments of its log
    #[arg(value_name = "LOG", required = true)]
    logs: Vec<PathBuf>,
    /// The domain whose inputs are looked at: tips, or a TOML file, whose `in_logs` may say what this log calls them
    #[arg(long, value_name = "NAME|FILE")]
    domain: String,
    /// The file that is written
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The name of the feature set [default: that of the file]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Write over a file that is there
    #[arg(long)]
    overwrite: bool,
    /// The format of the log: rehearsal, dsjson, vw, csv, parquet, or whatever it looks like
    #[arg(long, value_name = "FORMAT", default_value = AUTO, value_parser = formats())]
    format: FormatChoice,
    /// Columns of a CSV or of Parquet that have other names, as `evaluate` takes them: action, reward, propensity, timestamp,
    /// user, and inputs of the domain, as context:NAME=COLUMN; a COLUMN with a comma stands in double quotes
    #[arg(long, value_name = "ROLE=COLUMN,...")]
    columns: Option<String>,
}

/// A file is there already.
#[derive(Debug, thiserror::Error)]
#[error("{}: it is there already; --overwrite writes over it", path.display())]
struct IsThere {
    path: PathBuf,
}

impl Cause for IsThere {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Conflict
    }
}

/// What is printed.
#[derive(Serialize)]
struct Fitted<'a> {
    feature_set: &'a str,
    dimensions: usize,
    decisions: u64,
    digest: &'a str,
}

pub(super) fn run(args: &Args) -> Result<u8> {
    if args.out.exists() && !args.overwrite {
        return Err(Error::because(IsThere { path: args.out.clone() }));
    }
    let of_file = || args.out.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let name = args.name.clone().unwrap_or_else(of_file);
    crate::domain::check_name("--name", &name).map_err(|fault| fault.at("command line"))?;
    let domain = Domain::load(&args.domain)?;
    let domain_name = if read::is_path(&args.domain) {
        seen_from(Path::new(&args.domain), folder(&args.out))
    } else {
        args.domain.clone()
    };
    Taken::by(args.logs.iter().cloned().chain([PathBuf::from(&args.domain)])).claim(&args.out)?;
    let out = Pending::open(&args.out)?;
    let mut log =
        Logs::new(&args.logs, args.format.0, columns(args.columns.as_deref())?)?.with_domain(domain);
    let summary = summarize(&mut log, domain)?;
    log.remarks().iter().for_each(output::warn);
    let from = ProposedFrom { name: &name, domain: &domain_name, log: &names_of(&args.logs) };
    let text = propose(from, domain, &summary);
    // What is written is what `features check` takes.
    let set = FeatureSet::from_toml(&text, &args.out.display().to_string(), folder(&args.out))?;
    out.write(|file| file.write_all(text.as_bytes()))?;
    output::json(&Fitted {
        feature_set: &name,
        dimensions: set.dim(),
        decisions: summary.decisions,
        digest: set.digest(),
    })?;
    Ok(exit::DONE)
}

/// The path of a file as one in `folder` names it: relative if it is below that, else whole.
fn seen_from(path: &Path, folder: &Path) -> String {
    let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let (path, folder) = (whole(path), whole(folder));
    path.strip_prefix(&folder).unwrap_or(&path).display().to_string()
}
