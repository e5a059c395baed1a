//! What the documents say is so.

mod readme;
mod recipes;
mod reference;
mod request;
