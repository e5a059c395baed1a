//! What a user sees: the binary, driven from outside. One crate, so that it links once.

mod readme;
mod state;
mod util;
