//! What can go wrong, said so that a person can mend it: the file, the field, the value, what is allowed.

use std::any::Any;
use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

/// A `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a program can do about an error; the shells turn it into exit codes and status codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// What was sent, or a file that was named, is not allowed: mend it and ask again.
    Invalid,
    /// What was asked for is not there.
    NotFound,
    /// What was asked for contradicts what is there already.
    Conflict,
    /// Somebody else holds what is needed: ask again later.
    Busy,
    /// What was stored is not what had been written.
    Damaged,
    /// The system, a disk or a service refused.
    Unavailable,
}

impl ErrorKind {
    /// Whether it is about the store or the system as a whole and may pass, whatever was asked.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Busy | Self::Unavailable)
    }
}

/// A refusal that a room explains in an enum of its own, with one variant for each cause.
pub trait Cause: std::error::Error + Any + Send + Sync {
    /// What a program can do about it.
    fn kind(&self) -> ErrorKind;
}

/// Everything that this library refuses or fails at.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A value that was read is outside what is allowed.
    #[error("{origin}: {fault}")]
    Invalid {
        /// The file, `request`, or `line 7`.
        origin: String,
        /// Field, value and allowed range.
        fault: Fault,
    },
    /// Text that is not the JSON, TOML or CSV that it should be.
    #[error("{origin}: {message}")]
    Malformed {
        /// The file, `request`, or `line 7`.
        origin: String,
        /// What the parser saw and where.
        message: String,
    },
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// `read`, `write`, `lock`, ...
        action: &'static str,
        /// The path as the user would recognise it.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A name that nothing answers to.
    #[error("unknown {what} {name:?}{} known: {}", suggest(nearest.as_deref()), listed(known))]
    Unknown {
        /// `policy`, `scenario`, ...
        what: &'static str,
        /// What was asked for.
        name: String,
        /// The closest known name, where one is close.
        nearest: Option<String>,
        /// Every known name.
        known: Vec<String>,
    },
    /// A file of the state directory that is not what was written there.
    #[error("{}: damaged: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where, and what was found.
        what: String,
    },
    /// An error of a file that another file names.
    #[error("{by}: {source}")]
    NamedBy {
        /// The file, and the field in it.
        by: String,
        /// What is wrong with the file that it names.
        source: Box<Error>,
    },
    /// Several things that are wrong with one file.
    #[error("{first}; also: {}", others.join("; also: "))]
    Several {
        /// The first.
        first: Box<Error>,
        /// The others, without the file's name.
        others: Vec<String>,
    },
    /// A refusal of one room.
    #[error("{0}")]
    Because(Box<dyn Cause>),
}

/// One field's offence. [`Error::Invalid`] adds where it was read.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{field} is {value}; allowed: {allowed}")]
pub struct Fault {
    /// Path of the field, e.g. `candidates[2].priority`.
    pub field: String,
    /// The value as received.
    pub value: String,
    /// What would have been accepted.
    pub allowed: String,
}

/// Longest name, in bytes, that may be a known one mistyped.
const LONGEST_NAME: usize = 256;

/// The known name that was meant, where one is near enough. Nobody mistypes a name by megabytes, and comparing takes as long
/// as both are, multiplied.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let comparable = known.into_iter().filter(|k| name.len().max(k.len()) <= LONGEST_NAME);
    let distances = comparable.map(|k| (strsim::damerau_levenshtein(name, k), k));
    distances.filter(|(distance, k)| *distance <= 1 + k.len() / 3).min().map(|(_, k)| k)
}

/// A value as a message cites it: whoever sent megabytes knows them.
pub(crate) fn shortened(mut value: String) -> String {
    const LONGEST: usize = 400;
    if value.len() > LONGEST {
        let bytes = value.len();
        value.truncate((0..=LONGEST).rev().find(|at| value.is_char_boundary(*at)).unwrap_or(0));
        value.push_str(&format!("... ({bytes} bytes)"));
    }
    value
}

impl Fault {
    /// A fault of `field`, which was `value` where only `allowed` is accepted.
    pub fn new(field: impl Into<String>, value: impl Display, allowed: impl Into<String>) -> Self {
        Self { field: shortened(field.into()), value: shortened(value.to_string()), allowed: allowed.into() }
    }

    /// A fault of `field`, which names nothing that is known, with the nearest of the known names suggested.
    pub(crate) fn unknown<'a>(
        field: impl Into<String>,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        let meant = nearest(name, known.iter().copied()).map(|meant| format!("; did you mean {meant:?}?"));
        let names = known.iter().map(|name| shortened((*name).to_owned())).collect::<Vec<_>>().join(", ");
        Self::new(field, format!("{name:?}"), names + &meant.unwrap_or_default())
    }

    /// The same fault seen from outside: `candidates[2]` + `priority`.
    #[must_use]
    pub fn within(mut self, outer: &str) -> Self {
        self.field = format!("{outer}.{}", self.field);
        self
    }

    /// The error of this fault read from `origin`.
    pub fn at(self, origin: impl Display) -> Error {
        Error::Invalid { origin: origin.to_string(), fault: self }
    }
}

