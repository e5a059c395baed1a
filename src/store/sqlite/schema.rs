//! The words of SQLite for the [tables](crate::store::sql::schema), and their version, which stands in `user_version`.

use crate::store::sql::schema::{VERSION, Words};
use rusqlite::Connection;

const WORDS: Words = Words(&[
    ("id", "INTEGER PRIMARY KEY"),
    ("integer", "INTEGER"),
    ("flag", "INTEGER"),
    ("real", "REAL"),
    ("text", "TEXT"),
    ("name", "TEXT"),
    ("bytes", "BLOB"),
    ("end", " STRICT"),
    ("of a definition", " REFERENCES definition (id)"),
    ("of a state", " REFERENCES state (id)"),
    ("unique within a state", "UNIQUE (event, state)"),
    ("indexes", "CREATE INDEX unpublished ON state (id) WHERE published < revision;"),
]);

/// The index of rewards by state, which a store has once somebody needs it.
pub(super) const REWARD_STATE: &str = "reward_state";

/// The schema version of a database; 0 if it has no tables yet.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Runs every migration that the database has not seen, within the caller's transaction.
pub(super) fn migrate(connection: &Connection) -> rusqlite::Result<()> {
    for migration in WORDS.migrations_after(version(connection)?) {
        connection.execute_batch(&migration)?;
    }
    connection.pragma_update(None, "user_version", VERSION)
}
