//! JSON: what programs read.

use super::format::VerdictFormat;
use crate::base::clean::clean_json;
use crate::gate::promotion::Judgement;
use serde::Serialize;
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
        write_pretty(&judgement.verdict, out)?;
        writeln!(out)
    }
}

/// Writes `value` as indented JSON in which no text speaks to a terminal.
pub(crate) fn write_pretty(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let mut json = serde_json::to_vec_pretty(value)?;
    clean_json(&mut json, 0);
    out.write_all(&json)
}
