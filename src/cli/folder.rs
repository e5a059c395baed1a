//! Files of results: opened before a long run, replaced atomically after it.

use super::error::UsageError;
use super::signals;
use crate::base::error::{Error, Result};
use crate::base::lock::FileLock;
use std::fs::{self, File, Metadata};
use std::io::{self, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

/// One file that will be written.
///
/// Until it is put in place its content has no name: a process that is killed leaves nothing behind.
#[derive(Debug)]
pub(super) struct Pending {
    path: PathBuf,
    file: File,
    /// The file that is there, whose mode and owner are kept.
    there: Option<Metadata>,
    /// Whether the content is copied into the file that is there, because no other can take its place.
    in_place: bool,
}

impl Pending {
    /// Makes sure that the file can be written. Its folder must be there; a link is followed.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let ends_as_folder = path.as_os_str().as_encoded_bytes().ends_with(b"/");
        // As it was named: what /dev/stdout leads to may have no name of its own.
        if fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir()) {
            let problem = "is not a regular file, and only those can be replaced";
            return Err(Error::because(UsageError::Target { path: path.to_owned(), problem }));
        }
        let path = followed(path)?;
        if path.is_dir() || ends_as_folder {
            let problem = "is a folder; a file is to be written there";
            return Err(Error::because(UsageError::Target { path, problem }));
        }
        let dir = folder(&path);
        let there = fs::metadata(&path).ok();
        match nameless(dir) {
            Ok(file) => Ok(Self { path, file, there, in_place: false }),
            // In a folder that is not ours a file may be ours to write.
            Err(error) if there.is_some() => {
                File::options().write(true).open(&path).map_err(Error::io("write", &path))?;
                let file = tempfile::tempfile().map_err(|_| Error::io("write in", dir)(error))?;
                Ok(Self { path, file, there, in_place: true })
            }
            Err(error) => Err(Error::io("write in", dir)(error)),
        }
    }

    /// Writes the content, then puts it in place.
    pub(super) fn write(mut self, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
        self.fill(content)?;
        signals::held_back(|| self.place())
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
        let mut out = BufWriter::new(&mut self.file);
        content(&mut out).and_then(|()| out.flush()).map_err(Error::io("write", &self.path))
    }

    /// Puts the content in the place of what is there, or into it where nothing can take its place: a file that is
    /// mounted by itself, as containers do, or one of somebody else.
    fn place(&mut self) -> Result<()> {
        if !self.in_place {
            match self.replace() {
                Ok(()) => return Ok(()),
                Err(error) if self.there.is_none() || !is_refused(&error) => {
                    return Err(Error::io("replace", &self.path)(error));
                }
                Err(_) => {}
            }
        }
        let failed = Error::io("write", &self.path);
        let copied = self.file.rewind().and_then(|()| {
            let mut there = File::options().write(true).truncate(true).open(&self.path)?;
            io::copy(&mut self.file, &mut there)?;
            there.sync_all()
        });
        copied.map_err(failed)
    }

    /// Gives the content a name beside its place, then the name of what is there.
    fn replace(&mut self) -> io::Result<()> {
        if let Some(there) = &self.there {
            self.file.set_permissions(there.permissions())?;
            #[cfg(unix)]
            keep_owner(&self.file, there)?;
        }
        let file = &mut self.file;
        let named = tempfile::Builder::new()
            .prefix(".rehearsal-")
            .make_in(folder(&self.path), |name| give_name(file, name))?;
        named.persist(&self.path).map(drop).map_err(|refused| refused.error)
    }
}

/// Whether the system does not let one file take the place of another, though it may let it be written.
fn is_refused(error: &io::Error) -> bool {
    use io::ErrorKind::{CrossesDevices, PermissionDenied, ReadOnlyFilesystem, ResourceBusy};
    matches!(error.kind(), CrossesDevices | PermissionDenied | ReadOnlyFilesystem | ResourceBusy)
}

/// Makes the owner of what is there that of the file.
#[cfg(unix)]
fn keep_owner(file: &File, there: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};
    let own = file.metadata()?;
    if (own.uid(), own.gid()) != (there.uid(), there.gid()) {
        fchown(file, Some(there.uid()), Some(there.gid()))?;
        // A change of owner may take rights away.
        file.set_permissions(there.permissions())?;
    }
    Ok(())
}

/// A file in this folder that has no name, for everybody to read once it has one, like any file that a program writes.
fn nameless(dir: &Path) -> io::Result<File> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{Mode, OFlags};
        let flags = OFlags::RDWR | OFlags::TMPFILE | OFlags::CLOEXEC;
        let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
        if let Ok(file) = rustix::fs::open(dir, flags, Mode::from_raw_mode(0o644)) {
            return Ok(file.into());
        }
    }
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    let (file, name) = builder.prefix(".rehearsal-").tempfile_in(dir)?.into_parts();
    name.close()?;
    Ok(file)
}

/// Gives a file without a name this one, or its content where the system cannot.
fn give_name(file: &mut File, name: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{AtFlags, CWD};
        use std::os::fd::AsRawFd;
        let handle = format!("/proc/self/fd/{}", file.as_raw_fd());
        if rustix::fs::linkat(CWD, handle, CWD, name, AtFlags::SYMLINK_FOLLOW).is_ok() {
            return Ok(());
        }
    }
    let mut named = File::options().write(true).create_new(true).open(name)?;
    let metadata = file.metadata()?;
    named.set_permissions(metadata.permissions())?;
    #[cfg(unix)]
    keep_owner(&named, &metadata)?;
    file.rewind()?;
    io::copy(file, &mut named).map(drop)
}

/// Where a file is or will be: links are followed, also one to what is not there yet.
///
/// # Errors
/// Links that lead in a circle, a name that the system does not take.
pub(super) fn followed(path: &Path) -> Result<PathBuf> {
    let mut path = path.to_owned();
    // Every link shortens the way, or the system says that they lead in a circle.
    loop {
        match path.canonicalize() {
            Ok(whole) => return Ok(whole),
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::io("write", &path)(error));
            }
            Err(_) => match fs::read_link(&path) {
                Ok(target) => path = folder(&path).join(target),
                Err(_) => return Ok(path),
            },
        }
    }
}

/// The folder that a file stands in.
pub(super) fn folder(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Files that will be written together.
#[derive(Debug)]
pub(super) struct Folder {
    dir: PathBuf,
    files: Vec<Pending>,
}

impl Folder {
    /// Makes the folder if need be and makes sure that every file can be written.
    pub(super) fn open<'a>(dir: &Path, names: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
        let files = names.into_iter().map(|name| Pending::open(&dir.join(name)));
        Ok(Self { dir: dir.to_owned(), files: files.collect::<Result<_>>()? })
    }

    /// The file at a position, for what is written bit by bit.
    pub(super) fn file(&mut self, i: usize) -> BufWriter<File> {
        BufWriter::new(self.files[i].file.try_clone().expect("a handle of an open file"))
    }

    /// Writes the file at a position.
    pub(super) fn write(
        &mut self,
        i: usize,
        content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<()> {
        self.files[i].fill(content)
    }

    /// Puts all files in place; the files of another run into the same folder come before or after all of them.
    pub(super) fn finish(mut self) -> Result<()> {
        let _lock = FileLock::of_folder(&self.dir)?;
        signals::held_back(|| self.files.iter_mut().try_for_each(Pending::place))
    }
}
