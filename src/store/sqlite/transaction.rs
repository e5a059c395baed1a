//! One transaction of SQLite, as a [`Database`].

use super::schema::REWARD_STATE;
use crate::base::error::{Error, ErrorKind, Result};
use crate::store::error::StoreError;
use crate::store::sql::database::{Database, Each, EachFound, Rows, listed, names};
use crate::store::sql::value::{RowReader, RowValues, Value};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ErrorCode, ToSql, params_from_iter};
use std::path::Path;

/// The engine's refusal to do something with the store at `path`.
pub(super) fn refused(action: &'static str, path: &Path) -> impl Fn(rusqlite::Error) -> Error {
    move |error| {
        let kind = match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => ErrorKind::Busy,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => ErrorKind::Damaged,
            _ => ErrorKind::Unavailable,
        };
        let (store, message) = (path.to_owned(), error.to_string());
        Error::because(StoreError::Refused { store, action, message, kind, again: false })
    }
}

/// One transaction, which somebody else has begun and ends.
#[derive(Clone, Copy)]
pub(super) struct SqliteTransaction<'a> {
    pub(super) connection: &'a Connection,
    pub(super) path: &'a Path,
}

impl<'a> SqliteTransaction<'a> {
    /// A statement, which is understood once. What is `$1` for all engines is `?1` for this one, where `$1` is a name.
    fn statement(self, sql: &str) -> Result<CachedStatement<'a>> {
        self.connection.prepare_cached(&sql.replace('$', "?")).map_err(refused("read it", self.path))
    }

    /// Adds rows; `after` is called after each.
    fn insert_each(
        self,
        (table, columns, rest): (&str, &str, &str),
        rows: Rows,
        mut after: impl FnMut(),
    ) -> Result<()> {
        let values = vec!["?"; names(columns).len()].join(", ");
        let sql = format!("INSERT INTO {table} ({}) VALUES ({values}){rest}", listed(columns));
        let mut insert = self.statement(&sql)?;
        for row in rows {
            insert.execute(params_from_iter(row)).map_err(refused("write it", self.path))?;
            after();
        }
        Ok(())
    }
}

impl Database for SqliteTransaction<'_> {
    fn origin(&self) -> &Path {
        self.path
    }

    fn query(&self, sql: &str, values: &[Value], each: Each) -> Result<()> {
        let failed = refused("read it", self.path);
        let mut query = self.statement(sql)?;
        let mut rows = query.query(params_from_iter(values)).map_err(&failed)?;
        while let Some(row) = rows.next().map_err(&failed)? {
            each(&mut RowReader::new(row, self.path))?;
        }
        Ok(())
    }

    fn find(&self, from: (&str, &str), key: &str, keys: Rows, rest: &str, each: EachFound) -> Result<()> {
        let ((table, columns), failed) = (from, refused("read it", self.path));
        let conditions = names(key).join(" = ? AND ");
        let mut query =
            self.statement(&format!("SELECT {columns} FROM {table} WHERE {conditions} = ?{rest}"))?;
        for (place, key) in keys.enumerate() {
            let mut rows = query.query(params_from_iter(key)).map_err(&failed)?;
            if let Some(row) = rows.next().map_err(&failed)? {
                each(place, &mut RowReader::new(row, self.path))?;
            }
        }
        Ok(())
    }

    fn execute(&self, sql: &str, values: &[Value]) -> Result<u64> {
        let changed = self.statement(sql)?.execute(params_from_iter(values));
        Ok(changed.map_err(refused("write it", self.path))? as u64)
    }

    fn insert(&self, table: &str, columns: &str, rows: Rows, rest: &str) -> Result<()> {
        self.insert_each((table, columns, rest), rows, || ())
    }

    fn insert_new(&self, table: &str, _key: usize, columns: &str, rows: Rows) -> Result<Vec<i64>> {
        let mut ids = Vec::new();
        self.insert_each((table, columns, ""), rows, || ids.push(self.connection.last_insert_rowid()))?;
        Ok(ids)
    }

    fn update(&self, table: &str, columns: &str, rows: Rows) -> Result<()> {
        let names = names(columns);
        let numbered = |(place, name): (usize, &&str)| format!("{name} = ?{}", place + 2);
        let values = names[1..].iter().enumerate().map(numbered).collect::<Vec<_>>().join(", ");
        let mut update = self.statement(&format!("UPDATE {table} SET {values} WHERE {} = ?1", names[0]))?;
        for row in rows {
            update.execute(params_from_iter(row)).map_err(refused("write it", self.path))?;
        }
        Ok(())
    }

    fn overwrite_removed(&self) -> Result<()> {
        let set = self.connection.pragma_update(None, "secure_delete", true);
        set.map_err(refused("write it", self.path))
    }

    fn finds_rewards_by_state(&self) -> Result<bool> {
        let known = "SELECT name FROM sqlite_schema WHERE type = 'index' AND name = $1";
        let mut is_indexed = false;
        self.query(known, &[REWARD_STATE.into()], &mut |_| {
            is_indexed = true;
            Ok(())
        })?;
        Ok(is_indexed)
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Integer(number) => ValueRef::Integer(*number),
            Value::Real(number) => ValueRef::Real(*number),
            Value::Flag(flag) => ValueRef::Integer((*flag).into()),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl RowValues for rusqlite::Row<'_> {
    fn value(&self, column: usize) -> Result<Value<'_>, String> {
        let value = self.get_ref(column).map_err(|error| error.to_string())?;
        Ok(match value {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => number.into(),
            ValueRef::Real(number) => number.into(),
            ValueRef::Text(_) => value.as_str().map_err(|error| error.to_string())?.into(),
            ValueRef::Blob(bytes) => bytes.into(),
        })
    }
}
