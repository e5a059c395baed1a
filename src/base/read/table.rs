//! A CSV that is read whole: a header of distinct names, and records of as many fields.

use super::file::without_mark;
use super::foreign::foreign;
use crate::base::error::{Error, Fault, Result};
use std::collections::BTreeSet;

/// What may separate columns.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// A header and its records.
#[derive(Debug)]
pub(crate) struct Table<'a> {
    origin: &'a str,
    header: Vec<String>,
    header_line: u64,
    records: Vec<(u64, csv::StringRecord)>,
}

impl<'a> Table<'a> {
    /// The table in `text`, which errors call `origin`.
    ///
    /// # Errors
    /// Text that is not UTF-8; quotes that a reader could take one way or another; a header that is not there, or has a
    /// column without a name or one twice; records of another length.
    pub(crate) fn parse(origin: &'a str, text: &[u8]) -> Result<Self> {
        let text = without_mark(text);
        let malformed = |origin: String, message: String| Error::Malformed { origin, message };
        if let Some(what) = foreign(text) {
            return Err(malformed(origin.to_owned(), format!("it is {what}")));
        }
        if let Err(error) = std::str::from_utf8(text) {
            return Err(malformed(place(origin, text, error.valid_up_to()), "not UTF-8".to_owned()));
        }
        let separator = separator_of(text);
        let first_line = text.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
        if let Some(what) = no_header(first_line, true) {
            return Err(malformed(format!("{origin}, line 1"), what.to_owned()));
        }
        if let Some((at, what)) = misplaced_quote(text, separator) {
            return Err(malformed(place(origin, text, at), what.to_owned()));
        }
        let mut reader = csv::ReaderBuilder::new().delimiter(separator).from_reader(text);
        let unread = |error: &csv::Error| match error.kind() {
            csv::ErrorKind::UnequalLengths { pos, len, expected_len } => {
                let line = line_of(text, pos.as_ref());
                let message = format!("{len} fields; the header has {expected_len}");
                malformed(format!("{origin}, line {line}"), message)
            }
            _ => malformed(origin.to_owned(), error.to_string()),
        };
        let header = reader.headers().map_err(|error| unread(&error))?;
        let header_line = if header.is_empty() { 1 } else { line_of(text, header.position()) };
        let header: Vec<String> = header.iter().map(|name| name.trim().to_owned()).collect();
        let mut records = Vec::new();
        let mut table = Self { origin, header, header_line, records: Vec::new() };
        table.check_header()?;
        for record in reader.records() {
            let record = record.map_err(|error| unread(&error))?;
            records.push((line_of(text, record.position()), record));
        }
        table.records = records;
        Ok(table)
    }

    fn check_header(&self) -> Result<()> {
        if self.header.is_empty() {
            let message = "no header; it names the columns".to_owned();
            return Err(Error::Malformed { origin: self.at_header(), message });
        }
        let mut distinct = BTreeSet::new();
        for (i, name) in self.header.iter().enumerate() {
            let value = match name.as_str() {
                "" => format!("blank in its field {}", i + 1),
                _ if !distinct.insert(name) => format!("{name:?} again"),
                _ => continue,
            };
            let numbers_rows = i == 0 && name.is_empty();
            let mend =
                if numbers_rows { "; pandas writes such a first one unless `index=False`" } else { "" };
            let allowed = format!("a name for each column, each once{mend}");
            return Err(Fault::new("the header", value, allowed).at(self.at_header()));
        }
        Ok(())
    }

    /// Names of the columns, without blanks around them.
    pub(crate) fn header(&self) -> &[String] {
        &self.header
    }

    /// The place of the header.
    pub(crate) fn at_header(&self) -> String {
        format!("{}, line {}", self.origin, self.header_line)
    }

