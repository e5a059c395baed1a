//! `rehearsal features`: what policies look at.

use super::{exit, features_compute, features_fit, input, output};
use crate::base::error::Result;
use crate::domain::request::Request;
use crate::features::{ExplainedDimension, FeatureSet};
use serde::Serialize;
use std::fmt::Write;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Compute profile features of users from their rewards
    Compute(features_compute::Args),
    /// Propose a feature set from what a log says: levels, scales and clips, written into a file with what they are made from
    Fit(features_fit::Args),
    /// Print the feature sets that ship
    List,
    /// Print the dimensions of a feature set
    Show {
        /// The feature set: v1, v2 or a TOML file
        #[arg(value_name = "NAME|FILE")]
        set: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Check feature sets' files, and the domains that they name
    Check {
        /// The files
        #[arg(value_name = "FILE", required = true)]
        files: Vec<String>,
    },
    /// Print the vector of each candidate of a request, with the steps that lead to it
    Explain {
        /// The feature set: v1, v2 or a TOML file
        #[arg(value_name = "NAME|FILE", default_value = "v2")]
        set: String,
        /// Where the request is; stdin when absent
        #[arg(long, value_name = "FILE")]
        request: Option<PathBuf>,
        /// Only the candidate of this id
        #[arg(long, value_name = "ID")]
        candidate: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// A dimension as `show` prints it.
#[derive(Serialize)]
struct Shown {
    name: &'static str,
    source: Option<String>,
    dtype: &'static str,
    normalization: &'static str,
    unknown: Option<f64>,
}

/// A candidate as `explain` prints it.
#[derive(Serialize)]
struct Explained {
    candidate: String,
    vector: Vec<f64>,
    dimensions: Vec<ExplainedDimension>,
}

pub(super) fn run(args: &Args) -> Result<u8> {
    match &args.command {
        Command::Compute(args) => return features_compute::run(args),
        Command::Fit(args) => return features_fit::run(args),
        Command::List => list()?,
        Command::Show { set, json } => show(FeatureSet::load(set)?, *json)?,
        Command::Check { files } => {
            for file in files {
                let set = FeatureSet::load(file)?;
                output::text(&plain(&format!(
                    "{file}: {}, {} dimensions over domain {}, digest {}\n",
                    set.name(),
                    set.dim(),
                    set.domain().label(),
                    set.digest()
                )))?;
            }
        }
        Command::Explain { set, request, candidate, json } => {
            let set = FeatureSet::load(set)?;
            let (text, origin) = input::whole(request.as_deref())?;
            let request = Request::from_json_of(set.domain(), &text, &origin)?;
            let chosen = candidate.as_deref().map(|id| request.position(id)).transpose()?;
            let explained: Vec<Explained> = (0..request.candidates().len())
                .filter(|k| chosen.is_none_or(|chosen| chosen == *k))
                .map(|k| explain(set, &request, k))
                .collect();
            if *json {
                output::pretty_json(&explained)?;
            } else {
                explained.iter().try_for_each(|explained| output::text(&explanation(explained)))?;
            }
        }
    }
    Ok(exit::DONE)
}

fn list() -> Result<()> {
    let mut out = String::new();
    for set in FeatureSet::ALL {
        let description = set.as_declared().raw().description.as_deref().unwrap_or_default();
        let (name, dim, domain) = (set.name(), set.dim(), set.domain().name());
        let _ = writeln!(out, "{name}  {dim:>3} dimensions over domain {domain}  {description}");
    }
    output::text(&out)
}

fn show(set: FeatureSet, json: bool) -> Result<()> {
    let dimensions: Vec<Shown> = set
        .dimensions()
        .iter()
        .map(|d| Shown {
            name: d.name,
            source: d.source(),
            dtype: d.dtype(),
            normalization: d.normalization,
            unknown: d.unknown,
        })
        .collect();
    if json {
        return output::pretty_json(&serde_json::json!({
            "name": set.name(), "domain": set.domain().name(), "dim": set.dim(), "digest": set.digest(),
            "domain_digest": set.domain().digest(), "dimensions": dimensions,
        }));
    }
    let mut out = format!("{}: {} dimensions over domain {}\n", set.name(), set.dim(), set.domain().label());
    for (i, d) in dimensions.iter().enumerate() {
        let source = d.source.as_deref().unwrap_or("-");
        let unknown = d.unknown.map_or_else(String::new, |x| format!("; {x} when unknown"));
        let _ = writeln!(out, "{i:>3}  {}  {source}  {}{unknown}", plain(d.name), plain(d.normalization));
    }
    output::text(&out)
}

/// The vector of a candidate as policies see it, and how it comes about.
fn explain(set: FeatureSet, request: &Request, k: usize) -> Explained {
    let offered = request.offered();
    let block = crate::features::FeatureBlock::of(set, offered);
    Explained {
        candidate: request.candidates()[k].id.to_string(),
        vector: block.row(k).to_vec(),
        dimensions: set.as_declared().explain(|slot| offered.value(slot, k)),
    }
}

fn explanation(explained: &Explained) -> String {
    let mut out = format!("candidate {}\n", explained.candidate);
    let list = |values: &[f64]| values.iter().map(f64::to_string).collect::<Vec<_>>().join(" ");
    for dimension in &explained.dimensions {
        let hidden = if dimension.hidden { " (hidden)" } else { "" };
        let _ = write!(out, "  {}{hidden}", dimension.dimension);
        if let Some(input) = &dimension.input {
            let value = dimension.value.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string);
            let _ = write!(out, ": {input} = {value}");
        }
        for (step, values) in &dimension.steps {
            let _ = write!(out, " -> {step} = {}", list(values));
        }
        let _ = writeln!(out);
        for (name, value) in &dimension.values {
            let _ = writeln!(out, "      {name} = {value}");
        }
    }
    // Each line says what somebody wrote into a file or a request.
    out.lines().map(|line| plain(line) + "\n").collect()
}

/// The text without what would speak to the terminal, its last newline excepted.
fn plain(text: &str) -> String {
    let (text, end) = text.strip_suffix('\n').map_or((text, ""), |text| (text, "\n"));
    text.replace(char::is_control, " ") + end
}
