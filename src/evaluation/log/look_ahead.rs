//! What a log has is told by its beginning, not by its first decision alone: some decisions are read ahead, and wait until
//! it is known whether candidates have numbers and kinds.

use super::described::{AHEAD, Described};
use super::place::place;
use super::reader::LogReader;
use super::vocabulary::LogVocabulary;
use crate::base::error::Result;
use crate::evaluation::row::Row;
use std::collections::VecDeque;

/// Numbers of candidates that are kept meanwhile, at most.
const NUMBERS: usize = 1 << 20;

/// A log of which it is found out while it is read what its candidates have.
pub(super) trait DescribedLog: LogReader {
    /// What its decisions say.
    fn described(&mut self) -> &mut Described;
    /// The line at which the decision ends that was read last.
    fn line(&self) -> u64;
}

/// Such a log, whose first decisions are read ahead.
pub(super) struct LookAhead<L> {
    log: L,
    /// Decisions that wait, with their lines.
    waiting: VecDeque<(Row, u64)>,
    /// Whether it is known what the log has.
    settled: bool,
    /// The line of the decision that was handed on last, while some wait.
    line: Option<u64>,
}

impl<L: DescribedLog> LookAhead<L> {
    /// Nothing read yet.
    pub(super) fn new(log: L) -> Self {
        Self { log, waiting: VecDeque::new(), settled: false, line: None }
    }

    fn settle(&mut self, names: &mut LogVocabulary) -> Result<()> {
        let kinds = names.kinds.len();
        let mut numbers = 0;
        while self.waiting.len() < AHEAD && numbers < NUMBERS && !self.log.described().is_settled() {
            let mut row = Row::default();
            if !self.log.next(&mut row, names)? {
                break;
            }
            numbers += row.features.len() + 3 * row.listed.len();
            let line = self.log.line();
            self.waiting.push_back((row, line));
        }
        let (with_vectors, with_kinds) = self.log.described().settle();
        for (row, line) in &mut self.waiting {
            if !with_vectors {
                row.features.clear();
            } else if row.features.is_empty() {
                let fault = Described::too_many(row.listed.len());
                return Err(fault.at(place(self.log.origin(), *line, 1)));
            }
            if !with_kinds {
                row.listed.iter_mut().for_each(|listed| listed.kind = listed.item);
            }
        }
        if !with_kinds {
            names.kinds.truncate(kinds);
        }
        self.settled = true;
        Ok(())
    }
}

impl<L: DescribedLog> LogReader for LookAhead<L> {
    fn next(&mut self, row: &mut Row, names: &mut LogVocabulary) -> Result<bool> {
        if !self.settled {
            self.settle(names)?;
        }
        if let Some((waiting, line)) = self.waiting.pop_front() {
            (*row, self.line) = (waiting, Some(line));
            return Ok(true);
        }
        self.line = None;
        self.log.next(row, names)
    }

    fn origin(&self) -> &str {
        self.log.origin()
    }

    fn place(&self) -> String {
        match self.line {
            Some(line) => format!("{}, line {line}", self.log.origin()),
            None => self.log.place(),
        }
    }

    fn remarks(&self) -> Vec<String> {
        self.log.remarks()
    }

    fn notes(&self) -> Vec<String> {
        self.log.notes()
    }
}
