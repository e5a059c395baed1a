//! The experiments of a folder: all that a user may be in at once.

use super::definition::Experiment;
use crate::base::error::{Cause, Error, ErrorKind, Result, shortened};
use crate::base::read;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Where experiments are looked for by name if nobody says.
pub const EXPERIMENTS_DIR: &str = "experiments";
/// Most experiments in one folder.
const MAX_EXPERIMENTS: usize = 1_000;

/// Why a folder of experiments cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ExperimentsRefusal {
    /// A file whose experiment has another name.
    #[error("{}: key is {key:?}; allowed: the name of its file without .toml", path.display())]
    Misnamed {
        /// The file.
        path: PathBuf,
        /// The experiment's name.
        key: String,
    },
    /// Two that might both say who decides, or what writes, for one user.
    #[error(
        "experiments {first:?} and {second:?} may both set the {what} of one user; give each a part of one namespace"
    )]
    Overlap {
        /// `policy` or `prompt version`.
        what: &'static str,
        /// One of them.
        first: String,
        /// The other one.
        second: String,
    },
    /// Two of which both might be what a user's decision is to carry.
    #[error(
        "experiment {policy:?} sets policies and {prompt:?} prompt versions, maybe of one user, and a decision is of one \
         experiment; give each a part of one namespace"
    )]
    OneDecision {
        /// The one that sets policies.
        policy: String,
        /// The one that sets prompt versions.
        prompt: String,
    },
    /// The folder has no experiment.
    #[error("{}: no experiment in it, and at least one *.toml is needed", dir.display())]
    NoneInFolder {
        /// The folder.
        dir: PathBuf,
    },
    /// More than can be meant.
    #[error("{}: more than {MAX_EXPERIMENTS} experiments", dir.display())]
    TooMany {
        /// The folder.
        dir: PathBuf,
    },
}

impl Cause for ExperimentsRefusal {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Misnamed { .. } | Self::NoneInFolder { .. } | Self::TooMany { .. } => ErrorKind::Invalid,
            Self::Overlap { .. } | Self::OneDecision { .. } => ErrorKind::Conflict,
        }
    }
}

/// Experiments by name, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Experiments(Vec<Experiment>);

