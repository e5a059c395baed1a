//! TOML that becomes a checked type, and all that is wrong with it at once: each fault with its line.
//!
//! A parser stops at the first fault. What it stopped at is taken out of the text, or a value that nobody asked for is put
//! in its place, and the rest is read again, so that who mends a file mends all of it.

use super::parse::{Mend, TomlFault, line_of, toml_or_fault, with_line};
use super::place::line_of_field;
use crate::base::error::{Error, Fault, Result};
use serde::de::DeserializeOwned;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Faults that are told at once, at most.
const MOST: usize = 10;
/// Longest text of which more than the first fault is looked for, in bytes: it is read again for each.
const LONGEST: usize = 1 << 16;
/// Values that are tried in the place of one that is not allowed and cannot be missing.
const STAND_INS: [&str; 11] = ["0.05", "1", "0.5", "1.0", "2", "10", "100", "0", "0.01", "\"x\"", "true"];

/// Parses TOML, which errors call `origin`, into an `R` that `check` makes a `T` of.
///
/// # Errors
/// All that is wrong with it, as far as one fault does not hide the next.
pub(crate) fn checked_toml<R: DeserializeOwned, T>(
    text: &str,
    origin: &str,
    check: impl Fn(R) -> Result<T, Fault>,
) -> Result<T> {
    let attempt = |text: &str| read(text, origin, &check);
    let mut all = match attempt(text) {
        Ok(read) => return Ok(read),
        Err(first) => vec![first],
    };
    let (mut left, mut added) = (text.to_owned(), Vec::new());
    while all.len() < MOST && text.len() <= LONGEST {
        let latest = all.last().expect("the first is there");
        let next = match (&latest.missing, &latest.entry) {
            (Some(field), _) => past_missing(&left, field, attempt),
            (None, Some(entry)) => past_entry(&left, entry, latest, attempt),
            (None, None) => None,
        };
        let Some((mut found, text)) = next else { break };
        if let Some(field) = &latest.missing {
            added.push(line_of(&text, field.at));
        }
        // The line that was meant, before others were added to the text.
        found.line = found
            .line
            .map(|line| added.iter().rev().fold(line, |line, added| line - usize::from(*added < line)));
        all.push(found);
        left = text;
    }
    let others: Vec<String> = all.drain(1..).map(|found| with_line(&found.message, found.line)).collect();
    let error = all.remove(0).error;
    Err(if others.is_empty() { error } else { Error::Several { first: Box::new(error), others } })
}

/// What is wrong besides that this field is not there, and the text with a line for it. What a check would say of a value that
/// nobody gave, or of others beside it, would tell nothing.
fn past_missing<T>(
    left: &str,
    field: &MissingField,
    attempt: impl Fn(&str) -> Result<T, Box<Found>>,
) -> Option<(Box<Found>, String)> {
    let texts = STAND_INS.iter().map(|value| field.filled(left, value));
    let mut next = texts.filter_map(|text| match attempt(&text) {
        Err(found) if found.is_of_text && !found.is_at(&field.key(&text)?) => Some((found, text)),
        _ => None,
    });
    next.next().filter(|(found, _)| found.missing.as_ref() != Some(field))
}

/// What is wrong besides this entry, and the text without it, or with another value.
fn past_entry<T>(
    left: &str,
    Entry { key, value }: &Entry,
    fault: &Found,
    attempt: impl Fn(&str) -> Result<T, Box<Found>>,
) -> Option<(Box<Found>, String)> {
    // A name that was misspelt is mended, unless what was meant is there too.
    if let Some(Mend::Name(meant)) = &fault.mend {
        let text = with(left, key.clone(), meant);
        if DeTable::parse(&text).is_ok() {
            return Some((attempt(&text).err()?, text));
        }
    }
    let without = with(left, key.start..value.end, "");
    let word = match &fault.mend {
        Some(Mend::Word(word)) => Some(word.as_str()),
        _ => None,
    };
    let stand_ins = word.into_iter().chain(STAND_INS);
    let with_others = stand_ins.map(|other| with(left, value.clone(), other));
    // What is missing then may be what was taken out.
    let is_known_to_lack = |found: &Found| match &found.missing {
        Some(field) => left[key.clone()] == *field.name,
        None => matches!(found.mend, Some(Mend::Field(_))),
    };
    let reads_on = |text: &String, is_less: bool| match attempt(text) {
        Ok(_) => Some(None),
        // The same place again tells nothing new, and what is wrong beside something that was taken out may be that.
        Err(found) if found.is_at(key) || is_known_to_lack(&found) => None,
        Err(found) if is_less && found.is_beside(text, key.start) => None,
        Err(found) => Some(Some(found)),
    };
    let texts = std::iter::once((without, true)).chain(with_others.map(|text| (text, false)));
    let (found, text) = { texts }.find_map(|(text, is_less)| Some((reads_on(&text, is_less)?, text)))?;
    Some((found?, text))
}

/// A key and its value, by their bytes.
#[derive(Debug, Clone, PartialEq)]
struct Entry {
    key: Range<usize>,
    value: Range<usize>,
}

