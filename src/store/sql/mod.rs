//! A store in a database that speaks SQL: its tables and what they are asked, once for every engine.
//!
//! In: a [`Database`](database::Database), which is one transaction of an engine. Out: a [`Session`](session::Session) with
//! what the [contract](super::contract) asks of a moment of a store and of a change. `schema.rs` has the tables, `rows.rs` how
//! records stand in them, `session.rs` the statements, `definitions.rs` the policies that they name. A new engine is a type
//! with `Database`, and its words in `schema.rs`.

pub(super) mod database;
pub(super) mod definitions;
mod rows;
pub(super) mod schema;
pub(super) mod session;
pub(super) mod value;
