//! Verdicts and results in the formats that people and programs read: only writing, no deciding.

pub mod annotations;
mod calibration;
pub mod card;
mod charts;
mod html;
mod json;
mod junit;
pub(crate) mod logged;
pub(crate) mod markdown;
mod plan;
mod ranking;
mod sensitivity;
mod simulation;
mod text;
pub(crate) mod words;
mod xml;

pub use calibration::calibration_text;
pub use html::Html;
pub use json::{Json, VERDICT_SCHEMA};
pub use junit::Junit;
pub use markdown::{Markdown, SUMMARY_LIMIT};
pub use plan::plan_text;
pub use ranking::ranking_text;
pub use sensitivity::sensitivity_text;
pub use simulation::{Results, ScenarioResults, UserRows};
pub use text::Text;

use crate::gate::promotion::Judgement;
use std::io::{self, Write};

/// A way to write a verdict down. One file of this folder per format.
pub trait VerdictFormat {
    /// Name of the file it is written to in a folder of results.
    fn file_name(&self) -> &'static str;

    /// Writes the whole verdict.
    ///
    /// # Errors
    /// Those of `out`.
    fn write(&self, judgement: &Judgement, out: &mut dyn Write) -> io::Result<()>;
}

/// Every format, in the order in which a folder of results lists them.
pub fn verdict_formats() -> Vec<Box<dyn VerdictFormat>> {
    vec![Box::new(Json), Box::new(Text), Box::new(Markdown), Box::new(Junit), Box::new(Html)]
}
