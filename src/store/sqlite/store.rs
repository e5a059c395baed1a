//! A directory with a database in it, as a [`Store`].

use super::error::{StoreError, engine};
use super::open::{connect, connect_to_read, fold, fold_if_long, locate, log_bytes};
use super::schema::REWARD_STATE;
use super::session::{Definitions, Session};
use crate::base::error::{Error, Result};
use crate::store::access::{Access, Pace};
use crate::store::contract::{Durability, Snapshot, StateRecord, Store, Transaction};
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

/// From this length on `upkeep` folds in the log of the database,
const FOLD_BYTES: u64 = 4 << 20;
/// and from this one on it has it begin anew.
const RESTART_BYTES: u64 = 64 << 20;

/// A store in SQLite.
#[derive(Debug)]
pub struct SqliteStore {
    dir: PathBuf,
    path: PathBuf,
    access: Access,
    pace: Pace,
    /// Connections that nobody uses just now. The one that wrote last is the last one, and writes next: what it has in
    /// memory is still so, while all others have to read it again.
    idle: Mutex<VecDeque<Connection>>,
    /// Held by the thread of this process that writes: within a process nobody needs to poll.
    writer: Mutex<()>,
    definitions: Definitions,
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
        definitions: Definitions::default(),
        aside: Mutex::default(),
    };
    let connection = store.connection()?;
    store.give_back(connection);
    Ok(store)
}

impl SqliteStore {
    /// A connection that is to read.
    fn connection(&self) -> Result<Connection> {
        let idle = locked(&self.idle).pop_front();
        idle.map_or_else(|| self.connect(), Ok)
    }

    fn give_back(&self, connection: Connection) {
        locked(&self.idle).push_front(connection);
    }

    fn connect(&self) -> Result<Connection> {
        match self.access {
            Access::Write => connect(&self.path, self.pace),
            Access::Read => {
                let (connection, aside) = connect_to_read(&self.path)?;
                locked(&self.aside).extend(aside);
                Ok(connection)
            }
        }
    }

    fn session<'a>(&'a self, connection: &'a Connection) -> Session<'a> {
        Session { connection, definitions: &self.definitions, path: &self.path }
    }

    /// Runs `work` between `begin` and a commit.
    fn within(&self, begin: &str, connection: &Connection, work: impl FnOnce() -> Result<()>) -> Result<()> {
        let failed = engine(if begin == BEGIN_WRITE { "write it" } else { "read it" }, &self.path);
        // Kept ready, as all statements are: to read a few records takes not much longer than to understand this.
        let run = |sql| connection.prepare_cached(sql)?.execute([]).map(drop);
        run(begin).map_err(&failed)?;
        let done = work().and_then(|()| run("COMMIT").map_err(&failed));
        if done.is_err() && !connection.is_autocommit() {
            let _ = connection.execute_batch("ROLLBACK");
        }
        done
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
        let connection = self.connection()?;
        let done = self.within("BEGIN", &connection, || work(&self.session(&connection)));
        self.give_back(connection);
        done
    }

    fn states(&self, keys: &[(&str, &str)]) -> Result<Vec<Option<StateRecord>>> {
        let connection = self.connection()?;
        let find = || self.session(&connection).states(keys);
        // A single statement sees one moment by itself: to begin and to end a transaction takes longer than to find a state.
        let found = if keys.len() == 1 {
            find()
        } else {
            let mut found = Vec::new();
            let done = self.within("BEGIN", &connection, || {
                found = find()?;
                Ok(())
            });
            done.map(|()| found)
        };
        self.give_back(connection);
        found
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
        let mut connection = idle.map_or_else(|| self.connect(), Ok)?;
        let synchronous = match durability {
            Durability::Power => "FULL",
            Durability::Process => "NORMAL",
        };
        connection.pragma_update(None, "synchronous", synchronous).map_err(engine("write it", &self.path))?;
        let mut begun = None;
        let done = self.within(BEGIN_WRITE, &connection, || {
            begun = Some(Instant::now());
            work(&mut self.session(&connection))
        });
        if done.is_err() {
            self.definitions.clear();
        }
        if self.pace == Pace::Single {
            // What was committed is so, whatever becomes of the log.
            drop(fold_if_long(&mut connection, &self.path));
        }
        if begun.is_some_and(|begun| begun.elapsed() > LONG) {
            thread::sleep(TURN);
        }
        locked(&self.idle).push_back(connection);
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
        let connection = self.connection()?;
        let target = path.to_string_lossy();
        let done = connection.execute("VACUUM INTO ?", [&target]).map_err(engine("copy it", &self.path));
        self.give_back(connection);
        let done = done
            .and_then(|_| File::open(path).and_then(|file| file.sync_all()).map_err(Error::io("sync", path)));
        if done.is_err() {
            // An unfinished copy must not look like one.
            let _ = std::fs::remove_file(path);
        }
        done
    }

    fn integrity(&self) -> Result<Vec<String>> {
        let connection = self.connection()?;
        let check = || {
            let mut query = connection.prepare("PRAGMA integrity_check(100)")?;
            query.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()
        };
        let found = check().map_err(engine("check it", &self.path));
        self.give_back(connection);
        Ok(found?.into_iter().filter(|line| line != "ok").collect())
    }

    fn upkeep(&self) -> Result<()> {
        let bytes = log_bytes(&self.path);
        if bytes < FOLD_BYTES {
            return Ok(());
        }
        let connection = self.connection()?;
        // Beside readers and writers, who go on meanwhile.
        let mut folded = fold(&connection, "PASSIVE");
        if folded.is_ok() && bytes >= RESTART_BYTES {
            // What came meanwhile is little: writers wait for it once, and the log begins anew.
            folded = fold(&connection, "RESTART");
        }
        self.give_back(connection);
        folded.map_err(engine("fold in its log", &self.path))
    }

    fn find_rewards_by_state(&self) -> Result<()> {
        let connection = self.connection()?;
        let sql = format!("CREATE INDEX IF NOT EXISTS {REWARD_STATE} ON reward (state, number)");
        let made = connection.execute_batch(&sql);
        self.give_back(connection);
        made.map_err(engine("write it", &self.path))
    }

    fn tidy(&self) -> Result<()> {
        let connection = self.connection()?;
        let folded = fold(&connection, "TRUNCATE");
        self.give_back(connection);
        folded.map_err(engine("fold in its log", &self.path))
    }
}
