//! A request: who is asking, at what moment, which tips could be shown, and what is known of the person.
//!
//! In: JSON, which lands in a raw struct. Out: a checked [`Request`], and what was [`Shown`] of it. A new field of a tip
//! or of the moment is one of [`Candidate`] or [`Context`], with its check beside it, its place in [`schema`](schema()) and its
//! row in `docs/request.md`.

mod candidate;
mod checked;
mod declared;
mod schema;
mod shown;

pub(crate) use candidate::name;
pub use candidate::{Candidate, Context};
pub(crate) use checked::MAX_CANDIDATES;
pub use checked::{Offered, RawRequest, Request};
pub use declared::RawDeclaredRequest;
pub use schema::{schema, schema_of};
pub use shown::Shown;
