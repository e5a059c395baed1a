//! Files of results: opened before a long run, replaced atomically after it.

use super::error::UsageError;
use crate::base::error::{Error, Result};
use crate::base::lock::FileLock;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// One file that will be written.
#[derive(Debug)]
pub(super) struct Pending {
    path: PathBuf,
    file: NamedTempFile,
}

impl Pending {
    /// Makes sure that the file can be written. Its folder must be there; a link is followed.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if path.is_dir() {
            let problem = "is a folder; a file is to be written there";
            return Err(Error::because(UsageError::Target { path, problem }));
        }
        if path.exists() && !path.is_file() {
            let problem = "is not a regular file, and only those can be replaced";
            return Err(Error::because(UsageError::Target { path, problem }));
        }
        let dir = folder(&path);
        let mut builder = tempfile::Builder::new();
        // Results are for everybody to read, like any file that a program writes.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
        let file = builder.prefix(".rehearsal-").tempfile_in(dir).map_err(Error::io("write in", dir))?;
        Ok(Self { path, file })
    }

    /// Writes the content, then puts it in place.
    pub(super) fn write(mut self, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
        self.fill(content)?;
        self.place()
    }

    /// Writes what comes of what is there, of which `content` makes the new: nobody else who does so too comes in
    /// between.
    pub(super) fn update(self, content: impl FnOnce(&Path, &mut dyn Write) -> Result<()>) -> Result<()> {
        let _lock = FileLock::of_folder(folder(&self.path))?;
        let (path, mut new) = (self.path.clone(), Vec::new());
        content(&path, &mut new)?;
        self.write(|out| out.write_all(&new))
    }

    fn fill(&mut self, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
        let mut out = BufWriter::new(self.file.as_file_mut());
        content(&mut out).and_then(|()| out.flush()).map_err(Error::io("write", &self.path))
    }

    fn place(self) -> Result<()> {
        let Self { path, file } = self;
        file.persist(&path).map(drop).map_err(|e| Error::io("replace", &path)(e.error))
    }
}

/// The folder that a file stands in.
pub(super) fn folder(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Files that will be written together.
#[derive(Debug)]
pub(super) struct Folder {
    files: Vec<Pending>,
}

impl Folder {
    /// Makes the folder if need be and makes sure that every file can be written.
    pub(super) fn open<'a>(dir: &Path, names: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
        let files = names.into_iter().map(|name| Pending::open(&dir.join(name)));
        Ok(Self { files: files.collect::<Result<_>>()? })
    }

    /// The file at a position, for what is written bit by bit.
    pub(super) fn file(&mut self, i: usize) -> BufWriter<File> {
        BufWriter::new(self.files[i].file.as_file().try_clone().expect("a handle of an open file"))
    }

    /// Writes the file at a position.
    pub(super) fn write(
        &mut self,
        i: usize,
        content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<()> {
        self.files[i].fill(content)
    }

    /// Puts all files in place.
    pub(super) fn finish(self) -> Result<()> {
        self.files.into_iter().try_for_each(Pending::place)
    }
}
