//! What every room stands on.
//!
//! In: bytes, numbers, paths. Out: checked values, or errors that name file, field, value and what is allowed. Nothing
//! here knows of policies or people. A new distribution or bound is a file in `stats/`.

pub mod checksum;
pub(crate) mod clean;
pub mod digest;
pub mod error;
pub(crate) mod http;
pub mod lock;
pub mod random;
pub(crate) mod read;
pub(crate) mod shipped;
pub mod stats;
pub(crate) mod threads;
pub(crate) mod tls;
pub mod vector;
