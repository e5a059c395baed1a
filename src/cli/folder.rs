//! A folder of results: opened before a long run, replaced atomically after it.

use crate::error::{Error, Result};
use std::fs;
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

    /// Writes every file by its position, then puts all of them in place.
    pub(super) fn write(
        mut self,
        mut content: impl FnMut(usize, &mut dyn Write) -> io::Result<()>,
    ) -> Result<()> {
        for (i, (path, file)) in self.files.iter_mut().enumerate() {
            let mut out = BufWriter::new(file.as_file_mut());
            content(i, &mut out).and_then(|()| out.flush()).map_err(Error::io("write", &path))?;
        }
        self.files.into_iter().try_for_each(|(path, file)| {
            file.persist(&path).map(drop).map_err(|e| Error::io("replace", &path)(e.error))
        })
    }
}
