//! `rehearsal.toml` in the working directory: what is given each time. Options and variables of the environment go before
//! it; what it names is as if it were given by an option, with paths relative to the directory.

use super::error::UsageError;
use crate::base::error::{Error, ErrorKind, Fault, Result};
use crate::base::read;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The name of the file.
pub(super) const FILE: &str = "rehearsal.toml";

/// What a project's file states, unchecked.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProject {
    /// Where decisions, rewards and states are kept, as `--store`.
    #[serde(default)]
    store: Option<String>,
    /// Another name of `store`.
    #[serde(default)]
    state_dir: Option<String>,
    /// The gate, as `--gate`.
    #[serde(default)]
    gate: Option<String>,
    /// The folder of personas, as `--personas`.
    #[serde(default)]
    personas: Option<String>,
    /// The policies, as `--policy`, the default one first.
    #[serde(default)]
    policies: Vec<String>,
}

/// What is given each time.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Project {
    pub(super) store: Option<PathBuf>,
    pub(super) gate: Option<PathBuf>,
    pub(super) personas: Option<PathBuf>,
    pub(super) policies: Vec<String>,
}

impl TryFrom<RawProject> for Project {
    type Error = Fault;

    fn try_from(raw: RawProject) -> Result<Self, Fault> {
        if raw.store.is_some() && raw.state_dir.is_some() {
            return Err(Fault::new("state_dir", "there beside store", "one of them, for they are one thing"));
        }
        let path = |field: &str, text: Option<String>| match text {
            Some(text) if text.trim().is_empty() => Err(Fault::new(field, format!("{text:?}"), "a path")),
            text => Ok(text.map(PathBuf::from)),
        };
        let is_state_dir = raw.state_dir.is_some();
        let store = path(if is_state_dir { "state_dir" } else { "store" }, raw.store.or(raw.state_dir))?;
        if let Some(i) = raw.policies.iter().position(|name| name.trim().is_empty()) {
            return Err(Fault::new(format!("policies[{i}]"), "\"\"", "a policy's name, or a TOML file"));
        }
        Ok(Self {
            store,
            gate: path("gate", raw.gate)?,
            personas: path("personas", raw.personas)?,
            policies: raw.policies,
        })
    }
}

impl Project {
    /// Parses and checks a project's file, which errors call `origin`.
    ///
    /// # Errors
    /// Text that is not TOML, unknown fields, empty names.
    pub(super) fn from_toml(text: &str, origin: &str) -> Result<Self> {
        read::checked_toml(text, origin, |raw: RawProject| Self::try_from(raw))
    }

    /// The file in the working directory; nothing is given where there is none.
    ///
    /// # Errors
    /// As for [`Self::from_toml`], and a link that leads nowhere: somebody meant a file to be there.
    pub(super) fn load() -> Result<Self> {
        let path = Path::new(FILE);
        match read::text(path) {
            Ok(text) => Self::from_toml(&text, FILE),
            Err(error) if error.kind() == ErrorKind::NotFound => match path.symlink_metadata() {
                Ok(_) => {
                    let (path, problem) = (path.to_owned(), "is a link to a file that is not there");
                    Err(Error::because(UsageError::Target { path, problem }))
                }
                Err(_) => Ok(Self::default()),
            },
            Err(error) => Err(error),
        }
    }
}
