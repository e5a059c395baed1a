//! A database of a server, as a [`Store`]: connections that are kept, and what is tried again.

use super::address::Address;
use super::error::Refusal;
use super::link::Link;
use super::schema;
use super::transaction::{PostgresTransaction, Purpose};
use crate::base::error::{Error, Result};
use crate::base::lock::PATIENCE;
use crate::store::access::Access;
use crate::store::contract::{Durability, Snapshot, Store, Transaction};
use crate::store::error::StoreError;
use crate::store::sql::database::Database;
use crate::store::sql::schema::VERSION;
use crate::store::sql::session::Session;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

/// So many connections are kept for whoever comes next.
const IDLE: usize = 32;
/// The first pause before a change is made again, and the longest one.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(100));

/// A store in Postgres.
pub struct PostgresStore {
    address: Address,
    /// The address, as errors call it.
    shown: PathBuf,
    access: Access,
    /// Connections that nobody uses just now.
    idle: Mutex<Vec<Link>>,
}

/// What is done in one transaction.
type Work<'w> = &'w mut dyn FnMut(&mut Session<PostgresTransaction>) -> Result<()>;

/// The store at this address; see [`crate::store::open`].
///
/// # Errors
/// An address that is none, or asks for encryption; a server that cannot be reached or does not let us in; a database
/// without a store that is to be read, of a newer program, or of another encoding than UTF-8.
pub fn open(address: &str, access: Access) -> Result<PostgresStore> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let address = Address::parse(address, variable)?;
    let shown = PathBuf::from(&address.shown);
    let store = PostgresStore { address, shown, access, idle: Mutex::default() };
    let link = store.connect()?;
    store.give_back(link);
    Ok(store)
}

impl PostgresStore {
    /// A new connection to a database that has the tables of today.
    fn connect(&self) -> Result<Link> {
        let failed = |error: Refusal| error.error("connect to it", &self.shown);
        let link = Link::connect(&self.address).map_err(failed)?;
        let store = self.shown.clone();
        if link.encoding != "UTF8" {
            return Err(Error::because(StoreError::Encoding { store, found: link.encoding }));
        }
        let version = || link.wait(schema::version(&link.client)).map_err(failed);
        let mut found = version()?;
        // Who only reads makes no store, and brings an older one up to date.
        if found < VERSION && (self.access == Access::Write || found > 0) {
            let migrated = link.wait(schema::migrate(&link.client));
            migrated.map_err(|error| error.error("set it up", &self.shown))?;
            found = version()?;
        }
        match found {
            // Whoever makes it has not got to the tables yet: there is nothing to read.
            0 => Err(Error::because(StoreError::Missing { store })),
            found if found > VERSION => {
                Err(Error::because(StoreError::Newer { store, found, known: VERSION }))
            }
            _ => Ok(link),
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Link>> {
        self.idle.lock().expect("nothing panics with it")
    }

    fn give_back(&self, link: Link) {
        let mut idle = self.idle();
        if idle.len() < IDLE {
            idle.push(link);
        }
    }

    /// What `work` makes of one transaction on some connection. One that was kept may have broken meanwhile: as long as
    /// nothing was answered on it, all is done on a new one.
    fn transact(&self, purpose: Purpose, work: Work) -> Result<()> {
        while let Some(link) = self.kept() {
            if !link.is_alive() {
                continue;
            }
            let (done, end) = run(&link, &self.shown, purpose, work);
            match end {
                End::Whole => self.give_back(link),
                // What broke one of them has most often broken all that are as old.
                End::Broken | End::Unused => self.idle().clear(),
            }
            if end != End::Unused {
                return done;
            }
        }
        let link = self.connect()?;
        let (done, end) = run(&link, &self.shown, purpose, work);
        if end == End::Whole {
            self.give_back(link);
        }
        done
    }

    fn kept(&self) -> Option<Link> {
        self.idle().pop()
    }
}

/// What a transaction has left of its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// It can be used again.
    Whole,
    /// It cannot.
    Broken,
    /// It cannot, and could not before: nothing was answered on it.
    Unused,
}

/// Runs `work` as one transaction on this connection.
fn run(link: &Link, store: &Path, purpose: Purpose, work: Work) -> (Result<()>, End) {
    let mut session = Session::new(PostgresTransaction::new(link, store, purpose), &link.definitions);
    let done = work(&mut session).and_then(|()| session.database.commit());
    if done.is_ok() {
        return (done, End::Whole);
    }
    link.definitions.clear();
    let end = if session.database.roll_back() {
        End::Whole
    } else if session.database.can_be_repeated() {
        End::Unused
    } else {
        End::Broken
    };
    (done, end)
}

/// A pause before the `attempt`th repetition, longer and longer, and by chance: those who met once must not meet again.
fn pause(attempt: u32) {
    let most = (PAUSES.0 * 2_u32.saturating_pow(attempt.min(16))).min(PAUSES.1);
    // Chance has no part in what is done, only in when.
    let share = (RandomState::new().hash_one(attempt) >> 11) as f64 / (1_u64 << 53) as f64;
    thread::sleep(most.mul_f64(share));
}

impl Store for PostgresStore {
    fn origin(&self) -> &Path {
        &self.shown
    }

    fn read(&self, work: &mut dyn FnMut(&dyn Snapshot) -> Result<()>) -> Result<()> {
        self.transact(Purpose::Read, &mut |session| work(session))
    }

    fn write(
        &self,
        durability: Durability,
        work: &mut dyn FnMut(&mut dyn Transaction) -> Result<()>,
    ) -> Result<()> {
        let begun = Instant::now();
        let mut attempt = 0;
        loop {
            let done = self.transact(Purpose::Write(durability), &mut |session| work(session));
            let is_transient = |error: &Error| error.cause().is_some_and(StoreError::is_transient);
            if !done.as_ref().is_err_and(is_transient) || begun.elapsed() > PATIENCE {
                return done;
            }
            pause(attempt);
            attempt += 1;
        }
    }

    fn view_dir(&self) -> Option<&Path> {
        None
    }

    fn backup(&self, _: &Path) -> Result<()> {
        Err(Error::because(StoreError::NoBackup { store: self.shown.clone() }))
    }

    fn integrity(&self) -> Result<Vec<String>> {
        let mut problems = Vec::new();
        self.transact(Purpose::Read, &mut |session| {
            problems.clear();
            for (question, what) in schema::CHECKS {
                session.database.query(question, &[], &mut |row| {
                    let count: i64 = row.read()?;
                    problems.extend((count > 0).then(|| format!("{count} {what}")));
                    Ok(())
                })?;
            }
            Ok(())
        })?;
        Ok(problems)
    }

    fn tidy(&self) -> Result<()> {
        Ok(())
    }
}
