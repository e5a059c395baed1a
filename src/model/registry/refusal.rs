//! Why a registry refuses.

use crate::base::error::{Cause, ErrorKind};

/// What a registry cannot do.
#[derive(Debug, thiserror::Error)]
pub enum RegistryRefusal {
    /// Nothing was ever registered there.
    #[error("{place}: no registry there; name it with --registry or REHEARSAL_REGISTRY, or register a model")]
    NoRegistry {
        /// The place.
        place: String,
    },
    /// A name that is not there.
    #[error("{place} has no model {name:?}; `rehearsal registry list` says what there is")]
    NoModel {
        /// The registry.
        place: String,
        /// The name.
        name: String,
    },
    /// A version or an alias that a name does not have.
    #[error("{name} has no {wanted} in {place}; known: {known}")]
    NoVersion {
        /// The registry.
        place: String,
        /// The name.
        name: String,
        /// The alias or version.
        wanted: String,
        /// The aliases and versions that there are.
        known: String,
    },
    /// A file that a version does not have.
    #[error("{place}: version {version} of {name} has no file {file:?}")]
    NoFile {
        /// The registry.
        place: String,
        /// The name.
        name: String,
        /// The version.
        version: u64,
        /// The file.
        file: String,
    },
    /// An alias that somebody else has moved.
    #[error(
        "{alias} of {name} is {found} by now, not {expected} any more: somebody else has moved it, and nothing was changed; \
         judge against what is in charge now"
    )]
    Moved {
        /// The alias.
        alias: String,
        /// The name.
        name: String,
        /// Where it is.
        found: String,
        /// Where it was expected.
        expected: String,
    },
    /// A baseline that is not what is in charge.
    #[error(
        "{alias} of {name} is {champion}, and {baseline} is another policy: name it with --baseline registry:{name}@{alias}"
    )]
    OtherBaseline {
        /// The alias.
        alias: String,
        /// The name.
        name: String,
        /// What is in charge.
        champion: String,
        /// The baseline's name.
        baseline: String,
    },
    /// A server that answers otherwise than it should.
    #[error("{place}: {what}")]
    Server {
        /// The server.
        place: String,
        /// What it said.
        what: String,
        /// Whether it may pass.
        passes: bool,
    },
    /// A registry that is not what was written there.
    #[error("{place}: damaged: {what}")]
    Damaged {
        /// The file.
        place: String,
        /// What is wrong with it.
        what: String,
    },
}

impl Cause for RegistryRefusal {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoRegistry { .. } | Self::NoModel { .. } | Self::NoVersion { .. } | Self::NoFile { .. } => {
                ErrorKind::NotFound
            }
            Self::Moved { .. } | Self::OtherBaseline { .. } => ErrorKind::Conflict,
            Self::Server { passes: false, .. } => ErrorKind::Invalid,
            Self::Server { passes: true, .. } => ErrorKind::Unavailable,
            Self::Damaged { .. } => ErrorKind::Damaged,
        }
    }
}
