//! A program as a policy file states it.

use crate::base::digest;
use crate::base::error::{Error, Fault, Result, storable, within};
use crate::domain::DomainRef;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Most words of a command.
const MAX_WORDS: usize = 64;
/// Longest word of a command, in bytes.
const MAX_WORD_BYTES: usize = 4096;
/// Longest time limit, in seconds.
const MAX_SECONDS: f64 = 3600.0;

/// The file of a policy that is a program, unchecked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawProgram {
    /// Lower-case letters, digits and '-'; not that of a built-in policy.
    pub name: String,
    /// The program and its arguments, which no shell reads. It runs in the folder of the policy's file.
    pub command: Vec<String>,
    /// The domain of what it decides about: `tips` when absent, or the path of a domain's file, relative to the policy's.
    #[serde(default, skip_serializing_if = "DomainRef::is_default")]
    pub domain: DomainRef,
    /// How long it may take to answer one batch, in seconds; default 10.
    #[serde(default = "ten")]
    pub time_limit_seconds: f64,
    /// How long it may take to start and to answer `hello`, in seconds; default 30.
    #[serde(default = "thirty")]
    pub start_limit_seconds: f64,
    /// SHA-256 of the files that the command names, by what it calls them; filled in when the policy is loaded. A file
    /// that states one is refused where it is another.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
}

fn ten() -> f64 {
    10.0
}

fn thirty() -> f64 {
    30.0
}

impl RawProgram {
    /// A program of this name, with every default.
    pub fn new(name: impl Into<String>, command: Vec<String>) -> Self {
        let (time_limit_seconds, start_limit_seconds) = (ten(), thirty());
        let (name, domain, files) = (name.into(), DomainRef::default(), BTreeMap::new());
        Self { name, command, domain, time_limit_seconds, start_limit_seconds, files }
    }

    /// The same without what makes no difference to what it does: its name and its limits.
    pub(super) fn of_what_it_does(&self) -> Self {
        let (domain, files) = (self.domain.clone(), self.files.clone());
        Self { domain, files, ..Self::new("", self.command.clone()) }
    }

    /// The same with the domain that it names, whose file is looked for in `dir`.
    ///
    /// # Errors
    /// A domain that there is not.
    pub(super) fn with_domain(self, dir: &Path, origin: &str) -> Result<Self> {
        let domain = self.domain.load(dir).map_err(Error::named_by(format!("{origin}: domain")))?;
        Ok(Self { domain: DomainRef::Is(domain), ..self })
    }

    /// Whether everything but the name is allowed.
    pub(super) fn check(&self) -> Result<(), Fault> {
        let words = self.command.len();
        if words == 0 || words > MAX_WORDS || self.command[0].is_empty() {
            let allowed = format!("a program and its arguments, 1 to {MAX_WORDS} texts, the first not empty");
            return Err(Fault::new("command", format!("{:?}", self.command), allowed));
        }
        for (i, word) in self.command.iter().enumerate() {
            let field = format!("command[{i}]");
            storable(&field, word)?;
            if word.len() > MAX_WORD_BYTES {
                let value = format!("a text of {} bytes", word.len());
                return Err(Fault::new(field, value, format!("at most {MAX_WORD_BYTES} bytes")));
            }
        }
        within("time_limit_seconds", self.time_limit_seconds, 0.01, MAX_SECONDS)?;
        within("start_limit_seconds", self.start_limit_seconds, 0.01, MAX_SECONDS).map(drop)
    }

    /// The same with the digests of the files in `dir` that its command names: another file makes another program.
    ///
    /// # Errors
    /// A file that cannot be read; one that is another than the definition states.
    pub(super) fn with_files(mut self, dir: &Path, origin: &str) -> Result<Self> {
        let mut files = BTreeMap::new();
        for (i, word) in self.command.iter().enumerate() {
            let path = dir.join(word);
            // A program without a '/' is looked up on the path.
            if (i > 0 || word.contains('/')) && !word.is_empty() && path.is_file() {
                files.insert(word.clone(), digest::of_file(&path)?);
            }
        }
        for (name, stated) in &self.files {
            if files.get(name) != Some(stated) {
                let found = files.get(name).map_or("no file of the command", String::as_str);
                let allowed = format!("{found}, the digest of that file as it is now; or leave `files` out");
                return Err(Fault::new(format!("files.{name}"), stated, allowed).at(origin));
            }
        }
        self.files = files;
        Ok(self)
    }
}
