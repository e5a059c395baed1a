//! Comma-separated logs: one decision a line, the whole catalogue as its candidates.
//!
//! The Open Bandit Dataset (Saito et al. 2021) is one of them: `item_id`, `click`, `propensity_score`, and
//! `timestamp` for the moment.

use super::{LogReader, Names, checked_propensity, checked_reward, malformed, moment, place};
use crate::error::{Error, Fault, Result};
use crate::evaluate::row::Row;
use std::io::Read;

/// Names of the columns that matter; the others are passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    /// What was chosen.
    pub item: String,
    /// What followed.
    pub reward: String,
    /// Probability with which it was chosen.
    pub propensity: String,
    /// When, as `2019-11-24 00:00:17`, in local time; may be absent.
    pub timestamp: String,
}

impl Columns {
    /// Those of the Open Bandit Dataset.
    pub fn open_bandit() -> Self {
        Self::new("item_id", "click", "propensity_score")
    }

    /// Those of a plain CSV unless named otherwise: `action`, `reward`, `propensity`.
    pub fn plain() -> Self {
        Self::new("action", "reward", "propensity")
    }

    fn new(item: &str, reward: &str, propensity: &str) -> Self {
        let [item, reward, propensity, timestamp] =
            [item, reward, propensity, "timestamp"].map(str::to_owned);
        Self { item, reward, propensity, timestamp }
    }
}

/// A comma-separated log.
pub struct CsvLog<R> {
    reader: csv::Reader<R>,
    record: csv::ByteRecord,
    origin: String,
    item: usize,
    reward: usize,
    propensity: usize,
    timestamp: Option<usize>,
    names: Columns,
}

impl<R: Read> CsvLog<R> {
    /// Reads the header, which must have the columns that matter.
    ///
    /// # Errors
    /// A header that cannot be read or lacks a column.
    pub fn new(source: R, origin: &str, names: Columns) -> Result<Self> {
        let mut reader = csv::ReaderBuilder::new().buffer_capacity(1 << 17).from_reader(source);
        let header = reader.byte_headers().map_err(|e| unreadable(origin, &e))?.clone();
        let find = |name: &str| header.iter().position(|h| h == name.as_bytes());
        let required = |name: &str| {
            find(name).ok_or_else(|| {
                let known = header.iter().take(12).map(String::from_utf8_lossy);
                let missing = Error::unknown("column", name, known.map(std::borrow::Cow::into_owned));
                malformed(place(origin, 1, 1), missing)
            })
        };
        let (item, reward) = (required(&names.item)?, required(&names.reward)?);
        let (propensity, timestamp) = (required(&names.propensity)?, find(&names.timestamp));
        let (origin, record) = (origin.to_owned(), csv::ByteRecord::new());
        Ok(Self { reader, record, origin, item, reward, propensity, timestamp, names })
    }

    /// The place of a field of the current record.
    fn at(&self, field: usize) -> String {
        let line = self.record.position().map_or(0, csv::Position::line);
        let before = self.record.range(field).map_or(0, |r| r.start);
        // The record holds the fields without the commas between them.
        place(&self.origin, line, before + field + 1)
    }

    fn number(&self, field: usize, name: &str) -> Result<f64> {
        let text = std::str::from_utf8(&self.record[field]).ok().map(str::trim);
        text.and_then(|t| t.parse().ok()).ok_or_else(|| {
            let value = format!("{:?}", String::from_utf8_lossy(&self.record[field]));
            Fault::new(name, value, "a number").at(self.at(field))
        })
    }
}

impl<R: Read> LogReader for CsvLog<R> {
    fn next(&mut self, row: &mut Row, names: &mut Names) -> Result<bool> {
        if !self.reader.read_byte_record(&mut self.record).map_err(|e| unreadable(&self.origin, &e))? {
            return Ok(false);
        }
        let item = &self.record[self.item];
        if item.is_empty() {
            let fault = Fault::new(&self.names.item, "empty", "the name of an item");
            return Err(fault.at(self.at(self.item)));
        }
        row.chosen = names.items.number(item);
        let reward = self.number(self.reward, &self.names.reward)?;
        row.reward = checked_reward(&self.names.reward, reward).map_err(|f| f.at(self.at(self.reward)))?;
        let propensity = self.number(self.propensity, &self.names.propensity)?;
        let propensity = checked_propensity(&self.names.propensity, propensity)
            .map_err(|f| f.at(self.at(self.propensity)))?;
        row.propensity = Some(propensity);
        row.moment = match self.timestamp {
            None => None,
            Some(field) => Some(moment(&self.record[field]).ok_or_else(|| {
                let value = format!("{:?}", String::from_utf8_lossy(&self.record[field]));
                Fault::new(&self.names.timestamp, value, "a date and time, as 2019-11-24 00:00:17")
                    .at(self.at(field))
            })?),
        };
        Ok(true)
    }

