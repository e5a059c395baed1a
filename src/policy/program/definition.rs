//! A program as a policy file states it, and how a definition is told from that of another policy.

use crate::base::digest;
use crate::base::error::{Fault, Result, storable, within};
use crate::policy::spec::RawPolicy;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
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
        Self { name: name.into(), command, time_limit_seconds, start_limit_seconds, files: BTreeMap::new() }
    }

    /// The same without what makes no difference to what it does: its name and its limits.
    pub(super) fn of_what_it_does(&self) -> Self {
        Self { files: self.files.clone(), ..Self::new("", self.command.clone()) }
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

/// What a policy is, as files, stores and logs state it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum RawDefinition {
    /// Explorer, model and feature set.
    BuiltIn(RawPolicy),
    /// A program.
    Program(RawProgram),
}

impl<'de> Deserialize<'de> for RawDefinition {
    /// What has a `command` is a program.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        if value.get("command").is_some() {
            return RawProgram::deserialize(value).map(Self::Program).map_err(D::Error::custom);
        }
        RawPolicy::deserialize(value).map(Self::BuiltIn).map_err(D::Error::custom)
    }
}
