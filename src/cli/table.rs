//! `rehearsal simulate --data`: policies on a labelled table.

use super::destination::Taken;
use super::folder::Folder;
use super::output;
use crate::base::error::Result;
use crate::policy::Policy;
use crate::simulation::LabelledTable;
use crate::simulation::progressive::{self, Orders, Progress};
use serde::Serialize;
use std::fmt::Write;
use std::path::Path;

/// Version of the JSON.
const SCHEMA_VERSION: u32 = 1;

/// What is printed and written.
#[derive(Serialize)]
struct Report<'a> {
    schema_version: u32,
    version: &'static str,
    data: String,
    rows: usize,
    classes: usize,
    features: usize,
    seed: u64,
    policies: &'a [Progress],
}

/// The file of `--out`.
const FILE: &str = "table.json";

/// Columns of words that are named, at most.
const NAMED: usize = 12;

/// Runs the policies on the table at `data`.
pub(super) fn run(
    (data, label, words): (&Path, &str, &[String]),
    policies: &[Policy],
    (orders, seed): (Orders, u64),
    (json, out): (bool, Option<&Path>),
) -> Result<()> {
    let mut taken = Taken::by([data.to_owned()].into_iter());
    out.iter().try_for_each(|dir| taken.claim_in(dir, [FILE]))?;
    let table = LabelledTable::load(data, label, words)?;
    if !table.words().is_empty() {
        let named = table.words().iter().take(NAMED).map(|(name, words)| format!("{name:?} ({words})"));
        let more = table.words().len().saturating_sub(NAMED);
        let more = (more > 0).then(|| format!("and {more} more"));
        let columns: Vec<String> = named.chain(more).collect();
        output::note(&format!(
            "{}: columns that are words, each word a feature: {}",
            data.display(),
            columns.join(", ")
        ));
    }
    let mut folder = out.map(|dir| Folder::open(dir, [FILE])).transpose()?;
    let results = progressive::run(&table, policies, orders, seed)?;
    let report = Report {
        schema_version: SCHEMA_VERSION,
        version: env!("CARGO_PKG_VERSION"),
        data: data.display().to_string(),
        rows: table.len(),
        classes: table.classes().len(),
        features: table.dim(),
        seed,
        policies: &results,
    };
    if let Some(folder) = &mut folder {
        folder.write(0, |out| Ok(serde_json::to_writer_pretty(out, &report)?))?;
    }
    folder.map_or(Ok(()), Folder::finish)?;
    if json { output::pretty_json(&report) } else { output::text(&text(&report, orders)) }
}

fn text(report: &Report, orders: Orders) -> String {
    let Report { data, rows, classes, features, .. } = report;
    let orders = match orders {
        Orders::Drawn(1) => "1 order".to_owned(),
        Orders::Drawn(orders) => format!("{orders} orders"),
        Orders::AsWritten => "in the order of the file".to_owned(),
    };
    let mut out = format!("{data}: {rows} rows, {classes} classes, {features} features, {orders}\n");
    let _ = writeln!(out, "\n{:<24} {:>16}   95% interval", "policy", "progressive loss");
    for p in report.policies {
        let bounds = match (p.lower, p.upper) {
            (Some(lower), Some(upper)) => format!("{lower:.4} to {upper:.4}"),
            _ => "-".to_owned(),
        };
        let _ = writeln!(out, "{:<24} {:>16.4}   {bounds}", p.policy, p.progressive_loss);
    }
    out
}