    /// The column of this name.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn column(&self, name: &str) -> Result<usize> {
        self.header.iter().position(|column| column == name).ok_or_else(|| {
            let unknown = Error::unknown("column", name, self.header.iter().take(12));
            Error::Malformed { origin: self.at_header(), message: unknown.to_string() }
        })
    }

    /// Place and fields of each record.
    pub(crate) fn records(&self) -> impl Iterator<Item = (u64, &csv::StringRecord)> {
        self.records.iter().map(|(line, record)| (*line, record))
    }
}

/// Line and column, from 1, of a byte of `text`.
fn place(origin: &str, text: &[u8], at: usize) -> String {
    let before = &text[..at];
    let line = 1 + memchr::memchr_iter(b'\n', before).count();
    let column = 1 + before.iter().rev().take_while(|byte| **byte != b'\n').count();
    format!("{origin}, line {line}, column {column}")
}

/// The line, from 1, in which the record begins whose reading began at `position`: blank lines before it are not its own.
fn line_of(text: &[u8], position: Option<&csv::Position>) -> u64 {
    let Some(position) = position else { return 0 };
    let rest = text.get(position.byte() as usize..).unwrap_or_default();
    let blank = rest.iter().take_while(|byte| matches!(byte, b'\n' | b'\r'));
    position.line() + blank.filter(|byte| **byte == b'\n').count() as u64
}

/// What separates the columns of a table that begins like this: the comma where its first line with anything on it has
/// one, else the semicolon, else the tab, else the bar; what stands in quotes separates nothing.
pub(crate) fn separator_of(start: &[u8]) -> u8 {
    let mut header =
        without_mark(start).split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let header = header.next().unwrap_or_default();
    let mut quoted = false;
    let outside: Vec<u8> = header
        .iter()
        .copied()
        .filter(|byte| {
            quoted ^= *byte == b'"';
            !quoted
        })
        .collect();
    *SEPARATORS.iter().find(|separator| outside.contains(separator)).unwrap_or(&b',')
}

/// What makes no header of the first line of a table: other programs write their own there, or end lines otherwise. A carriage
/// return within a line that a line feed ends (`is_ended`) is text.
pub(crate) fn no_header(line: &[u8], is_ended: bool) -> Option<&'static str> {
    let line = line.trim_ascii();
    let said = line.strip_prefix(b"sep=").or_else(|| line.strip_prefix(b"\"sep="));
    if said.is_some_and(|separator| separator.len() <= 2) {
        return Some("a note for spreadsheets, and no header: remove the line");
    }
    let ends_lines = !is_ended && line.contains(&b'\r') && !line.contains(&b'\n');
    ends_lines
        .then_some("lines that end with a carriage return alone: `tr '\\r' '\\n'` makes usual ones of them")
}

/// Where in a field a byte stands.
#[derive(Clone, Copy)]
enum In {
    Start,
    Plain,
    Quotes,
    /// The place after a quote that ends the field, or is the first of two.
    Ended,
}

