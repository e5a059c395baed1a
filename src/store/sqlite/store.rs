//! A directory with a database in it, as a [`Store`].

use super::open::{connect, connect_to_read, fold, fold_if_long, locate, log_bytes};
use super::schema::REWARD_STATE;
use super::transaction::{SqliteTransaction, refused};
use crate::base::error::{Error, Result};
use crate::store::access::{Access, Pace};
use crate::store::contract::{Durability, Snapshot, Store, Transaction, read};
use crate::store::error::StoreError;
use crate::store::records::StateRecord;
use crate::store::sql::definitions::Definitions;
use crate::store::sql::session::Session;
use rusqlite::Connection;
use std::collections::VecDeque;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A transaction that took so long has kept others waiting,
const LONG: Duration = Duration::from_millis(20);
/// who get their turn within this time: they look again more often than that.
const TURN: Duration = Duration::from_millis(2);

/// A transaction that takes no longer is one of few records.
const BRIEF: Duration = Duration::from_millis(1);

/// From this length on `upkeep` folds in the log of the database,
const FOLD_BYTES: u64 = 4 << 20;
/// and from this one on it has it begin anew.
const RESTART_BYTES: u64 = 64 << 20;

/// A connection, and the definitions that it has met.
struct Opened {
    connection: Connection,
    definitions: Definitions,
    /// Pages that the log has before it is folded in.
    checkpoint_pages: u32,
}

impl Opened {
    /// Has the log folded in from so many pages on.
    fn pace(&mut self, checkpoint_pages: u32) -> rusqlite::Result<()> {
        if self.checkpoint_pages != checkpoint_pages {
            self.connection.pragma_update(None, "wal_autocheckpoint", checkpoint_pages)?;
            self.checkpoint_pages = checkpoint_pages;
        }
        Ok(())
    }
}

/// A store in SQLite.
pub struct SqliteStore {
    dir: PathBuf,
    path: PathBuf,
    access: Access,
    pace: Pace,
    /// Connections that nobody uses just now. The one that wrote last is the last one, and writes next: what it has in
    /// memory is still so, while all others have to read it again.
    idle: Mutex<VecDeque<Opened>>,
    /// Held by the thread of this process that writes: within a process nobody needs to poll.
    writer: Mutex<()>,
    /// Where a store that may not be written was copied to.
    aside: Mutex<Vec<TempDir>>,
}

/// The store in the directory `dir`.
///
/// # Errors
/// One that is not there and is to be read; a directory of version 0.1; a file that cannot be made or opened.
pub fn open(dir: &Path, access: Access, pace: Pace) -> Result<SqliteStore> {
    let path = locate(dir, access)?;
    let store = SqliteStore {
        dir: dir.to_owned(),
        path,
        access,
        pace,
        idle: Mutex::default(),
        writer: Mutex::default(),
        aside: Mutex::default(),
    };
    // What is wrong with it is said at once.
    store.with(|_| ())?;
    Ok(store)
}

impl SqliteStore {
    /// What `work` makes of a connection that is to read.
    fn with<T>(&self, work: impl FnOnce(&Opened) -> T) -> Result<T> {
        let idle = locked(&self.idle).pop_front();
        let opened = idle.map_or_else(|| self.connect(), Ok)?;
        let made = work(&opened);
        locked(&self.idle).push_front(opened);
        Ok(made)
    }

    fn connect(&self) -> Result<Opened> {
        let connection = match self.access {
            Access::Write => connect(&self.path, self.pace)?,
            Access::Read => {
                let (connection, aside) = connect_to_read(&self.path)?;
                locked(&self.aside).extend(aside);
                connection
            }
        };
        let checkpoint_pages = self.pace.checkpoint_pages(false);
        Ok(Opened { connection, definitions: Definitions::default(), checkpoint_pages })
    }

    /// Copies the database into an empty file.
    fn copy_into(&self, path: &Path) -> Result<()> {
        // From the root on: the engine takes `:memory:` for no file at all.
        let whole = path.canonicalize().map_err(Error::io("write", path))?;
        let target =
            whole.to_str().ok_or_else(|| Error::because(StoreError::NoText { path: path.to_owned() }))?;
        let copied = self.with(|opened| opened.connection.execute("VACUUM INTO ?", [target]))?;
        copied.map(drop).map_err(refused("copy it", &self.path))
    }

