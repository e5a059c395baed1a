//! What the documents say is so.

mod readme;
mod reference;
mod request;
