//! Verdicts and results as text, JSON and CSV: only writing, no deciding.

mod calibration;
mod json;
mod plan;
mod simulation;
mod text;

pub use calibration::calibration_text;
pub use json::Json;
pub use plan::plan_text;
pub use simulation::{Results, ScenarioResults, UserRows};
pub use text::Text;

use crate::gate::Verdict;
use std::io::{self, Write};

/// A way to write a verdict down. One file of this folder per format.
pub trait VerdictFormat {
    /// Name of the file it is written to in a folder of results.
    fn file_name(&self) -> &'static str;

    /// Writes the whole verdict.
    ///
    /// # Errors
    /// Those of `out`.
    fn write(&self, verdict: &Verdict, out: &mut dyn Write) -> io::Result<()>;
}

/// Every format, in the order in which a folder of results lists them.
pub fn verdict_formats() -> Vec<Box<dyn VerdictFormat>> {
    vec![Box::new(Json), Box::new(Text)]
}
