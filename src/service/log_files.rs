//! The files of our own logs: a log that has grown large goes on in a new file, and what is full has a number.

use crate::base::error::{Cause, Error, ErrorKind, Fault, Result};
use crate::store::sqlite::FILE;
use crate::store::{is_address, is_secret, shown};
use std::fs;
use std::path::{Path, PathBuf};

/// A folder that has no log of ours.
#[derive(Debug, thiserror::Error)]
#[error("{}: no {part}.jsonl in it, and no part of one", dir.display())]
pub(crate) struct NoLog {
    dir: PathBuf,
    part: String,
}

impl Cause for NoLog {
    fn kind(&self) -> ErrorKind {
        ErrorKind::NotFound
    }
}

/// Part of the name of files of decisions, and of those of rewards.
const PARTS: [&str; 2] = ["decisions", "rewards"];
/// Stands between an address and the part of its store's log.
const OF_ADDRESS: char = '#';
/// Digits of a number, at least.
const DIGITS: usize = 6;

/// The files of a folder's log, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Segments {
    pub(crate) decisions: Vec<PathBuf>,
    pub(crate) rewards: Vec<PathBuf>,
}

impl Segments {
    /// Those of a store, which are no files of their own (see [`of_store`]), or of another folder with
    /// `decisions.jsonl`.
    ///
    /// # Errors
    /// A folder that cannot be listed, or has no decisions or no rewards; an address that has a password.
    pub(crate) fn of(dir: &Path) -> Result<Self> {
        if is_address(dir) {
            // What names a log stands in reports and messages.
            if is_secret(dir) {
                let allowed =
                    "an address without a password, which may stand in PGPASSWORD: reports name their logs";
                return Err(Fault::new("the log", shown(dir).display(), allowed).at("command line"));
            }
            let [decisions, rewards] = PARTS.map(|part| {
                let mut place = dir.as_os_str().to_owned();
                place.push(format!("{OF_ADDRESS}{part}"));
                vec![place.into()]
            });
            return Ok(Self { decisions, rewards });
        }
        if dir.join(FILE).exists() {
            let [decisions, rewards] = PARTS.map(|part| vec![dir.join(FILE).join(part)]);
            return Ok(Self { decisions, rewards });
        }
        let [decisions, rewards] = PARTS.map(|part| segments(dir, part));
        let there = |files: Vec<PathBuf>, part: &str| {
            if files.is_empty() {
                return Err(Error::because(NoLog { dir: dir.to_owned(), part: part.to_owned() }));
            }
            Ok(files)
        };
        Ok(Self { decisions: there(decisions?, PARTS[0])?, rewards: there(rewards?, PARTS[1])? })
    }
}

/// Whether a path names all files of a log together: a folder, or a store by its address.
pub(crate) fn is_whole(path: &Path) -> bool {
    path.is_dir() || is_address(path)
}

/// The same path however a file is named, also of one that is not there yet; the log in a database is no file of its own.
pub(crate) fn canonical(path: &Path) -> PathBuf {
    let in_parent = || {
        let parent = path.parent()?;
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        Some(parent.canonicalize().ok()?.join(path.file_name()?))
    };
    path.canonicalize().ok().or_else(in_parent).unwrap_or_else(|| path.to_owned())
}

/// The place of the store and the log in it, of a path that goes on behind the name of a database or behind an address:
/// `DIR/rehearsal.db/decisions` and `postgres://HOST/DATABASE#decisions` are read as if they were files.
pub(crate) fn of_store(path: &Path) -> Option<(&Path, LogPart)> {
    let part = |name: &str| {
        let parts = [LogPart::Decisions, LogPart::Rewards];
        PARTS.iter().position(|part| *part == name).map(|i| parts[i])
    };
    if is_address(path) {
        let (address, name) = path.to_str()?.rsplit_once(OF_ADDRESS)?;
        return Some((Path::new(address), part(name)?));
    }
    let database = path.parent().filter(|database| database.file_name().is_some_and(|name| name == FILE))?;
    Some((database.parent()?, part(path.file_name()?.to_str()?)?))
}

