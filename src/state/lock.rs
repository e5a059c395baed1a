//! A lock on a file that is never replaced, held while a log is written.
//!
//! The kernel releases it when its process dies, however that happens, so no lock is ever stale.

use super::dir::Dir;
use crate::error::{Error, Result};
use std::fs::{File, TryLockError};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// How long to wait for another process. A commit takes milliseconds, the longest checkpoint seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// Held until dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock `name`, waiting for at most 30 seconds.
    pub(super) fn take(dir: &Dir, name: &str) -> Result<Self> {
        let file = dir.open_lock(name)?;
        let path = dir.join(name);
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
