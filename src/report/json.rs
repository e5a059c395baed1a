//! JSON: what programs read.

use super::VerdictFormat;
use crate::gate::Verdict;
use std::io::{self, Write};

/// Indented JSON, one object.
#[derive(Debug, Clone, Copy)]
pub struct Json;

impl VerdictFormat for Json {
    fn file_name(&self) -> &'static str {
        "verdict.json"
    }

    fn write(&self, verdict: &Verdict, out: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *out, verdict)?;
        writeln!(out)
    }
}