/// The first quote that does not fit, and why: one that is never closed would take the rest of the file for one field.
fn misplaced_quote(text: &[u8], separator: u8) -> Option<(usize, &'static str)> {
    let (mut state, mut opened) = (In::Start, 0);
    for (i, byte) in text.iter().enumerate() {
        state = match (state, byte) {
            (In::Quotes, b'"') => In::Ended,
            (In::Quotes, _) | (In::Ended, b'"') => In::Quotes,
            (_, b'\n' | b'\r') => In::Start,
            (_, byte) if *byte == separator => In::Start,
            (In::Start, b'"') => {
                opened = i;
                In::Quotes
            }
            (In::Ended, _) => return Some((i, "text after the quote that ends a field")),
            (_, b'"') => return Some((i, "a quote within a field that has none around it")),
            _ => In::Plain,
        };
    }
    matches!(state, In::Quotes).then_some((opened, "a quote that is never closed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hide_commas_and_line_ends_and_lines_are_counted() {
        let text = b"\xef\xbb\xbf\n\"a\", b \r\n\"x,\"\"y\"\"\",1\n\n\"two\nlines\",2\n3,4";
        let table = Table::parse("t.csv", text).unwrap();
        assert_eq!(table.header(), ["a", "b"]);
        assert_eq!((table.at_header().as_str(), table.column("b").unwrap()), ("t.csv, line 2", 1));
        let records: Vec<(u64, Vec<&str>)> =
            table.records().map(|(line, r)| (line, r.iter().collect())).collect();
        assert_eq!(records, [(3, vec!["x,\"y\"", "1"]), (5, vec!["two\nlines", "2"]), (7, vec!["3", "4"])]);
    }

    #[test]
    fn semicolons_and_tabs_separate_where_no_comma_does() {
        for (text, expected) in [
            ("a;b\n\"1,5\";2\n", ["1,5", "2"]),
            ("a\tb\n1,5\t2\n", ["1,5", "2"]),
            ("a,b\n1;5,2\n", ["1;5", "2"]),
            ("\"a,x\";b\n1;2\n", ["1", "2"]),
        ] {
            let table = Table::parse("t.csv", text.as_bytes()).unwrap();
            let (_, record) = table.records().next().unwrap();
            assert_eq!(record.iter().collect::<Vec<_>>(), expected, "{text}");
        }
    }

    #[test]
    fn a_line_for_spreadsheets_and_lines_of_an_old_mac_are_said() {
        let said = Table::parse("t.csv", b"sep=;\na;b\n1;2\n").unwrap_err().to_string();
        assert_eq!(said, "t.csv, line 1: a note for spreadsheets, and no header: remove the line");
        for (line, is_header) in [
            (&b"sep=;"[..], false),
            (b"\"sep=,\"", false),
            (b"a,b\r1,2\r", false),
            (b"a,b\r", true),
            (b"sep=arator,b", true),
            (b"\"a\r\nb\",c", true),
        ] {
            assert_eq!(no_header(line, false).is_none(), is_header, "{}", String::from_utf8_lossy(line));
        }
        assert_eq!((no_header(b"a,b\r,", true), no_header(b"sep=;", true).is_none()), (None, false));
        assert_eq!(Table::parse("t.csv", b"a,b\r1,2\r").unwrap().records().count(), 1);
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused_with_its_place() {
        for (text, expected) in [
            (&b""[..], "t.csv, line 1: no header; it names the columns"),
            (b"\n\n", "t.csv, line 1: no header; it names the columns"),
            (
                b"a,,c\n",
                "t.csv, line 1: the header is blank in its field 2; allowed: a name for each column, each once",
            ),
            (
                b"\n,b\n",
                "t.csv, line 2: the header is blank in its field 1; allowed: a name for each column, each once; pandas writes such a \
                 first one unless `index=False`",
            ),
            (
                b"a, a\n",
                "t.csv, line 1: the header is \"a\" again; allowed: a name for each column, each once",
            ),
            (b"a,b\n1\n", "t.csv, line 2: 1 fields; the header has 2"),
            (b"a,b\n\n1,2,3\n", "t.csv, line 3: 3 fields; the header has 2"),
            (b"a,b\n1,\"2\n3,4\n", "t.csv, line 2, column 3: a quote that is never closed"),
            (b"a,b\n1,\"2\"x\n", "t.csv, line 2, column 6: text after the quote that ends a field"),
            (b"a,b\n1,2\"\n", "t.csv, line 2, column 4: a quote within a field that has none around it"),
            (b"a,b\n1, \"2\"\n", "t.csv, line 2, column 4: a quote within a field that has none around it"),
            (b"a,b\n1,2\n\xff,3\n", "t.csv, line 3, column 1: not UTF-8"),
            (b"a,b\xfe\n", "t.csv, line 1, column 4: not UTF-8"),
        ] {
            let said = Table::parse("t.csv", text).unwrap_err().to_string();
            assert_eq!(said, expected, "{}", String::from_utf8_lossy(text));
        }
        let unknown = Table::parse("t.csv", b"item,odds\n").unwrap().column("item ").unwrap_err().to_string();
        assert!(
            unknown.starts_with("t.csv, line 1: unknown column \"item \", did you mean \"item\"?"),
            "{unknown}"
        );
    }
}
