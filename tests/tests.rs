//! What a user sees: the binary, driven from outside. One crate, so that it links once.

mod gate;
mod simulation;
mod state;
mod util;
