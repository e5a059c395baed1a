//! A lock on a file or folder, held while something beside it is read, changed and put in place.
//!
//! The kernel releases it when its process dies, however that happens, so no lock is ever stale.

use super::error::{Cause, Error, ErrorKind, Result};
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// How long to wait for another process.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Another process holds what is needed.
#[derive(Debug, thiserror::Error)]
#[error("{}: another process has held this lock for {} seconds; ask again later", path.display(), PATIENCE.as_secs())]
pub struct Held {
    path: PathBuf,
}

impl Cause for Held {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Busy
    }
}

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
}

impl FileLock {
    /// Takes the lock of the file at `path`, which is made if it is not there, and never removed. Waits for at most
    /// [`PATIENCE`].
    ///
    /// # Errors
    /// A file that cannot be made, or that another process has locked for so long ([`ErrorKind::Busy`]).
    pub fn of_file(path: &Path) -> Result<Self> {
        let file = open(path).map_err(Error::io("lock", path))?;
        Self::hold(file, path.to_owned())
    }

    /// Shares the lock of the file at `path` with others that do. `None` if somebody holds it alone for longer than a
    /// moment, or the file cannot be made: such a lock only tells others something.
    pub fn shared(path: &Path) -> Option<Self> {
        let file = open(path).ok()?;
        for _ in 0..10 {
            match file.try_lock_shared() {
                Ok(()) => return Some(Self { _file: file }),
                Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(1)),
                Err(TryLockError::Error(_)) => return None,
            }
        }
        None
    }

    /// Whether somebody has locked the file at `path`, alone or shared.
    pub fn is_held(path: &Path) -> bool {
        open(path).is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
    }

    /// Takes the lock of a folder itself, for files in it that are read, changed and replaced. `None` where there are
    /// no such locks: network file systems lock only what is open for writing, which folders never are, and a folder may
    /// be one to write in and not to open.
    ///
    /// # Errors
    /// A folder that is not there, or that another process has held for [`PATIENCE`].
    pub fn of_folder(path: &Path) -> Result<Option<Self>> {
        let folder = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(None),
            opened => opened.map_err(Error::io("open", path))?,
        };
        match Self::hold(folder, path.to_owned()) {
            Err(Error::Io { .. }) => Ok(None),
            held => held.map(Some),
        }
    }

    fn hold(file: File, path: PathBuf) -> Result<Self> {
        match file.try_lock() {
            Ok(()) => return Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(e)) => return Err(Error::io("lock", path)(e)),
        }
        // Waiting in the kernel wakes us at once and in turn, which polling would not. A thread does it, because it
        // cannot be interrupted. If it gets the lock too late, nobody is there to take the file, and dropping it
        // releases the lock.
        let (sender, receiver) = mpsc::sync_channel(0);
        let waiting = thread::Builder::new().spawn(move || {
            let locked = file.lock();
            let _ = sender.send(locked.map(|()| file));
        });
        waiting.map_err(Error::io("wait for", &path))?;
        match receiver.recv_timeout(PATIENCE) {
            Ok(Ok(file)) => Ok(Self { _file: file }),
            Ok(Err(error)) => Err(Error::io("lock", path)(error)),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                Err(Error::because(Held { path }))
            }
        }
    }
}

/// The file of a lock, made if it is not there.
fn open(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;
        // A link that somebody laid there leads nowhere, and a pipe is not waited for.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        options.mode(0o600).custom_flags(flags.bits().cast_signed());
    }
    options.open(path)
}
