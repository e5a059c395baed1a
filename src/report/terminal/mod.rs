//! Results in a terminal: what the plain text says, with colours and charts of characters, as wide as the terminal is.
//!
//! A result and a [`Screen`](super::Screen) come in, text goes out. What a colour says a character says too: nothing is lost
//! without colours. A new chart is a file here, over [`Canvas`](canvas::Canvas).

mod canvas;
mod curves;
mod forest;
mod simulation;
mod verdict;

pub use simulation::terminal_results;
pub use verdict::terminal_verdict;
