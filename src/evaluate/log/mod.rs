//! Logs that others wrote, line by line.

mod csv;
mod open;

pub use csv::{Columns, CsvLog};
pub use open::{Format, Logs};

use super::row::{Catalogue, Row};
use crate::error::{Error, Fault, Result};
use std::fmt::Display;

/// What a log names.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Items: what can be chosen.
    pub items: Catalogue,
    /// Kinds of items.
    pub kinds: Catalogue,
    /// Users.
    pub users: Catalogue,
}

/// Reads logged decisions, one after the other.
pub trait LogReader {
    /// Reads the next decision into `row`, numbering what it names; false at the end of the log.
    ///
    /// # Errors
    /// A line that is not as the format wants it, with file, line and column.
    fn next(&mut self, row: &mut Row, names: &mut Names) -> Result<bool>;

    /// What errors call the log.
    fn origin(&self) -> &str;

    /// What deserves attention once the log is read, such as decisions without a reward.
    fn remarks(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A place in a log: file, line and column, both from 1.
fn place(origin: &str, line: u64, column: usize) -> String {
    format!("{origin}, line {line}, column {column}")
}

/// A line that the format does not allow.
fn malformed(place: String, message: impl Display) -> Error {
    Error::Malformed { origin: place, message: message.to_string() }
}

/// `propensity` if it is a probability that something chosen can have had.
fn checked_propensity(field: &str, propensity: f64) -> Result<f64, Fault> {
    if propensity > 0.0 && propensity <= 1.0 {
        Ok(propensity)
    } else {
        Err(Fault::new(field, propensity, "a number in (0, 1]: the probability of the choice as it was made"))
    }
}

/// `reward` if it is a finite number.
fn checked_reward(field: &str, reward: f64) -> Result<f64, Fault> {
    if reward.is_finite() { Ok(reward) } else { Err(Fault::new(field, reward, "a finite number")) }
}
