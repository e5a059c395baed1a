//! What a user sees: the binary, driven from outside. One crate, so that it links once; a folder for each room.

mod cli;
mod docs;
mod evaluation;
mod features;
mod gate;
mod report;
mod serve;
mod simulation;
mod store;
mod util;
