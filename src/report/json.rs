//! JSON: what programs read.

use super::format::VerdictFormat;
use crate::gate::promotion::Judgement;
use std::io::{self, Write};

/// The JSON Schema (draft 2020-12) of what [`Json`] writes.
pub const VERDICT_SCHEMA: &str = include_str!("../../schemas/verdict.schema.json");

/// Indented JSON, one object: the verdict.
#[derive(Debug, Clone, Copy)]
pub struct Json;

impl VerdictFormat for Json {
    fn file_name(&self) -> &'static str {
        "verdict.json"
    }

    fn write(&self, judgement: &Judgement, out: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *out, &judgement.verdict)?;
        writeln!(out)
    }
}
