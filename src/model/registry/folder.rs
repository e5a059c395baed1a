//! A registry in a folder, for one team on one file system.
//!
//! `NAME/versions/7/` has a version's files, `NAME/tags/7.json` what is said of it, `NAME/aliases/champion` the number that an
//! alias has. Whoever writes a name holds the lock of its file `lock`; what is written is renamed into place, so that
//! who reads needs none. A version is there with all its files or not at all.

use super::contract::{Artifacts, ModelRegistry, ModelVersion, Promotion};
use super::promote::moved;
use super::refusal::RegistryRefusal;
use crate::base::error::{Error, ErrorKind, Fault, Result};
use crate::base::lock::FileLock;
use crate::base::read;
use crate::domain::labels::label;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// A registry in a folder.
#[derive(Debug, Clone)]
pub struct Folder {
    dir: PathBuf,
}

/// What is said of a version.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawVersion {
    at: u64,
    tags: BTreeMap<String, String>,
}

impl Folder {
    /// The registry in this folder, which need not be there yet.
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    fn of(&self, name: &str) -> Result<PathBuf> {
        label("name", name).map_err(|fault| fault.at("the registry"))?;
        Ok(self.dir.join(name))
    }

    /// The folder of a version that is there.
    ///
    /// # Errors
    /// A version that is not.
    pub fn version_dir(&self, name: &str, version: u64) -> Result<PathBuf> {
        let dir = self.of(name)?.join("versions").join(version.to_string());
        if dir.is_dir() {
            return Ok(dir);
        }
        let (place, name, wanted) = (self.place(), name.to_owned(), format!("version {version}"));
        let known = list(&self.of(&name)?.join("versions"))?.join(", ");
        Err(Error::because(RegistryRefusal::NoVersion { place, name, wanted, known }))
    }

    /// Holds a name for whoever writes it.
    fn lock(&self, name: &str) -> Result<(PathBuf, FileLock)> {
        let dir = self.of(name)?;
        for part in ["versions", "tags", "aliases"] {
            fs::create_dir_all(dir.join(part)).map_err(Error::io("create", dir.join(part)))?;
        }
        let lock = FileLock::of_file(&dir.join("lock"))?;
        Ok((dir, lock))
    }

