//! One transaction on its way to the server and back, as a [`Database`].
//!
//! It begins with its first statement. What only changes something is not waited for: it is on its way when the next
//! question is, or the commit, so that a batch of any size takes few journeys to the server. Rows go as arrays, one for each
//! column.

use super::error::{Refusal, words};
use super::link::{Link, Sent};
use super::schema::WORDS;
use crate::base::digest::fnv1a;
use crate::base::error::{Error, Result};
use crate::store::contract::Durability;
use crate::store::error::StoreError;
use crate::store::sql::database::{Database, Each, EachFound, Rows, listed, names};
use crate::store::sql::value::{RowReader, RowValues, Value};
use bytes::BytesMut;
use std::cell::{Cell, RefCell};
use std::error::Error as StdError;
use std::path::Path;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type as SqlType, to_sql_checked};

/// Users share so many locks, for those who ask for all states of one.
const GROUPS: u32 = 256;
/// The first half of these locks' names; the other half is the group.
const LOCK_CLASS: i64 = 0x7265_6865;
/// So many rows are read at a time where there may be any number.
const PAGE: usize = 2_048;
/// So many rows are added by one statement.
const TOGETHER: usize = 1_024;

/// What a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To read one moment.
    Read,
    /// To change something.
    Write(Durability),
}

impl Purpose {
    /// What begins it. Tables whose statistics are older than their rows must not be read whole for a few of them.
    fn begin(self) -> String {
        let own = match self {
            Self::Read => "REPEATABLE READ READ ONLY",
            Self::Write(Durability::Power) => {
                "READ COMMITTED; SET LOCAL lock_timeout = '30s'; SET LOCAL synchronous_commit = on"
            }
            Self::Write(Durability::Process) => {
                "READ COMMITTED; SET LOCAL lock_timeout = '30s'; SET LOCAL synchronous_commit = off"
            }
        };
        format!("BEGIN ISOLATION LEVEL {own}; SET LOCAL enable_seqscan = off; SET LOCAL jit = off")
    }

    fn action(self) -> &'static str {
        if self == Self::Read { "read it" } else { "write it" }
    }
}

/// One transaction.
pub(super) struct PostgresTransaction<'a> {
    link: &'a Link,
    store: &'a Path,
    purpose: Purpose,
    begun: Cell<bool>,
    /// Whether the server has answered anything: what was done before that can be done again elsewhere.
    answered: Cell<bool>,
    /// Whether a statement failed, and the transaction with it.
    failed: Cell<bool>,
    /// Whether the connection is of no use any more.
    broken: Cell<bool>,
    /// Whether the commit was sent.
    committing: Cell<bool>,
    /// What was sent and not waited for.
    sent: RefCell<Vec<Sent<'a>>>,
}

impl<'a> PostgresTransaction<'a> {
    pub(super) fn new(link: &'a Link, store: &'a Path, purpose: Purpose) -> Self {
        Self {
            link,
            store,
            purpose,
            begun: Cell::default(),
            answered: Cell::default(),
            failed: Cell::default(),
            broken: Cell::default(),
            committing: Cell::default(),
            sent: RefCell::default(),
        }
    }

    /// Whether all of it can be done again on another connection: nobody has learned or changed anything by it.
    pub(super) fn can_be_repeated(&self) -> bool {
        !self.answered.get() && !self.committing.get()
    }

    /// Begins, if that has not been done.
    fn begin(&self) {
        if !self.begun.replace(true) {
            let (link, begin) = (self.link, self.purpose.begin());
            self.sent.borrow_mut().push(Box::pin(async move {
                link.client.batch_execute(&begin).await?;
                Ok(0)
            }));
        }
    }

