//! A lock on a file or folder that is never replaced, held while a log is written.
//!
//! The kernel releases it when its process dies, however that happens, so no lock is ever stale.

use super::dir::{Dir, is_still_at};
use crate::base::error::{Error, Result};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// How long to wait for another process. A commit takes up to some tenths of a second, the longest checkpoint seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often a lock file is opened anew that was removed before its lock was held.
const ATTEMPTS: usize = 5;

/// Held until dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock `name`, waiting for at most 30 seconds.
    pub(super) fn take(dir: &Dir, name: &str) -> Result<Self> {
        let mut others = 1..ATTEMPTS;
        loop {
            let lock = Self::hold(dir.open_lock(name)?, dir.join(name))?;
            match lock.check() {
                Err(_) if others.next().is_some() => {}
                checked => return checked.map(|()| lock),
            }
        }
    }

    /// Whether it still is the lock that others ask for.
    ///
    /// # Errors
    /// A lock file that somebody removed or replaced: another process may hold the new one.
    pub(super) fn check(&self) -> Result<()> {
        if is_still_at(&self.file, &self.path).map_err(Error::io("lock", &self.path))? {
            return Ok(());
        }
        Err(Error::Refused(format!(
            "{}: somebody removed it while it was held; it has to stay, also when nobody holds it",
            self.path.display()
        )))
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
            Ok(()) => return Ok(Self { file, path }),
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
            Ok(Ok(file)) => Ok(Self { file, path }),
            Ok(Err(error)) => Err(Error::io("lock", path)(error)),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Err(Error::Refused(format!(
                "{}: another process has held this lock for {} seconds",
                path.display(),
                PATIENCE.as_secs()
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::journal::{Journal, REWARDS};

    #[test]
    fn a_lock_that_somebody_removed_commits_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Dir::new(folder.path());
        let lock = Lock::take(&dir, "rewards.lock").unwrap();
        let mut journal = Journal::open(&dir).unwrap();
        std::fs::remove_file(dir.join("rewards.lock")).unwrap();
        let other = Lock::take(&dir, "rewards.lock").unwrap();
        let error = journal.append(&lock, &[b"a line\n".to_vec()], 1).unwrap_err().to_string();
        assert!(error.contains("somebody removed it"), "{error}");
        assert_eq!(std::fs::read(dir.join(&REWARDS.active())).unwrap(), b"");
        journal.append(&other, &[b"a line\n".to_vec()], 1).unwrap();
    }
}
