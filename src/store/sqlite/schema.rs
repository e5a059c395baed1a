//! The tables, and how an older store gets those of today: numbered migrations, each run once.
//!
//! The number of the last one stands in the database's `user_version`.

use rusqlite::Connection;

/// Every migration, the first one first. What stands here was run on somebody's store: it is never changed, only added to.
const MIGRATIONS: &[&str] = &[
    "
CREATE TABLE definition (
    id INTEGER PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    policy TEXT NOT NULL,
    feature_set TEXT,
    domain TEXT,
    prior TEXT
) STRICT;
CREATE TABLE decision (
    place INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    at INTEGER NOT NULL,
    user TEXT NOT NULL,
    definition INTEGER NOT NULL REFERENCES definition (id),
    seed INTEGER NOT NULL,
    request TEXT NOT NULL,
    scores TEXT NOT NULL,
    propensities TEXT,
    chosen TEXT NOT NULL,
    propensity REAL,
    explored INTEGER NOT NULL,
    shadow_of TEXT,
    experiment TEXT,
    variant TEXT,
    prompt_version TEXT,
    model_version TEXT
) STRICT;
CREATE TABLE state (
    id INTEGER PRIMARY KEY,
    user TEXT NOT NULL,
    policy TEXT NOT NULL,
    definition INTEGER NOT NULL REFERENCES definition (id),
    number INTEGER NOT NULL,
    updates INTEGER NOT NULL,
    model BLOB,
    revision INTEGER NOT NULL,
    published INTEGER,
    UNIQUE (user, policy)
) STRICT;
CREATE INDEX unpublished ON state (id) WHERE published < revision;
CREATE TABLE reward (
    place INTEGER PRIMARY KEY,
    state INTEGER NOT NULL REFERENCES state (id),
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    op TEXT NOT NULL CHECK (op IN ('reward', 'reset', 'import')),
    event TEXT,
    answers_decision INTEGER NOT NULL,
    reaction TEXT,
    dwell_seconds REAL,
    reward REAL,
    learned_from TEXT,
    UNIQUE (event, state)
) STRICT;
",
    "ALTER TABLE decision ADD COLUMN prompt_digest TEXT;",
    "
CREATE TABLE rollout (
    experiment TEXT NOT NULL,
    revision INTEGER NOT NULL,
    at INTEGER NOT NULL,
    action TEXT NOT NULL,
    share REAL NOT NULL,
    digest TEXT NOT NULL,
    evidence TEXT,
    PRIMARY KEY (experiment, revision)
) STRICT;
",
    "CREATE TABLE spending (user TEXT PRIMARY KEY, day INTEGER NOT NULL, tokens INTEGER NOT NULL) STRICT;",
    "ALTER TABLE decision ADD COLUMN profile_lookup TEXT;",
];

/// The index of rewards by state, which a store has once somebody needs it.
pub(super) const REWARD_STATE: &str = "reward_state";

/// The schema version of this program.
pub(super) const VERSION: u32 = MIGRATIONS.len() as u32;

/// The schema version of a database; 0 if it has no tables yet.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Runs every migration that the database has not seen, within the caller's transaction.
pub(super) fn migrate(connection: &Connection) -> rusqlite::Result<()> {
    for migration in MIGRATIONS.iter().skip(version(connection)? as usize) {
        connection.execute_batch(migration)?;
    }
    connection.pragma_update(None, "user_version", VERSION)
}
