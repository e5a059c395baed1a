//! What can go wrong with a store in SQLite.

use crate::base::error::{Cause, Error, ErrorKind};
use rusqlite::ErrorCode;
use std::path::{Path, PathBuf};

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The engine refused.
    #[error("{}: cannot {action}: {source}", path.display())]
    Engine {
        /// The store.
        path: PathBuf,
        /// `read`, `write`, ...
        action: &'static str,
        /// The engine's reason.
        source: rusqlite::Error,
    },
    /// There is none.
    #[error("{}: no store there; name it with --store or REHEARSAL_STORE", path.display())]
    Missing {
        /// The directory.
        path: PathBuf,
    },
    /// It was made by a newer program.
    #[error("{}: schema_version is {found}; allowed: up to {known}, which this program knows", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its schema version.
        found: u32,
        /// The newest that this program knows.
        known: u32,
    },
    /// The directory holds what version 0.1 wrote.
    #[error(
        "{}: {found} was written by rehearsal 0.1; bring it over into a new store with \
         `rehearsal import {} --store DIR`", path.display(), path.display()
    )]
    Older {
        /// The directory.
        path: PathBuf,
        /// The file that shows it.
        found: String,
    },
    /// Something else stands where the database should.
    #[error("{}: it is no file, and a store has its database there", path.display())]
    NoFile {
        /// The path.
        path: PathBuf,
    },
    /// A copy is to be written where the engine cannot name a file.
    #[error("{}: a path that is no UTF-8; the engine can copy to none of these", path.display())]
    NoText {
        /// The path.
        path: PathBuf,
    },
    /// Something stands where a copy is to be written.
    #[error("{}: it is there already; name a path that is free", path.display())]
    Taken {
        /// The path.
        path: PathBuf,
    },
}

impl Cause for StoreError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Engine { source, .. } => match source.sqlite_error_code() {
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => ErrorKind::Busy,
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => ErrorKind::Damaged,
                _ => ErrorKind::Unavailable,
            },
            Self::Missing { .. } => ErrorKind::NotFound,
            Self::NoFile { .. } => ErrorKind::Damaged,
            Self::NoText { .. } => ErrorKind::Invalid,
            Self::Newer { .. } => ErrorKind::Unavailable,
            Self::Older { .. } | Self::Taken { .. } => ErrorKind::Conflict,
        }
    }
}

/// The engine's refusal to do something with the store at `path`.
pub(super) fn engine(action: &'static str, path: &Path) -> impl Fn(rusqlite::Error) -> Error {
    move |source| Error::because(StoreError::Engine { path: path.to_owned(), action, source })
}