/// What is wrong with a text.
struct Found {
    error: Error,
    /// The same without the file's name and the line.
    message: String,
    line: Option<usize>,
    entry: Option<Entry>,
    mend: Option<Mend>,
    /// The field that is not there, if a line of its own would mend it.
    missing: Option<MissingField>,
    /// Whether the text is none of this sort, whatever a check would say of its values.
    is_of_text: bool,
}

/// A field that is not there, and where its line would stand.
#[derive(Debug, Clone, PartialEq)]
struct MissingField {
    name: String,
    /// The byte.
    at: usize,
}

impl MissingField {
    /// The field of this name in the table that begins at a byte; `None` where that table has no lines.
    fn of(text: &str, at: usize, name: String) -> Option<Self> {
        let at = match text[at..].chars().next()? {
            '[' => at + text[at..].find('\n')? + 1,
            '{' => return None,
            _ => 0,
        };
        Some(Self { name, at })
    }

    /// The text with a line for it.
    fn filled(&self, text: &str, value: &str) -> String {
        format!("{}{} = {value}\n{}", &text[..self.at], self.name, &text[self.at..])
    }

    /// Where its key stands in the text with that line.
    fn key(&self, text: &str) -> Option<Range<usize>> {
        text[self.at..].starts_with(&self.name).then(|| self.at..self.at + self.name.len())
    }
}

impl Found {
    fn is_at(&self, key: &Range<usize>) -> bool {
        self.entry.as_ref().is_some_and(|entry| entry.key == *key)
    }

    /// Whether it is in the same element of a list of tables as this byte.
    fn is_beside(&self, text: &str, at: usize) -> bool {
        let element = |at: usize| {
            let header = text[..at].rfind("\n[")?;
            text[header..].starts_with("\n[[").then_some(header)
        };
        let own = self.entry.as_ref().and_then(|entry| element(entry.key.start));
        own.is_some() && own == element(at)
    }
}

fn read<R: DeserializeOwned, T>(
    text: &str,
    origin: &str,
    check: impl Fn(R) -> Result<T, Fault>,
) -> Result<T, Box<Found>> {
    let raw = toml_or_fault(text).map_err(|fault| {
        let TomlFault { message, at, line, mend } = fault;
        let (entry, missing) = match &mend {
            Some(Mend::Field(name)) => (None, at.and_then(|at| MissingField::of(text, at, name.clone()))),
            _ => (at.and_then(|at| entry_at(text, at)), None),
        };
        let error = Error::Malformed { origin: origin.to_owned(), message: with_line(&message, line) };
        Box::new(Found { error, message, line, entry, mend, missing, is_of_text: true })
    })?;
    check(raw).map_err(|fault| {
        let entry = entry_of(text, &fault.field);
        let line = entry.as_ref().map(|entry| line_of(text, entry.key.start));
        let line = line.or_else(|| line_of_field(text, &fault.field));
        let message = fault.to_string();
        let error = Fault { allowed: with_line(&fault.allowed, line), ..fault }.at(origin);
        Box::new(Found { error, message, line, entry, mend: None, missing: None, is_of_text: false })
    })
}

/// The text with something in the place of these bytes, and its lines where they were.
fn with(text: &str, place: Range<usize>, what: &str) -> String {
    let lines = text[place.clone()].matches('\n').count();
    format!("{}{what}{}{}", &text[..place.start], "\n".repeat(lines), &text[place.end..])
}

/// The innermost entry at this byte, if it is one that stands in a line of its own.
fn entry_at(text: &str, at: usize) -> Option<Entry> {
    let table = DeTable::parse(text).ok()?;
    innermost(table.get_ref(), &|entry: &Entry| {
        (entry.key.start..entry.value.end.max(entry.key.end)).contains(&at)
    })
}

fn innermost(table: &DeTable, is_it: &impl Fn(&Entry) -> bool) -> Option<Entry> {
    for (key, value) in table {
        let below = below(value, is_it);
        if below.is_some() {
            return below;
        }
        let entry = Entry { key: key.span(), value: value.span() };
        if entry.key.end <= entry.value.start && is_it(&entry) {
            return Some(entry);
        }
    }
    None
}

fn below(value: &Spanned<DeValue>, is_it: &impl Fn(&Entry) -> bool) -> Option<Entry> {
    match value.get_ref() {
        DeValue::Table(table) => innermost(table, is_it),
        DeValue::Array(values) => values.iter().find_map(|value| below(value, is_it)),
        _ => None,
    }
}

