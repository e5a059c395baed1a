//! The store in one file of SQLite: `DIR/rehearsal.db`, in WAL mode, for any number of processes of one machine.
//!
//! In: the directory. Out: a [`Store`](crate::store::Store). `open.rs` makes the file and connects to it, `transaction.rs`
//! is what the statements of `store::sql` are run in, `schema.rs` has SQLite's words for the tables.

mod open;
mod schema;
mod store;
mod transaction;

pub use open::FILE;
pub use store::{SqliteStore, open};
