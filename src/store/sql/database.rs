//! What a store asks of an engine within one transaction. Statements are the same for every engine: their values are `$1`,
//! `$2` and so on, and a column `user` is `"user"`.

use super::value::{RowReader, Value};
use crate::base::error::Result;
use std::path::Path;

/// The names of columns that are listed with what they hold, in the words of the [schema](super::schema::Words):
/// `at integer, "user" text`.
pub(crate) fn names(columns: &str) -> Vec<&str> {
    columns.split(", ").map(|column| column.split_once(' ').map_or(column, |(name, _)| name)).collect()
}

/// The same as a statement lists them.
pub(crate) fn listed(columns: &str) -> String {
    names(columns).join(", ")
}

/// Rows on their way into a table, or keys: the values of some columns, in their order.
pub(crate) type Rows<'r, 'v> = &'r mut dyn Iterator<Item = Vec<Value<'v>>>;

/// What is made of each row that was found.
pub(crate) type Each<'e> = &'e mut dyn FnMut(&mut RowReader) -> Result<()>;

/// The same, with the place of the row's key.
pub(crate) type EachFound<'e> = &'e mut dyn FnMut(usize, &mut RowReader) -> Result<()>;

/// One transaction of an engine.
///
/// Where many rows are asked for or changed, one call has them all, so that a server is asked once. What a call returns
/// nothing of may still be on its way when it returns; the next call that asks something, or the commit, has its error.
///
/// Every method fails if the engine does: for a store that cannot be read or written.
pub(crate) trait Database {
    /// What errors call the store.
    fn origin(&self) -> &Path;

    /// Whether others write while this transaction does, so that it has to lock what it will change.
    fn must_lock(&self) -> bool {
        false
    }

    /// Until the transaction ends, keeps whoever would have `all` states of one of these users from having them; if it is
    /// `all` that we want, everybody who would have any.
    fn lock_users(&self, _users: &[&str], _all: bool) -> Result<()> {
        Ok(())
    }

    /// Hands the rows of a query to `each`, which may ask more.
    fn query(&self, sql: &str, values: &[Value], each: Each) -> Result<()>;

    /// The same for a query of any number of rows, in little memory.
    fn stream(&self, sql: &str, each: Each) -> Result<()> {
        self.query(sql, &[], each)
    }

    /// Looks up keys of the columns `key`. `from` is a table and the columns that are asked for; the place of a key and the
    /// one row that has it are handed to `each`. `rest` follows the statement's conditions.
    fn find(&self, from: (&str, &str), key: &str, keys: Rows, rest: &str, each: EachFound) -> Result<()>;

    /// Changes something: how many rows.
    fn execute(&self, sql: &str, values: &[Value]) -> Result<u64>;

    /// Changes something.
    fn send(&self, sql: &str, values: &[Value]) -> Result<()> {
        self.execute(sql, values).map(drop)
    }

    /// Adds rows. `rest` follows the statement, e.g. what is done about those that are there.
    fn insert(&self, table: &str, columns: &str, rows: Rows, rest: &str) -> Result<()>;

    /// Adds rows that are unique by the first `key` of their columns: their ids, in the order of the rows.
    ///
    /// # Errors
    /// A row that somebody else has added meanwhile; then the change is to be made again.
    fn insert_new(&self, table: &str, key: usize, columns: &str, rows: Rows) -> Result<Vec<i64>>;

    /// Gives the rows that the first column tells other values in the other ones.
    fn update(&self, table: &str, columns: &str, rows: Rows) -> Result<()>;

    /// Has what is removed from now on overwritten, where whoever reads the engine's files would find it.
    fn overwrite_removed(&self) -> Result<()> {
        Ok(())
    }

    /// Whether the rewards of a state are found without looking at all of them.
    fn finds_rewards_by_state(&self) -> Result<bool> {
        Ok(true)
    }
}