    fn session<'a>(
        &'a self,
        Opened { connection, definitions, .. }: &'a Opened,
    ) -> Session<'a, SqliteTransaction<'a>> {
        Session::new(SqliteTransaction { connection, path: &self.path }, definitions)
    }

    /// Runs `work` between `begin` and a commit.
    fn within(
        &self,
        begin: &str,
        opened: &Opened,
        work: impl FnOnce(&mut Session<SqliteTransaction>) -> Result<()>,
    ) -> Result<()> {
        let Opened { connection, definitions, .. } = opened;
        let failed = refused(if begin == BEGIN_WRITE { "write it" } else { "read it" }, &self.path);
        // Kept ready, as all statements are: to read a few records takes not much longer than to understand this.
        let run = |sql| connection.prepare_cached(sql)?.execute([]).map(drop);
        run(begin).map_err(&failed)?;
        let done = work(&mut self.session(opened)).and_then(|()| run("COMMIT").map_err(&failed));
        if done.is_err() {
            definitions.clear();
            if !connection.is_autocommit() {
                let _ = connection.execute_batch("ROLLBACK");
            }
        }
        done
    }

    /// Folds in the log of the database, as far as `how` says.
    fn fold(&self, how: &str) -> Result<()> {
        self.with(|opened| fold(&opened.connection, how))?.map_err(refused("fold in its log", &self.path))
    }
}

/// A write waits for its turn before it reads anything: a read that becomes a write fails instead of waiting.
const BEGIN_WRITE: &str = "BEGIN IMMEDIATE";

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nothing panics with it")
}

impl Store for SqliteStore {
    fn origin(&self) -> &Path {
        &self.path
    }

    fn read(&self, work: &mut dyn FnMut(&dyn Snapshot) -> Result<()>) -> Result<()> {
        self.with(|opened| self.within("BEGIN", opened, |session| work(session)))?
    }

    fn states(&self, keys: &[(&str, &str)]) -> Result<Vec<Option<StateRecord>>> {
        // A single statement sees one moment by itself: to begin and to end a transaction takes longer than to find a state.
        if keys.len() == 1 {
            return self.with(|opened| self.session(opened).states(keys))?;
        }
        read(self, |snapshot| snapshot.states(keys))
    }

    fn reads_at_once(&self) -> bool {
        true
    }

    fn write(
        &self,
        durability: Durability,
        work: &mut dyn FnMut(&mut dyn Transaction) -> Result<()>,
    ) -> Result<()> {
        let _turn = locked(&self.writer);
        let idle = locked(&self.idle).pop_back();
        let mut opened = idle.map_or_else(|| self.connect(), Ok)?;
        let synchronous = match durability {
            Durability::Power => "FULL",
            Durability::Process => "NORMAL",
        };
        let set = opened.connection.pragma_update(None, "synchronous", synchronous);
        set.map_err(refused("write it", &self.path))?;
        let mut begun = None;
        let done = self.within(BEGIN_WRITE, &opened, |session| {
            begun = Some(Instant::now());
            work(session)
        });
        if self.pace == Pace::Single {
            // What was committed is so, whatever becomes of the log.
            drop(fold_if_long(&mut opened.connection, &self.path));
        }
        let taken = begun.map_or(Duration::ZERO, |begun| begun.elapsed());
        if taken > LONG {
            thread::sleep(TURN);
        }
        let mut idle = locked(&self.idle);
        if done.as_ref().is_err_and(|error| error.cause::<StoreError>().is_some()) {
            // A lock that the system failed to give back would be held, by this process and against it, as long as one of its
            // connections is open.
            idle.clear();
            return done;
        }
        drop(opened.pace(self.pace.checkpoint_pages(taken < BRIEF)));
        idle.push_back(opened);
        done
    }

    fn view_dir(&self) -> Option<&Path> {
        Some(&self.dir)
    }

    fn backup(&self, path: &Path) -> Result<()> {
        let mut options = File::options();
        options.create_new(true).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let made = options.open(path).map(drop);
        made.map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => Error::because(StoreError::Taken { path: path.to_owned() }),
            _ => Error::io("create", path)(error),
        })?;
        let done = self.copy_into(path).and_then(|()| {
            File::open(path).and_then(|file| file.sync_all()).map_err(Error::io("sync", path))
        });
        if done.is_err() {
            // An unfinished copy must not look like one.
            let _ = std::fs::remove_file(path);
        }
        done
    }

    fn integrity(&self) -> Result<Vec<String>> {
        let check = |opened: &Opened| {
            let mut query = opened.connection.prepare("PRAGMA integrity_check(100)")?;
            query.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()
        };
        let found = self.with(check)?.map_err(refused("check it", &self.path))?;
        Ok(found.into_iter().filter(|line| line != "ok").collect())
    }

    fn upkeep(&self) -> Result<()> {
        let bytes = log_bytes(&self.path);
        if bytes < FOLD_BYTES {
            return Ok(());
        }
        // Beside readers and writers, who go on meanwhile.
        self.fold("PASSIVE")?;
        if bytes >= RESTART_BYTES {
            // What came meanwhile is little: writers wait for it once, and the log begins anew.
            self.fold("RESTART")?;
        }
        Ok(())
    }

    fn find_rewards_by_state(&self) -> Result<()> {
        let sql = format!("CREATE INDEX IF NOT EXISTS {REWARD_STATE} ON reward (state, number)");
        let made = self.with(|opened| opened.connection.execute_batch(&sql))?;
        made.map_err(refused("write it", &self.path))
    }

    fn tidy(&self) -> Result<()> {
        self.fold("TRUNCATE")
    }
}
