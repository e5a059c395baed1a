//! What a store asks of an engine within one transaction. Statements are the same for every engine: their values are `$1`,
//! `$2` and so on, and a column `user` is `"user"`.

use super::value::{RowReader, Value};
use crate::base::error::Result;
use std::path::Path;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    /// Whole numbers of 64 bits.
    Integer,
    /// Doubles.
    Real,
    /// Yes or no.
    Flag,
    /// Texts.
    Text,
    /// Bytes.
    Bytes,
}

/// The name of a column, as statements have it, and what it holds.
pub(crate) type Column = (&'static str, Type);

/// The names of columns, as a statement lists them.
pub(crate) fn names(columns: &[Column]) -> String {
    columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// Rows on their way into a table: the values of its columns, in their order.
pub(crate) type Rows<'r, 'v, const N: usize> = &'r mut dyn Iterator<Item = [Value<'v>; N]>;

/// What is made of each row that was found.
pub(crate) type Each<'e> = &'e mut dyn FnMut(&mut RowReader) -> Result<()>;

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

    /// Looks up each key: `from` is a table and the columns that are asked for; the place of a key and the one row
    /// that has it are handed to `each`. `rest` follows the statement's conditions.
    fn find<const N: usize>(
        &self,
        from: (&str, &str),
        key: &[Column; N],
        keys: Rows<N>,
        rest: &str,
        each: &mut dyn FnMut(usize, &mut RowReader) -> Result<()>,
    ) -> Result<()>;

    /// Changes something: how many rows.
    fn execute(&self, sql: &str, values: &[Value]) -> Result<u64>;

    /// Changes something.
    fn send(&self, sql: &str, values: &[Value]) -> Result<()> {
        self.execute(sql, values).map(drop)
    }

    /// Adds rows. `rest` follows the statement, e.g. what is done about those that are there.
    fn insert<const N: usize>(
        &self,
        table: &str,
        columns: &[Column; N],
        rows: Rows<N>,
        rest: &str,
    ) -> Result<()>;

    /// Adds rows that are unique by their key: their ids, in the order of the rows.
    ///
    /// # Errors
    /// A row that somebody else has added meanwhile; then the change is to be made again.
    fn insert_new<const K: usize, const N: usize>(
        &self,
        table: &str,
        key: &[Column; K],
        columns: &[Column; N],
        rows: &mut dyn Iterator<Item = ([Value; K], [Value; N])>,
    ) -> Result<Vec<i64>>;

    /// Gives the rows that have these ids other values.
    fn update<const N: usize>(
        &self,
        table: &str,
        columns: &[Column; N],
        rows: &mut dyn Iterator<Item = (i64, [Value; N])>,
    ) -> Result<()>;

    /// Has what is removed from now on overwritten, where whoever reads the engine's files would find it.
    fn overwrite_removed(&self) -> Result<()> {
        Ok(())
    }

    /// Whether the rewards of a state are found without looking at all of them.
    fn finds_rewards_by_state(&self) -> Result<bool> {
        Ok(true)
    }
}