    fn raw(dir: &Path, version: u64) -> Result<RawVersion> {
        let path = dir.join("tags").join(format!("{version}.json"));
        match read::text(&path) {
            Ok(text) => read::json(text.as_bytes(), &path.display().to_string()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(RawVersion::default()),
            Err(error) => Err(error),
        }
    }

    fn alias(dir: &Path, alias: &str) -> Result<Option<u64>> {
        let path = dir.join("aliases").join(alias);
        match read::text(&path) {
            Ok(text) => text.trim().parse().map(Some).map_err(|_| {
                let (place, what) = (path.display().to_string(), "it is no number of a version".to_owned());
                Error::because(RegistryRefusal::Damaged { place, what })
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Names of what is in a folder, in order; none if it is not there. What begins with a dot is on its way.
fn list(dir: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(Error::io("list", dir))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(Error::io("list", dir))?.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Writes a file so that it is there whole or not at all, and safe from a power cut.
fn put(path: &Path, content: &[u8]) -> Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".new-")
        .permissions_for_all()
        .tempfile_in(dir)
        .map_err(Error::io("write in", dir))?;
    file.write_all(content).and_then(|()| file.as_file().sync_all()).map_err(Error::io("write", path))?;
    file.persist(path).map_err(|error| Error::io("replace", path)(error.error))?;
    sync(dir)
}

/// Makes sure that what was renamed in a folder stays there.
fn sync(dir: &Path) -> Result<()> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(Error::io("write", dir))
}

/// Files of a registry are for the team to read.
trait ForAll {
    fn permissions_for_all(&mut self) -> &mut Self;
}

impl ForAll for tempfile::Builder<'_, '_> {
    fn permissions_for_all(&mut self) -> &mut Self {
        #[cfg(unix)]
        self.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
        self
    }
}

/// A file's name as a version may have it.
fn file_name(name: &str) -> Result<&str> {
    label("file", name).map_err(|fault: Fault| fault.at("the registry"))
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64)
}

impl ModelRegistry for Folder {
    fn place(&self) -> String {
        self.dir.display().to_string()
    }

    fn names(&self) -> Result<Vec<String>> {
        if !self.dir.is_dir() {
            return Err(Error::because(RegistryRefusal::NoRegistry { place: self.place() }));
        }
        let mut names = list(&self.dir)?;
        names.retain(|name| self.dir.join(name).join("versions").is_dir());
        Ok(names)
    }

    fn versions(&self, name: &str) -> Result<Vec<ModelVersion>> {
        let dir = self.of(name)?;
        let mut versions = Vec::new();
        for number in list(&dir.join("versions"))? {
            let Ok(version) = number.parse() else { continue };
            let RawVersion { at, tags } = Self::raw(&dir, version)?;
            let files = list(&dir.join("versions").join(&number))?;
            versions.push(ModelVersion { version, at, tags, files });
        }
        versions.sort_by_key(|version| version.version);
        Ok(versions)
    }

    fn aliases(&self, name: &str) -> Result<BTreeMap<String, u64>> {
        let dir = self.of(name)?;
        let mut aliases = BTreeMap::new();
        for alias in list(&dir.join("aliases"))? {
            if let Some(version) = Self::alias(&dir, &alias)? {
                aliases.insert(alias, version);
            }
        }
        Ok(aliases)
    }

    fn read(&self, name: &str, version: u64, file: &str) -> Result<Vec<u8>> {
        let path = self.version_dir(name, version)?.join(file_name(file)?);
        if !path.is_file() {
            let (place, name, file) = (self.place(), name.to_owned(), file.to_owned());
            return Err(Error::because(RegistryRefusal::NoFile { place, name, version, file }));
        }
        Ok(read::text(&path)?.into_bytes())
    }

    fn register(&self, name: &str, files: &dyn Fn(u64) -> Result<Artifacts>) -> Result<u64> {
        let (dir, _lock) = self.lock(name)?;
        let versions = dir.join("versions");
        // What a killed process left on its way.
        for entry in fs::read_dir(&versions).map_err(Error::io("list", &versions))? {
            let entry = entry.map_err(Error::io("list", &versions))?;
            if entry.file_name().to_string_lossy().starts_with(".new-") {
                fs::remove_dir_all(entry.path()).map_err(Error::io("remove", entry.path()))?;
            }
        }
        let taken = list(&versions)?.into_iter().filter_map(|number| number.parse::<u64>().ok()).max();
        let version = taken.unwrap_or(0) + 1;
        let files = files(version)?;
        let new = tempfile::Builder::new()
            .prefix(".new-")
            .tempdir_in(&versions)
            .map_err(Error::io("write in", &versions))?;
        #[cfg(unix)]
        fs::set_permissions(new.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .map_err(Error::io("write in", &versions))?;
        for (file, content) in &files {
            put(&new.path().join(file_name(file)?), content)?;
        }
        let raw = RawVersion { at: now_ms(), tags: BTreeMap::new() };
        let text = serde_json::to_vec_pretty(&raw).expect("plain values always serialize");
        put(&dir.join("tags").join(format!("{version}.json")), &text)?;
        let path = versions.join(version.to_string());
        fs::rename(new.keep(), &path).map_err(Error::io("replace", &path))?;
        sync(&versions)?;
        Ok(version)
    }

    fn attach(&self, name: &str, version: u64, files: &Artifacts) -> Result<()> {
        let (_, _lock) = self.lock(name)?;
        let dir = self.version_dir(name, version)?;
        files.iter().try_for_each(|(file, content)| put(&dir.join(file_name(file)?), content))
    }

    fn move_alias(&self, name: &str, alias: &str, promotion: &Promotion) -> Result<()> {
        let (dir, _lock) = self.lock(name)?;
        self.version_dir(name, promotion.version)?;
        let found = Self::alias(&dir, alias)?;
        if found != promotion.from {
            return Err(moved(name, alias, found, promotion.from));
        }
        let mut raw = Self::raw(&dir, promotion.version)?;
        let text = serde_json::to_string(promotion).expect("plain values always serialize");
        raw.tags.insert(Promotion::key(alias, promotion.number), text);
        let text = serde_json::to_vec_pretty(&raw).expect("plain values always serialize");
        put(&dir.join("tags").join(format!("{}.json", promotion.version)), &text)?;
        put(&dir.join("aliases").join(alias), format!("{}\n", promotion.version).as_bytes())
    }
}