/// Which of a store's logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogPart {
    /// Every decision.
    Decisions,
    /// Every reward, reset and import.
    Rewards,
}

/// Files of one part of the log in a folder, oldest first; none if there is none.
///
/// # Errors
/// A folder that cannot be listed.
pub(crate) fn segments(dir: &Path, part: &str) -> Result<Vec<PathBuf>> {
    all(dir, &format!("{part}.jsonl"))
}

/// Where the rewards of this file of decisions are: beside it, in all files whose name is its own with `decisions`
/// made `rewards`, whatever their number; the one of the same number if there are none.
pub(crate) fn rewards_of(decisions: &Path) -> Result<Vec<PathBuf>> {
    let rewards = rewards_beside(decisions);
    let folder = rewards.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let files = all(folder, &stem(&name_of(&rewards)).0)?;
    // As the user would write them: `./` only where they did.
    let files: Vec<PathBuf> = files.iter().map(|file| rewards.with_file_name(name_of(file))).collect();
    Ok(if files.is_empty() { vec![rewards] } else { files })
}

/// The file of rewards that goes with a file of decisions of the same number.
pub(crate) fn rewards_beside(decisions: &Path) -> PathBuf {
    decisions.with_file_name(name_of(decisions).replacen(PARTS[0], PARTS[1], 1))
}

/// Files of this log in a folder, oldest first: numbered, then the one that is written to.
fn all(folder: &Path, log: &str) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io("list", folder))? {
        let path = entry.map_err(Error::io("list", folder))?.path();
        let (stem, number) = stem(&name_of(&path));
        if stem == log && path.is_file() {
            files.push((number, path));
        }
    }
    files.sort();
    Ok(files.into_iter().map(|(_, path)| path).collect())
}

/// A file's name without its number and without what says how it is compressed; and the number, the largest where
/// there is none.
fn stem(name: &str) -> (String, u64) {
    let name = [".gz", ".zst"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    let number = |part: &&str| part.len() >= DIGITS && part.bytes().all(|b| b.is_ascii_digit());
    let parts: Vec<&str> = name.split('.').collect();
    let found = parts.iter().find(|part| number(part)).and_then(|part| part.parse().ok());
    let rest: Vec<&str> = parts.into_iter().filter(|part| !number(part)).collect();
    (rest.join("."), found.unwrap_or(u64::MAX))
}

/// Whether two files are of one log.
pub(crate) fn together(a: &Path, b: &Path) -> bool {
    a.parent() == b.parent() && stem(&name_of(a)).0 == stem(&name_of(b)).0
}

fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_come_in_the_order_of_their_numbers() {
        let dir = tempfile::tempdir().unwrap();
        let names = [
            "decisions.1000000.jsonl",
            "decisions.000002.jsonl.gz",
            "decisions.jsonl",
            "decisions.000010.jsonl",
            "decisions.manifest.json",
            "old-decisions.jsonl",
            "rewards.jsonl",
        ];
        for name in names {
            fs::write(dir.path().join(name), "").unwrap();
        }
        let segments = Segments::of(dir.path()).unwrap();
        let names: Vec<String> = segments.decisions.iter().map(|path| name_of(path)).collect();
        let expected = [
            "decisions.000002.jsonl.gz",
            "decisions.000010.jsonl",
            "decisions.1000000.jsonl",
            "decisions.jsonl",
        ];
        assert_eq!(names, expected);
        let sealed = dir.path().join("decisions.000010.jsonl");
        assert_eq!(rewards_of(&sealed).unwrap(), [dir.path().join("rewards.jsonl")]);
        let other = dir.path().join("old-decisions.jsonl");
        assert_eq!(rewards_of(&other).unwrap(), [dir.path().join("old-rewards.jsonl")]);
        assert!(together(&sealed, &segments.decisions[3]) && !together(&sealed, &other));
        fs::remove_file(dir.path().join("rewards.jsonl")).unwrap();
        assert!(
            Segments::of(dir.path())
                .unwrap_err()
                .to_string()
                .ends_with("no rewards.jsonl in it, and no part of one")
        );
    }
}
