//! What a user sees: the binary, driven from outside. One crate, so that it links once; a folder for each room.

mod cli;
mod docs;
mod evaluation;
mod gate;
mod model;
mod report;
mod serve;
mod simulation;
mod store;
mod util;
