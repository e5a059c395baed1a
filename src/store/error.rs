//! Why a store cannot be used, whatever keeps it.

use crate::base::error::{Cause, ErrorKind};
use std::path::PathBuf;

/// Why a store cannot be used. `store` is what errors call it: a path, or an address without its password.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The engine refused, or cannot be reached.
    #[error("{}: cannot {action}: {message}", store.display())]
    Refused {
        /// The store.
        store: PathBuf,
        /// `read it`, `write it`, ...
        action: &'static str,
        /// The reason, in the engine's or the system's words.
        message: String,
        /// What a program can do about it.
        kind: ErrorKind,
        /// Whether the same may succeed when it is made again at once.
        again: bool,
    },
    /// What others did at the same time stood in the way: the change is to be made again.
    #[error("{}: others change the same: {what}; ask again later", store.display())]
    Contended {
        /// The store.
        store: PathBuf,
        /// What was met.
        what: &'static str,
    },
    /// The server was gone before it answered whether a change is committed.
    #[error(
        "{}: the connection broke before the server said whether it is committed: send it again, what is known is not \
         learned twice ({message})", store.display()
    )]
    Unsettled {
        /// The store.
        store: PathBuf,
        /// What the system says.
        message: String,
    },
    /// There is none.
    #[error("{}: no store there; name it with --store or REHEARSAL_STORE", store.display())]
    Missing {
        /// Where one was looked for.
        store: PathBuf,
    },
    /// It was made by a newer program.
    #[error("{}: schema_version is {found}; allowed: up to {known}, which this program knows", store.display())]
    Newer {
        /// The store.
        store: PathBuf,
        /// Its schema version.
        found: u32,
        /// The newest that this program knows.
        known: u32,
    },
    /// The directory holds what version 0.1 wrote.
    #[error(
        "{}: {found} was written by rehearsal 0.1; bring it over into a new store with \
         `rehearsal import {} --store DIR`", store.display(), store.display()
    )]
    Older {
        /// The directory.
        store: PathBuf,
        /// The file that shows it.
        found: String,
    },
    /// The database cannot hold every text.
    #[error("{}: the database's encoding is {found}; allowed: UTF8 (createdb --encoding UTF8 --template template0)", store.display())]
    Encoding {
        /// The store.
        store: PathBuf,
        /// Its encoding.
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
    /// Copies are made by the server's own tools.
    #[error(
        "{}: a server's database is copied by its own tool: pg_dump --format=custom --file=FILE --dbname='{}'; \
         pg_restore brings it back", store.display(), store.display()
    )]
    NoBackup {
        /// The store.
        store: PathBuf,
    },
}

impl StoreError {
    /// Whether a change that failed for this may succeed when it is made again.
    pub(super) fn is_transient(&self) -> bool {
        matches!(self, Self::Contended { .. } | Self::Refused { again: true, .. })
    }
}

impl Cause for StoreError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused { kind, .. } => *kind,
            Self::Contended { .. } => ErrorKind::Busy,
            Self::Missing { .. } => ErrorKind::NotFound,
            Self::Unsettled { .. } | Self::Newer { .. } | Self::Encoding { .. } => ErrorKind::Unavailable,
            Self::Older { .. } | Self::Taken { .. } => ErrorKind::Conflict,
            Self::NoFile { .. } => ErrorKind::Damaged,
            Self::NoBackup { .. } | Self::NoText { .. } => ErrorKind::Invalid,
        }
    }
}
