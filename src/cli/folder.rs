//! A folder of results: opened before a long run, replaced atomically after it.

use crate::error::{Error, Result};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Files that will be written together.
#[derive(Debug)]
pub(super) struct Folder {
    files: Vec<(PathBuf, NamedTempFile)>,
}

impl Folder {
    /// Makes the folder if need be and makes sure that every file can be written.
    pub(super) fn open<'a>(dir: &Path, names: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
        let open = |name: &str| {
            let path = dir.join(name);
            if path.is_dir() {
                return Err(Error::Refused(format!(
                    "{} is a folder; a file is to be written there",
                    path.display()
                )));
            }
            let mut builder = tempfile::Builder::new();
            // Results are for everybody to read, like any file that a program writes.
            #[cfg(unix)]
            builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
            let file = builder.prefix(".rehearsal-").tempfile_in(dir).map_err(Error::io("write in", dir))?;
            Ok((path, file))
        };
        Ok(Self { files: names.into_iter().map(open).collect::<Result<_>>()? })
    }

    /// The file at a position, for what is written bit by bit.
    pub(super) fn file(&mut self, i: usize) -> BufWriter<File> {
        let file = self.files[i].1.as_file().try_clone().expect("a handle of an open file");
        BufWriter::new(file)
    }

    /// Writes the file at a position.
    pub(super) fn write(
        &mut self,
        i: usize,
        content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<()> {
        let (path, file) = &mut self.files[i];
        let mut out = BufWriter::new(file.as_file_mut());
        content(&mut out).and_then(|()| out.flush()).map_err(Error::io("write", &path))
    }

    /// Puts all files in place.
    pub(super) fn finish(self) -> Result<()> {
        self.files.into_iter().try_for_each(|(path, file)| {
            file.persist(&path).map(drop).map_err(|e| Error::io("replace", &path)(e.error))
        })
    }
}
