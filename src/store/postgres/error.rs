//! What a server, or the way to it, says no with, and what that means for a store.

use crate::base::error::{Error, ErrorKind};
use crate::store::error::StoreError;
use std::error::Error as _;
use std::path::Path;
use std::{fmt, io};
use tokio_postgres::error::SqlState;

/// Why a statement has no answer.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The server, or the connection to it, says no.
    Server(tokio_postgres::Error),
    /// The system has no connection to give, or no answer came in time.
    Silent(io::Error),
}

impl Refusal {
    /// The server's word, if it is one.
    fn code(&self) -> Option<&SqlState> {
        match self {
            Self::Server(error) => error.code(),
            Self::Silent(_) => None,
        }
    }

    /// Whether the connection is of no use after it.
    pub(super) fn is_of_connection(&self) -> bool {
        match self {
            // A server that ends says so in words, too.
            Self::Server(error) => error.is_closed() || error.as_db_error().is_none() || is_farewell(error),
            Self::Silent(_) => true,
        }
    }

    /// The error of a store of which this is what came of doing something.
    pub(super) fn error(&self, action: &'static str, store: &Path) -> Error {
        const AGAIN: [SqlState; 3] = [
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::T_R_DEADLOCK_DETECTED,
            // An event or a number of a state that is there already is one that somebody else was quicker with.
            SqlState::UNIQUE_VIOLATION,
        ];
        let again = self.code().is_some_and(|code| AGAIN.contains(code));
        let kind = self.code().map_or(ErrorKind::Unavailable, kind_of);
        let (store, message) = (store.to_owned(), self.to_string());
        Error::because(StoreError::Refused { store, action, message, kind, again })
    }
}

/// Whether the server has said that it ends the connection.
fn is_farewell(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|told| ["FATAL", "PANIC"].contains(&told.severity()))
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Server(error) => match error.as_db_error() {
                Some(told) => f.write_str(told.message()),
                None => f.write_str(&words(error)),
            },
            Self::Silent(error) => error.fmt(f),
        }
    }
}

impl From<tokio_postgres::Error> for Refusal {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Server(error)
    }
}

fn kind_of(code: &SqlState) -> ErrorKind {
    const BUSY: [SqlState; 5] = [
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::TOO_MANY_CONNECTIONS,
        SqlState::QUERY_CANCELED,
    ];
    const DAMAGED: [SqlState; 2] = [SqlState::DATA_CORRUPTED, SqlState::INDEX_CORRUPTED];
    // A text with the character NUL is refused before it gets here; this is for what no check knows of.
    const INVALID: [SqlState; 2] =
        [SqlState::CHARACTER_NOT_IN_REPERTOIRE, SqlState::UNTRANSLATABLE_CHARACTER];
    match code {
        code if BUSY.contains(code) => ErrorKind::Busy,
        code if DAMAGED.contains(code) => ErrorKind::Damaged,
        code if INVALID.contains(code) => ErrorKind::Invalid,
        code if *code == SqlState::INVALID_CATALOG_NAME => ErrorKind::NotFound,
        code if *code == SqlState::UNIQUE_VIOLATION => ErrorKind::Conflict,
        _ => ErrorKind::Unavailable,
    }
}

/// An error with what is behind it.
pub(super) fn words(error: &tokio_postgres::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