impl Experiments {
    /// Every `*.toml` of a folder.
    ///
    /// # Errors
    /// A folder that cannot be listed or has no experiment, a file that is no experiment, two experiments that say different things of one user.
    pub fn load(dir: &Path) -> Result<Self> {
        let entries = fs::read_dir(dir).map_err(Error::io("list", dir))?;
        let mut paths = Vec::new();
        for entry in entries {
            let path = entry.map_err(Error::io("list", dir))?.path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                paths.push(path);
            }
            if paths.len() > MAX_EXPERIMENTS {
                return Err(Error::because(ExperimentsRefusal::TooMany { dir: dir.to_owned() }));
            }
        }
        if paths.is_empty() {
            return Err(Error::because(ExperimentsRefusal::NoneInFolder { dir: dir.to_owned() }));
        }
        paths.sort();
        Self::new(paths.iter().map(|path| Self::file(path)).collect::<Result<_>>()?)
    }

    /// The experiment in a file, which is called as it says.
    ///
    /// # Errors
    /// A file that cannot be read, is no experiment, or is called otherwise.
    pub fn file(path: &Path) -> Result<Experiment> {
        let experiment = Experiment::from_toml(&read::text(path)?, &path.display().to_string())?;
        if path.file_stem().is_none_or(|stem| stem != experiment.key().as_str()) {
            let key = experiment.key().to_string();
            return Err(Error::because(ExperimentsRefusal::Misnamed { path: path.to_owned(), key }));
        }
        Ok(experiment)
    }

    /// These experiments.
    ///
    /// # Errors
    /// Two that say different things of one user.
    pub fn new(mut experiments: Vec<Experiment>) -> Result<Self> {
        experiments.sort_by(|a, b| a.key().cmp(b.key()));
        for (i, second) in experiments.iter().enumerate() {
            for first in &experiments[..i] {
                if !(first.decides() && second.decides() && first.overlaps(second)) {
                    continue;
                }
                let both = |sets: fn(&Experiment) -> bool| sets(first) && sets(second);
                let what = match () {
                    () if both(Experiment::sets_policy) => Some("policy"),
                    () if both(Experiment::sets_prompt) => Some("prompt version"),
                    () => None,
                };
                let is_first = first.sets_policy();
                let (first, second) = (first.key().to_string(), second.key().to_string());
                return Err(Error::because(match what {
                    Some(what) => ExperimentsRefusal::Overlap { what, first, second },
                    None if is_first => ExperimentsRefusal::OneDecision { policy: first, prompt: second },
                    None => ExperimentsRefusal::OneDecision { policy: second, prompt: first },
                }));
            }
        }
        Ok(Self(experiments))
    }

    /// The file of a name, a file itself or a key, whose file is in `dir`.
    pub fn place(name: &str, dir: &Path) -> PathBuf {
        if read::is_path(name) { name.into() } else { dir.join(format!("{name}.toml")) }
    }

    /// The one of a name, a file or a key: a key is looked for in `dir`.
    ///
    /// # Errors
    /// There is none, with those that there are; a file that is no experiment.
    pub fn find_file(name: &str, dir: &Path) -> Result<Experiment> {
        match Self::file(&Self::place(name, dir)) {
            Err(Error::Io { source, .. })
                if source.kind() == io::ErrorKind::NotFound && !read::is_path(name) =>
            {
                let listed = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
                let stems = listed.filter(|path| path.extension().is_some_and(|e| e == "toml"));
                let mut known: Vec<String> =
                    stems.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect();
                known.sort();
                let or_a_file = read::OR_A_FILE.to_owned();
                if known.is_empty() {
                    let (name, known) = (shortened(name.to_owned()), vec!["none".to_owned(), or_a_file]);
                    return Err(Error::Unknown { what: "experiment", name, nearest: None, known });
                }
                known.push(or_a_file);
                Err(Error::unknown("experiment", name, known))
            }
            found => found,
        }
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Experiment> {
        self.0.iter()
    }

    /// The one of this name.
    pub fn get(&self, key: &str) -> Option<&Experiment> {
        self.0.iter().find(|experiment| experiment.key() == key)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn experiment(key: &str, namespace: &str, sets: &str) -> Experiment {
        let text = format!(
            "key = \"{key}\"\n{namespace}\n[[variants]]\nname = \"a\"\n[[variants]]\nname = \"b\"\n{sets}"
        );
        Experiment::from_toml(&text, key).unwrap()
    }

    #[test]
    fn two_that_say_who_decides_share_out_a_namespace() {
        let part =
            |start: f64, end: f64| format!("namespace = {{name = \"n\", start = {start:?}, end = {end:?}}}");
        let pair = |first: &str, second: &str, sets: &str| {
            let second = experiment("two", second, sets);
            Experiments::new(vec![second, experiment("one", first, "policy = \"uniform\"")])
        };
        let policy = "policy = \"linucb\"";
        assert!(
            pair("", "", policy).unwrap_err().to_string().contains("may both set the policy of one user")
        );
        assert!(pair(&part(0.0, 0.5), "", policy).is_err());
        let prompt = pair("", "", "prompt_version = \"v2\"").unwrap_err().to_string();
        assert!(prompt.contains("\"one\" sets policies and \"two\" prompt versions"), "{prompt}");
        assert!(pair(&part(0.0, 0.5), &part(0.5, 1.0), "prompt_version = \"v2\"").is_ok());
        assert!(pair(&part(0.0, 0.6), &part(0.5, 1.0), policy).is_err());
        assert!(pair(&part(0.0, 0.5), &part(0.5, 1.0), policy).is_ok());
        let both = pair("", "", "value = 1").unwrap();
        assert_eq!(both.iter().map(|e| e.key().as_str()).collect::<Vec<_>>(), ["one", "two"]);
        assert!(both.get("two").is_some() && both.get("three").is_none());
    }
}
