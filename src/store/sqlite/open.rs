//! The database's file: making it, connecting to it, and reading one that may not be written.

use super::schema;
use super::transaction::refused;
use crate::base::error::{Error, Result};
use crate::base::lock::{FileLock, PATIENCE};
use crate::store::access::{Access, Pace};
use crate::store::error::StoreError;
use crate::store::sql::schema::VERSION;
use crate::store::view_name::parse_state_file;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

/// Name of the database in its directory.
pub const FILE: &str = "rehearsal.db";
/// Name of the lock under which it is made.
const LOCK: &str = "rehearsal.lock";
/// Files that version 0.1 had in its directory.
const OLDER: [&str; 4] =
    ["rewards.jsonl", "decisions.jsonl", "rewards.manifest.json", "decisions.manifest.json"];

impl Pace {
    /// Pages that the log has before whoever wrote the last one folds them in; 0 leaves it to [`fold_if_long`], or to
    /// the upkeep of a server. While a long run writes few records at a time, each of which somebody waits for, the log stays
    /// short: where a file grows, a disk writes a second time where its blocks are.
    pub(super) fn checkpoint_pages(self, writes_few: bool) -> u32 {
        match self {
            Self::Single | Self::Server => 0,
            Self::Bulk if writes_few => 1_024,
            Self::Bulk => 32_768,
        }
    }

    /// Memory for pages, in KiB.
    fn cache(self) -> i32 {
        match self {
            Self::Single => 2_000,
            Self::Bulk | Self::Server => 64_000,
        }
    }
}

/// Longest log, in bytes, that is left to whoever opens the database next: they read all of it.
const LONGEST_LOG: u64 = 2 << 20;

/// Length of the log of the database at `path`, in bytes; 0 where there is none.
pub(super) fn log_bytes(path: &Path) -> u64 {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    fs::metadata(log).map_or(0, |log| log.len())
}

/// Folds in the log of the database and empties it, if it has become long and nobody needs it any more. That it is
/// folded in is known only as long as somebody has the database open. Processes that come one after the other would
/// fold in and read what is left in it again and again.
pub(super) fn fold_if_long(connection: &mut Connection, path: &Path) -> rusqlite::Result<()> {
    if log_bytes(path) > LONGEST_LOG {
        // Whoever reads is not waited for: the next one tries again.
        connection.busy_handler(None::<fn(i32) -> bool>)?;
        fold(connection, "TRUNCATE")?;
        connection.busy_handler(Some(wait))?;
    }
    Ok(())
}

/// Folds in the log of the database, as far as `how` says.
pub(super) fn fold(connection: &Connection, how: &str) -> rusqlite::Result<()> {
    connection.query_row(&format!("PRAGMA wal_checkpoint({how})"), [], |_| Ok(()))
}

/// Between two attempts to get a lock that another process holds.
const POLL: Duration = Duration::from_micros(500);

/// Waits a moment for another process; false if that has taken too long.
fn wait(attempts: i32) -> bool {
    thread::sleep(POLL);
    POLL * (attempts.max(0) as u32) < PATIENCE
}

/// Where the database of a directory is, once it is sure that there is one or may be one.
///
/// # Errors
/// [`StoreError::Missing`] where there is none to read, [`StoreError::Older`] for a directory of version 0.1.
pub(super) fn locate(dir: &Path, access: Access) -> Result<PathBuf> {
    let path = dir.join(FILE);
    if let Ok(about) = fs::metadata(&path) {
        // The engine would wait for a pipe, and says of a folder that the disk has failed.
        return if about.is_file() { Ok(path) } else { Err(Error::because(StoreError::NoFile { path })) };
    }
    if let Some(found) = older(dir) {
        // Another process may have made it meanwhile, and written state files beside it.
        if path.exists() {
            return Ok(path);
        }
        return Err(Error::because(StoreError::Older { store: dir.to_owned(), found }));
    }
    match access {
        Access::Read => Err(Error::because(StoreError::Missing { store: dir.to_owned() })),
        Access::Write => create(dir).map(|()| path),
    }
}

/// A file that shows that version 0.1 kept its states in this directory.
fn older(dir: &Path) -> Option<String> {
    let named = OLDER.iter().find(|name| dir.join(name).exists()).map(|name| (*name).to_owned());
    named.or_else(|| {
        let names = fs::read_dir(dir).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names.filter(|name| parse_state_file(name).is_some()).min()
    })
}

/// Makes the directory and an empty file that only its owner may read.
fn create(dir: &Path) -> Result<()> {
    let mut missing: Vec<&Path> = Vec::new();
    let mut at = Some(dir);
    while let Some(path) = at.filter(|path| !path.as_os_str().is_empty() && !path.is_dir()) {
        missing.push(path);
        at = path.parent();
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    // Names of files tell who is known.
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(Error::io("create", dir))?;
    let path = dir.join(FILE);
    let mut options = File::options();
    // It is never opened if it is there: closing it again would release the locks that this process has on it.
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(&path) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        Err(error) => return Err(Error::io("create", &path)(error)),
    }
    // A power cut must not take the directory back once something in it was acknowledged.
    let parents = missing.iter().filter_map(|path| path.parent());
    for folder in [dir].into_iter().chain(parents) {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::io("sync", folder))?;
    }
    Ok(())
}