    /// Waits for everything that was sent, and for this last.
    fn wait<T>(&self, last: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T> {
        let answer = self.link.wait_all(self.sent.take(), last);
        self.answered.set(self.answered.get() || answer.is_ok());
        answer.map_err(|refusal| self.refused(&refusal))
    }

    fn refused(&self, refusal: &Refusal) -> Error {
        self.failed.set(true);
        self.broken.set(self.broken.get() || refusal.is_of_connection());
        refusal.error(self.purpose.action(), self.store)
    }

    fn contended(&self, what: &'static str) -> Error {
        self.failed.set(true);
        Error::because(StoreError::Contended { store: self.store.to_owned(), what })
    }

    /// The rows of a query.
    fn rows<T: ToSql + Sync>(&self, sql: &str, values: &[T]) -> Result<Vec<Row>> {
        self.begin();
        let statement = self.link.statement(sql).map_err(|refusal| self.refused(&refusal))?;
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
        self.wait(self.link.client.query(&statement, &values))
    }

    /// Does something without waiting for it.
    fn put<T: ToSql + Sync + 'a>(&self, sql: &str, values: Vec<T>) -> Result<()> {
        self.begin();
        let statement = self.link.statement(sql).map_err(|refusal| self.refused(&refusal))?;
        let link = self.link;
        let sent = async move { link.client.execute_raw(&statement, values).await };
        self.sent.borrow_mut().push(Box::pin(sent));
        Ok(())
    }

    /// Ends it: what was done is committed.
    pub(super) fn commit(&self) -> Result<()> {
        if !self.begun.get() {
            return Ok(());
        }
        if self.failed.get() {
            return Err(self.contended("a statement of it failed"));
        }
        if self.purpose == Purpose::Read {
            // There is nothing to learn from the answer.
            self.link.tell("COMMIT");
            return Ok(());
        }
        self.committing.set(true);
        match self.link.wait_all(self.sent.take(), self.link.client.batch_execute("COMMIT")) {
            Ok(()) => Ok(()),
            Err(refusal) if refusal.is_of_connection() => {
                self.broken.set(true);
                let (store, message) = (self.store.to_owned(), refusal.to_string());
                Err(Error::because(StoreError::Unsettled { store, message }))
            }
            Err(refusal) => Err(self.refused(&refusal)),
        }
    }

    /// Ends it: nothing of it is done. Whether the connection can go on.
    pub(super) fn roll_back(&self) -> bool {
        // What was sent and not begun yet is forgotten; the rest is undone.
        self.sent.take();
        if self.broken.get() {
            return false;
        }
        !self.begun.get() || self.link.wait(self.link.client.batch_execute("ROLLBACK")).is_ok()
    }
}

/// The group of a user's lock.
fn group(user: &str) -> i64 {
    (fnv1a(user.bytes()) % GROUPS).into()
}

/// What a statement calls arrays of these columns, from `$1` on.
fn arrays(columns: &str) -> String {
    let holds = columns.split(", ").filter_map(|column| WORDS.own(column.split_once(' ')?.1));
    holds.enumerate().map(|(i, own)| format!("${}::{own}[]", i + 1)).collect::<Vec<_>>().join(", ")
}

/// The values of rows by their columns, one array for each; none of no rows.
fn by_column<'v>(rows: impl Iterator<Item = Vec<Value<'v>>>) -> Vec<Vec<Value<'static>>> {
    let mut arrays = Vec::new();
    for row in rows {
        arrays.resize_with(row.len(), Vec::new);
        arrays.iter_mut().zip(row).for_each(|(array, value)| array.push(value.into_owned()));
    }
    arrays
}

