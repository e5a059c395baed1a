//! The state directory: the only place where its files are opened, created and replaced.
//!
//! Files are created with mode 0600 and directories with 0700; modes that are there are kept. Symbolic
//! links are not followed and only regular files are opened, so that a name in the directory cannot
//! lead out of it.

use crate::base::error::{Error, Result};
use rustix::fs::{Mode, OFlags};
use std::fmt::Display;
use std::fs::{self, DirBuilder, File, Metadata, Permissions};
use std::io::{self, BufRead, BufReader, Read, Take, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Larger states, and longer lines, are refused before they are parsed: no policy writes one.
pub(super) const MAX_STATE_BYTES: u64 = 64 << 20;

/// A state directory, which need not exist yet.
#[derive(Debug, Clone)]
pub(super) struct Dir {
    path: PathBuf,
}

impl Dir {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_path_buf() }
    }

    /// Which network file system it is on, or will be, if any: there, locks and syncs may not be what they are
    /// said to be.
    pub(super) fn network(&self) -> Option<&'static str> {
        #[cfg(target_os = "linux")]
        {
            // Magic numbers of statfs(2).
            const NETWORK: [(u32, &str); 9] = [
                (0x6969, "NFS"),
                (0x517b, "SMB"),
                (0xff53_4d42, "CIFS"),
                (0xfe53_4d42, "SMB2"),
                (0x0102_1997, "9P"),
                (0x6573_5546, "FUSE"),
                (0x00c3_6400, "Ceph"),
                (0x5346_414f, "AFS"),
                (0x0bd0_0bd0, "Lustre"),
            ];
            // Before the first write there is no directory yet: it will be where those above it are.
            let there = self.path.ancestors().map(or_here).find(|path| path.is_dir())?;
            let found = rustix::fs::statfs(there).ok()?.f_type as u32;
            NETWORK.iter().find(|(magic, _)| *magic == found).map(|(_, name)| *name)
        }
        #[cfg(not(target_os = "linux"))]
        None
    }

    /// The path of a file in it, for messages.
    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Creates the directory if it is not there, with those above it; whoever writes into it makes them durable.
    pub(super) fn ensure(&self) -> Result<()> {
        if self.path.is_dir() {
            return Ok(());
        }
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.path)
            .map_err(Error::io("create the state directory", &self.path))
    }

    /// Opens a regular file for reading; `None` if there is none.
    pub(super) fn open(&self, name: &str) -> Result<Option<File>> {
        match self.open_with(name, OFlags::RDONLY) {
            Ok(file) => Ok(Some(file)),
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens a regular file for reading and writing in place; `None` if there is none.
    pub(super) fn open_to_write(&self, name: &str) -> Result<Option<File>> {
        match self.open_with(name, OFlags::RDWR) {
            Ok(file) => Ok(Some(file)),
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens a log for reading and appending, and creates it if it is not there: with the mode of the
    /// segment `before` it, if there is one.
    pub(super) fn open_log(&self, name: &str, before: Option<&str>) -> Result<File> {
        match self.open_with(name, OFlags::RDWR | OFlags::APPEND) {
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                let file = self.open_with(name, OFlags::RDWR | OFlags::APPEND | OFlags::CREATE)?;
                if let Some(mode) =
                    before.and_then(|before| Some(mode_bits(&fs::symlink_metadata(self.join(before)).ok()?)))
                {
                    let path = self.join(name);
                    file.set_permissions(Permissions::from_mode(mode)).map_err(Error::io("create", path))?;
                }
                Ok(file)
            }
            opened => opened,
        }
    }

    /// Opens a lock file, and creates it if it is not there. It is never replaced and never removed.
    pub(super) fn open_lock(&self, name: &str) -> Result<File> {
        self.open_with(name, OFlags::RDWR | OFlags::CREATE)
    }

    /// The content of a regular file of at most `cap` bytes; `None` if there is none.
    pub(super) fn read(&self, name: &str, cap: u64) -> Result<Option<Vec<u8>>> {
        let Some(file) = self.open(name)? else { return Ok(None) };
        let path = self.join(name);
        let length = file.metadata().map_err(Error::io("read", &path))?.len();
        if length > cap {
            let what = format!("{length} bytes, more than the {cap} that are ever written");
            return Err(Error::Damaged { path, what });
        }
        let mut bytes = Vec::with_capacity(length as usize + 1);
        file.take(cap).read_to_end(&mut bytes).map_err(Error::io("read", &path))?;
        Ok(Some(bytes))
    }

    /// Writes `bytes` into a new file beside `name`, with the mode of what is there, and syncs it.
    ///
    /// `slot` tells apart files that are prepared at the same time. The caller holds the lock under which
    /// files of this `name` are replaced; what a killed process left in the slot is overwritten.
    pub(super) fn prepare(&self, name: &str, slot: impl Display, bytes: &[u8]) -> Result<Prepared> {
        let (prepared, file) = self.write_beside(name, slot, bytes)?;
        file.sync_data().map_err(Error::io("sync", &prepared.target))?;
        Ok(prepared)
    }

    /// As [`Self::prepare`] for one of many files; [`Self::sync_many`] is yet to come.
    pub(super) fn prepare_unsynced(&self, name: &str, slot: usize, bytes: &[u8]) -> Result<Prepared> {
        self.write_beside(name, slot, bytes).map(|(prepared, _)| prepared)
    }

    /// Syncs what was prepared without: the file system at once where that can be asked for.
    pub(super) fn sync_many(&self, prepared: &[Prepared]) -> Result<()> {
        if prepared.is_empty() {
            return Ok(());
        }
        #[cfg(target_os = "linux")]
        {
            let directory = File::open(&self.path).map_err(Error::io("open", &self.path))?;
            rustix::fs::syncfs(&directory).map_err(|e| Error::io("sync", &self.path)(e.into()))
        }
        #[cfg(not(target_os = "linux"))]
        prepared.iter().try_for_each(|one| {
            File::open(&one.new).and_then(|file| file.sync_data()).map_err(Error::io("sync", &one.target))
        })
    }

    fn write_beside(&self, name: &str, slot: impl Display, bytes: &[u8]) -> Result<(Prepared, File)> {
        let new = format!("new.{slot}");
        let target = self.join(name);
        let prepared = Prepared { new: self.join(&new), target, done: false };
        let there = fs::symlink_metadata(&prepared.target).ok();
        if there.as_ref().is_some_and(|there| !there.is_file()) {
            return Err(not_regular(&prepared.target));
        }
        let mode = there.map_or(0o600, |there| mode_bits(&there));
        let create = || self.open_regular(&new, OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC);
        let (mut file, own) = match create() {
            // What a killed process left may have a mode that does not let us.
            Err(Error::Io { source, .. })
                if source.kind() == io::ErrorKind::PermissionDenied && self.has(&new) =>
            {
                self.remove(&new)?;
                create()?
            }
            created => created?,
        };
        let written = (|| {
            // What a killed process left in the slot has a mode of its own.
            if mode_bits(&own) != mode {
                file.set_permissions(Permissions::from_mode(mode))?;
            }
            file.write_all(bytes)
        })();
        written.map_err(Error::io("write", &prepared.target))?;
        Ok((prepared, file))
    }

    /// Whether there is an entry of this name, of whatever kind.
    pub(super) fn has(&self, name: &str) -> bool {
        fs::symlink_metadata(self.join(name)).is_ok()
    }

    /// Renames a file; nothing of the new name may be there.
    pub(super) fn rename(&self, from: &str, to: &str) -> Result<()> {
        if self.has(to) {
            let (from, to) = (self.join(from), self.join(to));
            let message = format!("cannot rename {}: {} is there already", from.display(), to.display());
            return Err(Error::Refused(message));
        }
        fs::rename(self.join(from), self.join(to)).map_err(Error::io("rename", self.join(from)))
    }

    /// Renames a damaged file, if it is there, to the first free `damaged.<n>`; the new name.
    pub(super) fn set_aside(&self, name: &str) -> Result<Option<String>> {
        if !self.has(name) {
            return Ok(None);
        }
        let mut free = "damaged.1".to_owned();
        let mut number = 1;
        while self.has(&free) {
            number += 1;
            free = format!("damaged.{number}");
        }
        self.rename(name, &free)?;
        Ok(Some(free))
    }

    /// Removes a file, if it is there.
    pub(super) fn remove(&self, name: &str) -> Result<()> {
        let path = self.join(name);
        match fs::remove_file(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(Error::io("remove", path)),
        }
    }

    /// Names of all entries, sorted; none if the directory is not there.
    pub(super) fn names(&self) -> Result<Vec<String>> {
        let failed = || Error::io("list", &self.path);
        let entries = match fs::read_dir(&self.path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed())?,
        };
        let mut names = Vec::new();
        for entry in entries {
            names.extend(entry.map_err(failed())?.file_name().into_string());
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Makes the entries of the directory durable.
    pub(super) fn sync(&self) -> Result<()> {
        sync_directory(&self.path)
    }

    /// Makes the entries of the directory durable, its own, and those of the directories above it on the same file
    /// system: whoever made them may not have lived to do so.
    pub(super) fn sync_with_own(&self) -> Result<()> {
        self.sync()?;
        let device = |path: &Path| fs::metadata(path).map(|there| there.dev()).ok();
        let own = device(&self.path);
        for above in self.path.ancestors().skip(1).map(or_here).take_while(|path| device(path) == own) {
            match sync_directory(above) {
                // Where we may not look it was not us who put it.
                Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::PermissionDenied => break,
                synced => synced?,
            }
        }
        Ok(())
    }

    fn open_with(&self, name: &str, flags: OFlags) -> Result<File> {
        self.open_regular(name, flags).map(|(file, _)| file)
    }

    /// Opens a regular file; with what the system knows of it.
    fn open_regular(&self, name: &str, flags: OFlags) -> Result<(File, Metadata)> {
        let path = self.join(name);
        // NONBLOCK: a pipe of that name must not make us wait; it changes nothing for regular files.
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = match rustix::fs::open(&path, flags, Mode::RUSR | Mode::WUSR) {
            Ok(file) => File::from(file),
            Err(rustix::io::Errno::LOOP) => return Err(not_regular(&path)),
            Err(errno) => return Err(Error::io("open", path)(errno.into())),
        };
        let metadata = file.metadata().map_err(Error::io("open", &path))?;
        if metadata.is_file() { Ok((file, metadata)) } else { Err(not_regular(&path)) }
    }
}

/// The whole lines of a file, one after the other.
#[derive(Debug)]
pub(super) struct Lines {
    /// None if the file is not there.
    file: Option<Take<BufReader<File>>>,
    path: PathBuf,
    line: Vec<u8>,
    /// Where the next one begins.
    next: u64,
}

impl Lines {
    /// Those in the first `limit` bytes of a file; none if it is not there.
    pub(super) fn of(dir: &Dir, name: &str, limit: u64) -> Result<Self> {
        Ok(Self::in_file(dir.open(name)?, dir.join(name), limit))
    }

    /// Those in the first `limit` bytes of a file that is open; none if there is none.
    pub(super) fn in_file(file: Option<File>, path: PathBuf, limit: u64) -> Self {
        let file = file.map(|file| BufReader::with_capacity(1 << 16, file).take(limit));
        Self { file, path, line: Vec::new(), next: 0 }
    }

    /// Where the next line begins, and the line without its newline, or what is wrong with it: one of more than
    /// 64 MiB is the last that is read. What comes after the last newline is no line.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Result<&[u8], String>)>> {
        let Some(file) = &mut self.file else { return Ok(None) };
        self.line.clear();
        let read = file.by_ref().take(MAX_STATE_BYTES).read_until(b'\n', &mut self.line);
        let length = read.map_err(Error::io("read", &self.path))? as u64;
        let offset = self.next;
        self.next += length;
        match self.line.strip_suffix(b"\n") {
            Some(line) => Ok(Some((offset, Ok(line)))),
            None if length < MAX_STATE_BYTES => Ok(None),
            None => {
                self.file = None;
                let what = format!("longer than the {MAX_STATE_BYTES} bytes that a line has at most");
                Ok(Some((offset, Err(what))))
            }
        }
    }
}

/// The line that begins at `offset` of a file, without its newline; `None` if there is no whole line, or
/// one of more than 64 MiB.
pub(super) fn line_at(file: &File, offset: u64) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let mut size = 4096;
    while (line.len() as u64) < MAX_STATE_BYTES {
        let seen = line.len();
        line.resize(seen + size, 0);
        let read = file.read_at(&mut line[seen..], offset + seen as u64)?;
        line.truncate(seen + read);
        if let Some(i) = memchr::memchr(b'\n', &line[seen..]) {
            line.truncate(seen + i);
            return Ok(Some(line));
        }
        if read == 0 {
            return Ok(None);
        }
        size *= 2;
    }
    Ok(None)
}

/// A file that is written and synced, and takes its name with [`Self::publish`]; else it is removed.
#[derive(Debug)]
pub(super) struct Prepared {
    new: PathBuf,
    target: PathBuf,
    done: bool,
}

impl Prepared {
    /// Takes the place of the file of that name at once. The entry is durable after [`Dir::sync`].
    pub(super) fn publish(mut self) -> Result<()> {
        fs::rename(&self.new, &self.target).map_err(Error::io("replace", &self.target))?;
        self.done = true;
        Ok(())
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        if !self.done {
            let _ = fs::remove_file(&self.new);
        }
    }
}

/// Whether a file that was opened at `path` still is what stands there: nobody removed or replaced it.
pub(super) fn is_still_at(file: &File, path: &Path) -> io::Result<bool> {
    let own = file.metadata()?;
    Ok(fs::symlink_metadata(path).is_ok_and(|there| (there.dev(), there.ino()) == (own.dev(), own.ino())))
}

/// Who may do what with a file.
fn mode_bits(file: &Metadata) -> u32 {
    file.permissions().mode() & 0o7777
}

/// The path; the working directory for one that is empty.
fn or_here(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

fn sync_directory(path: &Path) -> Result<()> {
    File::open(path).and_then(|dir| dir.sync_all()).map_err(Error::io("sync", path))
}

fn not_regular(path: &Path) -> Error {
    Error::Refused(format!(
        "{}: not a regular file; links in a state directory are not followed",
        path.display()
    ))
}
