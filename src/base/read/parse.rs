//! JSON and TOML become raw structs; what is wrong with them is said with field and line.

use super::file::without_mark;
use super::foreign::foreign;
use crate::base::error::{Error, Result, nearest, shortened};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::borrow::Cow;
use std::ops::Deref;

/// A text that need not be copied: where it stands as it is in what is read, it is that.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl From<Text<'_>> for SmolStr {
    fn from(text: Text) -> Self {
        text.0.into()
    }
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// What JSON calls what it has.
const OBJECT: &str = "an object";
const LIST: &str = "a list";

/// Parses a JSON object, which errors call `origin`; a byte order mark before it is passed over.
pub(crate) fn json<'de, T: Deserialize<'de>>(text: &'de [u8], origin: &str) -> Result<T> {
    let text = without_mark(text);
    // The parser would take a list of the fields' values too.
    match text.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => json_value(text, origin),
        first => {
            let first = match (first, foreign(text)) {
                (None, _) => "it is empty".to_owned(),
                (_, Some(what)) => format!("it is {what}"),
                (Some(byte), None) => format!("it begins with {:?}", char::from(*byte)),
            };
            let message = format!("a JSON object is needed, whole: {first}");
            Err(Error::Malformed { origin: origin.to_owned(), message })
        }
    }
}

/// Parses any JSON, which errors call `origin`.
///
/// The fast parser runs first; only a text that it refuses is read again by the one that knows paths.
pub(crate) fn json_value<'de, T: Deserialize<'de>>(text: &'de [u8], origin: &str) -> Result<T> {
    // It is checked as a whole first, so that the parser need not check each of its strings.
    let parsed = match std::str::from_utf8(text) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(text),
    };
    parsed.map_err(|first| {
        let reader = &mut serde_json::Deserializer::from_slice(text);
        let mut message = match serde_path_to_error::deserialize::<_, T>(reader) {
            Err(error) if names_field(error.path()) => {
                let inner = complaint(error.inner());
                shortened(format!("{}: ", error.path())) + &inner
            }
            _ => complaint(&first),
        };
        let quoted = message.split_once("string \"").and_then(|(_, rest)| rest.split_once('"'));
        if let Some(time) = quoted.and_then(|(value, _)| time_of_day(value)) {
            message = format!("{message}; {time}");
        }
        if !text.contains(&b'\n') {
            message = message.replace(" at line 1 column ", " at column ");
        }
        Error::Malformed { origin: origin.to_owned(), message }
    })
}

/// What the parser of JSON says is wrong, without names of types of this program.
pub(crate) fn complaint(error: &serde_json::Error) -> String {
    in_words(&without_long_names(&error.to_string()), OBJECT, LIST)
}

/// Parses TOML, which errors call `origin`.
pub(crate) fn toml<T: DeserializeOwned>(text: &str, origin: &str) -> Result<T> {
    toml_or_fault(text).map_err(|fault| Error::Malformed {
        origin: origin.to_owned(),
        message: with_line(&fault.message, fault.line),
    })
}

/// What is wrong with a text of TOML.
pub(super) struct TomlFault {
    pub(super) message: String,
    /// The byte where it stands, and its line.
    pub(super) at: Option<usize>,
    pub(super) line: Option<usize>,
    pub(super) mend: Option<Mend>,
}

/// What would mend a text of TOML.
pub(super) enum Mend {
    /// A field of this name is not there.
    Field(String),
    /// A field was meant to have this name.
    Name(String),
    /// This word, as TOML, in the place of another one: the word that was meant, else the first that may stand there.
    Word(String),
}

impl Mend {
    /// What would mend what the parser tells, which it does in words alone.
    fn of(said: &str) -> Option<Self> {
        if let Some(missing) = said.strip_prefix("missing field `") {
            return Some(Self::Field(missing.split_once('`')?.0.to_owned()));
        }
        if let Some(field) = Unknown::of(said, UNKNOWN_FIELD) {
            return Some(Self::Name(field.meant()?.to_owned()));
        }
        let word = Unknown::of(said, UNKNOWN_VARIANT)?;
        word.meant().or_else(|| word.allowed().next()).map(|word| Self::Word(format!("{word:?}")))
    }
}

/// Parses TOML.
pub(super) fn toml_or_fault<T: DeserializeOwned>(text: &str) -> Result<T, TomlFault> {
    let fault = |message: String, error: &toml::de::Error| {
        let at = error.span().map(|span| span.start);
        let line = at.map(|at| line_of(text, at));
        let time = line.and_then(|line| time_of_day(text.lines().nth(line - 1)?.split_once('=')?.1));
        let message = time.map_or_else(|| message.clone(), |time| format!("{message}; {time}"));
        TomlFault { message, at, line, mend: Mend::of(error.message()) }
    };
    let reader = toml::Deserializer::parse(text).map_err(|e| fault(e.message().replace('\n', ", "), &e))?;
    serde_path_to_error::deserialize(reader).map_err(|error| {
        let place = shortened(error.path().to_string());
        let place = if names_field(error.path()) { format!("{place}: ") } else { String::new() };
        let inner = error.inner();
        let message = without_long_names(&inner.message().replace('\n', ", "));
        let message = in_words(&message, "a table", "an array");
        fault(format!("{place}{message}"), inner)
    })
}

