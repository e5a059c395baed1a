//! What a format of verdicts has to state of itself.

use crate::gate::promotion::Judgement;
use std::io::{self, Write};

/// A way to write a verdict down.
pub trait VerdictFormat {
    /// The name of the file that it is written to in a folder of results.
    fn file_name(&self) -> &'static str;

    /// Writes the whole verdict.
    ///
    /// # Errors
    /// Those of `out`.
    fn write(&self, judgement: &Judgement, out: &mut dyn Write) -> io::Result<()>;
}
