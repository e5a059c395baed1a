//! Why files that were named are not read as logs.

use crate::base::error::{Cause, ErrorKind};
use std::path::PathBuf;

/// Why files that were named are not read as logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogFileRefusal {
    /// A file is named twice.
    #[error("{}: it is named twice, and what it tells would count twice; name it once", file.display())]
    NamedTwice {
        /// The file.
        file: PathBuf,
    },
    /// A log of another program says nothing of reactions.
    #[error(
        "{}: only this program's own logs say how people reacted; name a state directory, or decisions.jsonl with \
         rewards.jsonl beside it", file.display()
    )]
    NoReactions {
        /// The file.
        file: PathBuf,
    },
}

impl Cause for LogFileRefusal {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }
}