    fn origin(&self) -> &str {
        &self.origin
    }
}

fn unreadable(origin: &str, error: &csv::Error) -> Error {
    let line = error.position().map_or(1, csv::Position::line);
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            let message = format!("{len} fields; the header has {expected_len}");
            malformed(place(origin, line, 1), message)
        }
        csv::ErrorKind::Io(e) => malformed(origin.to_owned(), e),
        _ => malformed(place(origin, line, 1), error),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::read_all;
    use super::*;
    use crate::request::Context;

    const HEADER: &str = ",timestamp,item_id,position,click,propensity_score,extra\n";

    fn read(lines: &str) -> Result<Vec<Row>> {
        let text = format!("{HEADER}{lines}");
        let mut log = CsvLog::new(text.as_bytes(), "log.csv", Columns::open_bandit())?;
        read_all(&mut log)
    }

    #[test]
    fn rows_are_read() {
        let rows =
            read("0,2019-11-24 06:30:00.5+00:00,79,2,0,0.0625,a\n1,2019-11-25T12:00,3,1,1,1,\"b,c\"\n")
                .unwrap();
        assert_eq!((rows[0].chosen, rows[1].chosen), (0, 1));
        assert_eq!((rows[0].propensity, rows[1].propensity), (Some(0.0625), Some(1.0)));
        assert_eq!((rows[0].reward, rows[1].reward), (0.0, 1.0));
        // A Sunday and a Monday.
        assert_eq!(rows[0].moment, Some(Context { hour: 6.5, weekday: 6 }));
        assert_eq!(rows[1].moment, Some(Context { hour: 12.0, weekday: 0 }));
    }

    #[test]
    fn every_bad_line_is_named_with_line_and_column() {
        let good = "0,2019-11-24 06:30:00,79,2,0,0.0625,a\n";
        let message = |line: &str| read(&format!("{good}{line}\n")).unwrap_err().to_string();
        let allowed = "allowed: a number in (0, 1]: the probability of the choice as it was made";
        for (value, shown) in [("0", "0"), ("-0.1", "-0.1"), ("1.01", "1.01"), ("NaN", "NaN"), ("inf", "inf")]
        {
            assert_eq!(
                message(&format!("1,2019-11-24 06:30:00,79,2,0,{value},a")),
                format!("log.csv, line 3, column 30: propensity_score is {shown}; {allowed}")
            );
        }
        assert_eq!(
            message("1,2019-11-24 06:30:00,79,2,0,,a"),
            "log.csv, line 3, column 30: propensity_score is \"\"; allowed: a number"
        );
        assert_eq!(
            message("1,2019-11-24 06:30:00,79,2,yes,0.5,a"),
            "log.csv, line 3, column 28: click is \"yes\"; allowed: a number"
        );
        assert!(message("1,2019-11-24 06:30:00,79,2,NaN,0.5,a").contains("click is NaN"));
        assert!(message("1,2019-11-24 06:30:00,,2,0,0.5,a").contains("line 3, column 23: item_id is empty"));
        assert!(message("1,soon,79,2,0,0.5,a").contains("line 3, column 3: timestamp is \"soon\""));
        assert_eq!(message("1,2,3"), "log.csv, line 3, column 1: 3 fields; the header has 7");
    }

    #[test]
    fn a_header_without_a_column_that_matters_is_refused() {
        let refused = CsvLog::new("action,rewards,propensity\n".as_bytes(), "log.csv", Columns::plain());
        let message = refused.err().unwrap().to_string();
        assert!(message.contains("unknown column \"reward\", did you mean \"rewards\"?"), "{message}");
    }
}