/// Connects to the database at `path` to write it. The first one to do so makes its tables, also where many race for it.
pub(super) fn connect(path: &Path, pace: Pace) -> Result<Connection> {
    let failed = refused("open it", path);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(&failed)?;
    connection.busy_handler(Some(wait)).map_err(&failed)?;
    // Folding in the log when the last one leaves would cost every command what only some need to do.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(&failed)?;
    let version = schema::version(&connection).map_err(&failed)?;
    if version < VERSION {
        prepare(path, &connection)?;
    }
    check_version(path, version)?;
    connection.pragma_update(None, "wal_autocheckpoint", pace.checkpoint_pages(false)).map_err(&failed)?;
    connection.pragma_update(None, "cache_size", -pace.cache()).map_err(&failed)?;
    // What a change leaves behind within a page is overwritten, or erasing somebody later would miss it.
    connection.pragma_update(None, "secure_delete", "fast").map_err(&failed)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Switches to WAL mode and runs the migrations, one process at a time: the switch does not wait as other writes do.
fn prepare(path: &Path, connection: &Connection) -> Result<()> {
    let failed = refused("set it up", path);
    let _lock = FileLock::of_file(&path.with_file_name(LOCK))?;
    let mut attempts = 0;
    loop {
        match connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0)) {
            Ok(mode) if mode == "wal" => break,
            Ok(_) => {}
            Err(error) if error.sqlite_error_code() != Some(ErrorCode::DatabaseBusy) => {
                return Err(failed(error));
            }
            Err(error) if !wait(attempts) => return Err(failed(error)),
            Err(_) => attempts += 1,
        }
    }
    connection.execute_batch("BEGIN IMMEDIATE").map_err(&failed)?;
    let done = schema::migrate(connection).and_then(|()| connection.execute_batch("COMMIT"));
    if done.is_err() && !connection.is_autocommit() {
        let _ = connection.execute_batch("ROLLBACK");
    }
    done.map_err(failed)
}

fn check_version(path: &Path, found: u32) -> Result<()> {
    if found > VERSION {
        let store = path.to_owned();
        return Err(Error::because(StoreError::Newer { store, found, known: VERSION }));
    }
    Ok(())
}

/// Connects to the database at `path` to read it. One that may only be read is copied aside together with its log, for
/// the engine would have to write beside it; the copy is gone with the second value. An older one gets the tables of
/// today first, where it stands or as such a copy.
pub(super) fn connect_to_read(path: &Path) -> Result<(Connection, Option<TempDir>)> {
    let failed = refused("read it", path);
    let tried = read_only(path);
    let (connection, aside) = match tried {
        Err(error) if is_refused(&error) => {
            let aside = copy_aside(path)?;
            (read_only(&aside.path().join(FILE)).map_err(&failed)?, Some(aside))
        }
        tried => (tried.map_err(&failed)?, None),
    };
    let version = schema::version(&connection).map_err(&failed)?;
    if version == 0 {
        // Whoever makes it has not got to the tables yet: there is nothing to read.
        return Err(Error::because(StoreError::Missing { store: path.to_owned() }));
    }
    check_version(path, version)?;
    if version == VERSION {
        return Ok((connection, aside));
    }
    drop(connection);
    let aside = match aside {
        None if connect(path, Pace::Single).is_ok() => None,
        None => Some(copy_aside(path)?),
        aside => aside,
    };
    let place = aside.as_ref().map_or_else(|| path.to_owned(), |aside| aside.path().join(FILE));
    connect(&place, Pace::Single)?;
    Ok((read_only(&place).map_err(&failed)?, aside))
}

/// Whether the engine may not write beside the database, or not at all.
fn is_refused(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied)
    )
}

/// A copy of a database and its log that may be written.
fn copy_aside(path: &Path) -> Result<TempDir> {
    let aside = tempfile::tempdir().map_err(Error::io("make a folder for a copy of", path))?;
    for suffix in ["", "-wal"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let from = Path::new(&name);
        if suffix.is_empty() || from.exists() {
            let to = aside.path().join(format!("{FILE}{suffix}"));
            fs::copy(from, &to).map_err(Error::io("copy", from))?;
            let mut permissions = to.metadata().map_err(Error::io("copy", &to))?.permissions();
            #[cfg(unix)]
            std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o600);
            fs::set_permissions(&to, permissions).map_err(Error::io("copy", &to))?;
        }
    }
    Ok(aside)
}

fn read_only(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_handler(Some(wait))?;
    // The file is looked at only when something is asked.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}
