//! One transaction on its way to the server and back.
//!
//! It begins with its first statement. What only changes something is not waited for: it is on its way when the next
//! question is, or the commit, so that a batch of any size takes few journeys to the server.

use super::error::{PostgresError, refused, words};
use super::link::{Link, LinkError, Sent};
use crate::base::error::{Error, Result};
use crate::store::contract::Durability;
use crate::store::rows::damaged;
use smol_str::SmolStr;
use std::cell::{Cell, RefCell};
use std::path::Path;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSqlOwned, ToSql};

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
    fn begin(self) -> &'static str {
        match self {
            Self::Read => {
                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL enable_seqscan = off; SET LOCAL jit = off"
            }
            Self::Write(Durability::Power) => {
                "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL enable_seqscan = off; SET LOCAL jit = off; \
                 SET LOCAL lock_timeout = '30s'; SET LOCAL synchronous_commit = on"
            }
            Self::Write(Durability::Process) => {
                "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL enable_seqscan = off; SET LOCAL jit = off; \
                 SET LOCAL lock_timeout = '30s'; SET LOCAL synchronous_commit = off"
            }
        }
    }

    fn action(self) -> &'static str {
        if self == Self::Read { "read it" } else { "write it" }
    }
}

/// One transaction.
pub(super) struct Pipeline<'a> {
    pub(super) link: &'a Link,
    pub(super) store: &'a Path,
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

/// A value of a statement that outlives its call.
pub(super) type Column = Box<dyn ToSql + Sync + Send>;

/// Values of one column of some records.
pub(super) fn column<R, T: ToSql + Sync + Send + 'static>(records: &[R], value: impl Fn(&R) -> T) -> Column
where
    Vec<T>: ToSql,
{
    Box::new(records.iter().map(value).collect::<Vec<T>>())
}

impl<'a> Pipeline<'a> {
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

    /// How many rows there are of what a question asks for.
    pub(super) fn count(&self, question: &'static str) -> Result<i64> {
        let rows = self.rows(question, &[])?;
        rows.first().map_or(Ok(0), |row| self.get(row, 0))
    }

    pub(super) fn locks(&self) -> bool {
        self.purpose != Purpose::Read
    }

    /// Begins, if that has not been done.
    fn begin(&self) {
        if !self.begun.replace(true) {
            let (link, begin) = (self.link, self.purpose.begin());
            self.sent.borrow_mut().push(Box::pin(async {
                link.client.batch_execute(begin).await?;
                Ok(0)
            }));
        }
    }

    /// Waits for everything that was sent, and for this last.
    fn wait<T>(
        &self,
        last: impl Future<Output = std::result::Result<T, tokio_postgres::Error>>,
    ) -> Result<T> {
        let answer = self.link.wait_all(self.sent.take(), last);
        self.answered.set(self.answered.get() || answer.is_ok());
        answer.map_err(|error| self.refused(&error))
    }

    fn refused(&self, error: &LinkError) -> Error {
        self.failed.set(true);
        self.broken.set(self.broken.get() || error.is_of_connection());
        match error {
            LinkError::Server(error) => refused(self.purpose.action(), self.store, error),
            LinkError::Silent(error) => Error::because(PostgresError::Away {
                store: self.store.to_owned(),
                action: self.purpose.action(),
                message: error.to_string(),
            }),
        }
    }

    pub(super) fn contended(&self, what: &'static str) -> Error {
        self.failed.set(true);
        Error::because(PostgresError::Contended { store: self.store.to_owned(), what })
    }

    pub(super) fn damaged(&self, what: String) -> Error {
        damaged(self.store, what)
    }

    /// The rows of a query.
    pub(super) fn rows(&self, sql: &'static str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>> {
        self.begin();
        let statement = self.link.statement(sql).map_err(|error| self.refused(&error))?;
        self.wait(self.link.client.query(&statement, values))
    }

    /// Changes something, and waits for it: how many rows there were.
    pub(super) fn execute(&self, sql: &'static str, values: &[&(dyn ToSql + Sync)]) -> Result<u64> {
        self.begin();
        let statement = self.link.statement(sql).map_err(|error| self.refused(&error))?;
        self.wait(self.link.client.execute(&statement, values))
    }

    /// Does something without waiting for it.
    pub(super) fn send(&self, sql: &'static str, values: Vec<Column>) -> Result<()> {
        self.begin();
        let statement = self.link.statement(sql).map_err(|error| self.refused(&error))?;
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
            Err(error) if error.is_of_connection() => {
                self.broken.set(true);
                let (store, message) = (self.store.to_owned(), error.to_string());
                Err(Error::because(PostgresError::Unsettled { store, message }))
            }
            Err(error) => Err(self.refused(&error)),
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

    /// A value of a row.
    pub(super) fn get<T: FromSqlOwned>(&self, row: &Row, column: usize) -> Result<T> {
        row.try_get(column).map_err(|error| self.damaged(words(&error)))
    }

    pub(super) fn text(&self, row: &Row, column: usize) -> Result<SmolStr> {
        row.try_get::<_, &str>(column).map(SmolStr::from).map_err(|error| self.damaged(words(&error)))
    }

    pub(super) fn text_or_none(&self, row: &Row, column: usize) -> Result<Option<SmolStr>> {
        let found = row.try_get::<_, Option<&str>>(column);
        Ok(found.map_err(|error| self.damaged(words(&error)))?.map(SmolStr::from))
    }
}