/// How messages about names that there are not begin.
const UNKNOWN_FIELD: &str = "unknown field `";
const UNKNOWN_VARIANT: &str = "unknown variant `";

/// A name that there is not, as a parser's message has it, and those that there are.
struct Unknown<'m> {
    name: &'m str,
    list: &'m str,
    /// Where it stands, at the end of some messages.
    place: &'m str,
}

impl<'m> Unknown<'m> {
    /// Of a message that begins so.
    fn of(message: &'m str, beginning: &str) -> Option<Self> {
        let (name, list) = message.strip_prefix(beginning)?.split_once('`')?;
        let (list, place) = list.split_at(list.find(" at ").unwrap_or(list.len()));
        Some(Self { name, list, place })
    }

    fn allowed(&self) -> impl Iterator<Item = &'m str> {
        self.list.split('`').skip(1).step_by(2)
    }

    fn meant(&self) -> Option<&'m str> {
        nearest(self.name, self.allowed())
    }
}

/// A message with the line that it is about, if one is known.
pub(super) fn with_line(message: &str, line: Option<usize>) -> String {
    line.map_or_else(|| message.to_owned(), |line| format!("{message} (line {line})"))
}

/// The line, from 1, of a byte of `text`.
pub(super) fn line_of(text: &str, at: usize) -> usize {
    1 + text[..at.min(text.len())].matches('\n').count()
}

/// What to write in the place of a time of day, where a number of hours is wanted.
fn time_of_day(value: &str) -> Option<String> {
    let value = value.split('#').next()?.trim().trim_matches('"');
    let (hour, rest) = value.split_once(':')?;
    let minute = rest.split(':').next()?;
    let is_time = hour.len() <= 2 && minute.len() == 2;
    let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
    let is_time = is_time && hour < 24 && minute < 60;
    let hours = ((f64::from(hour) + f64::from(minute) / 60.0) * 1e4).round() / 1e4;
    is_time.then(|| format!("a time of day is written as a number of hours, here {hours}"))
}

/// The message with what it cites in backquotes as messages cite it.
fn without_long_names(message: &str) -> String {
    let cited = message.split('`').map(|part| shortened(part.to_owned()));
    cited.collect::<Vec<_>>().join("`")
}

/// The message with the nearest of the names that it lists, where it is about one that is not among them.
fn suggested(message: String) -> String {
    let unknown = Unknown::of(&message, UNKNOWN_FIELD).or_else(|| Unknown::of(&message, UNKNOWN_VARIANT));
    let Some(unknown) = unknown else { return message };
    match unknown.meant() {
        Some(meant) => {
            let (before, place) = message.split_at(message.len() - unknown.place.len());
            format!("{before}; did you mean `{meant}`?{place}")
        }
        None => message,
    }
}

/// Whether the path of an error says more than that there is one.
fn names_field(path: &serde_path_to_error::Path) -> bool {
    path.iter().any(|segment| !matches!(segment, serde_path_to_error::Segment::Unknown))
}

/// A parser's message with types of data in the place of types of this program.
fn in_words(message: &str, object: &str, list: &str) -> String {
    let message = suggested(message.to_owned());
    let message = message.replace("expected a sequence", &format!("expected {list}"));
    let Some((before, expected)) = message.rsplit_once("expected ") else { return message };
    let end = expected.find([' ', ',']).unwrap_or(expected.len());
    let (word, rest) = expected.split_at(end);
    let word = match word {
        "f64" => "a number",
        "u8" => "a whole number from 0 to 255",
        // What a field allows of these is told by its own check.
        "u32" | "u64" | "usize" => "a whole number, 0 or more",
        "struct" => object,
        word => word,
    };
    // What follows a struct is its name, and the place if there is one.
    let rest = if word == object { rest.find(" at ").map_or("", |place| &rest[place..]) } else { rest };
    let before = before.replace("sequence", list).replace("map,", &format!("{object},"));
    format!("{before}expected {word}{rest}")
}

#[cfg(test)]
mod tests {
    use super::in_words;

    #[test]
    fn messages_speak_of_the_types_that_a_writer_knows() {
        for (message, said) in [
            (
                "invalid type: map, expected f64 at line 2 column 3",
                "invalid type: an object, expected a number at line 2 column 3",
            ),
            ("invalid type: sequence, expected struct Kind", "invalid type: a list, expected an object"),
            (
                "invalid length 3, expected struct Raw with 6 elements at line 1 column 9",
                "invalid length 3, expected an object at line 1 column 9",
            ),
            (
                "invalid type: string \"expected f64\", expected a sequence at line 1",
                "invalid type: string \"expected f64\", expected a list at line 1",
            ),
            (
                "unknown field `colour`, expected one of `b`, `c` at line 1",
                "unknown field `colour`, expected one of `b`, `c` at line 1",
            ),
            (
                "invalid value: integer `-1`, expected u8",
                "invalid value: integer `-1`, expected a whole number from 0 to 255",
            ),
            ("expected struct", "expected an object"),
            ("EOF while parsing a value", "EOF while parsing a value"),
        ] {
            assert_eq!(in_words(message, "an object", "a list"), said);
        }
    }
}