impl Database for PostgresTransaction<'_> {
    fn origin(&self) -> &Path {
        self.store
    }

    fn must_lock(&self) -> bool {
        self.purpose != Purpose::Read
    }

    fn lock_users(&self, users: &[&str], all: bool) -> Result<()> {
        let mut groups: Vec<i64> = users.iter().map(|user| group(user)).collect();
        groups.sort_unstable();
        groups.dedup();
        let lock = if all { "pg_advisory_xact_lock" } else { "pg_advisory_xact_lock_shared" };
        let sql = format!("SELECT {lock}({LOCK_CLASS}, k::integer) FROM unnest($1::bigint[]) k");
        self.put(&sql, vec![groups])
    }

    fn query(&self, sql: &str, values: &[Value], each: Each) -> Result<()> {
        let rows = self.rows(sql, values)?;
        rows.iter().try_for_each(|row| each(&mut RowReader::new(row, self.store)))
    }

    fn stream(&self, sql: &str, each: Each) -> Result<()> {
        // It is waited for: only of a cursor that is there the server can say what columns it has.
        self.execute(&format!("DECLARE log NO SCROLL CURSOR FOR {sql}"), &[])?;
        loop {
            let mut count = 0;
            self.query(&format!("FETCH {PAGE} FROM log"), &[], &mut |row| {
                count += 1;
                each(row)
            })?;
            if count < PAGE {
                return self.send("CLOSE log", &[]);
            }
        }
    }

    fn find(&self, from: (&str, &str), key: &str, keys: Rows, rest: &str, each: EachFound) -> Result<()> {
        let ((table, columns), key, arrays) = (from, listed(key), arrays(key));
        let sql = format!(
            "SELECT k.n, {columns} FROM unnest({arrays}) WITH ORDINALITY k({key}, n) JOIN {table} USING ({key}){rest}"
        );
        let rows = self.rows(&sql, &by_column(keys))?;
        rows.iter().try_for_each(|row| {
            let mut row = RowReader::new(row, self.store);
            let place: i64 = row.read()?;
            each(place as usize - 1, &mut row)
        })
    }

    fn execute(&self, sql: &str, values: &[Value]) -> Result<u64> {
        self.begin();
        let statement = self.link.statement(sql).map_err(|refusal| self.refused(&refusal))?;
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
        self.wait(self.link.client.execute(&statement, &values))
    }

    fn send(&self, sql: &str, values: &[Value]) -> Result<()> {
        self.put(sql, values.iter().cloned().map(Value::into_owned).collect())
    }

    fn insert(&self, table: &str, columns: &str, rows: Rows, rest: &str) -> Result<()> {
        let (names, arrays) = (listed(columns), arrays(columns));
        let sql = format!("INSERT INTO {table} ({names}) SELECT * FROM unnest({arrays}){rest}");
        loop {
            let some = by_column((&mut *rows).take(TOGETHER));
            if some.is_empty() {
                return Ok(());
            }
            self.put(&sql, some)?;
        }
    }

    fn insert_new(&self, table: &str, key: usize, columns: &str, rows: Rows) -> Result<Vec<i64>> {
        let new = by_column(rows);
        let Some(count) = new.first().map(Vec::len) else { return Ok(Vec::new()) };
        let (names, arrays, unique) = (listed(columns), arrays(columns), names(columns)[..key].join(", "));
        let sql = format!(
            "INSERT INTO {table} ({names}) SELECT * FROM unnest({arrays}) ON CONFLICT ({unique}) DO NOTHING \
             RETURNING id, {unique}"
        );
        let rows = self.rows(&sql, &new)?;
        let is_own = |(place, row): (usize, &Row)| {
            (0..key).all(|column| row.value(column + 1).is_ok_and(|value| value == new[column][place]))
        };
        if rows.len() < count || !rows.iter().enumerate().all(is_own) {
            return Err(self.contended("a state was begun"));
        }
        rows.iter().map(|row| RowReader::new(row, self.store).read()).collect()
    }

    fn update(&self, table: &str, columns: &str, rows: Rows) -> Result<()> {
        let new = by_column(rows);
        if new.is_empty() {
            return Ok(());
        }
        let (arrays, all, names) = (arrays(columns), listed(columns), names(columns));
        let values: Vec<String> = names[1..].iter().map(|name| format!("{name} = k.{name}")).collect();
        let (values, id) = (values.join(", "), names[0]);
        let sql =
            format!("UPDATE {table} SET {values} FROM unnest({arrays}) k({all}) WHERE {table}.{id} = k.{id}");
        self.put(&sql, new)
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self, of: &SqlType, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Integer(number) => number.to_sql(of, out),
            Self::Real(number) => number.to_sql(of, out),
            Self::Flag(flag) => flag.to_sql(of, out),
            Self::Text(text) => text.to_sql(of, out),
            Self::Bytes(bytes) => bytes.to_sql(of, out),
        }
    }

    fn accepts(of: &SqlType) -> bool {
        <Value as FromSql>::accepts(of)
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value<'a> {
    fn from_sql(of: &SqlType, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(match *of {
            SqlType::INT8 => i64::from_sql(of, raw)?.into(),
            SqlType::FLOAT8 => f64::from_sql(of, raw)?.into(),
            SqlType::BOOL => bool::from_sql(of, raw)?.into(),
            SqlType::BYTEA => raw.into(),
            _ => <&str>::from_sql(of, raw)?.into(),
        })
    }

    fn from_sql_null(_: &SqlType) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(of: &SqlType) -> bool {
        [SqlType::INT8, SqlType::FLOAT8, SqlType::BOOL, SqlType::BYTEA, SqlType::TEXT].contains(of)
    }
}

impl RowValues for Row {
    fn value(&self, column: usize) -> Result<Value<'_>, String> {
        self.try_get(column).map_err(|error| words(&error))
    }
}
