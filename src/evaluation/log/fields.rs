//! Where the fields of a comma-separated record stand in its line.
//!
//! Commas separate them, or semicolons, tabs or bars where the header has no comma. Most lines have no quotes: their commas are found many bytes at a time, and beyond the last field that is
//! looked at they are only counted.

use super::lines::LogLines;
use super::place::malformed;
use crate::base::error::Result;
use crate::base::read::separator_of;
use std::borrow::Cow;
use std::ops::Range;

/// Most columns of a log: a header of millions of them is no header.
const MAX_COLUMNS: usize = 1 << 16;

/// The fields of the current record.
pub(super) struct Fields {
    /// What separates them.
    separator: u8,
    /// Of the fields that are looked at, quotes and all.
    pub(super) ranges: Vec<Range<usize>>,
    /// Number of fields in the record.
    pub(super) count: usize,
}

impl Fields {
    /// The fields of a log whose header is this, of which none is read yet.
    pub(super) fn of_header(header: &[u8]) -> Self {
        Self { separator: separator_of(header), ranges: Vec::new(), count: 0 }
    }

    /// Reads the header.
    ///
    /// # Errors
    /// None there; more columns than a log has.
    pub(super) fn header(lines: &mut LogLines) -> Result<Self> {
        loop {
            if !lines.advance()? {
                return Err(malformed(lines.at(1), "no header; it names the columns"));
            }
            if !lines.text().is_empty() {
                break;
            }
        }
        let mut fields = Self::of_header(lines.text());
        let separators = memchr::memchr_iter(fields.separator, lines.text());
        if let Some(place) = separators.into_iter().nth(MAX_COLUMNS) {
            let message = format!("a header of more than {MAX_COLUMNS} columns");
            return Err(malformed(lines.at(place + 1), message));
        }
        fields.split(lines, usize::MAX)?;
        Ok(fields)
    }

    /// Reads the next record, in which fields up to `last` are looked at; false at the end of the log.
    pub(super) fn advance(&mut self, lines: &mut LogLines, last: usize) -> Result<bool> {
        loop {
            if !lines.advance()? {
                return Ok(false);
            }
            if !lines.text().is_empty() {
                break;
            }
        }
        self.split(lines, last)?;
        Ok(true)
    }

    /// Finds the fields of the current line up to `last`.
    fn split(&mut self, lines: &mut LogLines, last: usize) -> Result<()> {
        self.ranges.clear();
        let text = lines.text();
        let (mut commas, mut start) = (memchr::memchr_iter(self.separator, text), 0);
        for comma in commas.by_ref().take(last.saturating_add(1)) {
            self.ranges.push(start..comma);
            start = comma + 1;
        }
        self.count = self.ranges.len() + 1;
        if self.ranges.len() <= last {
            self.ranges.push(start..text.len());
        } else {
            self.count += commas.count();
        }
        // Also where they are not looked at: they hide commas and ends of lines.
        if memchr::memchr(b'"', text).is_some() {
            self.split_quoted(lines)?;
        }
        Ok(())
    }

    /// A record with quotes: it goes on until they are closed, maybe over several lines.
    pub(super) fn split_quoted(&mut self, lines: &mut LogLines) -> Result<()> {
        let is_open = |text: &[u8]| memchr::memchr_iter(b'"', text).count() % 2 == 1;
        let mut open = is_open(lines.text());
        while open {
            let seen = lines.text().len();
            if !lines.extend()? {
                let quote = memchr::memchr(b'"', lines.text()).map_or(1, |i| i + 1);
                return Err(malformed(lines.at(quote), "a quote that is never closed"));
            }
            open ^= is_open(&lines.text()[seen..]);
        }
        self.ranges.clear();
        let (text, separator, mut quoted, mut start) = (lines.text(), self.separator, false, 0);
        for (i, byte) in text.iter().enumerate() {
            let after_quote = i > start && text[i - 1] == b'"';
            match byte {
                // The last one of the field, or the first of two.
                b'"' if quoted => quoted = false,
                // The first one of the field, or the second of two.
                b'"' if i == start || (after_quote && i > start + 1) => quoted = true,
                byte if *byte == separator && !quoted => {
                    if self.ranges.len() > MAX_COLUMNS {
                        return Err(malformed(lines.at(i + 1), format!("more than {MAX_COLUMNS} fields")));
                    }
                    self.ranges.push(start..i);
                    start = i + 1;
                }
                b'"' => {
                    return Err(malformed(lines.at(i + 1), "a quote within a field that has none around it"));
                }
                _ if after_quote && !quoted => {
                    return Err(malformed(lines.at(i + 1), "text after the quote that ends a field"));
                }
                _ => {}
            }
        }
        self.ranges.push(start..text.len());
        self.count = self.ranges.len();
        Ok(())
    }

    /// A field without its quotes.
    pub(super) fn get<'a>(&self, lines: &'a LogLines, field: usize) -> Cow<'a, [u8]> {
        let text = &lines.text()[self.ranges[field].clone()];
        match text {
            [b'"', inside @ .., b'"'] => {
                let mut previous = 0;
                let is_second = |byte: &u8| {
                    let second = *byte == b'"' && previous == b'"';
                    previous = if second { 0 } else { *byte };
                    second
                };
                let mut is_second = is_second;
                Cow::Owned(inside.iter().copied().filter(|b| !is_second(b)).collect())
            }
            _ => Cow::Borrowed(text),
        }
    }
}
