//! Where results go: nothing is written over what they rest on, nor two of them into one file. All of it is opened, and
//! refused, before the long run.

use super::folder::{Pending, folder, followed};
use super::{project, shell};
use crate::base::error::{Cause, Error, ErrorKind, Result};
use crate::service::log_files::canonical;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// Places that are read or written already.
#[derive(Debug, Default)]
pub(super) struct Taken {
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
}

/// A result would be written over something.
#[derive(Debug, thiserror::Error)]
#[error("{}: it is read or written already; each result needs a file of its own", path.display())]
struct DestinationTaken {
    path: PathBuf,
}

impl Cause for DestinationTaken {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Conflict
    }
}

/// Where a file is or will be, whatever it is called.
fn place(path: &Path) -> PathBuf {
    canonical(followed(path).as_deref().unwrap_or(path))
}

/// The files that are read for the sake of one: what a file of TOML names, as a policy's prior, its feature set and the
/// domain of that; rewards and people beside a log.
fn read_with(path: &Path) -> Vec<PathBuf> {
    let dir = folder(path);
    let names = match path.extension().and_then(OsStr::to_str) {
        Some("toml") if path.is_file() => {
            let table = fs::read_to_string(path).ok().and_then(|text| text.parse::<toml::Table>().ok());
            table.map_or_else(Vec::new, |table| texts(&table.into()))
        }
        Some("jsonl") => ["rewards.jsonl", "people.json"].map(str::to_owned).to_vec(),
        _ => Vec::new(),
    };
    names.iter().map(|name| dir.join(name)).filter(|path| path.is_file()).map(|path| place(&path)).collect()
}

/// All that a value of TOML says in words, wherever in it they stand.
fn texts(value: &toml::Value) -> Vec<String> {
    match value {
        toml::Value::String(text) => vec![text.clone()],
        toml::Value::Array(values) => values.iter().flat_map(texts).collect(),
        toml::Value::Table(table) => table.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

impl Taken {
    /// What is read: files with those that are read for their sake, and folders with all that is in them. A file that is
    /// not there yet will be. The project's file is taken in any case, and what it names by whoever reads that.
    pub(super) fn by(read: impl Iterator<Item = PathBuf>) -> Self {
        let mut taken = Self { files: vec![place(Path::new(project::FILE))], folders: Vec::new() };
        let mut waiting: Vec<PathBuf> = read.map(|path| place(&path)).collect();
        while let Some(path) = waiting.pop() {
            if path.is_dir() {
                taken.folders.push(path);
            } else if !taken.files.contains(&path) {
                waiting.extend(read_with(&path));
                taken.files.push(path);
            }
        }
        taken
    }

    /// Takes a place for a result.
    pub(super) fn claim(&mut self, path: &Path) -> Result<()> {
        let place = place(path);
        let in_one_of_them = place.exists() && self.folders.iter().any(|folder| place.starts_with(folder));
        if in_one_of_them || self.files.contains(&place) {
            return Err(Error::because(DestinationTaken { path: path.to_owned() }));
        }
        self.files.push(place);
        Ok(())
    }

    /// Takes the places of results in a folder, which need not be there yet.
    pub(super) fn claim_in<'n>(
        &mut self,
        dir: &Path,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Result<()> {
        names.into_iter().try_for_each(|name| self.claim(&dir.join(name)))
    }
}

// A page that a command writes besides.
#[derive(Debug, clap::Args)]
pub(super) struct HtmlFile {
    /// Also write the result as a page with charts: one file of HTML, to be sent to whoever has no `rehearsal`
    #[arg(long = "html", value_name = "FILE")]
    html: Option<PathBuf>,
}

impl HtmlFile {
    /// Where the page goes, if one is wanted.
    pub(super) fn path(&self) -> Option<&Path> {
        self.html.as_deref()
    }

    /// Makes sure that the page can be written, in place of nothing that is `read`.
    pub(super) fn open(&self, read: impl Iterator<Item = PathBuf>) -> Result<Option<Pending>> {
        self.open_beside(&mut Taken::by(read))
    }

    /// The same, where more than the page is written.
    pub(super) fn open_beside(&self, taken: &mut Taken) -> Result<Option<Pending>> {
        let Some(path) = self.path() else { return Ok(None) };
        taken.claim(path)?;
        Pending::open(path).map(Some)
    }
}

/// The end of a command that has a result: it was `said`, whatever became of what was to be `written`, and a reader who has
/// seen enough of it does not change that either.
pub(super) fn said_and_written(said: Result<()>, written: Result<()>) -> Result<()> {
    match said {
        Err(error) if !error.is_broken_pipe() => Err(error),
        _ => written,
    }
}

/// Writes a page, where one is wanted; `page` is told the command that makes it again.
pub(super) fn write_page(file: Option<Pending>, page: impl FnOnce(&str) -> String) -> Result<()> {
    file.map_or(Ok(()), |file| file.write(|out| out.write_all(page(&shell::this_command()).as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_names_anywhere_in_it_is_read_for_its_sake() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let files = [
            ("p.toml", "name = \"p\"\ncommand = [\"python3\", \"p.py\"]\n[deep]\nin = \"q.toml\"\n"),
            ("q.toml", "prior = \"q.prior\"\n"),
        ];
        files.iter().for_each(|(name, text)| fs::write(path(name), text).unwrap());
        ["p.py", "q.prior", "other"].iter().for_each(|name| fs::write(path(name), "x").unwrap());
        let claim = |name: &str| Taken::by([path("p.toml")].into_iter()).claim(&path(name));
        for name in ["p.toml", "p.py", "q.toml", "q.prior"] {
            assert!(claim(name).unwrap_err().to_string().contains("it is read or written already"), "{name}");
        }
        assert!(claim("other").is_ok() && claim("new").is_ok());
        assert!(Taken::by(std::iter::empty()).claim(Path::new(project::FILE)).is_err());
    }
}