/// The entry of the field that a fault names, as `criteria[2].margin`.
fn entry_of(text: &str, field: &str) -> Option<Entry> {
    let table = DeTable::parse(text).ok()?;
    let (mut table, mut entry) = (table.get_ref(), None);
    let mut steps = field.split('.').peekable();
    while let Some(step) = steps.next() {
        let (name, indices) = step.split_once('[').map_or((step, ""), |(name, rest)| (name, rest));
        let (key, value) = table.iter().find(|(key, _)| key.get_ref() == name)?;
        entry = Some(Entry { key: key.span(), value: value.span() });
        let mut value = value;
        for index in indices.split('[').filter(|index| !index.is_empty()) {
            let index: usize = index.trim_end_matches(']').parse().ok()?;
            let DeValue::Array(values) = value.get_ref() else { return entry };
            value = values.get(index)?;
        }
        if steps.peek().is_some() {
            let DeValue::Table(inner) = value.get_ref() else { return entry };
            table = inner;
        }
    }
    entry.filter(|entry| entry.key.end <= entry.value.start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error::within;
    use serde::Deserialize;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Raw {
        alpha: f64,
        beta: f64,
        #[serde(default)]
        count: u32,
        #[serde(default)]
        inner: Vec<Inner>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        share: f64,
    }

    fn faults(text: &str) -> Option<String> {
        let check = |raw: Raw| {
            within("alpha", raw.alpha, 0.0, 0.5)?;
            within("beta", raw.beta, 0.0, 0.5)?;
            within("count", raw.count.into(), 0.0, 9.0)?;
            for (i, inner) in raw.inner.iter().enumerate() {
                within("share", inner.share, 0.0, 1.0).map_err(|f| f.within(&format!("inner[{i}]")))?;
            }
            Ok(())
        };
        checked_toml(text, "x.toml", check).err().map(|error| error.to_string())
    }

    #[test]
    fn all_faults_are_told_with_their_lines() {
        assert_eq!(faults("alpha = 0.1\nbeta = 0.2\n[[inner]]\nshare = 1\n"), None);
        assert_eq!(
            faults("alpha = 0.1\nbeta = 2\n").unwrap(),
            "x.toml: beta is 2; allowed: a number in [0, 0.5] (line 2)"
        );
        let said = faults(
            "alhpa = 1\nalpha = 3\nbeta = 2\ncount = \"many\"\n\n[[inner]]\nshare = 0.5\n[[inner]]\nshare = 7\nshares = [\n1,\n]\n",
        );
        let said = said.unwrap();
        for part in [
            "x.toml: ",
            "unknown field `alhpa`, expected one of",
            "did you mean `alpha`?",
            "(line 1)",
            "alpha is 3; allowed: a number in [0, 0.5] (line 2)",
            "beta is 2; allowed: a number in [0, 0.5] (line 3)",
            "count: invalid type: string \"many\"",
            "(line 4)",
            "inner[1].share is 7; allowed: a number in [0, 1] (line 9)",
            "did you mean `share`?",
            "(line 10)",
        ] {
            assert!(said.contains(part), "{part:?} is not in {said}");
        }
        assert_eq!(said.matches("x.toml").count(), 1, "{said}");
        // All that is missing is told together, with the lines that the text has; of its values nothing is said then.
        let said = faults("count = 3\n[[inner]]\n[[inner]]\nshare = \"much\"\n").unwrap();
        assert_eq!(
            said,
            "x.toml: inner[0]: missing field `share` (line 2); also: inner[1].share: invalid type: string \"much\", expected a \
             number (line 4); also: missing field `alpha` (line 1); also: missing field `beta` (line 1)"
        );
        assert_eq!(faults("alpha = 3\n").unwrap(), "x.toml: missing field `beta` (line 1)");
        let said = faults("alpha = \"much\"\n").unwrap();
        assert!(
            said.contains("alpha: invalid type") && said.contains("also: missing field `beta` (line 1)"),
            "{said}"
        );
        // A misspelt name is read as what was meant.
        let said = faults("alhpa = 0.1\nbeta = 0.1\n").unwrap();
        assert!(said.ends_with("did you mean `alpha`? (line 1)"), "{said}");
        let said = faults("alhpa = 1\ncount = 11\nbeat = 7\ninner = [{ shares = 1 }]\n").unwrap();
        for part in [
            "did you mean `alpha`? (line 1)",
            "also: alpha is 1; allowed: a number in [0, 0.5] (line 1)",
            "also: beta is 7; allowed: a number in [0, 0.5] (line 3)",
            "did you mean `share`?",
            "also: count is 11;",
        ] {
            assert!(said.contains(part), "{part:?} is not in {said}");
        }
        assert!(!said.contains("missing"), "{said}");
        let said = faults("alhpa = 0.1\n").unwrap();
        assert!(
            said.ends_with("did you mean `alpha`? (line 1); also: missing field `beta` (line 1)"),
            "{said}"
        );
        let said = faults("colour = 0.1\nbeta = 0.1\n").unwrap();
        assert!(
            said.contains("`colour`") && said.ends_with("also: missing field `alpha` (line 1)"),
            "{said}"
        );
        assert!(faults("alpha = 1\nbeta = 1\ninner = [{ }]\n").unwrap().contains("missing field `share`"));
        // What is no TOML is told once.
        assert!(faults("alpha = \nbeta = 2\n").unwrap().contains("(line 1)"));
    }

    #[test]
    fn a_time_of_day_is_not_an_hour() {
        for value in ["21:30", "\"21:30\"", "21:30:00"] {
            let said = faults(&format!("beta = 0.1\nalpha = {value}\n")).unwrap();
            assert!(
                said.contains("a time of day is written as a number of hours, here 21.5")
                    && said.contains("(line 2)"),
                "{said}"
            );
        }
    }
}
