//! The store in one file of SQLite: `DIR/rehearsal.db`, in WAL mode, for any number of processes of one machine.
//!
//! In: the directory. Out: a [`Store`](crate::store::Store). `open.rs` makes the file and connects to it, `schema.rs` has the tables, and
//! `session.rs` what is asked of them.

mod error;
mod open;
mod schema;
mod session;
mod store;

pub use error::StoreError;
pub use open::FILE;
pub use store::{SqliteStore, open};
