//! What a user sees: the binary, driven from outside. One crate, so that it links once.

mod evaluate;
mod everything;
mod gate;
mod readme;
mod reality;
mod reference;
mod report;
mod scale;
mod simulation;
mod state;
mod table;
mod util;
