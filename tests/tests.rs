//! What a user sees: the binary, driven from outside. One crate, so that it links once; a folder for each room.

mod cli;
mod docs;
mod evaluation;
mod experiment;
mod features;
mod gate;
mod model;
mod policy;
mod prompt;
mod report;
mod serve;
mod simulation;
mod store;
mod util;