impl Error {
    /// The system's refusal to `action` the file at `path`.
    pub fn io(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::Io { action, path, source }
    }

    /// A refusal for this cause.
    pub fn because(cause: impl Cause) -> Self {
        Self::Because(Box::new(cause))
    }

    /// The same error, said to come from what the file or field `by` names.
    pub fn named_by(by: impl Display) -> impl FnOnce(Self) -> Self {
        move |source| Self::NamedBy { by: by.to_string(), source: Box::new(source) }
    }

    /// What a program can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Invalid { .. } | Self::Malformed { .. } => ErrorKind::Invalid,
            Self::Unknown { .. } => ErrorKind::NotFound,
            Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => ErrorKind::NotFound,
            Self::Io { .. } => ErrorKind::Unavailable,
            Self::Damaged { .. } => ErrorKind::Damaged,
            Self::NamedBy { source, .. } | Self::Several { first: source, .. } => source.kind(),
            Self::Because(cause) => cause.kind(),
        }
    }

    /// The cause of that type, if this is a refusal for one.
    pub fn cause<C: Cause>(&self) -> Option<&C> {
        match self {
            Self::Because(cause) => {
                let cause: &dyn Any = &**cause;
                cause.downcast_ref()
            }
            Self::NamedBy { source, .. } => source.cause(),
            _ => None,
        }
    }

    /// An unknown name, with the nearest of the known ones suggested.
    pub fn unknown<S: AsRef<str>>(
        what: &'static str,
        name: &str,
        known: impl IntoIterator<Item = S>,
    ) -> Self {
        let known: Vec<String> = known.into_iter().map(|k| shortened(k.as_ref().to_owned())).collect();
        let nearest = nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
        Self::Unknown { what, name: shortened(name.to_owned()), nearest, known }
    }

    /// Whether this is a closed pipe: a reader that has seen enough, which is no error to report.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// Names in a line, or that there is none.
fn listed(known: &[String]) -> String {
    if known.is_empty() { "none".to_owned() } else { known.join(", ") }
}

fn suggest(nearest: Option<&str>) -> String {
    nearest.map_or_else(|| ";".to_owned(), |n| format!(", did you mean {n:?}?"))
}

/// `value` if it lies in `low..=high`; NaN and infinities never do.
///
/// # Errors
/// A [`Fault`] that names the field and the range.
pub fn within(field: &str, value: f64, low: f64, high: f64) -> Result<f64, Fault> {
    if (low..=high).contains(&value) {
        Ok(value)
    } else {
        Err(Fault::new(field, value, format!("a number in [{low}, {high}]")))
    }
}

/// `value` if every store can keep it: a text without the character NUL, for which databases of servers have no place.
///
/// # Errors
/// A [`Fault`] that names the field.
pub fn storable<'a>(field: &str, value: &'a str) -> Result<&'a str, Fault> {
    if value.contains('\0') {
        return Err(Fault::new(field, format!("{value:?}"), "a text without the character NUL (U+0000)"));
    }
    Ok(value)
}

/// An hour of the day, in [0, 24).
pub(crate) fn hour(field: &str, value: f64) -> Result<(), Fault> {
    if (0.0..24.0).contains(&value) { Ok(()) } else { Err(Fault::new(field, value, "an hour in [0, 24)")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_only_when_it_is_near() {
        let known = ["egreedy-v1", "egreedy-v2", "linucb"];
        assert!(
            Error::unknown("policy", "egredy-v2", known).to_string().contains("did you mean \"egreedy-v2\"?")
        );
        assert!(!Error::unknown("policy", "thompson", known).to_string().contains("did you mean"));
    }

    /// Comparing takes as long as both are, multiplied.
    #[test]
    fn names_of_megabytes_are_neither_compared_nor_cited() {
        let long = "x".repeat(30 << 20);
        for (name, known) in [("x", long.as_str()), (&long, "x"), (&long, &long)] {
            let said = Error::unknown("column", name, [known]).to_string();
            assert!(said.len() < 1000 && !said.contains("did you mean"), "{}", said.len());
        }
    }

    #[test]
    fn ranges_hold_on_both_sides_and_refuse_what_is_no_number() {
        assert!(within("x", 0.0, 0.0, 1.0).is_ok() && within("x", 1.0, 0.0, 1.0).is_ok());
        for bad in [-1e-300, 1.0 + f64::EPSILON, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(within("x", bad, 0.0, 1.0).is_err(), "{bad}");
        }
    }
}
