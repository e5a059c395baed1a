//! What can go wrong with a store in Postgres.

use crate::base::error::{Cause, Error, ErrorKind};
use std::error::Error as _;
use std::path::{Path, PathBuf};
use tokio_postgres::error::SqlState;

/// Why a store in Postgres cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// The server refused.
    #[error("{}: cannot {action}: {message}", store.display())]
    Server {
        /// The address, without a password.
        store: PathBuf,
        /// `read it`, `write it`, ...
        action: &'static str,
        /// The server's reason.
        message: String,
        /// Its code in the list of Postgres.
        code: SqlState,
    },
    /// The server cannot be reached, or is gone.
    #[error("{}: cannot {action}: {message}", store.display())]
    Away {
        /// The address, without a password.
        store: PathBuf,
        /// `connect`, `read it`, ...
        action: &'static str,
        /// What the system says.
        message: String,
    },
    /// The server was gone before it answered whether a change is committed.
    #[error(
        "{}: the connection broke before the server said whether it is committed: send it again, what is known is not \
         learned twice ({message})", store.display()
    )]
    Unsettled {
        /// The address, without a password.
        store: PathBuf,
        /// What the system says.
        message: String,
    },
    /// What others did at the same time stood in the way: the change is to be made again.
    #[error("{}: others change the same: {what}; ask again later", store.display())]
    Contended {
        /// The address, without a password.
        store: PathBuf,
        /// What was met.
        what: &'static str,
    },
    /// There is none.
    #[error("{}: no store there; name it with --store or REHEARSAL_STORE", store.display())]
    Missing {
        /// The address, without a password.
        store: PathBuf,
    },
    /// It was made by a newer program.
    #[error("{}: schema_version is {found}; allowed: up to {known}, which this program knows", store.display())]
    Newer {
        /// The address, without a password.
        store: PathBuf,
        /// Its schema version.
        found: u32,
        /// The newest that this program knows.
        known: u32,
    },
    /// The database cannot hold every text.
    #[error("{}: the database's encoding is {found}; allowed: UTF8 (createdb --encoding UTF8 --template template0)", store.display())]
    Encoding {
        /// The address, without a password.
        store: PathBuf,
        /// Its encoding.
        found: String,
    },
    /// Copies are made by the server's own tools.
    #[error(
        "{}: a server's database is copied by its own tool: pg_dump --format=custom --file=FILE --dbname='{}'; \
         pg_restore brings it back", store.display(), store.display()
    )]
    NoBackup {
        /// The address, without a password.
        store: PathBuf,
    },
}

impl PostgresError {
    /// Whether a change that failed for this may succeed when it is made again.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Contended { .. } => true,
            // An event or a number of a state that is there already is one that somebody else was quicker with.
            Self::Server { code, .. } => [
                SqlState::T_R_SERIALIZATION_FAILURE,
                SqlState::T_R_DEADLOCK_DETECTED,
                SqlState::UNIQUE_VIOLATION,
            ]
            .contains(code),
            _ => false,
        }
    }
}

impl Cause for PostgresError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Server { code, .. } => kind_of(code),
            Self::Away { .. } | Self::Unsettled { .. } | Self::Newer { .. } | Self::Encoding { .. } => {
                ErrorKind::Unavailable
            }
            Self::Contended { .. } => ErrorKind::Busy,
            Self::Missing { .. } => ErrorKind::NotFound,
            Self::NoBackup { .. } => ErrorKind::Invalid,
        }
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

/// What the client says, as the refusal to do something with the store.
pub(super) fn refused(action: &'static str, store: &Path, error: &tokio_postgres::Error) -> Error {
    let store = store.to_owned();
    Error::because(match error.as_db_error() {
        Some(told) => PostgresError::Server {
            store,
            action,
            message: told.message().to_owned(),
            code: told.code().clone(),
        },
        None => PostgresError::Away { store, action, message: words(error) },
    })
}

/// An error with what is behind it.
pub(super) fn words(error: &tokio_postgres::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
