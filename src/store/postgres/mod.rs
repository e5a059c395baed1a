//! The store in a database of Postgres, for any number of processes on any number of machines.
//!
//! In: an address. Out: a [`Store`](crate::store::Store). `address.rs` reads the address, `password_file.rs` the file of
//! passwords, `link.rs` is a connection, `transaction.rs` how the statements of `store::sql` get to the server and
//! back, `schema.rs` has Postgres's words for the tables, and `store.rs` what is tried again.
//!
//! # Who waits for whom
//! Reading is one moment (`REPEATABLE READ`) and waits for nobody. A change runs at `READ COMMITTED`, so that each of its
//! statements sees what was committed before it, and takes its locks before it reads what it will change:
//!
//! 1. the users of the states that it asks for, each in one of 256 groups: shared with others, unless it asks for *all*
//!    states of a user, which is what a reset does; nobody begins a state of that user meanwhile;
//! 2. the rows of those states, in the order of (user, policy). A state's rewards are numbered under this lock.
//!
//! A state that is not there has no row to lock. Two that begin it at once are told apart by its unique key: the later one
//! begins its whole change again and finds the row. So does whoever had found a decision that an erasure removed before
//! it had the locks, and whoever the server chose to end a deadlock. That an event is unique within its state, and a
//! number too, is what the database itself holds whatever this program does.

mod address;
mod error;
mod link;
mod password_file;
mod schema;
mod store;
mod transaction;

pub use address::{check, is_secret, shown};
pub use store::{PostgresStore, open};
