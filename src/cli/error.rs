//! What is wrong with how a command was used, or with what it runs in.

use crate::base::error::{Cause, Error, ErrorKind, Result};
use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;

/// Why a command cannot go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum UsageError {
    /// Options that do not go together.
    #[error("{options} {remedy}")]
    Options {
        /// Which.
        options: &'static str,
        /// What to do instead.
        remedy: &'static str,
    },
    /// Something is given twice.
    #[error("{what} {name:?} is given twice; for another one, change `name` in its file")]
    Twice {
        /// `scenario`, `policy`, ...
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// A path that cannot be written as it is to be.
    #[error("{} {problem}", path.display())]
    Target {
        /// The path.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The user asked it to stop.
    #[error("interrupted after line {lines}")]
    Interrupted {
        /// Lines that are done.
        lines: u64,
    },
    /// Nobody reads the answers any more.
    #[error("stdout was closed; what was read before line {lines} is done, the rest of the input is not")]
    Closed {
        /// Lines that were handed on.
        lines: u64,
    },
    /// The system refused threads or signals.
    #[error("cannot {action}: {source}")]
    System {
        /// What was to be done.
        action: String,
        /// Why it cannot be.
        source: io::Error,
    },
}

impl Cause for UsageError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Options { .. } | Self::Twice { .. } | Self::Target { .. } => ErrorKind::Invalid,
            Self::Interrupted { .. } | Self::Closed { .. } | Self::System { .. } => ErrorKind::Unavailable,
        }
    }
}

impl UsageError {
    /// Nobody named a policy.
    pub(super) fn no_policy() -> Error {
        let remedy = "names one and is required, unless `policies` in rehearsal.toml does";
        Error::because(Self::Options { options: "--policy", remedy })
    }

    /// The error of a system call.
    pub(super) fn system(action: impl Into<String>) -> impl FnOnce(io::Error) -> Error {
        let action = action.into();
        move |source| Error::because(Self::System { action, source })
    }
}

/// Refuses names of which one stands twice: what they are of could not be told apart.
pub(super) fn refuse_doubles<'a>(what: &'static str, names: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(Error::because(UsageError::Twice { what, name: name.to_owned() }));
        }
    }
    Ok(())
}
