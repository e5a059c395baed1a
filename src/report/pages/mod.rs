//! A page for each result: one file of HTML that needs no network, no script and no program to be read.
//!
//! A result comes in, with what it is about; a page goes out. What stands on it is made of `pieces` and `charts`. A new page is
//! a file with a function here and its line in `src/report/mod.rs`; the command that has it takes `--html FILE`
//! (`src/cli/html_file.rs`).

mod calibration;
mod cast;
mod comparison;
mod courses;
mod evaluation;
mod sensitivity;
mod simulation;
mod verdict;

pub use calibration::calibration_page;
pub use cast::Cast;
pub use comparison::comparison_page;
pub use evaluation::evaluation_page;
pub use sensitivity::sensitivity_page;
pub use simulation::simulation_page;
pub use verdict::Html;
