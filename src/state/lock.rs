//! A lock on a file or folder that is never replaced, held while a log is written.
//!
//! The kernel releases it when its process dies, however that happens, so no lock is ever stale.

use super::dir::Dir;
use crate::error::{Error, Result};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// How long to wait for another process. A commit takes milliseconds, the longest checkpoint seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// Held until dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock `name`, waiting for at most 30 seconds.
    pub(super) fn take(dir: &Dir, name: &str) -> Result<Self> {
        Self::hold(dir.open_lock(name)?, dir.join(name))
    }

    /// Takes the lock of a folder itself, for files in it that are read, changed and replaced. Waits for at most 30
    /// seconds. `None` where there are no such locks: network file systems lock only what is open for writing,
    /// which folders never are.
    ///
    /// # Errors
    /// A folder that cannot be opened, or that another process has held for so long.
    pub fn of_folder(path: &Path) -> Result<Option<Self>> {
        let folder = File::open(path).map_err(Error::io("open", path))?;
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
        // Waiting in the kernel wakes us at once and in turn, which polling would not; a thread does it,
        // because it cannot be interrupted. When it gets the lock too late, nobody is there to take the
        // file, and dropping it releases the lock.
        let (sender, receiver) = mpsc::sync_channel(0);
        thread::spawn(move || {
            let locked = file.lock();
            let _ = sender.send(locked.map(|()| file));
        });
        match receiver.recv_timeout(PATIENCE) {
            Ok(locked) => Ok(Self { _file: locked.map_err(Error::io("lock", path))? }),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Err(Error::Refused(format!(
                "{}: another process has held this lock for {} seconds",
                path.display(),
                PATIENCE.as_secs()
            ))),
        }
    }
}
