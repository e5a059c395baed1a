//! How a log is read, as the command line says it: its format, and what its columns are.

use crate::base::clean::clean_line;
use crate::base::error::{Fault, Result};
use crate::domain::InputOf;
use crate::evaluation::log::{Columns, LogFormat};
use crate::store;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::path::PathBuf;

/// What stands for whatever format a log looks like.
pub(super) const AUTO: &str = "auto";

/// A format, or `None` for whatever the log looks like.
#[derive(Debug, Clone, Copy)]
pub(super) struct FormatChoice(pub(super) Option<LogFormat>);

/// The formats on the command line.
pub(super) fn formats() -> impl TypedValueParser<Value = FormatChoice> {
    let names = std::iter::once(AUTO).chain(LogFormat::ALL.map(LogFormat::name));
    let by_name = |chosen: String| LogFormat::ALL.into_iter().find(|format| format.name() == chosen);
    PossibleValuesParser::new(names).map(move |chosen| FormatChoice(by_name(chosen)))
}

/// What results call these logs.
pub(super) fn names_of(logs: &[PathBuf]) -> String {
    let name = |path: &PathBuf| clean_line(&store::shown(path).display().to_string());
    logs.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// The columns that the command line names.
///
/// # Errors
/// A role that there is not.
pub(super) fn columns(text: Option<&str>) -> Result<Columns> {
    let mut columns = Columns::plain();
    for part in text.into_iter().flat_map(|t| t.split(',')) {
        let fault = || {
            let allowed = "ROLE=COLUMN with the roles action, reward, propensity, timestamp, user and probability:NAME, and of \
                           inputs context:NAME, candidate:NAME and profile:NAME";
            Fault::new("--columns", format!("{part:?}"), allowed).at("command line")
        };
        let (role, column) = part.split_once('=').ok_or_else(fault)?;
        let of_input =
            |of: InputOf| role.trim().strip_prefix(of.name()).is_some_and(|rest| rest.starts_with(':'));
        if InputOf::ALL.into_iter().any(of_input) {
            columns.inputs.push((role.trim().to_owned(), column.trim().to_owned()));
            continue;
        }
        if let Some(name) = role.trim().strip_prefix("probability:") {
            let (name, column) = (name.trim(), column.trim());
            if name.is_empty() || column.is_empty() || name.contains(char::is_control) {
                return Err(fault());
            }
            columns.probabilities.push((name.to_owned(), column.to_owned()));
            continue;
        }
        let slot = match role.trim() {
            "action" => &mut columns.item,
            "reward" => &mut columns.reward,
            "propensity" => &mut columns.propensity,
            "timestamp" => &mut columns.timestamp,
            "user" => &mut columns.user,
            _ => return Err(fault()),
        };
        column.trim().clone_into(slot);
    }
    Ok(columns)
}
