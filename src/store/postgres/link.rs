//! One connection, used by one thread at a time: what is asked is sent, and waited for.

use super::address::Address;
use super::error::Refusal;
use crate::store::sql::definitions::Definitions;
use std::cell::RefCell;
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, NoTls, Socket, Statement};

/// A server that says nothing for so long counts as gone. It is longer than anybody waits for a lock.
const SILENCE: Duration = Duration::from_secs(60);

/// Connects, over a connection of this kind: the client, and the encoding of the database.
fn let_in<T>(runtime: &Runtime, address: &Address, tls: T) -> Result<(Client, String), Refusal>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Send + 'static,
{
    let connected =
        runtime.block_on(async { timeout(address.patience(), address.config.connect(tls)).await });
    let (client, connection) = connected.map_err(|_| Refusal::Silent(io::ErrorKind::TimedOut.into()))??;
    let encoding = connection.parameter("server_encoding").unwrap_or_default().to_owned();
    // It works whenever somebody waits for an answer; its end is told to whoever waits.
    runtime.spawn(async move { drop(connection.await) });
    Ok((client, encoding))
}

/// Something that was sent, or will be when somebody waits for it.
pub(super) type Sent<'a> = Pin<Box<dyn Future<Output = Result<u64, tokio_postgres::Error>> + 'a>>;

/// A connection.
pub(super) struct Link {
    pub(super) client: Client,
    runtime: Runtime,
    /// Statements that the server has prepared, by their text.
    statements: RefCell<HashMap<String, Statement>>,
    /// Definitions that were met. Whatever takes them away breaks the connection.
    pub(super) definitions: Definitions,
    /// The encoding of the database.
    pub(super) encoding: String,
}

impl Link {
    /// Connects.
    ///
    /// # Errors
    /// A server that cannot be reached in time, or does not let us in.
    pub(super) fn connect(address: &Address) -> Result<Self, Refusal> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(Refusal::Silent)?;
        let (client, encoding) = match &address.encryption {
            Some(encryption) => let_in(&runtime, address, encryption.clone()),
            None => let_in(&runtime, address, NoTls),
        }?;
        Ok(Self {
            client,
            runtime,
            statements: RefCell::default(),
            definitions: Definitions::default(),
            encoding,
        })
    }

    /// Waits for an answer.
    ///
    /// # Errors
    /// What the server refuses, a broken connection, silence.
    pub(super) fn wait<T>(
        &self,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Refusal> {
        let answer = self.runtime.block_on(async { timeout(SILENCE, answer).await });
        Ok(answer.map_err(|_| Refusal::Silent(io::ErrorKind::TimedOut.into()))??)
    }

    /// Sends everything, in this order, before it waits for the first answer, and waits for all: one journey to the
    /// server and back. The answer of the last one, or the first refusal.
    ///
    /// # Errors
    /// As [`Self::wait`].
    pub(super) fn wait_all<T>(
        &self,
        mut sent: Vec<Sent<'_>>,
        last: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Refusal> {
        let (mut refusal, mut last, mut answer) = (None, Box::pin(last), None);
        self.wait(poll_fn(move |context| {
            sent.retain_mut(|one| match one.as_mut().poll(context) {
                Poll::Pending => true,
                Poll::Ready(done) => {
                    refusal = refusal.take().or(done.err());
                    false
                }
            });
            if answer.is_none()
                && let Poll::Ready(done) = last.as_mut().poll(context)
            {
                answer = Some(done);
            }
            if !sent.is_empty() || answer.is_none() {
                return Poll::Pending;
            }
            Poll::Ready(refusal.take().map_or_else(|| answer.take().expect("it is there"), Err))
        }))
    }

    /// Whether it stands, as far as is known here: a server that has ended has closed its side.
    pub(super) fn is_alive(&self) -> bool {
        self.runtime.block_on(async {
            // The system is asked what has come, then the connection's own task looks at it.
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
        });
        !self.client.is_closed()
    }

    /// Sends something to whose answer nobody listens.
    pub(super) fn tell(&self, statements: &str) {
        let mut sent = Box::pin(self.client.batch_execute(statements));
        self.runtime.block_on(async {
            poll_fn(|context| {
                let _ = sent.as_mut().poll(context);
                Poll::Ready(())
            })
            .await;
            // The connection's own task puts it on its way.
            tokio::task::yield_now().await;
        });
    }

    /// A statement that the server has prepared.
    ///
    /// # Errors
    /// As [`Self::wait`].
    pub(super) fn statement(&self, sql: &str) -> Result<Statement, Refusal> {
        if let Some(statement) = self.statements.borrow().get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.wait(self.client.prepare(sql))?;
        self.statements.borrow_mut().insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}
