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
/// A role that there is not, a quote that is not closed.
pub(super) fn columns(text: Option<&str>) -> Result<Columns> {
    let mut columns = Columns::plain();
    let mut rest = text;
    while let Some(text) = rest {
        let fault = || {
            let part = text.split(',').next().unwrap_or_default();
            let allowed = "ROLE=COLUMN with the roles action, reward, propensity, timestamp, user and probability:NAME, and of \
                           inputs context:NAME, candidate:NAME and profile:NAME; a COLUMN with a comma in double quotes";
            Fault::new("--columns", format!("{part:?}"), allowed).at("command line")
        };
        let (role, column, more) = first_column(text).ok_or_else(fault)?;
        rest = more;
        let of_input =
            |of: InputOf| role.trim().strip_prefix(of.name()).is_some_and(|rest| rest.starts_with(':'));
        if InputOf::ALL.into_iter().any(of_input) {
            columns.inputs.push((role.trim().to_owned(), column));
            continue;
        }
        if let Some(name) = role.trim().strip_prefix("probability:") {
            let name = name.trim();
            if name.is_empty() || column.is_empty() || name.contains(char::is_control) {
                return Err(fault());
            }
            columns.probabilities.push((name.to_owned(), column));
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
        *slot = column;
    }
    Ok(columns)
}

/// Role and column of the first ROLE=COLUMN, and what follows its comma, if there is one. A column in double quotes ends with
/// them, whatever commas it has; two of them in it are one.
fn first_column(text: &str) -> Option<(&str, String, Option<&str>)> {
    let split = |text: &'_ str| {
        text.split_once(',').map_or((text.len(), None), |(own, _)| (own.len(), Some(own.len() + 1)))
    };
    let (role, value) = text.split_at(text[..split(text).0].find('=')?);
    let value = value[1..].trim_start();
    let Some(mut quoted) = value.strip_prefix('"') else {
        let (end, more) = split(value);
        return Some((role, value[..end].trim().to_owned(), more.map(|from| &value[from..])));
    };
    let mut column = String::new();
    loop {
        let (inside, after) = quoted.split_once('"')?;
        column.push_str(inside);
        match (after.strip_prefix('"'), after.trim_start()) {
            (Some(after), _) => {
                column.push('"');
                quoted = after;
            }
            (None, "") => return Some((role, column, None)),
            (None, after) => return Some((role, column, Some(after.strip_prefix(',')?))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_with_a_comma_stands_in_quotes() {
        let named =
            columns(Some(r#"action = what ,reward="reward, ""eur""" , probability:new=q=1"#)).unwrap();
        assert_eq!((named.item.as_str(), named.reward.as_str()), ("what", "reward, \"eur\""));
        assert_eq!(named.probabilities, [("new".to_owned(), "q=1".to_owned())]);
        // A quote elsewhere is a letter like others.
        assert_eq!(columns(Some("reward=5\" pipe,user=none")).unwrap().reward, "5\" pipe");
        for bad in ["reward=\"eur", "reward=\"a\"b", "reward", "", "reward=a,", "eur\"=a", "x,reward=a"] {
            let said = columns(Some(bad)).unwrap_err().to_string();
            assert!(said.contains("a COLUMN with a comma in double quotes"), "{bad}: {said}");
        }
    }
}
